//! The main job, wired once: plan → read → decode → compute → pyramid → write.
//!
//! Each stage is a thread or a pool of threads; the channels between them are as deep as the plan counted
//! (`plan::Depths`), so memory is bounded before the first read. `stages` wires them, `file` is one input on its way.

mod counted;
mod cut;
mod describe;
mod device_rows;
mod file;
mod files;
mod identity;
mod names;
mod several;
mod stages;
mod tally;
mod turns;
mod until;

use std::path::PathBuf;
use std::sync::Arc;

use crate::dataset::{Fetched, FieldSamples, RawSubblock, Scene, Subblock};
use crate::decon::{Field, FinishedTile, NO_DATA, OpenTiles, Painter};
use crate::engine::DecodedBatch;
use crate::error::{Error, Result};
use crate::job::{Job, workers};
use crate::options::MaskUse;
use crate::output::{Output, Target};
use crate::pipeline::StageTime;
use crate::pixels::Samples;
use crate::plan::{Batch, Group, Workers};
use crate::report::{Damaged, Event, Report, Summary, Verdict};
use crate::source::Location;
use crate::space::{Local, Rect};
use crate::stop::NOTHING_KEPT;
pub use crate::stop::Stop;
use crate::timeline::Timeline;
use counted::{Counted, Note, saturated};
use tally::Tally;

/// One input, and where its output goes.
pub struct Order<'a> {
    /// What people call it.
    pub input: Location,
    /// `None`: every tile is finished, and nothing is written. For measurements.
    pub target: Option<Target>,
    /// Opens and plans it: called when the one before it is read.
    pub prepare: Box<dyn FnOnce() -> Result<Job> + Send + 'a>,
}

/// What all orders share.
pub struct Conditions<'a> {
    /// Threads of the stages.
    pub workers: Workers,
    /// What records them.
    pub timeline: Arc<Timeline>,
    /// Whether the user wants to end.
    pub stop: &'a Stop,
    /// Who is told.
    pub report: &'a dyn Report,
}

/// How one input ended.
#[derive(Debug)]
pub struct Outcome {
    /// Position among the orders.
    pub number: usize,
    /// What people call it.
    pub input: Location,
    /// How.
    pub state: State,
    /// From when it was opened.
    pub secs: f64,
}

/// How.
#[derive(Debug)]
pub enum State {
    /// The output is complete and has its name.
    Finished(Box<Summary>),
    /// It was there before, made of the same.
    WasThere(PathBuf),
    /// What went wrong first.
    Failed(Error),
    /// The user ended the run.
    Interrupted {
        /// How far it came; `None` when nothing is kept.
        finished: Option<String>,
    },
}

/// Does `job`, into the OME-Zarr `target` where there is one. What an interrupted run finished stays, for one that may
/// go on with it.
///
/// # Errors
/// The first in the order of work. The damage of a subblock is one, unless the options say to leave it out.
/// `Interrupted` when `stop` was set, `Option` when the output is there already.
pub fn run(job: Job, target: Option<Target>, stop: &Stop, report: &dyn Report) -> Result<Summary> {
    let (workers, timeline) = (workers(&job.options), job.timeline.clone());
    let conditions = Conditions { workers, timeline, stop, report };
    let order = Order { input: job.options.input.clone(), target, prepare: Box::new(move || Ok(job)) };
    match run_one(order, conditions)?.state {
        State::Finished(summary) => Ok(*summary),
        State::Failed(error) => Err(error),
        State::Interrupted { finished } => Err(interrupted(finished)),
        State::WasThere(path) => {
            Err(Error::option("--output", format!("{} is there already", path.display())))
        }
    }
}

/// Does `job` but for the output: every tile is finished, and nothing is written.
///
/// # Errors
/// As [`run`].
pub fn run_without_output(job: Job, report: &dyn Report) -> Result<Summary> {
    run(job, None, &Stop::default(), report)
}

