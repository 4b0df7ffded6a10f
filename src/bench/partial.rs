//! Inputs that leave a part of their work out: what remains of a run is a stage alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::dataset::{Compression, Dataset, Fetched, FieldSamples, Input, RawSubblock, Scene, Subblock};
use crate::error::Result;
use crate::job::Job;
use crate::pixels::{SampleType, Samples};
use crate::source::{Identity, Merging, SharedBytes};
use crate::space::{Local, Rect};

/// Stored bytes that are kept for the stages behind the reader, at most.
const MOST_KEPT: usize = 256 << 20;

/// Fields of the file that stand for all fields like them.
pub struct Kept(BTreeMap<Kind, Examples>);

/// Fields of one kind take the same time to decode and to paint.
type Kind = (u32, u32, SampleType, u32, u8);

struct Examples {
    /// As stored.
    raw: Vec<SharedBytes>,
    /// One of them, decoded.
    decoded: SharedBytes,
    sample: SampleType,
}

fn kind_of(subblock: &Subblock) -> Kind {
    let Subblock { stored_width, stored_height, pixel_type, compression, .. } = subblock;
    (*stored_width, *stored_height, pixel_type.sample_type(), pixel_type.samples(), *compression as u8)
}

impl Kept {
    /// Reads and decodes fields of `job` from the first on, as many as may be kept and at least one of each kind.
    ///
    /// # Errors
    /// The reader's.
    pub fn new(job: &Job) -> Result<Self> {
        let mut kept = BTreeMap::<Kind, Examples>::new();
        let mut bytes = 0;
        for image in &job.images {
            for (index, subblock) in image.scene.fields.iter().enumerate() {
                let known = kept.get_mut(&kind_of(subblock));
                if known.is_some() && bytes > MOST_KEPT {
                    continue;
                }
                let Some(raw) = job.input.fetch(&image.scene, &[index])?.subblocks.pop() else { continue };
                bytes += raw.bytes.len();
                let stored = SharedBytes::from(raw.bytes.to_vec());
                match known {
                    Some(examples) => examples.raw.push(stored),
                    None => {
                        let samples = job.input.decode_field(subblock, raw)?;
                        let decoded = SharedBytes::from(samples.as_bytes().to_vec());
                        let sample = samples.kind();
                        kept.insert(kind_of(subblock), Examples { raw: vec![stored], decoded, sample });
                    }
                }
            }
        }
        Ok(Self(kept))
    }

    fn of(&self, subblock: &Subblock) -> &Examples {
        &self.0[&kind_of(subblock)]
    }

    /// `count` samples of the output's type that compress as those of the file do.
    pub fn output(&self, kind: SampleType, count: usize) -> Samples {
        let examples = self.0.values().next().expect("a plan has fields");
        let mut samples = Samples::zeros(kind, count);
        let decoded = &examples.decoded;
        if examples.sample == kind {
            for chunk in samples.as_bytes_mut().chunks_mut(decoded.len()) {
                chunk.copy_from_slice(&decoded[..chunk.len()]);
            }
        }
        samples
    }
}

/// A file of which something is left out.
pub struct PartialInput {
    /// The file itself.
    pub file: Box<dyn Input>,
    /// Whether fields are read; else those that are kept take their places.
    pub reads: bool,
    /// Whether fields are decoded; else one that is decoded already takes their places.
    pub decodes: bool,
    /// What takes places.
    pub kept: Arc<Kept>,
}

impl Input for PartialInput {
    fn dataset(&self) -> &Dataset {
        self.file.dataset()
    }

    fn identity(&self) -> Identity {
        self.file.identity()
    }

    fn fetch(&self, scene: &Scene, fields: &[usize]) -> Result<Fetched> {
        if self.reads {
            return self.file.fetch(scene, fields);
        }
        let subblock = |&field: &usize| {
            let raw = &self.kept.of(&scene.fields[field]).raw;
            RawSubblock { field, bytes: raw[field % raw.len()].clone() }
        };
        Ok(Fetched { subblocks: fields.iter().map(subblock).collect(), ..Fetched::default() })
    }

    fn merging(&self) -> Merging {
        self.file.merging()
    }

    fn decode(&self, subblock: &Subblock, raw: &RawSubblock) -> Result<Samples> {
        self.file.decode(subblock, raw)
    }

    fn mask(&self, subblock: &Subblock, bytes: &[u8]) -> Result<Option<Vec<Rect<Local>>>> {
        if self.reads { self.file.mask(subblock, bytes) } else { Ok(None) }
    }

    fn decode_field(&self, subblock: &Subblock, raw: RawSubblock) -> Result<FieldSamples> {
        // What is stored as it is wanted is not copied in a run; what is kept is shared, and would be.
        let is_free = subblock.compression == Compression::Uncompressed && !self.reads;
        if self.decodes && !is_free {
            return self.file.decode_field(subblock, raw);
        }
        let examples = self.kept.of(subblock);
        Ok(FieldSamples::Stored { bytes: examples.decoded.clone(), kind: examples.sample })
    }
}
