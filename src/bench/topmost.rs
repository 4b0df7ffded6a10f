//! Which part of each field is seen in the mosaic: what no field above it covers.

use std::collections::BTreeMap;

use crate::dataset::{Plane, Scene};
use crate::space::{Rect, Stored};

/// For each field of `scene`, the rectangles of the mosaic that show it.
pub fn topmost(scene: &Scene) -> Vec<Vec<Rect<Stored>>> {
    let mut order: Vec<usize> = (0..scene.fields.len()).collect();
    // As the plan paints them: by M, then in file order; the last is on top.
    order.sort_by_key(|&field| scene.fields[field].m);
    let mut above: BTreeMap<Plane, Vec<Rect<Stored>>> = BTreeMap::new();
    let mut seen = vec![Vec::new(); scene.fields.len()];
    for field in order.into_iter().rev() {
        let subblock = &scene.fields[field];
        let Some(rect) = subblock.rect.intersect(scene.rect) else { continue };
        let covering = above.entry(subblock.plane).or_default();
        seen[field] = covering.iter().fold(vec![rect], |parts, cover| {
            parts.into_iter().flat_map(|part| minus(part, *cover)).collect()
        });
        covering.push(rect);
    }
    seen
}

/// What of `rect` lies outside `cover`: above, below, left, right.
fn minus(rect: Rect<Stored>, cover: Rect<Stored>) -> Vec<Rect<Stored>> {
    let Some(common) = rect.intersect(cover) else { return vec![rect] };
    let parts = [
        Rect::between((rect.x, rect.y), (rect.right(), common.y)),
        Rect::between((rect.x, common.bottom()), (rect.right(), rect.bottom())),
        Rect::between((rect.x, common.y), (common.x, common.bottom())),
        Rect::between((common.right(), common.y), (rect.right(), common.bottom())),
    ];
    parts.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{field, scene_of};

    #[test]
    fn every_pixel_is_seen_once_in_the_highest_field() {
        // Three fields of 100 × 100 that overlap, not painted in file order.
        let fields = vec![field(2, 0, 0), field(0, 60, 30), field(1, 90, -40)];
        let scene = scene_of(fields);
        let seen = topmost(&scene);
        let at = |x: i64, y: i64| -> Vec<usize> {
            let holds = |r: &Rect<Stored>| (r.x..r.right()).contains(&x) && (r.y..r.bottom()).contains(&y);
            (0..3).filter(|&field| seen[field].iter().any(holds)).collect()
        };
        for (x, y) in (-45..145).flat_map(|y| (-5..205).map(move |x| (x, y))) {
            let expected = [0, 2, 1].into_iter().find(|&field| {
                let r = scene.fields[field].rect;
                (r.x..r.right()).contains(&x) && (r.y..r.bottom()).contains(&y)
            });
            assert_eq!(at(x, y), expected.into_iter().collect::<Vec<_>>(), "at {x}, {y}");
        }
    }
}
