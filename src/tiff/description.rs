//! What the text of a TIFF says about its pages; without any, pages are the planes of one z stack.

use crate::dataset::{Channel, Optics, Plane};
use crate::space::Zyx;

/// Which plane each page is, and what is known about all.
#[derive(Clone, Debug, Default)]
pub(super) struct Description {
    /// For each page; `None` for a page that belongs to no plane.
    pub planes: Vec<Option<Plane>>,
    pub slices: u32,
    pub times: u32,
    /// One for each value of `Plane::c`.
    pub channels: Vec<Channel>,
    pub voxel_um: Zyx<Option<f64>>,
    pub interval_secs: Option<f64>,
    pub optics: Optics,
    pub notes: Vec<String>,
}

/// Sizes of the axes that pages are counted along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub c: u32,
    pub z: u32,
    pub t: u32,
}

impl Sizes {
    /// Pages that it takes; `None` when there are too many to count.
    pub fn pages(self) -> Option<usize> {
        (self.c as usize).checked_mul(self.z as usize)?.checked_mul(self.t as usize)
    }

    /// The plane of page `index` when `order` names the axes, the fastest first; its length is 3.
    pub fn plane(self, order: &str, index: usize) -> Plane {
        let mut rest = index;
        let mut plane = Plane::default();
        for axis in order.chars() {
            let (size, place) = match axis {
                'C' => (self.c, &mut plane.c),
                'Z' => (self.z, &mut plane.z),
                _ => (self.t, &mut plane.t),
            };
            *place = (rest % size as usize) as u32;
            rest /= size as usize;
        }
        plane
    }
}

impl Description {
    /// A z stack of `pages`.
    pub fn plain(pages: usize) -> Self {
        Self {
            planes: (0..pages).map(|z| Some(Plane { z: z as u32, ..Plane::default() })).collect(),
            slices: pages as u32,
            times: 1,
            channels: vec![Channel::default()],
            ..Self::default()
        }
    }
}

/// A length in micrometres; `None` for units that are no lengths in space.
pub(super) fn micrometres(value: f64, unit: &str) -> Option<f64> {
    let factor = match unit {
        "µm" | "μm" | "um" | "micron" | "microns" | "micrometer" | "micrometre" | "\\u00B5m" => 1.0,
        "nm" | "nanometer" | "nanometre" => 1e-3,
        "mm" | "millimeter" | "millimetre" => 1e3,
        "cm" | "centimeter" | "centimetre" => 1e4,
        "m" | "meter" | "metre" => 1e6,
        "pm" => 1e-6,
        "Å" => 1e-4,
        _ => return None,
    };
    Some(value * factor).filter(|um| um.is_finite() && *um > 0.0)
}
