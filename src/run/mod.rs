//! The main job, wired once: plan → read → decode → compute → pyramid → write.
//!
//! Each stage is a thread or a pool of threads; the channels between them are as deep as the plan counted
//! (`plan::Workers`), so memory is bounded before the first read.

mod describe;
mod names;
mod tally;
mod turns;

use std::path::Path;

use crate::cli::args::MaskUse;
use crate::dataset::{Fetched, FieldSamples, RawSubblock, Scene, Subblock};
use crate::decon::{Backend, CpuBackend, Field, FinishedTile, GpuBackend, NO_DATA, OpenTiles, Painted};
use crate::engine::{DecodedBatch, Engine, Recipe};
use crate::error::{Error, Result};
use crate::job::{Chosen, Image, Job};
use crate::pipeline::{self, Items, Pipeline, StageTime};
use crate::pixels::Samples;
use crate::plan::{Batch, Group, Workers};
use crate::report::{Event, ImageSummary, Report, Summary};
use crate::space::{Local, Rect};
use crate::timeline::Named;
use crate::zarr::{Block, ChannelRange, ImageWriter, OmeZarr, Pyramid};
use tally::Tally;
use turns::Turns;

/// Does `job` and writes `output`, an OME-Zarr folder: complete and with its name at the end, or not there at all.
///
/// # Errors
/// The first of any stage. The damage of a subblock is one, unless the options say to leave it out.
pub fn run(job: &Job, output: &Path, overwrite: bool, report: &dyn Report) -> Result<Summary> {
    job.timeline.begin();
    let described = job.images.iter().map(|image| describe::image(job, image)).collect::<Result<Vec<_>>>()?;
    let zarr = OmeZarr::create(output, overwrite, &described, &describe::provenance(job))?;
    let shards = described.iter().map(|(layout, _)| layout.shard_count()).sum();
    let tally = begin(job, shards, report);
    let (images, ranges) = stream_all(job, Some(&zarr), &tally)?;
    zarr.finish(&ranges)?;

    let summary = tally.summary(job, Some(output), images);
    report.event(&Event::Finished(&summary));
    Ok(summary)
}

/// Does `job` but for the output: every tile is finished, and nothing is written. For measurements.
///
/// # Errors
/// As [`run`].
pub fn run_without_output(job: &Job, report: &dyn Report) -> Result<Summary> {
    job.timeline.begin();
    let tally = begin(job, 0, report);
    let (images, _) = stream_all(job, None, &tally)?;
    let summary = tally.summary(job, None, images);
    report.event(&Event::Finished(&summary));
    Ok(summary)
}

fn begin<'a>(job: &Job, shards: u64, report: &'a dyn Report) -> Tally<'a> {
    report.event(&Event::Started {
        backend: &job.backend.name(),
        read_bytes: job.images.iter().map(|image| image.plan.read_bytes).sum(),
        tiles: job.images.iter().map(|image| image.plan.tiles).sum(),
        shards,
    });
    report.begins(job, &describe::provenance(job));
    for text in &job.notes {
        report.event(&Event::Note { text });
    }
    Tally::new(report)
}

/// Every scene, one after the other, into `zarr` where there is one. Says what was done, and the range of values of
/// each channel that was written.
fn stream_all(
    job: &Job,
    zarr: Option<&OmeZarr>,
    tally: &Tally<'_>,
) -> Result<(Vec<ImageSummary>, Vec<Vec<ChannelRange>>)> {
    let (mut images, mut ranges) = (Vec::new(), Vec::new());
    for (index, image) in job.images.iter().enumerate() {
        let scene = &image.scene;
        let work =
            Work { job, image, scene, number: index, writer: zarr.map(|zarr| zarr.image(index)), tally };
        let (stages, range) = match &job.backend {
            Chosen::Cpu { .. } if image.plan.is_painted_at_once() => work.stream_at_once()?,
            Chosen::Cpu { threads } => work.stream(CpuBackend::new(&image.setup, *threads)?)?,
            Chosen::Gpu(device) => work.stream(GpuBackend::new(device.clone(), &image.setup)?)?,
        };
        ranges.push(range);
        let plan = &image.plan;
        images.push(ImageSummary {
            scene: plan.scene,
            stored_ratio: image.stored_ratio,
            shape: plan.shape,
            tiles: plan.tiles,
            memory: plan.memory,
            stages,
        });
        // The next scene may have buffers of other sizes.
        Samples::forget_spares();
    }
    Ok((images, ranges))
}

