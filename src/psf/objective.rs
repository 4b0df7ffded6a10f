//! Objectives by name or from a parameter file: numbers for a model, no PSF.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::WidefieldOptics;
use crate::error::{Error, Result};
use crate::source::{FileSource, ReadAt};

/// The files of `psfs/`, by the name that `--psf objective:NAME` takes.
const EMBEDDED: [(&str, &str); 7] = [
    ("5x-0.16-air", include_str!("../../psfs/5x-0.16-air.toml")),
    ("10x-0.45-air", include_str!("../../psfs/10x-0.45-air.toml")),
    ("20x-0.8-air", include_str!("../../psfs/20x-0.8-air.toml")),
    ("40x-0.95-air", include_str!("../../psfs/40x-0.95-air.toml")),
    ("40x-1.2-water", include_str!("../../psfs/40x-1.2-water.toml")),
    ("40x-1.4-oil", include_str!("../../psfs/40x-1.4-oil.toml")),
    ("63x-1.4-oil", include_str!("../../psfs/63x-1.4-oil.toml")),
];
/// A parameter file is a few lines; whatever is larger is another file.
const LARGEST_FILE: u64 = 64 * 1024;
/// What an objective's check uses for a wavelength when the file gives none.
const ANY_EMISSION_NM: f64 = 520.0;

/// An objective's nominal numbers, as its parameter file holds them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// Name for people.
    pub name: String,
    /// Numerical aperture.
    pub na: f64,
    /// Immersion medium, such as `Air`, `Water`, `Oil`.
    pub immersion: String,
    /// Of the immersion medium.
    pub refractive_index: f64,
    /// Nominal.
    pub magnification: f64,
    /// Wavelength in nanometres where neither the image nor the user gives one.
    pub emission_nm: Option<f64>,
}

impl Objective {
    /// What [`Objective::named`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        EMBEDDED.iter().map(|(name, _)| *name)
    }

    /// An objective that comes with the program; upper and lower case are the same.
    ///
    /// # Errors
    /// `Option` with the known names when it is none of them.
    pub fn named(name: &str) -> Result<Self> {
        let (known, text) =
            EMBEDDED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).ok_or_else(|| {
                let names: Vec<_> = Self::names().collect();
                Error::option(
                    "--psf",
                    format!("no objective is called `{name}`; there are {}", names.join(", ")),
                )
            })?;
        Self::parse(Path::new(known), text)
    }

    /// A user's own parameter file.
    ///
    /// # Errors
    /// `Io`; `Format` when it is no TOML, holds an unknown or no key, or a number that no objective has.
    pub fn load(path: &Path) -> Result<Self> {
        let file = FileSource::open(path)?;
        let size = file.size();
        if size > LARGEST_FILE {
            let what = format!("{size} bytes are too many for an objective's parameters");
            return Err(Error::format(path, what, None));
        }
        let mut bytes = vec![0; size as usize];
        file.read_exact_at(0, &mut bytes)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to() as u64;
            Error::format(path, "an objective's parameters are text in UTF-8", at)
        })?;
        Self::parse(path, &text)
    }

    /// What the model needs, for `emission_nm` if known, else for the wavelength of the file.
    ///
    /// # Errors
    /// `Option` when neither says a wavelength.
    pub fn optics(&self, emission_nm: Option<f64>) -> Result<WidefieldOptics> {
        let emission_nm = emission_nm.or(self.emission_nm).ok_or_else(|| {
            Error::option("--emission-nm", "needed: the image does not say the wavelength of this channel")
        })?;
        Ok(WidefieldOptics { na: self.na, refractive_index: self.refractive_index, emission_nm })
    }

    fn parse(path: &Path, text: &str) -> Result<Self> {
        let objective: Self = toml::from_str(text).map_err(|error| {
            Error::format(path, error.message(), error.span().map(|span| span.start as u64))
        })?;
        let optics = WidefieldOptics {
            na: objective.na,
            refractive_index: objective.refractive_index,
            emission_nm: objective.emission_nm.unwrap_or(ANY_EMISSION_NM),
        };
        if let Some((_, reason)) = optics.problem() {
            return Err(Error::format(path, reason, None));
        }
        if !(objective.magnification.is_finite() && objective.magnification > 0.0) {
            let what = format!("magnification = {}: it must be positive", objective.magnification);
            return Err(Error::format(path, what, None));
        }
        Ok(objective)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_objective_is_what_its_name_says() {
        for name in Objective::names() {
            let o = Objective::named(&name.to_uppercase()).unwrap();
            assert_eq!(format!("{}x-{}-{}", o.magnification, o.na, o.immersion.to_lowercase()), name);
            assert!(o.name.contains(&format!("{}x/{}", o.magnification, o.na)), "{}", o.name);
        }
        let unknown = Objective::named("100x").unwrap_err().to_string();
        assert!(unknown.contains("63x-1.4-oil"), "{unknown}");
    }

    #[test]
    fn the_wavelength_of_the_image_wins_over_the_files() {
        let mut o = Objective::named("20x-0.8-air").unwrap();
        assert!(o.optics(None).unwrap_err().to_string().starts_with("--emission-nm: "));
        o.emission_nm = Some(600.0);
        assert_eq!(o.optics(None).unwrap().emission_nm, 600.0);
        assert_eq!(o.optics(Some(520.0)).unwrap().emission_nm, 520.0);
    }

    #[test]
    fn a_broken_file_says_what_is_wrong() {
        let good = "name = 'a'\nna = 0.8\nimmersion = 'Air'\nrefractive_index = 1.0\nmagnification = 20\n";
        let load = |text: &str| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            Objective::load(file.path())
        };
        assert_eq!(load(good).unwrap().na, 0.8);
        for (text, reason) in [
            (good.replace("na = 0.8", "na = 1.3"), "numerical aperture"),
            (good.replace("na = 0.8\n", ""), "missing field `na`"),
            (format!("{good}wavelength = 3\n"), "unknown field `wavelength`"),
            (good.replace("= 20", "= 0"), "magnification"),
            ("\u{1}".to_owned(), "broken file"),
            ("#".repeat(70_000), "too many"),
        ] {
            let message = load(&text).unwrap_err().to_string();
            assert!(message.contains(reason), "{message}");
        }
        assert!(matches!(Objective::load(Path::new("no-such.toml")), Err(Error::Io { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn what_never_ends_is_not_read() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("z.toml");
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        let message = Objective::load(&path).unwrap_err().to_string();
        assert!(message.contains("not a regular file"), "{message}");
    }
}
