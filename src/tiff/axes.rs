//! What the planes of a file are, as the user says it: `--axes tzc`.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::description::{Description, Sizes};
use crate::dataset::Channel;

/// Letters of t, c and z, the slowest first, each with the number of its planes where that is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axes(Vec<(char, Option<u32>)>);

const FORM: &str = "is not of the form tzc: letters of t, c and z, the slowest first, each once, with numbers where \
                    the file does not say them, such as z5c2";

impl FromStr for Axes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text} {FORM}");
        let mut axes: Vec<(char, Option<u32>)> = Vec::new();
        for letter in text.trim().to_ascii_lowercase().chars() {
            match (letter, letter.to_digit(10)) {
                ('t' | 'c' | 'z', _) if axes.iter().all(|(known, _)| *known != letter) => {
                    axes.push((letter, None));
                }
                (_, Some(digit)) => {
                    let (_, count) = axes.last_mut().ok_or_else(wrong)?;
                    let more = count.unwrap_or(0).checked_mul(10).and_then(|tens| tens.checked_add(digit));
                    *count = Some(more.ok_or_else(wrong)?);
                }
                _ => return Err(wrong()),
            }
        }
        if axes.is_empty() || axes.iter().any(|(_, count)| *count == Some(0)) {
            return Err(wrong());
        }
        Ok(Self(axes))
    }
}

impl fmt::Display for Axes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(letter, count)| match count {
            Some(count) => write!(f, "{letter}{count}"),
            None => write!(f, "{letter}"),
        })
    }
}

impl Serialize for Axes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Axes {
    /// `told`, with the planes as these axes say; sizes of pixels, and channels as far as there are as many, stay.
    ///
    /// # Errors
    /// Why the numbers do not fit the pages.
    pub(super) fn apply(&self, told: Description) -> Result<Description, String> {
        let pages = told.planes.len();
        let sizes = self.sizes(&told)?;
        let mut order: String = self.0.iter().rev().map(|(letter, _)| letter.to_ascii_uppercase()).collect();
        order.extend(
            "CZT".chars().filter(|axis| !self.0.iter().any(|(known, _)| known.eq_ignore_ascii_case(axis))),
        );
        let Description { planes, slices, times, mut channels, .. } =
            Description::ordered(pages, sizes, &order);
        if channels.len() == told.channels.len() {
            channels = told.channels;
        } else if let Some(known) = told.channels.first() {
            let Channel { acquisition_mode, bits, .. } = known;
            channels.iter_mut().for_each(|channel| {
                (channel.acquisition_mode, channel.bits) = (acquisition_mode.clone(), *bits);
            });
        }
        let (elsewhere, further) = Default::default();
        Ok(Description { planes, slices, times, channels, elsewhere, further, guess: None, ..told })
    }

    /// The axis without a number takes what is left; of several, all are as the file says.
    fn sizes(&self, told: &Description) -> Result<Sizes, String> {
        let pages = told.planes.len() as u64;
        let say =
            |counts: &str| format!("{self} does not fit {pages} pages{counts}; give numbers, such as z5c2");
        let open = self.0.iter().filter(|(_, count)| count.is_none()).count();
        let given =
            self.0.iter().filter_map(|(_, count)| *count).fold(1, |all: u64, n| all.saturating_mul(n.into()));
        let size = |letter: char| match self.0.iter().find(|(known, _)| *known == letter) {
            None => 1,
            Some((_, Some(count))) => *count,
            Some((_, None)) if open == 1 => (pages / given) as u32,
            Some((_, None)) => match letter {
                'c' => told.channels.len() as u32,
                'z' => told.slices,
                _ => told.times,
            },
        };
        let sizes = Sizes { c: size('c'), z: size('z'), t: size('t') };
        match sizes.pages() {
            Some(counted) if counted as u64 == pages => Ok(sizes),
            _ if open > 1 => Err(say(&format!(
                ", as the file counts them ({} × {} × {} of t, c, z)",
                sizes.t, sizes.c, sizes.z
            ))),
            _ => Err(say("")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Plane;

    fn planes(axes: &str, pages: usize) -> Result<Vec<(u32, u32, u32)>, String> {
        let applied = axes.parse::<Axes>()?.apply(Description::plain(pages))?;
        Ok(applied.planes.into_iter().flatten().map(|Plane { t, c, z }| (t, c, z)).collect())
    }

    #[test]
    fn letters_count_the_slowest_first() {
        assert_eq!(planes("c", 2).unwrap(), [(0, 0, 0), (0, 1, 0)]);
        assert_eq!(planes("zc2", 4).unwrap(), [(0, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1)]);
        assert_eq!(planes("C2z", 4).unwrap(), [(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1)]);
        assert_eq!(planes("t2z1c2", 4).unwrap(), [(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 0)]);
        let applied = "tz3".parse::<Axes>().unwrap().apply(Description::plain(6)).unwrap();
        assert_eq!((applied.times, applied.slices, applied.channels.len()), (2, 3, 1));
        assert_eq!("T2zC10".parse::<Axes>().unwrap().to_string(), "t2zc10");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for text in ["", "x", "zz", "3z", "z0", "z99999999999"] {
            assert!(text.parse::<Axes>().unwrap_err().contains("is not of the form"), "{text}");
        }
        for (axes, pages) in [("zc4", 6), ("z2c2", 6), ("z7", 6), ("tc", 6), ("zc9", 6)] {
            assert!(planes(axes, pages).unwrap_err().contains("does not fit 6 pages"), "{axes}");
        }
    }
}
