//! MetaMorph STK: one directory, behind whose plane lie as many as the tag UIC2 counts.
//!
//! Source: "MetaMorph Stack (STK) image file format", Molecular Devices; which axis the planes are is decided as in
//! tifffile.

use tiff::tags::Tag;

use super::description::{Description, micrometres};
use super::ifd::{Directory, Tags};
use crate::dataset::Plane;
use crate::error::Result;
use crate::space::Zyx;

const UIC1: Tag = Tag::Unknown(33628);
const UIC2: Tag = Tag::Unknown(33629);
/// Bytes of a plane in UIC2: its distance from the one before as a fraction; day and time of its making, and of its
/// change.
const PLANE_BYTES: u64 = 24;
/// Identifiers in UIC1.
const SPATIAL_CALIBRATION: u64 = 3;
const X_CALIBRATION: u64 = 4;
const Y_CALIBRATION: u64 = 5;
const CALIBRATION_UNITS: u64 = 6;
/// A name of a unit.
const LONGEST_UNIT: u64 = 256;
/// More pairs than UIC1 has identifiers.
const MOST_PAIRS: u64 = 256;

/// What the two tags say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Stk {
    /// For each plane, in micrometres; `None` for 0.
    distances_um: Vec<Option<f64>>,
    /// For each plane: day, millisecond.
    made: Vec<(u64, u64)>,
    y_um: Option<f64>,
    x_um: Option<f64>,
}

impl Stk {
    /// `None` for a directory without UIC2.
    ///
    /// # Errors
    /// `Io`; `Format` when UIC2 passes the end of the file.
    pub fn read(tags: &mut Tags<'_>, directory: &Directory) -> Result<Option<Self>> {
        let Some((count, at)) = tags.place(directory, UIC2) else { return Ok(None) };
        let bytes = tags.bytes_at(at, count.saturating_mul(PLANE_BYTES))?;
        let (planes, order) = (bytes.chunks_exact(PLANE_BYTES as usize), tags.order);
        let (y_um, x_um) = calibration(tags, directory).unwrap_or_default();
        Ok(Some(Self {
            distances_um: planes.clone().map(|plane| order.fraction(plane)).collect(),
            made: planes.map(|plane| (order.number(&plane[8..12]), order.number(&plane[12..16]))).collect(),
            y_um,
            x_um,
        }))
    }

    /// How many there are.
    pub fn planes(&self) -> usize {
        self.made.len()
    }

    /// What `pages` are: slices where they have distances, times where they were made one after the other.
    /// `told` are sizes of pixels that a description has, for files without a calibration of their own.
    pub fn describe(&self, pages: usize, told: &Zyx<Option<f64>>) -> Description {
        let mut description = Description::plain(pages);
        let mut made = self.made.windows(2);
        if self.distances_um.iter().all(Option::is_some) {
            description.voxel_um.z = self.distances_um.first().copied().flatten();
        } else if pages > 1 && made.all(|pair| pair[0] != pair[1]) {
            let of_time = |page: usize| Some(Plane { t: page as u32, ..Plane::default() });
            description.planes = (0..pages).map(of_time).collect();
            (description.slices, description.times) = (1, pages as u32);
            description.interval_secs = self.interval_secs();
        } else if pages > 1 {
            description.guess =
                Some(format!("an STK file of {pages} planes without distances or times: taken as slices"));
        }
        description.voxel_um =
            Zyx { y: self.y_um.or(told.y), x: self.x_um.or(told.x), ..description.voxel_um };
        description
    }

    /// From the first to the last, divided by their steps; `None` across midnight.
    fn interval_secs(&self) -> Option<f64> {
        let (&(day, first), &(last_day, last)) = (self.made.first()?, self.made.last()?);
        let steps = self.made.len() as f64 - 1.0;
        let secs = last.checked_sub(first).filter(|_| day == last_day)? as f64 / 1e3 / steps;
        Some(secs).filter(|secs| *secs > 0.0)
    }
}

/// Distance between pixels down and across; `None` where it is not said, or not to be read.
fn calibration(tags: &mut Tags<'_>, directory: &Directory) -> Option<(Option<f64>, Option<f64>)> {
    let (count, at) = tags.place(directory, UIC1)?;
    let pairs = tags.bytes_at(at, count.min(MOST_PAIRS) * 8).ok()?;
    let order = tags.order;
    let value = |wanted: u64| {
        let mut pairs =
            pairs.chunks_exact(8).map(|pair| (order.number(&pair[..4]), order.number(&pair[4..])));
        pairs.find(|(id, _)| *id == wanted).map(|(_, value)| value).filter(|&value| value > 0)
    };
    value(SPATIAL_CALIBRATION)?;
    // A text behind its length.
    let unit_at = value(CALIBRATION_UNITS)?;
    let length = order.number(&tags.bytes_at(unit_at, 4).ok()?);
    let unit = tags.bytes_at(unit_at + 4, length.min(LONGEST_UNIT)).ok()?;
    let unit: String =
        unit.iter().take_while(|&&byte| byte != 0).map(|&latin_1| char::from(latin_1)).collect();
    let mut size = |id| {
        let pixel = order.fraction(&tags.bytes_at(value(id)?, 8).ok()?);
        micrometres(pixel?, &unit)
    };
    Some((size(Y_CALIBRATION), size(X_CALIBRATION)))
}
