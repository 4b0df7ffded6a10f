//! One pass over a file in one of the ways that there are to load it: what the processes of `bench load` do.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::checksum::{Checksum, RowPart, Stored};
use super::topmost::topmost;
use crate::dataset::{FieldSamples, RawSubblock, Subblock};
use crate::error::Result;
use crate::job::{Image, Job, cpu_secs, peak_memory_bytes};
use crate::options::Options;
use crate::pixels::Samples;
use crate::report::Silent;
use crate::run::run_without_output;
use crate::space::{Rect, Stored as StoredSpace};

/// In which order, and what becomes of it. All but `Stitched` on one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Pass {
    /// The bytes from front to back, not decoded: what the storage can do.
    Raw,
    /// The box of each field, made of every field that touches it, each read and decoded again: `read_mosaic(bbox)`.
    Composed,
    /// Each field once, in the order of the file's list.
    Directory,
    /// Each field once, row by row of the mosaic.
    Spatial,
    /// Each field once, front to back, one at a time.
    File,
    /// Each field once, front to back, many at a time: neighbours share a request.
    Merged,
    /// As `run` does it: read, decoded and stitched at the same time.
    Stitched,
}

/// What one pass took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loaded {
    /// From before the file is opened to the last pixel.
    pub secs: f64,
    /// Processor time of all threads.
    pub cpu_secs: Option<f64>,
    /// Bytes of all requests.
    pub bytes: u64,
    /// Requests.
    pub requests: u64,
    /// The most memory that the process held.
    pub peak_memory_bytes: Option<u64>,
    /// Of the mosaic's pixels, where it was asked for.
    pub checksum: Option<String>,
}

/// Bytes that are asked for together: two of the largest requests.
const TOGETHER: u64 = 16 << 20;
/// Bytes of a read when nothing is decoded: few enough to stay in a processor's cache.
const RAW: u64 = 4 << 20;

/// Opens the file and makes one pass over it.
///
/// # Errors
/// Those of the reader.
pub fn once(options: Options, pass: Pass, check: bool) -> Result<Loaded> {
    let start = Instant::now();
    let job = Job::prepare(options)?;
    let checksum = check.then(Checksum::default);
    let (mut bytes, mut requests) = (0, 0);
    if pass == Pass::Stitched {
        let summary = match &checksum {
            Some(checksum) => run_without_output(job, checksum)?,
            None => run_without_output(job, &Silent)?,
        };
        (bytes, requests) = (summary.read_bytes, summary.requests);
    } else {
        for image in &job.images {
            let mut walk =
                Walk { job: &job, image, checksum: checksum.as_ref(), seen: Vec::new(), bytes, requests };
            walk.pass(pass)?;
            (bytes, requests) = (walk.bytes, walk.requests);
        }
    }
    Ok(Loaded {
        secs: start.elapsed().as_secs_f64(),
        cpu_secs: cpu_secs(),
        bytes,
        requests,
        peak_memory_bytes: peak_memory_bytes(),
        checksum: checksum.filter(|_| pass != Pass::Raw).map(|sum| sum.text()),
    })
}

/// One scene, field by field.
struct Walk<'a> {
    job: &'a Job,
    image: &'a Image,
    checksum: Option<&'a Checksum>,
    /// The part of each field that counts in the checksum.
    seen: Vec<Vec<Rect<StoredSpace>>>,
    bytes: u64,
    requests: u64,
}

