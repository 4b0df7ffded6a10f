//! What a run did, in numbers.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::dataset::{Compression, Plane, Scene, Subblock, Unreadable};
use crate::options::Options;
use crate::pipeline::StageTime;
use crate::plan::Memory;
use crate::shown;
use crate::source::Location;
use crate::space::{Tczyx, Zyx};
use crate::timeline::Metrics;

/// What `--summary` writes and the last lines say.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Of this program.
    pub version: &'static str,
    /// The file that was read.
    pub input: Location,
    /// The OME-Zarr that was written; `None` when nothing was to be.
    pub output: Option<PathBuf>,
    /// What was asked for.
    pub options: Options,
    /// What computed.
    pub backend: String,
    /// One for each scene.
    pub images: Vec<ImageSummary>,
    /// What each stage did; empty where several files shared the stages.
    pub stages: Vec<StageTime>,
    /// Shards that an interrupted run had finished. What was read and written, times and memory are without them; the
    /// counts of values, pixels and subblocks are those of the whole output.
    pub resumed_shards: u64,
    /// Stored bytes that were fetched.
    pub read_bytes: u64,
    /// `read_bytes` over the stored bytes of the subblocks that were needed.
    pub read_amplification: f64,
    /// Requests to the source.
    pub requests: u64,
    /// Compressed bytes that were written.
    pub written_bytes: u64,
    /// Values that did not fit the output type and were set to its nearest value.
    pub clamped: u64,
    /// Share of the light of the tiles that have such values by which these were changed; `None` when there are none.
    pub clamped_light: Option<f64>,
    /// Pixels that were deconvolved although they are at the largest value of their type: what they lack is not known.
    pub saturated: u64,
    /// Infinite or undefined values of a float input that were taken for no data.
    pub not_finite: u64,
    /// Stored pixels that a valid-pixel mask left out.
    pub masked: u64,
    /// Subblocks that were left out.
    pub damaged: Vec<Damaged>,
    /// Files of pixels that were looked for, where the input has many (OME-Zarr).
    pub input_files: u64,
    /// Those of them that are not stored: their pixels are the fill value.
    pub absent_files: u64,
    /// From the first read to the output's name.
    pub wall_secs: f64,
    /// Seconds of processor cores that the process used meanwhile, where the system says.
    pub cpu_secs: Option<f64>,
    /// Processor cores that it may use.
    pub cores: usize,
    /// The most memory that the process held, where the system says.
    pub peak_memory_bytes: Option<u64>,
    /// What limited the run, as the report says: a stage, a device, or the processor.
    pub bound_by: Option<String>,
    /// How busy each stage was, and how well they overlapped; of all files up to this one's end.
    pub metrics: Metrics,
}

/// What was done with one scene.
#[derive(Clone, Debug, Serialize)]
pub struct ImageSummary {
    /// As the file counts scenes.
    pub scene: u32,
    /// Where the centre of its first level-0 pixel lies in the frame of the acquisition; `None` where the file does not say.
    pub origin_um: Zyx<Option<f64>>,
    /// Level-0 pixels across a pixel of the stored level that was read: 1 for the fields themselves.
    pub stored_ratio: u32,
    /// Of level 0.
    pub shape: Tczyx<u64>,
    /// Tiles computed.
    pub tiles: u64,
    /// What the plan said of memory.
    pub memory: Memory,
    /// Iterations of each output channel.
    pub iterations: Vec<u32>,
}

/// A subblock whose bytes are not what they should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Damaged {
    /// As the file counts scenes.
    pub scene: u32,
    /// Where in time, channel and depth.
    pub plane: Plane,
    /// Number in its mosaic.
    pub m: Option<u32>,
    /// Byte in the file; `None` where each piece has a file of its own.
    pub offset: Option<u64>,
    /// What is wrong.
    pub reason: String,
}

