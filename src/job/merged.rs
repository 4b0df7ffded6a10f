//! A merged image beside its fields: a subblock without a number in the mosaic that lies under numbered ones. Painted, it is
//! below them and shows in their gaps; blended, it would count as one more field.

use std::collections::BTreeMap;

use crate::dataset::{Plane, Scene, Subblock};
use crate::space::{Local, Rect, Stored};

/// `scene` for blending: subblocks without a number show only what no numbered one of their plane covers.
pub fn beside_fields(mut scene: Scene) -> Scene {
    let mut numbered: BTreeMap<Plane, Vec<Rect<Stored>>> = BTreeMap::new();
    for field in scene.fields.iter().filter(|field| field.m.is_some()) {
        numbered.entry(field.plane).or_default().push(field.rect);
    }
    if scene.fields.iter().all(|field| field.m.is_some()) {
        return scene;
    }
    scene.fields.retain_mut(|field| match (field.m, numbered.get(&field.plane)) {
        (None, Some(over)) => show_between(field, over),
        _ => true,
    });
    scene
}

/// Whether anything of `field` is left.
fn show_between(field: &mut Subblock, over: &[Rect<Stored>]) -> bool {
    let Rect { x, y, .. } = field.rect;
    let mut shown =
        field.shown.take().unwrap_or_else(|| vec![Rect::new(0, 0, field.stored_width, field.stored_height)]);
    for rect in over {
        let rect = Rect::<Local>::new(rect.x - x, rect.y - y, rect.width, rect.height);
        shown = shown.into_iter().flat_map(|part| without(part, rect)).collect();
    }
    let is_left = !shown.is_empty();
    field.shown = Some(shown);
    is_left
}

/// What of `part` is not in `hole`: above, below, left and right of it.
fn without(part: Rect<Local>, hole: Rect<Local>) -> Vec<Rect<Local>> {
    let Some(hole) = part.intersect(hole) else { return vec![part] };
    let between = |left, top, right, bottom| Rect::between((left, top), (right, bottom));
    [
        between(part.x, part.y, part.right(), hole.y),
        between(part.x, hole.bottom(), part.right(), part.bottom()),
        between(part.x, hole.y, hole.x, hole.bottom()),
        between(hole.right(), hole.y, part.right(), hole.bottom()),
    ]
    .into_iter()
    .flatten()
    .filter(|rect| rect.area() > 0)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{field, scene_of};

    #[test]
    fn a_merged_image_shows_in_the_gaps_of_its_fields_only() {
        let merged = |x, y| Subblock { m: None, ..field(0, x, y) };
        let scene = scene_of(vec![field(0, 0, 0), field(1, 0, 0), merged(40, -10), merged(0, 0)]);
        let found = beside_fields(scene);
        assert_eq!(found.fields.len(), 3, "what is covered is left out");
        let expected = [Rect::new(0, 0, 100, 10), Rect::new(60, 10, 40, 90)];
        assert_eq!(found.fields[2].shown.as_deref(), Some(&expected[..]));
        let alone = scene_of(vec![merged(0, 0), merged(50, 0)]);
        assert_eq!(beside_fields(alone.clone()), alone);
    }
}
