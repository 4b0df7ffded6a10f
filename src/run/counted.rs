//! What is counted once for each tile and each field, also where a field is read again and where a run goes on after
//! another: the record keeps it, as the summary is to be that of a run that was never interrupted.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::until::light;
use crate::dataset::FieldSamples;
use crate::decon::{Decided, FinishedTile, fill_of};
use crate::pixels::SampleType;
use crate::report::Damaged;
use crate::source::FileRead;

/// What the record keeps for a run that goes on, beside its shards. Each is there before a shard that it is about.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// A subblock is left out.
    Damaged(Damaged),
    /// So many values of one thing.
    Counted(Counted, u64),
    /// Files of the input were read.
    Read(Vec<FileRead>),
    /// How each output channel of an image is deconvolved, where a sample decided (`--until`, `--method ba`): how many
    /// iterations, and the weights that were measured, as f64, which are read as they were written.
    Decided {
        image: usize,
        iterations: Vec<u32>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        weights: Vec<Option<Vec<f64>>>,
    },
}

impl Note {
    /// What was decided of image `image`.
    pub fn decided(image: usize, decided: &[Decided]) -> Self {
        let exact = |decided: &Decided| {
            decided.weights.as_ref().map(|weights| weights.iter().map(|&weight| weight.into()).collect())
        };
        let weights: Vec<Option<Vec<f64>>> = decided.iter().map(exact).collect();
        Self::Decided {
            image,
            iterations: decided.iter().map(|decided| decided.iterations).collect(),
            weights: if weights.iter().any(Option::is_some) { weights } else { Vec::new() },
        }
    }
}

/// As [`Note::decided`] was told.
pub fn decided_of(iterations: Vec<u32>, weights: Vec<Option<Vec<f64>>>) -> Vec<Decided> {
    let weights = weights.into_iter().chain(std::iter::repeat(None));
    let decided = |(iterations, weights): (u32, Option<Vec<f64>>)| Decided {
        iterations,
        weights: weights.map(|weights| weights.into_iter().map(|weight| weight as f32).collect()),
    };
    iterations.into_iter().zip(weights).map(decided).collect()
}

/// Of which thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Values of a tile that did not fit the output type; `at`: t, channel, z, y, x of its core.
    Clamped { image: usize, at: [i64; 5] },
    /// Counts by which those values of a tile were changed.
    ClampedLight { image: usize, at: [i64; 5] },
    /// Counts of a tile that has such values, as it is written.
    KeptLight { image: usize, at: [i64; 5] },
    /// Pixels of a subblock that was deconvolved, at the largest value of its type.
    Saturated { image: usize, subblock: usize },
    /// Pixels of a subblock, by its number in the file, that a valid-pixel mask left out.
    Masked { image: usize, subblock: usize },
    /// Values of a subblock that were neither finite nor data.
    NotFinite { image: usize, subblock: usize },
}

impl Counted {
    /// What there is to count of `finished` of image `image`, where the `fill` of its channel stands for no data; nothing where all values fit.
    pub fn of_tile(image: usize, finished: &FinishedTile, fill: &[f32]) -> Vec<(Self, u64)> {
        let FinishedTile { tile, samples, clamped, .. } = finished;
        if clamped.values == 0 {
            return Vec::new();
        }
        let at = [tile.t.into(), tile.channel.into(), tile.z.into(), tile.core.y, tile.core.x];
        vec![
            (Self::Clamped { image, at }, clamped.values),
            (Self::ClampedLight { image, at }, clamped.light.round() as u64),
            (Self::KeptLight { image, at }, light(samples, fill_of(fill, tile.channel)).round() as u64),
        ]
    }
}

/// How many of `samples` are at the largest value of integers with `bits` significant ones; of their type's where that is not
/// known.
pub fn saturated(samples: &FieldSamples, bits: Option<u32>) -> u64 {
    let bytes = samples.as_bytes();
    let count = match samples.kind() {
        SampleType::U8 => bytes.iter().filter(|value| **value == u8::MAX).count(),
        SampleType::U16 => {
            let unused = bits.filter(|bits| (9..16).contains(bits)).map_or(0, |bits| 16 - bits);
            let largest = (u16::MAX >> unused).to_ne_bytes();
            bytes.as_chunks().0.iter().filter(|value| **value == largest).count()
        }
        SampleType::F32 => 0,
    };
    count as u64
}

/// Counts by what they are of: some 80 bytes for each that is not 0.
#[derive(Debug, Default)]
pub struct Counts(HashMap<Counted, u64>);

impl Counts {
    /// Says whether that is news.
    pub fn count(&mut self, what: Counted, values: u64) -> bool {
        values > 0 && self.0.insert(what, values) != Some(values)
    }

    /// Over those that `which` takes.
    pub fn sum(&self, which: impl Fn(&Counted) -> bool) -> u64 {
        self.0.iter().filter(|(what, _)| which(what)).map(|(_, values)| values).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_decided_goes_through_the_record_to_the_last_bit() {
        let weights = (1..200).map(|i| 1.0 - (i as f32 / 7.0).sin().abs() / 3.0).collect();
        let decided = vec![Decided { iterations: 7, weights: Some(weights) }, Decided::alone(3)];
        let line = serde_json::to_string(&Note::decided(1, &decided)).unwrap();
        let Ok(Note::Decided { image: 1, iterations, weights }) = serde_json::from_str(&line) else {
            panic!("another note: {line}")
        };
        assert_eq!(decided_of(iterations, weights), decided);
        // A record of an earlier version.
        let line = r#"{"decided":{"image":0,"iterations":[4,5]}}"#;
        let Ok(Note::Decided { iterations, weights, .. }) = serde_json::from_str(line) else {
            panic!("{line}")
        };
        assert_eq!(decided_of(iterations, weights), [Decided::alone(4), Decided::alone(5)]);
    }

    #[test]
    fn what_is_counted_again_counts_once_and_goes_through_the_record() {
        let mut counts = Counts::default();
        let [tile, other] = [1, 2].map(|x| Counted::Clamped { image: 0, at: [0, 0, 0, 0, x] });
        assert!(counts.count(tile, 5));
        assert!(!counts.count(tile, 5), "a tile that is computed again");
        assert!(counts.count(other, 7));
        assert!(!counts.count(Counted::Masked { image: 0, subblock: 3 }, 0), "nothing is no news");
        assert!(counts.count(Counted::NotFinite { image: 0, subblock: 3 }, 1));
        assert_eq!(counts.sum(|what| matches!(what, Counted::Clamped { .. })), 12);
        let note = serde_json::to_value(Note::Counted(other, 7)).unwrap();
        let Ok(Note::Counted(what, 7)) = serde_json::from_value(note) else { panic!("another note") };
        assert_eq!(what, other);
    }
}
