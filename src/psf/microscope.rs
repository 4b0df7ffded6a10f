//! How an image was taken, in the words of files and users: it decides which model of a PSF fits.

use std::fmt;

use clap::ValueEnum;
use serde::Serialize;

/// A kind of microscope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Microscope {
    /// The whole field is lit and seen at once.
    Widefield,
    /// A laser scans, a pinhole sees.
    Confocal,
    /// Many pinholes on a disk.
    SpinningDisk,
    /// A laser scans, an array of detectors sees.
    Airyscan,
    /// A sheet of light from the side, also a lattice.
    LightSheet,
    /// Several photons excite together.
    Multiphoton,
    /// A grid is projected and moved.
    StructuredIllumination,
    /// Total internal reflection.
    Tirf,
    /// STED, PALM, STORM and the like.
    SuperResolution,
}

use Microscope::{
    Airyscan, Confocal, LightSheet, Multiphoton, SpinningDisk, StructuredIllumination, SuperResolution, Tirf,
    Widefield,
};

/// What a file's word has in it, without blanks and in small letters; the first that fits holds. The words are those of
/// `AcquisitionMode` in the OME data model (2016-06) and in CZI files, and of a CZI's `ChannelType`.
const WORDS: [(&str, Microscope); 18] = [
    ("airyscan", Airyscan),
    ("spinningdis", SpinningDisk),
    ("lightsheet", LightSheet),
    ("spim", LightSheet),
    ("photon", Multiphoton),
    ("confocal", Confocal),
    ("structuredillumination", StructuredIllumination),
    ("apotome", StructuredIllumination),
    ("totalinternal", Tirf),
    ("tirf", Tirf),
    ("sted", SuperResolution),
    ("palm", SuperResolution),
    ("storm", SuperResolution),
    ("singlemolecule", SuperResolution),
    ("nearfield", SuperResolution),
    ("widefield", Widefield),
    ("brightfield", Widefield),
    ("fluorescentspeckle", Widefield),
];

impl Microscope {
    /// What a file calls `word`; `None` for words that are not known.
    pub fn called(word: &str) -> Option<Self> {
        let letters: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
        let letters = letters.to_ascii_lowercase();
        WORDS.iter().find(|(part, _)| letters.contains(part)).map(|(_, microscope)| *microscope)
    }
}

impl fmt::Display for Microscope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Widefield => "widefield",
            Confocal => "confocal",
            SpinningDisk => "spinning-disk",
            Airyscan => "Airyscan",
            LightSheet => "light-sheet",
            Multiphoton => "multiphoton",
            StructuredIllumination => "structured-illumination",
            Tirf => "TIRF",
            SuperResolution => "super-resolution",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_files_are_known() {
        for (word, expected) in [
            ("WideField", Some(Widefield)),
            ("Wide-field", Some(Widefield)),
            ("LaserScanningConfocalMicroscopy", Some(Confocal)),
            ("SlitScanConfocal", Some(Confocal)),
            ("SpinningDiskConfocal", Some(SpinningDisk)),
            ("AiryScanRawSr", Some(Airyscan)),
            ("AiryScanFast3D", Some(Airyscan)),
            ("LatticeLightsheet", Some(LightSheet)),
            ("SPIM", Some(LightSheet)),
            ("MultiPhotonMicroscopy", Some(Multiphoton)),
            ("StructuredIllumination", Some(StructuredIllumination)),
            ("TotalInternalReflection", Some(Tirf)),
            ("STED", Some(SuperResolution)),
            ("Other", None),
            ("SpectralImaging", None),
            ("", None),
        ] {
            assert_eq!(Microscope::called(word), expected, "{word}");
        }
    }
}