/// The largest float that is taken for data: no camera counts so far, and a transform of larger ones overflows.
const LARGEST_VALUE: f32 = 1e30;

/// One scene on its way.
struct Work<'a> {
    job: &'a Job,
    image: &'a Image,
    scene: &'a Scene,
    /// Position among the job's images.
    number: usize,
    /// `None` when nothing is written.
    writer: Option<&'a ImageWriter>,
    tally: &'a Tally<'a>,
}

/// The subblocks of one batch as stored, and what to do once they are there.
struct RawBatch<'a> {
    subblocks: Vec<(usize, Option<RawSubblock>)>,
    groups: &'a [Group],
}

/// Tiles that a batch made complete.
struct Loaded(Vec<FinishedTile>);

/// Bytes of a shard on disk.
struct Stored(u64);

impl Work<'_> {
    /// The data flow of one scene. Says what each stage did, and the range of values of each channel.
    fn stream<B: Backend<Field: Send> + Send>(
        &self,
        backend: B,
    ) -> Result<(Vec<StageTime>, Vec<ChannelRange>)> {
        let workers = self.image.plan.workers;
        let options = &self.job.options;
        let recipe = Recipe { method: options.method, iterations: options.iterations, start: options.start };
        let mut engine = Engine::new(backend, recipe);
        let mut pyramid = self.writer.map(|writer| Pyramid::new(writer.layout()));
        let target = self.writer.zip(pyramid.as_mut());

        let stages = pipeline::run(&self.job.timeline, |p| {
            let batches = p.source("plan", 1, &self.image.plan.batches);
            let raw = p.pool("read", workers.readers as usize, Workers::READ_DEPTH, batches, |batch| {
                self.read(batch, |fields| self.job.input.fetch(self.scene, fields))
            });
            let decoded = p.pool("decode", workers.decoders as usize, Workers::DECODE_DEPTH, raw, |raw| {
                self.decode(raw)
            });
            let tiles = p.stage("compute", Workers::TILE_DEPTH, decoded, move |batches, out| {
                for batch in batches {
                    engine.compute(batch, |tile| out.send(self.computed(tile)))?;
                }
                while let Some(tile) = engine.drain()? {
                    out.send(self.computed(tile))?;
                }
                Ok(())
            });
            self.put_away(p, tiles, target, Some);
        })?;
        Ok((stages, pyramid.map(|pyramid| pyramid.ranges()).unwrap_or_default()))
    }

    /// As [`Self::stream`] where no field is held: whoever has read and decoded one paints it, and takes the tiles out that
    /// are complete.
    fn stream_at_once(&self) -> Result<(Vec<StageTime>, Vec<ChannelRange>)> {
        let plan = &self.image.plan;
        let tiles = plan.batches.iter().flat_map(|batch| &batch.groups).flat_map(|group| &group.tiles);
        let open = &OpenTiles::new(tiles, plan.sample, self.image.setup.fill);
        let turns = &Turns::default();
        let mut pyramid = self.writer.map(|writer| Pyramid::new(writer.layout()));
        let target = self.writer.zip(pyramid.as_mut());

        let stages = pipeline::run(&self.job.timeline, |p| {
            let batches = p.source("plan", 1, plan.batches.iter().enumerate());
            let loaders = plan.workers.loaders as usize;
            let loaded = p.pool("load", loaders, Workers::LOAD_DEPTH, batches, |(number, batch)| {
                self.load(batch, open)?;
                let groups = plan.batches[turns.done(number)].iter().flat_map(|batch| &batch.groups);
                let tiles = groups.flat_map(|group| &group.tiles);
                let finished = tiles.map(|tile| self.computed(open.finish(tile.index)));
                if self.writer.is_none() {
                    // While they are in this core's cache: the next field needs the memory.
                    finished.for_each(|finished| finished.samples.recycle());
                    return Ok(Loaded(Vec::new()));
                }
                Ok(Loaded(finished.collect()))
            });
            self.put_away(p, loaded, target, |Loaded(tiles)| tiles);
        })?;
        Ok((stages, pyramid.map(|pyramid| pyramid.ranges()).unwrap_or_default()))
    }

    /// Reads, decodes and paints the fields of `batch`.
    fn load(&self, batch: &Batch, open: &OpenTiles) -> Result<()> {
        let input = &self.job.input;
        let raw = self.read(batch, |fields| input.fetch_to_visit(self.scene, fields))?;
        for (index, raw) in raw.subblocks {
            let Some(raw) = raw else { continue };
            let position = batch.reads.binary_search(&index).expect("what was read was asked for");
            let (subblock, tiles) = (&self.scene.fields[index], &batch.paints[position]);
            let painted = self.shown(subblock, &raw).and_then(|shown| {
                let field = Painted { index, subblock, shown: shown.as_deref(), tiles };
                input.visit(subblock, &raw, &mut |rows| open.paint(&field, rows))
            });
            self.or_left_out(index, painted)?;
        }
        Ok(())
    }

    /// The finished tiles that `tiles` makes of each item, to `target` or nowhere.
    fn put_away<'scope, 'env, T, I>(
        &'env self,
        p: &mut Pipeline<'scope, 'env, Error>,
        items: Items<T>,
        target: Option<(&'env ImageWriter, &'env mut Pyramid)>,
        tiles: impl Fn(T) -> I + Send + 'scope,
    ) where
        T: Named + Send + 'scope,
        I: IntoIterator<Item = FinishedTile>,
    {
        match target {
            Some((writer, levels)) => self.write(p, items, (writer, levels), tiles),
            None => p.sink("discard", items, move |items| {
                items.flat_map(tiles).for_each(|finished| finished.samples.recycle());
                Ok(())
            }),
        }
    }

    /// The stages from finished tiles to the disk.
    fn write<'scope, 'env, T, I>(
        &'env self,
        p: &mut Pipeline<'scope, 'env, Error>,
        items: Items<T>,
        (writer, levels): (&'env ImageWriter, &'env mut Pyramid),
        tiles: impl Fn(T) -> I + Send + 'scope,
    ) where
        T: Named + Send + 'scope,
        I: IntoIterator<Item = FinishedTile>,
    {
        let shards = p.stage("pyramid", Workers::SHARD_DEPTH, items, move |items, out| {
            for finished in items.flat_map(tiles) {
                let tile = &finished.tile;
                let (t, c, z) = (u64::from(tile.t), u64::from(tile.channel), u64::from(tile.z));
                let block = Block { t, c, z, rect: tile.core, samples: &finished.samples };
                levels.add(&block, |shard| out.send(shard))?;
                finished.samples.recycle();
            }
            Ok(())
        });
        let writers = self.image.plan.workers.writers as usize;
        let stored =
            p.pool("write", writers, Workers::SHARD_DEPTH, shards, |shard| writer.store(&shard).map(Stored));
        p.sink("stored", stored, |stored| {
            stored.for_each(|Stored(bytes)| self.tally.wrote(bytes));
            Ok(())
        });
    }

    /// The subblocks of `batch`, as `fetch` brings them.
    fn read<'b>(
        &self,
        batch: &'b Batch,
        fetch: impl Fn(&[usize]) -> Result<Fetched>,
    ) -> Result<RawBatch<'b>> {
        let fetch = |fields: &[usize]| {
            let fetched = fetch(fields)?;
            self.tally.read(fetched.bytes, fetched.requests);
            Ok(fetched.subblocks)
        };
        let subblocks: Vec<_> = match fetch(&batch.reads) {
            Ok(raw) => raw.into_iter().map(|raw| (raw.field, Some(raw))).collect(),
            // One of them is damaged: find out which.
            Err(Error::Format { .. } | Error::Unsupported { .. }) if self.job.options.skip_damaged => {
                let one = |&field: &usize| {
                    let raw = fetch(&[field]).map(|mut raw| raw.pop());
                    Ok((field, self.or_left_out(field, raw)?.flatten()))
                };
                batch.reads.iter().map(one).collect::<Result<_>>()?
            }
            Err(error) => return Err(error),
        };
        Ok(RawBatch { subblocks, groups: &batch.groups })
    }

    fn decode(&self, raw: RawBatch<'_>) -> Result<DecodedBatch> {
        let decode = |(field, raw): (usize, Option<RawSubblock>)| {
            let Some(raw) = raw else { return Ok((field, None)) };
            let pixels = self.or_left_out(field, self.field(&self.scene.fields[field], raw))?;
            if let Some(pixels) = &pixels {
                self.tally.decoded(self.job, self.number, field, pixels);
            }
            Ok((field, pixels))
        };
        let fields = raw.subblocks.into_iter().map(decode).collect::<Result<_>>()?;
        Ok(DecodedBatch { fields, groups: raw.groups.to_vec() })
    }

    fn computed(&self, tile: FinishedTile) -> FinishedTile {
        self.tally.computed(self.job, self.number, &tile);
        tile
    }

    /// A subblock's pixels, and which of them are painted.
    fn field(&self, subblock: &Subblock, raw: RawSubblock) -> Result<Field> {
        Ok(Field {
            pixel_type: subblock.pixel_type,
            width: subblock.stored_width,
            height: subblock.stored_height,
            shown: self.shown(subblock, &raw)?,
            samples: self.without_infinities(self.job.input.decode_field(subblock, raw)?),
        })
    }

    /// The pixels that are painted: of those that the plan shows, those that the subblock's mask shows.
    fn shown(&self, subblock: &Subblock, raw: &RawSubblock) -> Result<Option<Vec<Rect<Local>>>> {
        if self.job.options.masks == MaskUse::Ignore {
            return Ok(subblock.shown.clone());
        }
        let Some(mask) = self.job.input.mask(subblock, &raw.bytes)? else {
            return Ok(subblock.shown.clone());
        };
        self.tally.masked(subblock.stored_width, subblock.stored_height, &mask);
        let Some(shown) = &subblock.shown else { return Ok(Some(mask)) };
        Ok(Some(shown.iter().flat_map(|a| mask.iter().filter_map(|b| a.intersect(*b))).collect()))
    }

    /// A damaged field is an error, or listed and left out, as the options say. Damage can look like a variety of a
    /// codec that is not known.
    fn or_left_out<T>(&self, field: usize, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Error::Format { what, .. } | Error::Unsupported { what, .. })
                if self.job.options.skip_damaged =>
            {
                self.tally.damaged(self.scene.index, &self.scene.fields[field], what);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// A transform spreads one infinite or undefined value over the whole tile, and so it does one beyond
    /// [`LARGEST_VALUE`]; a shader may lose it: it is no data.
    fn without_infinities(&self, mut samples: FieldSamples) -> FieldSamples {
        if let FieldSamples::Decoded(Samples::F32(values)) = &mut samples {
            let mut replaced = 0;
            for value in values.iter_mut().filter(|value| value.is_nan() || value.abs() > LARGEST_VALUE) {
                *value = NO_DATA;
                replaced += 1;
            }
            self.tally.not_finite(replaced);
        }
        samples
    }
}

#[cfg(test)]
mod tests;
