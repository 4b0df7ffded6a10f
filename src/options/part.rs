//! Which part of a file is asked for: a region, channels, slices, times.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::Serialize;

use super::value::Parsed;
use crate::error::{Error, Result};
use crate::space::{Mosaic, Rect, Zyx};

/// More pixels than any mosaic has along one axis; it keeps sums within 64 bits.
const FARTHEST_PX: f64 = (1_u64 << 40) as f64;

/// A length along an axis of a mosaic.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Length {
    /// Level-0 pixels.
    Px(u32),
    /// Micrometres.
    Um(f64),
}

/// A rectangle of a scene, from its top left corner.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Region {
    /// First column.
    pub x: Length,
    /// First row.
    pub y: Length,
    /// Columns.
    pub width: Length,
    /// Rows.
    pub height: Length,
}

/// Indices from 0, as ranges that include both ends.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Indices(Vec<RangeInclusive<u32>>);

impl Length {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let um =
            text.strip_suffix("um").or_else(|| text.strip_suffix("µm")).or_else(|| text.strip_suffix("μm"));
        match um {
            Some(number) => {
                let number: f64 = number.trim().parse().ok()?;
                (number.is_finite() && number >= 0.0).then_some(Self::Um(number))
            }
            None => text.strip_suffix("px").unwrap_or(text).trim().parse().ok().map(Self::Px),
        }
    }

    fn is_zero(self) -> bool {
        self == Self::Px(0) || self == Self::Um(0.0)
    }

    /// The nearest whole number of pixels of `um` micrometres.
    fn to_px(self, um: Option<f64>) -> Result<i64> {
        match (self, um) {
            (Self::Px(px), _) => Ok(i64::from(px)),
            (Self::Um(length), Some(um)) if (length / um) < FARTHEST_PX => Ok((length / um).round() as i64),
            (Self::Um(_), Some(_)) => Err(Error::option("--region", format!("{self} is too far"))),
            (Self::Um(_), None) => Err(Error::option(
                "--region",
                "the file does not say how large a pixel is: give pixels, or --voxel-um",
            )),
        }
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Px(px) => write!(f, "{px} px"),
            Self::Um(um) => write!(f, "{um} µm"),
        }
    }
}

impl FromStr for Region {
    type Err = String;

    /// Reads `X,Y,W,H`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("{text} {what}");
        let lengths: Option<Vec<_>> = text.split(',').map(Length::parse).collect();
        let Some([x, y, width, height]) = lengths.as_deref() else {
            return Err(wrong("is not of the form X,Y,W,H in pixels from 0, or with a unit as in 100um"));
        };
        if width.is_zero() || height.is_zero() {
            return Err(wrong("has no pixels"));
        }
        Ok(Self { x: *x, y: *y, width: *width, height: *height })
    }
}

impl Region {
    /// The region in level-0 pixels of `voxel_um`.
    ///
    /// # Errors
    /// `Option` for micrometres where a pixel's size is not known, and for a region of no pixels.
    pub fn to_px(self, voxel_um: Zyx<Option<f64>>) -> Result<Rect<Mosaic>> {
        let (x, y) = (self.x.to_px(voxel_um.x)?, self.y.to_px(voxel_um.y)?);
        let (width, height) = (self.width.to_px(voxel_um.x)?, self.height.to_px(voxel_um.y)?);
        Rect::between((x, y), (x + width, y + height)).ok_or_else(|| {
            Error::option("--region", format!("{width} × {height} px at ({x}, {y}) cannot be taken"))
        })
    }
}

impl FromStr for Indices {
    type Err = String;

    /// Reads a list such as `0,2-3`.
    fn from_str(text: &str) -> Result<Self, String> {
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            (first <= last).then_some(first..=last)
        };
        let ranges: Option<Vec<_>> = text.split(',').map(range).collect();
        ranges
            .map(Self)
            .ok_or_else(|| format!("{text} is not made of indices from 0 and ranges, such as 0,2-3"))
    }
}

impl From<u32> for Indices {
    fn from(index: u32) -> Self {
        Self(vec![index..=index])
    }
}

impl Indices {
    /// Reads one range such as `5-20`, or one index.
    ///
    /// # Errors
    /// What is wrong with `text`.
    pub fn range(text: &str) -> Parsed<Self> {
        match text.parse::<Self>() {
            Ok(indices) if indices.0.len() == 1 => Ok(indices),
            _ => Err(format!("{text} is not one range of indices from 0, such as 5-20")),
        }
    }

    /// Whether `index` is one of them.
    pub fn has(&self, index: u32) -> bool {
        self.0.iter().any(|range| range.contains(&index))
    }

    /// From the lowest to the highest.
    pub fn span(&self) -> RangeInclusive<u32> {
        let first = self.0.iter().map(|range| *range.start()).min().unwrap_or(0);
        let last = self.0.iter().map(|range| *range.end()).max().unwrap_or(0);
        first..=last
    }

    /// `what` is the plural of what they count, `owner` whose they are.
    ///
    /// # Errors
    /// `Option` naming `flag` when `owner` has not so many.
    pub fn check(&self, flag: &str, owner: &str, what: &str, count: u32) -> Result<()> {
        let last = *self.span().end();
        if last >= count {
            let reason = format!("index {last} is not there; {owner} has {count} {what} (from 0)");
            return Err(Error::option(flag, reason));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_in_pixels_or_micrometres() {
        let voxel = Zyx::new(None, Some(0.5), Some(0.25));
        let px = |text: &str| text.parse::<Region>().unwrap().to_px(voxel).unwrap();
        assert_eq!(px("1,2,30,40"), Rect::new(1, 2, 30, 40));
        assert_eq!(px("100um, 50µm,2000um,10px"), Rect::new(400, 100, 8000, 10));
        for text in [
            "",
            "1,2,3",
            "1,2,3,4,5",
            "-1,0,5,5",
            "0,0,0,5",
            "0,0,5,0um",
            "a,0,5,5",
            "0,0,nanum,5",
            "0.5,0,5,5",
        ] {
            assert!(text.parse::<Region>().is_err(), "{text} was taken");
        }
        let um = "0um,0,5,5".parse::<Region>().unwrap();
        assert!(um.to_px(Zyx::default()).unwrap_err().to_string().contains("--voxel-um"));
        assert!("0,0,0.01um,5".parse::<Region>().unwrap().to_px(voxel).is_err());
        assert!("0,0,1e300um,5".parse::<Region>().unwrap().to_px(voxel).is_err());
    }

    #[test]
    fn indices_are_lists_of_ranges() {
        let indices = "0, 2-3".parse::<Indices>().unwrap();
        assert_eq!([0, 1, 2, 3, 4].map(|i| indices.has(i)), [true, false, true, true, false]);
        assert!(indices.check("--channels", "the file", "channels", 4).is_ok());
        let error = indices.check("--channels", "the file", "channels", 3).unwrap_err().to_string();
        assert_eq!(error, "--channels: index 3 is not there; the file has 3 channels (from 0)");
        for text in ["", "-1", "3-2", "1-", "a", "1,,2"] {
            assert!(text.parse::<Indices>().is_err(), "{text} was taken");
        }
        assert!(Indices::range("5-20").is_ok());
        assert!(Indices::range("5,7").is_err());
    }
}