/// Does one order. Says how it ended.
///
/// # Errors
/// None of the order's; only a bug's.
pub fn run_one(order: Order<'_>, conditions: Conditions<'_>) -> Result<Outcome> {
    let (report, timeline) = (conditions.report, conditions.timeline.clone());
    let (outcomes, stages) = stages::stream(vec![order], conditions, &|_| ())?;
    let mut outcome = outcomes.into_iter().next().expect("each order has an outcome");
    if let State::Finished(summary) = &mut outcome.state {
        // The last threads have ended only now.
        summary.stages = stages;
        summary.metrics = timeline.metrics();
        summary.wall_secs = summary.metrics.wall_secs;
        summary.bound_by = Verdict::bound_by(&summary.metrics, summary.cpu_secs, summary.cores);
        report.event(&Event::Finished(summary));
    }
    Ok(outcome)
}

/// Does `orders`, one after the other, each with the same numbers of threads; one that fails does not keep the others.
/// Tells `ended` of each when it ends. Says how each ended, in their order, and what the stages did.
///
/// # Errors
/// None of an order's; only a bug's.
pub fn run_all(
    orders: Vec<Order<'_>>,
    conditions: Conditions<'_>,
    ended: &(dyn Fn(&Outcome) + Sync),
) -> Result<(Vec<Outcome>, Vec<StageTime>)> {
    let report = conditions.report;
    let say = |outcome: &Outcome| {
        match &outcome.state {
            State::Finished(summary) => report.event(&Event::Finished(summary)),
            State::Failed(error) => report.event(&Event::Failed { text: &of_file(outcome, error) }),
            State::WasThere(_) | State::Interrupted { .. } => {}
        }
        ended(outcome);
    };
    stages::stream(orders, conditions, &say)
}

/// What goes wrong with a flag does not say for which file.
fn of_file(Outcome { input, .. }: &Outcome, error: &Error) -> String {
    match error {
        Error::Option { .. } | Error::Limit { .. } | Error::Threads { .. } => {
            format!("{}: {error}", input.name().display())
        }
        _ => error.to_string(),
    }
}

/// What the user is told who ended a run.
pub fn interrupted(finished: Option<String>) -> Error {
    let what = match finished {
        Some(finished) => format!("{finished}; the same command with --resume goes on from there"),
        None => NOTHING_KEPT.to_owned(),
    };
    Error::Interrupted { what }
}

/// The largest float that is taken for data: no camera counts so far, and a transform of larger ones overflows.
const LARGEST_VALUE: f32 = 1e30;

/// One scene on its way.
struct Work<'a> {
    job: &'a Job,
    scene: &'a Scene,
    /// Position among the job's images.
    number: usize,
    output: &'a dyn Output,
    tally: &'a Tally<'a>,
}

/// The subblocks of one batch as stored, and what to do once they are there.
struct RawBatch {
    subblocks: Vec<(usize, Option<RawSubblock>)>,
    groups: Vec<Group>,
}

