//! Where a pixel is. One type per coordinate space, one type per dimension order.
//!
//! | space    | origin                                   | unit           | sign    |
//! |----------|------------------------------------------|----------------|---------|
//! | `Stored` | the acquisition's, as stored in the file | level-0 pixel  | any     |
//! | `Mosaic` | top left of the scene's bounding box     | level-0 pixel  | not < 0 |
//! | `Output` | the same corner                          | output pixel   | not < 0 |
//! | `Local`  | top left of one subblock                 | stored pixel   | not < 0 |
//!
//! An output pixel is `scale` × `scale` mosaic pixels. Intervals are half open.
//! What converts between spaces lives here; nothing else does.

mod area;

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

pub use area::Area;

/// A coordinate space: see the table of this module.
pub trait Space: Copy {}

macro_rules! spaces { ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
    $(#[$doc])*
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    pub enum $name {}
    impl Space for $name {}
)*}}
spaces! {
    /// Level-0 pixels as stored in the file; may be negative.
    Stored,
    /// Level-0 pixels from the scene's top left corner.
    Mosaic,
    /// Output pixels (after downsampling) from the same corner.
    Output,
    /// Stored pixels of one subblock, from its own top left corner.
    Local,
}

/// A rectangle of pixels of the space `S`, half open: `x..x + width`, `y..y + height`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Rect<S: Space> {
    /// Leftmost pixel.
    pub x: i64,
    /// Topmost pixel.
    pub y: i64,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    #[serde(skip)]
    space: PhantomData<S>,
}

impl<S: Space> fmt::Debug for Rect<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<S: Space> fmt::Display for Rect<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { x, y, width, height, .. } = self;
        write!(f, "{width} × {height} at ({x}, {y})")
    }
}

impl<S: Space> Rect<S> {
    /// The rectangle with its top left pixel at (`x`, `y`).
    pub const fn new(x: i64, y: i64, width: u32, height: u32) -> Self {
        Self { x, y, width, height, space: PhantomData }
    }

    /// The column after the last.
    pub fn right(self) -> i64 {
        self.x + i64::from(self.width)
    }

    /// The row after the last.
    pub fn bottom(self) -> i64 {
        self.y + i64::from(self.height)
    }

    /// Pixels inside.
    pub fn area(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// The common part, if there is one.
    pub fn intersect(self, other: Self) -> Option<Self> {
        Self::between(
            (self.x.max(other.x), self.y.max(other.y)),
            (self.right().min(other.right()), self.bottom().min(other.bottom())),
        )
    }

    /// The smallest rectangle that holds both.
    ///
    /// # Panics
    /// When a side would pass `u32::MAX` pixels; whoever builds rectangles from a file checks first.
    pub fn union(self, other: Self) -> Self {
        Self::between(
            (self.x.min(other.x), self.y.min(other.y)),
            (self.right().max(other.right()), self.bottom().max(other.bottom())),
        )
        .expect("a union is not empty")
    }

    /// Grown by `margin` pixels on every side.
    pub fn grown(self, margin: u32) -> Self {
        let m = i64::from(margin);
        Self::new(self.x - m, self.y - m, self.width + 2 * margin, self.height + 2 * margin)
    }

    /// The rectangle from `top_left` to before `bottom_right`; `None` when it is empty.
    pub fn between(top_left: (i64, i64), bottom_right: (i64, i64)) -> Option<Self> {
        let width = u32::try_from(bottom_right.0 - top_left.0).ok().filter(|&w| w > 0)?;
        let height = u32::try_from(bottom_right.1 - top_left.1).ok().filter(|&h| h > 0)?;
        Some(Self::new(top_left.0, top_left.1, width, height))
    }
}

impl Rect<Output> {
    /// The mosaic pixels that these output pixels average, clipped to `mosaic`.
    pub fn to_mosaic(self, scale: u32, mosaic: Rect<Mosaic>) -> Rect<Mosaic> {
        let s = i64::from(scale);
        Rect::new(self.x * s, self.y * s, self.width * scale, self.height * scale)
            .intersect(mosaic)
            .expect("an output rectangle lies on the mosaic")
    }
}

impl Rect<Mosaic> {
    /// The output pixels that this whole mosaic (origin 0, 0) is averaged into; a last, partial one counts.
    pub fn to_output(self, scale: u32) -> Rect<Output> {
        Rect::new(0, 0, self.width.div_ceil(scale), self.height.div_ceil(scale))
    }
}

/// The shift that takes `From` to `To`: `mosaic_from_stored.rect(r)`.
#[derive(Clone, Copy, Debug)]
pub struct Shift<To: Space, From: Space> {
    dx: i64,
    dy: i64,
    spaces: PhantomData<(To, From)>,
}

impl<To: Space, From: Space> Shift<To, From> {
    /// The shift that puts the top left corner of `r` at (0, 0).
    pub fn to_origin_of(r: Rect<From>) -> Self {
        Self { dx: -r.x, dy: -r.y, spaces: PhantomData }
    }

