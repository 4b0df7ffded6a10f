//! What is computed around a core.

use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::value::LONGEST_SIDE;

/// What is computed around a core and thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halo {
    /// Output pixels in y and x.
    pub px: u32,
    /// Planes above and below, where a stack is cut; from the PSF where `None`.
    pub planes: Option<u32>,
}

impl FromStr for Halo {
    type Err = String;

    /// Reads `[Z,]PX`.
    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| match text.trim().parse() {
            Ok(halo) if halo <= LONGEST_SIDE => Ok(halo),
            _ => Err(format!("{text} is not a number of pixels up to {LONGEST_SIDE}")),
        };
        match text.split_once(',') {
            Some((planes, px)) => Ok(Self { px: number(px)?, planes: Some(number(planes)?) }),
            None => Ok(Self { px: number(text)?, planes: None }),
        }
    }
}

pub(super) fn serialize<S: Serializer>(halo: &Option<Halo>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Halos {
        halo: Option<u32>,
        halo_z: Option<u32>,
    }
    let planes = halo.and_then(|halo| halo.planes);
    Halos { halo: halo.map(|halo| halo.px), halo_z: planes }.serialize(serializer)
}