impl Damaged {
    /// `subblock` of `scene` is damaged because of `reason`.
    pub fn new(scene: u32, subblock: &Subblock, reason: String) -> Self {
        let offset = (subblock.compression != Compression::Zarr).then_some(subblock.offset);
        Self { scene, plane: subblock.plane, m: subblock.m, offset, reason }
    }

    /// What is known to be damaged before any field of `scene` is read.
    pub fn at_opening(scene: &Scene) -> impl Iterator<Item = Self> {
        let fields = scene.unreadable.iter().filter(|field| !field.is_pyramid);
        fields.map(|Unreadable { plane, offset, fault, .. }| Self {
            scene: scene.index,
            plane: *plane,
            m: None,
            offset: *offset,
            reason: fault.to_string(),
        })
    }
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plane { t, c, z } = self.plane;
        write!(f, "subblock ")?;
        self.offset.map_or(Ok(()), |offset| write!(f, "at byte {offset} "))?;
        write!(f, "(scene {}, t {t}, c {c}, z {z}", self.scene)?;
        if let Some(m) = self.m {
            write!(f, ", m {m}")?;
        }
        write!(f, "): {}", shown::visible(&self.reason))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        for image in &self.images {
            let Tczyx { t, c, z, y, x } = image.shape;
            writeln!(
                f,
                "scene {}: {t} × {c} × {z} × {y} × {x} (t, c, z, y, x), {} tiles{}",
                image.scene,
                image.tiles,
                if image.stored_ratio > 1 {
                    format!(", from level 1/{} of the stored pyramid", image.stored_ratio)
                } else {
                    String::new()
                }
            )?;
        }
        write!(f, "{:.1} s", self.wall_secs)?;
        write!(f, ", read {:.1} MiB in {} requests", mib(self.read_bytes), self.requests)?;
        write!(f, ", wrote {:.1} MiB", mib(self.written_bytes))?;
        if let Some(peak) = self.peak_memory_bytes {
            write!(f, ", peak memory {:.0} MiB", mib(peak))?;
        }
        if self.clamped > 0 {
            write!(f, "\n{} values did not fit the output type and were clamped", self.clamped)?;
            if let Some(share) = self.clamped_light {
                write!(
                    f,
                    ": {:.1} % of the light of their tiles (--output-type f32 keeps it)",
                    100.0 * share
                )?;
            }
        }
        if self.saturated > 0 {
            write!(
                f,
                "\nsaturated pixels: {}, at the largest value of their type; what they lack cannot be restored",
                self.saturated
            )?;
        }
        if self.not_finite > 0 {
            write!(f, "\n{} infinite or undefined values were taken for no data", self.not_finite)?;
        }
        if self.masked > 0 {
            write!(f, "\n{} pixels were left out by the file's valid-pixel masks", self.masked)?;
        }
        if self.absent_files > 0 {
            let (absent, files) = (self.absent_files, self.input_files);
            let are = if absent == 1 { "is" } else { "are" };
            write!(
                f,
                "\n{absent} of {files} files of pixels of the input {are} not stored: the fill value is there"
            )?;
        }
        if !self.damaged.is_empty() {
            write!(f, "\n{} damaged subblocks were left out:", self.damaged.len())?;
            for damaged in &self.damaged {
                write!(f, "\n  {damaged}")?;
            }
        }
        match &self.output {
            Some(output) => {
                let scenes: Vec<u32> = self.images.iter().map(|image| image.scene).collect();
                let places = self.options.format().places(output, &scenes);
                let said = |path: &Path| shown::visible(&path.to_string_lossy());
                let (which, all) = match places.as_slice() {
                    [] | [_] => return write!(f, "\n{}", said(output)),
                    [first, last] => (format!("{} and {}", said(first), said(last)), "both"),
                    [first, .., last] => (format!("{} to {}", said(first), said(last)), "all"),
                };
                match places[0].starts_with(output) {
                    false => write!(f, "\n{which}"),
                    true => {
                        write!(f, "\n{}\nopen {which}: few programs open the folder of {all}", said(output))
                    }
                }
            }
            None => write!(f, "\nnothing was written (--sink null)"),
        }
    }
}