    /// The same rectangle in the other space.
    pub fn rect(self, r: Rect<From>) -> Rect<To> {
        Rect::new(r.x + self.dx, r.y + self.dy, r.width, r.height)
    }
}

/// Three axes of a volume. In memory x is fastest, z slowest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Zyx<T> {
    /// Depth.
    pub z: T,
    /// Rows.
    pub y: T,
    /// Columns.
    pub x: T,
}

impl<T> Zyx<T> {
    /// In memory order.
    pub const fn new(z: T, y: T, x: T) -> Self {
        Self { z, y, x }
    }

    /// The same work on each axis.
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> Zyx<U> {
        Zyx { z: f(self.z), y: f(self.y), x: f(self.x) }
    }

    /// Both triples axis by axis.
    pub fn zip<U>(self, other: Zyx<U>) -> Zyx<(T, U)> {
        Zyx { z: (self.z, other.z), y: (self.y, other.y), x: (self.x, other.x) }
    }
}

impl Zyx<u32> {
    /// Voxels inside.
    pub fn count(self) -> usize {
        self.z as usize * self.y as usize * self.x as usize
    }
}

impl<T: fmt::Display> fmt::Display for Zyx<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {} × {} (z, y, x)", self.z, self.y, self.x)
    }
}

/// Five axes of an image on disk, slowest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tczyx<T> {
    /// Time.
    pub t: T,
    /// Channel.
    pub c: T,
    /// Depth.
    pub z: T,
    /// Rows.
    pub y: T,
    /// Columns.
    pub x: T,
}

impl<T: Copy> Tczyx<T> {
    /// In disk order.
    pub const fn new(t: T, c: T, z: T, y: T, x: T) -> Self {
        Self { t, c, z, y, x }
    }

    /// In disk order, as arrays of other libraries want it.
    pub fn to_array(self) -> [T; 5] {
        [self.t, self.c, self.z, self.y, self.x]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_takes_the_scene_to_the_origin() {
        let scene = Rect::<Stored>::new(-30, 7, 100, 90);
        let mosaic_from_stored = Shift::<Mosaic, Stored>::to_origin_of(scene);
        assert_eq!(mosaic_from_stored.rect(Rect::new(-30, 7, 5, 5)), Rect::<Mosaic>::new(0, 0, 5, 5));
        let corner = mosaic_from_stored.rect(scene).intersect(Rect::new(90, 80, 50, 50));
        assert_eq!(corner, Some(Rect::new(90, 80, 10, 10)));
    }

    #[test]
    fn rectangles_that_touch_do_not_intersect() {
        let left = Rect::<Mosaic>::new(0, 0, 10, 10);
        assert_eq!(left.intersect(Rect::new(10, 0, 10, 10)), None);
        assert_eq!(left.union(Rect::new(10, -3, 10, 10)), Rect::new(0, -3, 20, 13));
    }

    #[test]
    fn an_odd_mosaic_keeps_its_last_pixel_when_downsampled() {
        let mosaic = Rect::<Mosaic>::new(0, 0, 101, 64);
        let output = mosaic.to_output(4);
        assert_eq!(output, Rect::new(0, 0, 26, 16));
        assert_eq!(Rect::<Output>::new(25, 0, 1, 1).to_mosaic(4, mosaic), Rect::new(100, 0, 1, 4));
    }
}