impl Walk<'_> {
    fn pass(&mut self, pass: Pass) -> Result<()> {
        if self.checksum.is_some() {
            self.seen = topmost(&self.image.scene);
        }
        let fields = &self.image.scene.fields;
        let mut order: Vec<usize> = (0..fields.len()).collect();
        match pass {
            Pass::Composed | Pass::Directory => order.sort_by_key(|&field| fields[field].number),
            Pass::Spatial => order.sort_by_key(|&field| {
                let Subblock { plane, rect, .. } = &fields[field];
                (*plane, rect.y, rect.x)
            }),
            Pass::Raw | Pass::File | Pass::Merged | Pass::Stitched => {
                order.sort_by_key(|&field| fields[field].offset);
            }
        }
        match pass {
            Pass::Composed => order.into_iter().try_for_each(|field| self.compose(field)),
            Pass::Raw => self.together(&order, RAW).try_for_each(|fields| self.fetch(fields).map(drop)),
            Pass::Merged | Pass::Stitched => {
                self.together(&order, TOGETHER).try_for_each(|fields| self.load(fields))
            }
            Pass::Directory | Pass::Spatial | Pass::File => {
                order.chunks(1).try_for_each(|field| self.load(field))
            }
        }
    }

    /// `order` in pieces of about `most` bytes.
    fn together<'o>(&self, order: &'o [usize], most: u64) -> impl Iterator<Item = &'o [usize]> + use<'o> {
        let mut ends = Vec::new();
        let mut bytes = 0;
        for (i, &field) in order.iter().enumerate() {
            bytes += self.image.scene.fields[field].extent;
            if bytes >= most || i + 1 == order.len() {
                ends.push(i + 1);
                bytes = 0;
            }
        }
        let starts: Vec<usize> = std::iter::once(0).chain(ends.iter().copied()).collect();
        starts.into_iter().zip(ends).map(|(start, end)| &order[start..end])
    }

    fn fetch(&mut self, fields: &[usize]) -> Result<Vec<RawSubblock>> {
        let fetched = self.job.input.fetch(&self.image.scene, fields)?;
        self.bytes += fetched.bytes;
        self.requests += fetched.requests;
        Ok(fetched.subblocks)
    }

    /// Each of `fields`, decoded.
    fn load(&mut self, fields: &[usize]) -> Result<()> {
        for raw in self.fetch(fields)? {
            let field = raw.field;
            let subblock = &self.image.scene.fields[field];
            let samples = self.job.input.decode_field(subblock, raw)?;
            self.count(field, &samples);
            samples.recycle();
        }
        Ok(())
    }

    /// The box of `field`, as a reader makes it that knows nothing of what it has read before.
    fn compose(&mut self, field: usize) -> Result<()> {
        let scene = &self.image.scene;
        let Subblock { rect, plane, pixel_type, .. } = scene.fields[field].clone();
        let touches = |&other: &usize| {
            let other = &scene.fields[other];
            other.plane == plane && other.rect.intersect(rect).is_some()
        };
        let mut touching: Vec<usize> = (0..scene.fields.len()).filter(touches).collect();
        touching.sort_by_key(|&other| scene.fields[other].m);
        let count = rect.area() as usize * pixel_type.samples() as usize;
        let mut canvas = Samples::zeros(pixel_type.sample_type(), count);
        for other in touching {
            for raw in self.fetch(&[other])? {
                let subblock = &self.image.scene.fields[other];
                let samples = self.job.input.decode_field(subblock, raw)?;
                paint(canvas.as_bytes_mut(), rect, samples.as_bytes(), subblock.rect, pixel_type.bytes());
                samples.recycle();
            }
        }
        self.count(field, &FieldSamples::Decoded(canvas));
        Ok(())
    }

    /// Takes the seen part of `field` into the checksum.
    fn count(&self, field: usize, samples: &FieldSamples) {
        let Some(checksum) = self.checksum else { return };
        let scene = &self.image.scene;
        let Subblock { rect, plane, pixel_type, .. } = &scene.fields[field];
        for (c, channel) in
            (0..).zip(&self.image.plan.channels).filter(|(_, channel)| channel.source == plane.c)
        {
            for part in &self.seen[field] {
                for y in part.y..part.bottom() {
                    let pixel = (y - rect.y) as usize * rect.width as usize + (part.x - rect.x) as usize;
                    let step = pixel_type.samples() as usize;
                    let row = RowPart {
                        plane: [plane.t, c, plane.z],
                        y: y - scene.rect.y,
                        x: part.x - scene.rect.x,
                        count: part.width as usize,
                    };
                    let first = pixel * step + channel.sample as usize;
                    checksum
                        .add(row, Stored { bytes: samples.as_bytes(), kind: samples.kind(), first, step });
                }
            }
        }
    }
}

/// Copies what `from`, which covers `source`, has of `target` into `to`. Both `[y, x]`, `size` bytes a pixel.
fn paint(to: &mut [u8], target: Rect<StoredSpace>, from: &[u8], source: Rect<StoredSpace>, size: usize) {
    let Some(common) = target.intersect(source) else { return };
    let start = |of: Rect<StoredSpace>, y: i64| {
        ((y - of.y) as usize * of.width as usize + (common.x - of.x) as usize) * size
    };
    let length = common.width as usize * size;
    for y in common.y..common.bottom() {
        to[start(target, y)..][..length].copy_from_slice(&from[start(source, y)..][..length]);
    }
}