impl Work<'_> {
    /// Reads, decodes and paints the fields of `batch`. Gives `whole` the tiles to which nothing more comes.
    fn load(&self, batch: &Batch, open: &OpenTiles, whole: Option<&dyn Fn(FinishedTile)>) -> Result<()> {
        let input = &self.job.input;
        let raw = self.read(batch, |fields| input.fetch_to_visit(self.scene, fields))?;
        for (index, raw) in raw.subblocks {
            let Some(raw) = raw else { continue };
            let position = batch.reads.binary_search(&index).expect("what was read was asked for");
            let (subblock, tiles) = (&self.scene.fields[index], &batch.paints[position]);
            let painted = self.shown(subblock, &raw).and_then(|shown| {
                let mut painter = Painter { open, index, subblock, shown: shown.as_deref(), tiles, whole };
                input.visit(subblock, &raw, &mut painter)
            });
            self.or_left_out(index, painted)?;
        }
        Ok(())
    }

    /// The subblocks of `batch`, as `fetch` brings them.
    fn read(&self, batch: &Batch, fetch: impl Fn(&[usize]) -> Result<Fetched>) -> Result<RawBatch> {
        let fetch = |fields: &[usize]| {
            let fetched = fetch(fields)?;
            self.tally.read(fetched.bytes, fetched.requests);
            self.note_files(fetched.files)?;
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
        Ok(RawBatch { subblocks, groups: batch.groups.clone() })
    }

    fn decode(&self, raw: RawBatch) -> Result<DecodedBatch> {
        let decode = |(field, raw): (usize, Option<RawSubblock>)| {
            let Some(raw) = raw else { return Ok((field, None)) };
            let pixels = self.or_left_out(field, self.field(&self.scene.fields[field], raw))?;
            if let Some(pixels) = &pixels {
                self.tally.decoded(self.job, self.number, field, pixels);
            }
            Ok((field, pixels))
        };
        let fields = raw.subblocks.into_iter().map(decode).collect::<Result<_>>()?;
        Ok(DecodedBatch { fields, groups: raw.groups })
    }

    fn computed(&self, tile: FinishedTile) -> FinishedTile {
        self.tally.computed(self.job, self.number, &tile);
        tile
    }

    /// Before any shard of it is finished.
    fn note_clamped(&self, tile: &FinishedTile) -> Result<()> {
        let fill = &self.job.images[self.number].setup.fill;
        let mut counted = Counted::of_tile(self.number, tile, fill).into_iter();
        counted.try_for_each(|(what, values)| self.output.note(&json(&Note::Counted(what, values))))
    }

    /// Counts what a shard lacks that is not finished yet.
    fn count(&self, what: Counted, values: u64) -> Result<()> {
        let is_news = self.tally.count(what, values);
        if !is_news {
            return Ok(());
        }
        self.output.note(&json(&Note::Counted(what, values)))
    }

    /// A subblock's pixels, and which of them are painted.
    fn field(&self, subblock: &Subblock, raw: RawSubblock) -> Result<Field> {
        let field = self.decoded(subblock, raw)?;
        if self.job.options.iterations > 0 && field.pixel_type.samples() == 1 {
            let bits = self.job.dataset.channels[subblock.plane.c as usize].bits;
            let what = Counted::Saturated { image: self.number, subblock: subblock.number };
            self.count(what, saturated(&field.samples, bits))?;
        }
        Ok(field)
    }

    fn decoded(&self, subblock: &Subblock, raw: RawSubblock) -> Result<Field> {
        Ok(Field {
            pixel_type: subblock.pixel_type,
            width: subblock.stored_width,
            height: subblock.stored_height,
            shown: self.shown(subblock, &raw)?,
            samples: self.without_infinities(subblock, self.job.input.decode_field(subblock, raw)?)?,
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
        let all = u64::from(subblock.stored_width) * u64::from(subblock.stored_height);
        let hidden = all - mask.iter().map(|part| part.area()).sum::<u64>();
        self.count(Counted::Masked { image: self.number, subblock: subblock.number }, hidden)?;
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
                let damaged = Damaged::new(self.scene.index, &self.scene.fields[field], what);
                // Before any shard that lacks it is finished.
                self.output.note(&json(&Note::Damaged(damaged.clone())))?;
                self.tally.damaged(damaged);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// A transform spreads one infinite or undefined value over the whole tile, and so it does one beyond
    /// [`LARGEST_VALUE`]; a shader may lose it: it is no data.
    fn without_infinities(&self, subblock: &Subblock, mut samples: FieldSamples) -> Result<FieldSamples> {
        if let FieldSamples::Decoded(Samples::F32(values)) = &mut samples {
            let mut replaced = 0;
            for value in values.iter_mut().filter(|value| value.is_nan() || value.abs() > LARGEST_VALUE) {
                *value = NO_DATA;
                replaced += 1;
            }
            self.count(Counted::NotFinite { image: self.number, subblock: subblock.number }, replaced)?;
        }
        Ok(samples)
    }
}

fn json(note: &Note) -> serde_json::Value {
    serde_json::to_value(note).expect("plain data has a JSON form")
}

#[cfg(test)]
mod tests;
