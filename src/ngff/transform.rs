//! Where the samples of an array lie: `coordinateTransformations`.

use serde_json::Value;

use super::axes::Axes;
use crate::space::Tczyx;

/// Sample i along an axis lies at scale · i + translation, in the axis's unit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Transform {
    /// `None` where none is said.
    pub scale: Option<Tczyx<f64>>,
    /// `None` where none is said.
    pub translation: Option<Tczyx<f64>>,
    /// Whether there is more than these.
    pub has_others: bool,
}

impl Transform {
    /// Those of a level, then those of its image, one after the other.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(of: [&Value; 2], axes: &Axes) -> Result<Self, String> {
        let lists = of.into_iter().filter_map(|of| of["coordinateTransformations"].as_array());
        lists.flatten().try_fold(Self::default(), |before, next| before.then(next, axes))
    }

    /// What `next` makes of it.
    fn then(mut self, next: &Value, axes: &Axes) -> Result<Self, String> {
        if let Some(values) = next["scale"].as_array() {
            let by = numbers(values, axes, |value| value > 0.0);
            let by = by.ok_or_else(|| format!("a scale that is not {} numbers above 0", axes.count()))?;
            let by = axes.known(&by, 1.0);
            self.scale = Some(self.scale.map_or(by, |scale| per_axis(scale, by, |a, b| a * b)));
            self.translation = self.translation.map(|from| per_axis(from, by, |a, b| a * b));
        }
        let is_known =
            next["scale"].is_array() || next["translation"].is_array() || next["type"] == "identity";
        self.has_others |= !is_known;
        if let Some(values) = next["translation"].as_array() {
            let by = numbers(values, axes, |_| true);
            let by = by.ok_or_else(|| format!("a translation that is not {} numbers", axes.count()))?;
            let by = axes.known(&by, 0.0);
            self.translation = Some(self.translation.map_or(by, |from| per_axis(from, by, |a, b| a + b)));
        }
        Ok(self)
    }
}

/// One for each axis, all of which `is_right`.
fn numbers(values: &[Value], axes: &Axes, is_right: fn(f64) -> bool) -> Option<Vec<f64>> {
    let number = |value: &Value| value.as_f64().filter(|value| value.is_finite() && is_right(*value));
    let numbers: Option<Vec<f64>> = values.iter().map(number).collect();
    numbers.filter(|numbers| numbers.len() == axes.count())
}

fn per_axis(a: Tczyx<f64>, b: Tczyx<f64>, both: fn(f64, f64) -> f64) -> Tczyx<f64> {
    Tczyx::new(both(a.t, b.t), both(a.c, b.c), both(a.z, b.z), both(a.y, b.y), both(a.x, b.x))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(level: Value, image: Value) -> Result<Transform, String> {
        let axes = Axes::parse(Some(&json!(["z", "y", "x"]))).unwrap();
        let of = |list| json!({ "coordinateTransformations": list });
        Transform::parse([&of(level), &of(image)], &axes)
    }

    #[test]
    fn what_a_level_says_comes_before_what_its_image_says() {
        let level = json!([{"type": "scale", "scale": [2, 1, 0.5]}, {"type": "translation", "translation": [3, 0, -4.0]}]);
        let image = json!([{"type": "scale", "scale": [10, 1, 1]}, {"type": "translation", "translation": [0, 7, 1]}]);
        // Voxel (1, 1, 1) by hand: (2 · 1 + 3) · 10, 1 + 7, 0.5 − 4 + 1.
        let transform = parsed(level, image).unwrap();
        assert_eq!(transform.scale, Some(Tczyx::new(1.0, 1.0, 20.0, 1.0, 0.5)));
        assert_eq!(transform.translation, Some(Tczyx::new(0.0, 0.0, 30.0, 7.0, -3.0)));
        let identity = parsed(json!([{"type": "identity"}]), Value::Null).unwrap();
        assert_eq!(identity, Transform::default());
        for other in
            [json!({"type": "affine", "affine": [[1, 0, 0, 5]]}), json!({"type": "scale", "path": "s"})]
        {
            assert!(parsed(json!([other]), Value::Null).unwrap().has_others, "{other}");
        }
    }

    #[test]
    fn other_numbers_than_one_an_axis_are_refused() {
        for wrong in
            [json!({"scale": [1, 1]}), json!({"scale": [1, 0, 1]}), json!({"translation": [1, 2, 3, 4]})]
        {
            assert!(parsed(json!([wrong]), Value::Null).is_err(), "{wrong}");
        }
    }
}
