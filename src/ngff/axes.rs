//! Which axis of an array is which, and what its steps are.

use serde_json::Value;

use crate::space::Tczyx;

/// The axes of an array, in its own order; those that it lacks have one sample.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axes {
    /// Of each axis: its place in t, c, z, y, x.
    places: Vec<usize>,
    /// Of each axis, if it has one.
    units: Vec<Option<String>>,
}

impl Axes {
    /// From `multiscales[].axes`: objects (0.4, 0.5), names (0.3), or nothing (before).
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(axes: Option<&Value>) -> Result<Self, String> {
        let Some(axes) = axes else {
            return Ok(Self { places: (0..5).collect(), units: vec![None; 5] });
        };
        let axes = axes.as_array().ok_or("axes is no list")?;
        let mut result = Self { places: Vec::new(), units: Vec::new() };
        for axis in axes {
            let name = axis.as_str().or_else(|| axis["name"].as_str()).ok_or("an axis without a name")?;
            let place = match (name.to_ascii_lowercase().as_str(), axis["type"].as_str()) {
                ("t", _) | (_, Some("time")) => 0,
                ("c", _) | (_, Some("channel")) => 1,
                ("z", _) => 2,
                ("y", _) => 3,
                ("x", _) => 4,
                _ => return Err(format!("an axis {name}; t, c, z, y and x are known")),
            };
            if result.places.contains(&place) {
                return Err(format!("two axes like {name}"));
            }
            result.places.push(place);
            result.units.push(axis["unit"].as_str().map(str::to_owned));
        }
        if [3, 4].iter().all(|place| result.places.contains(place)) {
            Ok(result)
        } else {
            Err("no axes y and x".into())
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// `values` by axis, `missing` where the array lacks one.
    pub fn known<T: Copy>(&self, values: &[T], missing: T) -> Tczyx<T> {
        let mut all = [missing; 5];
        for (&place, &value) in self.places.iter().zip(values) {
            all[place] = value;
        }
        let [t, c, z, y, x] = all;
        Tczyx::new(t, c, z, y, x)
    }

    /// The values of the axes that the array has, in its order.
    pub fn in_array<T: Copy>(&self, values: Tczyx<T>) -> Vec<T> {
        let all = values.to_array();
        self.places.iter().map(|&place| all[place]).collect()
    }

    /// Micrometres (seconds along t) of one unit along each axis; `None` where there is no unit, or none of length or
    /// time.
    pub fn in_um_or_secs(&self) -> Tczyx<Option<f64>> {
        let units: Vec<_> = self.units.iter().map(|unit| unit.as_deref().and_then(in_um_or_secs)).collect();
        self.known(&units, None)
    }
}

/// Of the names that the specification takes from UDUNITS-2.
fn in_um_or_secs(unit: &str) -> Option<f64> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "micrometer" | "micrometre" | "micron" | "um" | "µm" => 1.0,
        "nanometer" | "nanometre" | "nm" => 1e-3,
        "angstrom" => 1e-4,
        "picometer" | "picometre" | "pm" => 1e-6,
        "millimeter" | "millimetre" | "mm" => 1e3,
        "centimeter" | "centimetre" | "cm" => 1e4,
        "meter" | "metre" => 1e6,
        "inch" => 25_400.0,
        "second" | "s" => 1.0,
        "nanosecond" => 1e-9,
        "microsecond" => 1e-6,
        "millisecond" | "ms" => 1e-3,
        "minute" => 60.0,
        "hour" => 3600.0,
        "day" => 86_400.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn axes_are_found_by_name_and_type_in_any_order() {
        let axes = json!([{"name": "z", "type": "space", "unit": "nanometer"}, {"name": "Channel", "type": "channel"},
            {"name": "y"}, {"name": "x", "unit": "millimeter"}]);
        let axes = Axes::parse(Some(&axes)).unwrap();
        assert_eq!(axes.known(&[5, 3, 20, 30], 1), Tczyx::new(1, 3, 5, 20, 30));
        assert_eq!(axes.in_array(Tczyx::new(1, 3, 5, 20, 30)), [5, 3, 20, 30]);
        assert_eq!(axes.in_um_or_secs(), Tczyx::new(None, None, Some(1e-3), None, Some(1e3)));
        assert_eq!(Axes::parse(Some(&json!(["t", "c", "z", "y", "x"]))).unwrap(), Axes::parse(None).unwrap());
        for wrong in
            [json!(["x", "z"]), json!(["y", "x", "x"]), json!(["y", "x", "angle"]), json!("yx"), json!([1])]
        {
            assert!(Axes::parse(Some(&wrong)).is_err(), "{wrong}");
        }
    }
}
