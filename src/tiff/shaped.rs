//! The description that tifffile writes by default: JSON with the shape of the array, and its axes where they were given.
//!
//! Source: the documentation of tifffile, `TiffWriter.write`, parameter `metadata`.

use serde_json::Value;

use super::description::{Description, PageList, Sizes};

/// What the JSON says.
pub(super) struct Shaped {
    shape: Vec<u64>,
    /// One letter for each length of the shape.
    axes: Option<String>,
    is_truncated: bool,
}

impl Shaped {
    /// `None` when tifffile did not write `text`.
    pub fn parse(text: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(text.trim()).ok()?;
        let shape = json.get("shape")?.as_array()?.iter().map(Value::as_u64).collect::<Option<Vec<u64>>>()?;
        let axes = json.get("axes").and_then(Value::as_str).map(str::to_ascii_uppercase);
        let axes = axes.filter(|axes| axes.len() == shape.len());
        Some(Self { shape, axes, is_truncated: json.get("truncated") == Some(&Value::Bool(true)) })
    }

    /// Planes behind the only directory.
    pub fn truncated_planes(&self, (width, height): (u32, u32)) -> Option<usize> {
        // A stack of colours keeps its directories.
        let is_gray = self.shape.ends_with(&[height.into(), width.into()]);
        let planes = self.shape.iter().rev().skip(2).try_fold(1_usize, |all, &n| all.checked_mul(n as usize));
        planes.filter(|&planes| self.is_truncated && is_gray && planes > 1)
    }

    /// `None` when axes or shape do not say which plane each page is.
    pub fn describe(&self, pages: &PageList<'_>) -> Option<Description> {
        let (mut sizes, mut order) = (Sizes { c: 1, z: 1, t: 1 }, String::new());
        for (axis, &length) in self.axes.as_ref()?.chars().zip(&self.shape) {
            let length = u32::try_from(length).ok().filter(|&length| length > 0)?;
            match axis {
                'C' => sizes.c = length,
                'Z' => sizes.z = length,
                'T' => sizes.t = length,
                'Y' | 'X' | 'S' => continue,
                _ if length == 1 => continue,
                _ => return None,
            }
            if order.contains(axis) {
                return None;
            }
            // The last axis is the fastest.
            order.insert(0, axis);
        }
        let count = pages.numbers.len();
        // The samples of a pixel may be called channels.
        if sizes.pages() != Some(count) && sizes.c > 1 && sizes.c == pages.like.samples {
            sizes.c = 1;
        }
        let expected = sizes.pages()?;
        if expected == count {
            return Some(Description::ordered(count, sizes, &order));
        }
        let mut description = Description::plain(count);
        description.guess = Some(format!(
            "the description counts {expected} planes ({}), but there are {count}: taken as slices",
            self.axes.as_deref().unwrap_or_default()
        ));
        Some(description)
    }
}
