//! Options that channels have for themselves, and the values that only these have.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use super::value::{Parsed, local, not_negative};
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

/// What one use of a flag says: for all channels, or as `C=VALUE` for one.
#[derive(Clone, Debug, PartialEq)]
pub struct ForChannel<T> {
    /// As the file counts them; `None` for all that have no value of their own.
    pub channel: Option<u32>,
    /// What was said.
    pub value: T,
}

impl<T> ForChannel<T> {
    /// For all channels.
    pub fn all(value: T) -> Self {
        Self { channel: None, value }
    }
}

/// All uses of such a flag.
pub trait PerChannel<T> {
    /// The value for `channel` of the file.
    fn of(&self, channel: u32) -> Option<&T>;

    /// The channels for which there are values; `None` for all others.
    fn channels(&self) -> Vec<Option<u32>>;
}

impl<T> PerChannel<T> for [ForChannel<T>] {
    fn of(&self, channel: u32) -> Option<&T> {
        let value = |wanted: Option<u32>| self.iter().find(|one| one.channel == wanted);
        value(Some(channel)).or_else(|| value(None)).map(|one| &one.value)
    }

    fn channels(&self) -> Vec<Option<u32>> {
        self.iter().map(|one| one.channel).collect()
    }
}

/// Reads what `parse` reads, or `C=` and that.
pub fn for_channel<T>(parse: fn(&str) -> Parsed<T>) -> impl Fn(&str) -> Parsed<ForChannel<T>> + Clone {
    move |text| {
        let named = text.split_once('=').and_then(|(c, value)| Some((c.parse::<u32>().ok()?, value)));
        let (channel, value) = named.map_or((None, text), |(channel, value)| (Some(channel), value));
        Ok(ForChannel { channel, value: parse(value)? })
    }
}

/// `all`, and `each` by its channel.
pub(super) fn serialize<T: Serialize, S: Serializer>(
    values: &[ForChannel<T>],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Values<'a, T> {
        all: Option<&'a T>,
        each: BTreeMap<u32, &'a T>,
    }
    let all = values.iter().find(|one| one.channel.is_none()).map(|one| &one.value);
    let each = values.iter().filter_map(|one| Some((one.channel?, &one.value))).collect();
    Values { all, each }.serialize(serializer)
}

/// Counts, or `auto`.
pub fn offset(text: &str) -> Parsed<Offset> {
    if text == "auto" { Ok(Offset::Auto) } else { not_negative(text).map(Offset::Counts) }
}

/// Counts, or `auto`.
pub fn psf_background(text: &str) -> Parsed<PsfBackground> {
    if text == "auto" { Ok(PsfBackground::Auto) } else { not_negative(text).map(PsfBackground::Counts) }
}

/// `auto`, `objective:NAME` or a path.
pub fn psf(text: &str) -> Parsed<PsfSource> {
    match text.strip_prefix("objective:") {
        Some(name) => Ok(PsfSource::Objective(name.to_owned())),
        None if text == "auto" => Ok(PsfSource::Auto),
        None => local(text).map(PsfSource::File),
    }
}
