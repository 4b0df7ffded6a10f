//! Which distances between samples are believed, and which are the same: one rule for all formats.

use std::ops::RangeInclusive;

use crate::space::Zyx;

/// Light microscopes sample at 10 nm to 100 µm. What lies outside this is a unit that was mistaken, or a number that stands
/// for none; a hair is left for rounding.
const BELIEVED_UM: RangeInclusive<f64> = 0.999e-3..=1.001e3;

/// `voxel_um` without sizes that no microscope has; `notes` are told of them.
pub fn believed(voxel_um: Zyx<Option<f64>>, notes: &mut Vec<String>) -> Zyx<Option<f64>> {
    let mut doubted = Vec::new();
    let believed = voxel_um.zip(Zyx::new('z', 'y', 'x')).map(|(um, axis)| {
        let is_believed = um.is_none_or(|um| BELIEVED_UM.contains(&um));
        if !is_believed {
            doubted.extend(um.map(|um| format!("{axis} {um:.2e} µm")));
        }
        um.filter(|_| is_believed)
    });
    if !doubted.is_empty() {
        notes.push(format!(
            "voxel size {} is not between 1 nm and 1 mm: taken as unknown; --voxel-um says what it is",
            doubted.join(", ")
        ));
    }
    believed
}

/// Whether two sizes are the same, but for what is lost when a number is written.
pub fn is_alike(a: Zyx<Option<f64>>, b: Zyx<Option<f64>>) -> bool {
    let is_alike = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-6 * b.abs(),
        (a, b) => a == b,
    };
    is_alike(a.z, b.z) && is_alike(a.y, b.y) && is_alike(a.x, b.x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_from_a_nanometre_to_a_millimetre_are_believed() {
        let mut notes = Vec::new();
        for um in [0.001, 0.1, 1000.0] {
            let voxel = Zyx::new(Some(um), None, Some(um));
            assert_eq!(believed(voxel, &mut notes), voxel);
        }
        assert_eq!(notes, Vec::<String>::new());
        let found = believed(Zyx::new(Some(0.3), Some(1e-5), Some(2540.0)), &mut notes);
        assert_eq!(found, Zyx::new(Some(0.3), None, None));
        assert!(notes[0].contains("y 1.00e-5 µm, x 2.54e3 µm"), "{notes:?}");
    }
}
