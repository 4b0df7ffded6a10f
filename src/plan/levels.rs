//! Which level of the stored pyramid an image is read from, when it is downsampled.
//!
//! A level is taken only where each of its pixels is the same as `ratio` × `ratio` pixels of the fields: every subblock
//! has this very ratio and lies on the grid of the image, together they cover all that the fields cover on every plane,
//! none overlaps another, their masks hide nothing of it, and the outline of the fields lies on whole pixels of the level (a pixel across it would mix
//! data with background). In any other case the next finer level is tried, and the fields themselves are the last.

use std::collections::BTreeMap;

use crate::dataset::{Plane, Scene, Subblock, Subblocks};
use crate::error::Result;
use crate::space::{Area, Local, Mosaic, Rect, Shift, Stored};

/// Where the pixels of an image come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// Level-0 pixels across a stored pixel; 1 for the fields themselves.
    pub ratio: u32,
    /// The scene in the level's own pixels; its subblocks are `fields`.
    pub scene: Scene,
    /// Why the coarser levels that the file has are not taken.
    pub refused: Vec<String>,
}

/// Tells which part of a subblock its valid-pixel mask shows; `None` for all.
pub type Masks<'a> = &'a dyn Fn(&Subblock) -> Result<Option<Vec<Rect<Local>>>>;

/// The coarsest level for output pixels of `scale` × `scale` level-0 pixels.
pub fn choose_level(scene: &Scene, scale: u32, masks: Masks<'_>) -> Level {
    let mut refused = Vec::new();
    for ratio in (2..=scale).rev().filter(|&ratio| scale.is_multiple_of(ratio)) {
        if !scene.pyramid.iter().any(|subblock| has_ratio(subblock, ratio)) {
            continue;
        }
        match at_level(scene, ratio, masks) {
            Ok(scene) => return Level { ratio, scene, refused },
            Err(reason) => {
                refused.push(format!("level 1/{ratio} of the stored pyramid is not used: {reason}"))
            }
        }
    }
    Level { ratio: 1, scene: scene.clone(), refused }
}

fn has_ratio(subblock: &Subblock, ratio: u32) -> bool {
    let Subblock { rect, stored_width, stored_height, .. } = subblock;
    stored_width.checked_mul(ratio) == Some(rect.width)
        && stored_height.checked_mul(ratio) == Some(rect.height)
}

/// The scene with the subblocks of level `ratio` in place of its fields.
fn at_level(scene: &Scene, ratio: u32, masks: Masks<'_>) -> Result<Scene, String> {
    let mosaic_from_stored = Shift::<Mosaic, Stored>::to_origin_of(scene.rect);
    let mut planes: BTreeMap<Plane, (Vec<Rect<Mosaic>>, Vec<Subblock>)> = BTreeMap::new();
    for field in &scene.fields {
        let area = scene.rect.intersect(field.rect).map(|rect| mosaic_from_stored.rect(rect));
        planes.entry(field.plane).or_default().0.extend(area);
    }
    for subblock in scene.pyramid.iter().filter(|subblock| has_ratio(subblock, ratio)) {
        let Rect { x, y, .. } = mosaic_from_stored.rect(subblock.rect);
        let step = i64::from(ratio);
        let of_same_type = scene.fields.iter().find(|field| field.plane.c == subblock.plane.c);
        let of_same_type = of_same_type.is_some_and(|field| field.pixel_type == subblock.pixel_type);
        // A plane without fields stays empty, whatever the pyramid has.
        if let (true, true, Some((_, subblocks))) =
            (x % step == 0 && y % step == 0, of_same_type, planes.get_mut(&subblock.plane))
        {
            subblocks.push(subblock.clone());
        }
    }
    let mut fields = Vec::new();
    for (needed, subblocks) in planes.into_values() {
        fields.extend(OnePlane { scene, ratio, needed: Area::of(needed), masks }.place(subblocks)?);
    }
    fields.sort_by_key(|field| field.offset);
    if fields.is_empty() {
        return Err("nothing is there".into());
    }
    let rect = Rect::new(0, 0, scene.rect.width.div_ceil(ratio), scene.rect.height.div_ceil(ratio));
    Ok(Scene { fields: fields.into(), rect, pyramid: Subblocks::default(), ..scene.clone() })
}

