//! Options that channels have for themselves, and the values that only these have.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::{local, not_negative};
use crate::error::{Error, Result};
use crate::psf::PsfBackground;

/// Where a PSF comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PsfSource {
    /// Computed from the metadata.
    Auto,
    /// Computed for a known objective.
    Objective(String),
    /// Measured, or an objective's parameters.
    File(PathBuf),
}

/// The camera's counts without light.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Offset {
    /// The darkest level of the file.
    Auto,
    /// As the user knows them.
    Counts(f32),
}

/// One value for all channels, or one for each of some.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PerChannel<T> {
    all: Option<T>,
    each: BTreeMap<u32, T>,
}

impl<T> PerChannel<T> {
    /// The value for `channel` of the file.
    pub fn get(&self, channel: u32) -> Option<&T> {
        self.each.get(&channel).or(self.all.as_ref())
    }

    /// Every value that was given.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.all.iter().chain(self.each.values())
    }

    /// Whether no value was given.
    pub fn is_empty(&self) -> bool {
        self.all.is_none() && self.each.is_empty()
    }

    /// `flag` names a channel that is not there.
    ///
    /// # Errors
    /// `Option` when a value was given for a channel from `channels` on.
    pub fn check(&self, flag: &str, channels: u32) -> Result<()> {
        match self.each.keys().find(|&&channel| channel >= channels) {
            Some(channel) => Err(Error::option(
                flag,
                format!("channel {channel} is not there; the file has {channels} (from 0)"),
            )),
            None => Ok(()),
        }
    }

    /// What `values` of `flag` say, each for all channels or for one, as `C=VALUE`.
    ///
    /// # Errors
    /// Those of `parse`; `Option` when a channel is repeated.
    pub(super) fn parse(flag: &str, values: &[String], parse: impl Fn(&str) -> Result<T>) -> Result<Self> {
        let mut result = Self { all: None, each: BTreeMap::new() };
        for text in values {
            let channel = text.split_once('=').and_then(|(c, value)| Some((c.parse::<u32>().ok()?, value)));
            let repeated = match channel {
                Some((channel, value)) => result.each.insert(channel, parse(value)?).is_some(),
                None => result.all.replace(parse(text)?).is_some(),
            };
            if repeated {
                return Err(Error::option(flag, format!("{text} repeats a channel")));
            }
        }
        Ok(result)
    }
}

impl Offset {
    pub(super) fn parse(text: &str) -> Result<Self> {
        if text == "auto" { Ok(Self::Auto) } else { Ok(Self::Counts(not_negative("--offset", text)?)) }
    }
}

impl PsfSource {
    pub(super) fn parse(text: &str) -> Result<Self> {
        Ok(match text.strip_prefix("objective:") {
            Some(name) => Self::Objective(name.to_owned()),
            None if text == "auto" => Self::Auto,
            None => Self::File(local("--psf", text)?),
        })
    }
}

/// Counts, or the level of the border.
///
/// # Errors
/// `Option` for what is neither.
pub(super) fn psf_background(text: &str) -> Result<PsfBackground> {
    match text {
        "auto" => Ok(PsfBackground::Auto),
        _ => Ok(PsfBackground::Counts(not_negative("--psf-background", text)?)),
    }
}