/// One plane at one level.
struct OnePlane<'a> {
    scene: &'a Scene,
    ratio: u32,
    /// What the fields cover.
    needed: Area,
    masks: Masks<'a>,
}

impl OnePlane<'_> {
    /// The subblocks in the level's pixels, each shown only where fields are.
    fn place(&self, subblocks: Vec<Subblock>) -> Result<Vec<Subblock>, String> {
        let mosaic_from_stored = Shift::<Mosaic, Stored>::to_origin_of(self.scene.rect);
        let rects: Vec<_> = subblocks.iter().map(|subblock| mosaic_from_stored.rect(subblock.rect)).collect();
        let covered = Area::of(rects.iter().copied());
        if covered.count() != rects.iter().map(|rect| rect.area()).sum::<u64>() {
            return Err("its subblocks overlap, and the file does not say which is on top".into());
        }
        let needed: Vec<Rect<Mosaic>> = self.needed.rects();
        if Area::of(rects.iter().chain(&needed).copied()) != covered {
            return Err("it does not cover every plane and field at this ratio".into());
        }
        if !self.needed.is_on_grid(self.ratio) {
            return Err("the outline of the fields or of the region crosses its pixels".into());
        }
        let mosaic = Rect::new(0, 0, self.scene.rect.width, self.scene.rect.height);
        let has_gaps = Area::of(rects.iter().filter_map(|rect| rect.intersect(mosaic))) != self.needed;
        let place = |(subblock, rect)| {
            let (rect, shown) = self.in_level(rect, &needed);
            self.check_mask(&subblock, &shown, has_gaps)?;
            Ok(Subblock { rect, shown: has_gaps.then_some(shown), ..subblock })
        };
        subblocks.into_iter().zip(rects).map(place).collect()
    }

    /// A subblock's place among the level's pixels, and which of its own lie under fields.
    fn in_level(&self, rect: Rect<Mosaic>, needed: &[Rect<Mosaic>]) -> (Rect<Stored>, Vec<Rect<Local>>) {
        let (step, ratio) = (i64::from(self.ratio), self.ratio);
        let shown = needed.iter().filter_map(|needed| needed.intersect(rect)).map(|part| {
            let (left, top) = ((part.x - rect.x) / step, (part.y - rect.y) / step);
            Rect::new(left, top, part.width / ratio, part.height / ratio)
        });
        let place = Rect::new(rect.x / step, rect.y / step, rect.width / ratio, rect.height / ratio);
        (place, shown.collect())
    }

    /// Beside gaps, pixels of the level may be mixed with background, even where fields are. A mask tells.
    fn check_mask(&self, subblock: &Subblock, shown: &[Rect<Local>], has_gaps: bool) -> Result<(), String> {
        match (self.masks)(subblock).map_err(|error| error.to_string())? {
            None if has_gaps => Err("no mask tells which of its pixels are mixed with the gaps".into()),
            None => Ok(()),
            Some(mask) if Area::of(mask.iter().chain(shown).copied()) == Area::of(mask.iter().copied()) => {
                Ok(())
            }
            Some(_) => Err("its valid-pixel mask hides pixels where fields are".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{field, scene_of};

    fn whole(subblock: &Subblock) -> Rect<Local> {
        Rect::new(0, 0, subblock.stored_width, subblock.stored_height)
    }

    fn choose_level(scene: &Scene, scale: u32) -> Level {
        super::choose_level(scene, scale, &|subblock| Ok(Some(vec![whole(subblock)])))
    }

    /// A subblock of the pyramid over `rect`, stored at 1/`ratio`.
    fn pyramid(rect: Rect<Stored>, ratio: u32) -> Subblock {
        let (stored_width, stored_height) = (rect.width.div_ceil(ratio), rect.height.div_ceil(ratio));
        Subblock { m: None, rect, stored_width, stored_height, ..field(0, 0, 0) }
    }

    /// 2 × 1 fields that overlap by 20 at (-30, 7): 180 × 100.
    fn scene(pyramid: Vec<Subblock>) -> Scene {
        Scene { pyramid: pyramid.into(), ..scene_of(vec![field(0, -30, 7), field(1, 50, 7)]) }
    }

    #[test]
    fn the_coarsest_level_that_divides_the_scale_is_taken() {
        let whole = Rect::new(-30, 7, 180, 100);
        let scene = scene(vec![pyramid(whole, 2), pyramid(whole, 4)]);
        assert_eq!([1, 2, 4, 8].map(|scale| choose_level(&scene, scale).ratio), [1, 2, 4, 4]);
        let level = choose_level(&scene, 4);
        assert_eq!((level.scene.rect, level.scene.fields.len()), (Rect::new(0, 0, 45, 25), 1));
        assert_eq!(
            (level.scene.fields[0].rect, &level.scene.fields[0].shown),
            (Rect::new(0, 0, 45, 25), &None)
        );
    }

    #[test]
    fn whatever_is_not_exact_leaves_the_level_out() {
        let ratio = |pyramid| choose_level(&scene(pyramid), 2).ratio;
        let part = |x, width| pyramid(Rect::new(x, 7, width, 100), 2);
        assert_eq!(ratio(vec![part(-30, 100), part(70, 80)]), 2, "two pieces that touch");
        assert_eq!(ratio(vec![part(-30, 100), part(70, 78)]), 1, "two columns are missing");
        assert_eq!(ratio(vec![part(-30, 102), part(70, 80)]), 1, "two columns twice");
        assert_eq!(ratio(vec![part(-30, 100), part(70, 81)]), 1, "a ratio of 81/41");
        assert_eq!(ratio(vec![part(-31, 182)]), 1, "between two pixels of the output");
        let other = Subblock { plane: Plane { z: 1, ..Plane::default() }, ..field(9, 0, 7) };
        let mut deep = scene(vec![part(-30, 180)]);
        deep.fields.push(other);
        let level = choose_level(&deep, 2);
        assert_eq!(level.ratio, 1, "a plane without a pyramid");
        assert!(level.refused[0].contains("does not cover every plane"), "{:?}", level.refused);
    }

    #[test]
    fn a_mask_that_hides_data_leaves_the_level_out() {
        let scene = scene(vec![pyramid(Rect::new(-30, 7, 180, 100), 2)]);
        let with = |mask| super::choose_level(&scene, 2, &|_| Ok(Some(vec![mask]))).ratio;
        assert_eq!((with(Rect::new(0, 0, 90, 50)), with(Rect::new(1, 0, 89, 50))), (2, 1));
    }

    #[test]
    fn an_outline_between_pixels_leaves_the_level_out_and_gaps_stay_gaps() {
        let whole = || vec![pyramid(Rect::new(0, 0, 200, 200), 2)];
        let with = |y| Scene { pyramid: whole().into(), ..scene_of(vec![field(0, 0, 0), field(1, 100, y)]) };
        let gaps = choose_level(&with(100), 2);
        assert_eq!(gaps.ratio, 2);
        let shown = vec![Rect::new(0, 0, 50, 50), Rect::new(50, 50, 50, 50)];
        assert_eq!(gaps.scene.fields[0].shown, Some(shown));
        assert_eq!(choose_level(&with(99), 2).ratio, 1);
        assert_eq!(super::choose_level(&with(100), 2, &|_| Ok(None)).ratio, 1, "no mask");
    }
}
