//! One input on its way through the stages: what is to be done, what was done, and how it ended.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};

use super::counted::{Note, decided_of};
use super::tally::Tally;
use super::turns::Turns;
use super::{Order, Outcome, State, Stop, Work, describe};
use crate::decon::{Decided, OpenTiles};
use crate::error::{Error, Result};
use crate::job::{Image, Job, decided_channels};
use crate::output::{ChannelRange, ImageSink, Null, Output, Progress, Pyramid, Target};
use crate::plan::Shares;
use crate::report::{Damaged, Event, ImageSummary, Report, Summary};
use crate::source::Merging;

/// See the module. Shared by the stages.
pub(super) struct FileRun<'a> {
    /// Position among the orders.
    number: usize,
    /// Of each image, as the timeline counts them.
    pub groups: Vec<u32>,
    pub job: Job,
    pub output: Box<dyn Output>,
    /// Where that is; `None` where nothing is written.
    path: Option<PathBuf>,
    pub tally: Tally<'a>,
    pub stop: &'a Stop,
    start: Instant,
    /// What went wrong first.
    failure: Mutex<Option<Error>>,
    failed: AtomicBool,
    /// Whether something was left out because the user ended the run.
    cut_short: AtomicBool,
    /// Of each image whose fields are painted as soon as they are decoded, from its first batch on.
    painting: Vec<OnceLock<(OpenTiles, Turns)>>,
    /// Of each image that several devices share, from its first batch on.
    shares: Vec<OnceLock<Shares>>,
    /// Of each image, each channel, once it is known.
    decided: Vec<OnceLock<Vec<Decided>>>,
    /// Of each image that is complete, each channel.
    ranges: Mutex<Vec<Vec<ChannelRange>>>,
}

impl<'a> FileRun<'a> {
    /// Opens and plans the input, and makes a place for its output; `None` when that is there already.
    ///
    /// # Errors
    /// Those of the job and of the output.
    pub fn begin(
        number: usize,
        order: Order<'_>,
        stop: &'a Stop,
        report: &'a dyn Report,
    ) -> Result<Option<Self>> {
        let start = Instant::now();
        let mut job = (order.prepare)()?;
        job.timeline.begin();
        let tally = Tally::new(report);
        let Some(output) = create(&job, order.target.as_ref())? else { return Ok(None) };
        let images = job.images.len();
        let decided = take_over(&job, &*output, &tally)?;
        if output.keeps_pixels() {
            for (i, image) in job.images.iter_mut().enumerate() {
                let progress = output.image(i).progress();
                let bare = super::cut::leave_out_bare(&mut Pyramid::resumed(progress), &image.plan);
                progress.leave_out(bare);
                leave_out_finished(progress, image, job.input.merging())?;
            }
        }
        let file = Self {
            number,
            groups: groups(&job),
            output,
            path: order.target.map(|target| target.path),
            tally,
            stop,
            start,
            failure: Mutex::new(None),
            failed: AtomicBool::new(false),
            cut_short: AtomicBool::new(false),
            painting: (0..images).map(|_| OnceLock::new()).collect(),
            shares: (0..images).map(|_| OnceLock::new()).collect(),
            decided,
            ranges: Mutex::new(vec![Vec::new(); images]),
            job,
        };
        file.announce(report);
        Ok(Some(file))
    }

    fn announce(&self, report: &dyn Report) {
        let plans = || self.job.images.iter().map(|image| &image.plan);
        let (shards, finished) = self.shards();
        report.event(&Event::Started {
            backend: &self.job.backend.name(),
            read_bytes: plans()
                .map(|plan| plan.read_bytes + plan.deciding.map_or(0, |deciding| deciding.most.read_bytes))
                .sum(),
            tiles: plans().map(|plan| plan.tiles).sum(),
            shards: shards - finished,
        });
        report.begins(&self.job, &describe::provenance(&self.job));
        for text in self.job.all_notes() {
            report.event(&Event::Note { text });
        }
        for image in &self.job.images {
            Damaged::at_opening(&image.scene).for_each(|damaged| self.tally.damaged(damaged));
        }
        if finished > 0 {
            let what = format!("{finished} of {shards} shards are finished");
            self.tally.note(&format!("going on where an earlier run ended: {what}"));
        }
    }

    /// Image `i` of this file, for the stages that read it.
    pub fn work(&self, i: usize) -> Work<'_> {
        let image = &self.job.images[i];
        Work { job: &self.job, scene: &image.scene, number: i, output: &*self.output, tally: &self.tally }
    }

    /// Where image `i` goes.
    pub fn sink(&self, i: usize) -> &dyn ImageSink {
        self.output.image(i)
    }

    /// How far each image has come.
    fn progress_of_all(&self) -> impl Iterator<Item = &Progress> {
        (0..self.job.images.len()).map(|i| self.sink(i).progress())
    }

    /// The tiles of image `i` that wait for fields, and whose turn it is.
    pub fn painting(&self, i: usize) -> &(OpenTiles, Turns) {
        self.painting[i].get_or_init(|| {
            let Image { plan, setup, .. } = &self.job.images[i];
            let groups = plan.batches.iter().flat_map(|batch| &batch.groups);
            let tiles = groups.flat_map(|group| &group.tiles);
            (OpenTiles::new(tiles, plan.sample, setup.fill.clone()), Turns::default())
        })
    }

    /// Whether a backend is needed for image `i`.
    pub fn is_computed(&self, i: usize) -> bool {
        let plan = &self.job.images[i].plan;
        !plan.batches.is_empty() && !plan.is_painted_at_once()
    }

    /// Which device of the job's computes what of image `i`.
    pub fn shares(&self, i: usize) -> &Shares {
        let devices = self.job.backend.devices() as usize;
        self.shares[i].get_or_init(|| Shares::new(&self.job.images[i].plan.batches, devices))
    }

    /// How each output channel of image `i` is deconvolved; asks `decide` the first time. `None` when that says nothing.
    ///
    /// # Errors
    /// Those of `decide`, and `Io`.
    pub fn decided(
        &self,
        i: usize,
        decide: impl FnOnce() -> Result<Option<Vec<Decided>>>,
    ) -> Result<Option<&[Decided]>> {
        if let Some(decided) = self.decided[i].get() {
            return Ok(Some(decided));
        }
        let Some(decided) = decide()? else { return Ok(None) };
        // Before any shard that is made so is finished.
        if !decided_channels(&self.job.options, &self.job.images[i].plan).is_empty() {
            self.output.note(&super::json(&Note::decided(i, &decided)))?;
        }
        Ok(Some(self.decided[i].get_or_init(|| decided)))
    }

    /// The iterations of each output channel of image `i`, as [`Self::decided`] said; what was asked for, where nothing was
    /// deconvolved.
    fn iterations_done(&self, i: usize) -> Vec<u32> {
        let asked = || vec![self.job.options.iterations; self.job.images[i].plan.channels.len()];
        let done = |decided: &Vec<Decided>| decided.iter().map(|decided| decided.iterations).collect();
        self.decided[i].get().map_or_else(asked, done)
    }

    /// Image `i` is complete.
    pub fn set_ranges(&self, i: usize, ranges: Vec<ChannelRange>) {
        lock(&self.ranges)[i] = ranges;
    }

    /// Something went wrong. What is on its way is still written; nothing new begins.
    pub fn fail(&self, error: Error) {
        if matches!(error, Error::Interrupted { .. }) {
            // Its storage was waited for when the user ended the run.
            self.cut_short.store(true, Relaxed);
        } else {
            lock(&self.failure).get_or_insert(error);
        }
        self.failed.store(true, Relaxed);
    }

    /// Whether nothing new of this file is to begin.
    pub fn is_over(&self) -> bool {
        if self.stop.is_set() && !self.cut_short.swap(true, Relaxed) && self.stop.is_asked_for() {
            self.tally.note("ending: what is in flight is finished; a second signal ends at once");
        }
        self.stop.is_set() || self.failed.load(Relaxed)
    }

    /// Everything is stored that will be.
    pub fn end(&self) -> Outcome {
        let state = match lock(&self.failure).take() {
            Some(error) => State::Failed(self.with_hint(error)),
            None if self.cut_short.load(Relaxed) => State::Interrupted { finished: self.progress() },
            None => match self.job.input.check_there().and_then(|()| self.finish_output()) {
                Ok(()) => State::Finished(Box::new(self.summary())),
                Err(error) => State::Failed(self.with_hint(error)),
            },
        };
        Outcome {
            number: self.number,
            input: self.job.options.input.clone(),
            state,
            secs: self.start.elapsed().as_secs_f64(),
        }
    }

    fn finish_output(&self) -> Result<()> {
        let left = self.output.finish(&lock(&self.ranges), &self.described())?;
        left.iter().for_each(|what| self.tally.note(what));
        Ok(())
    }

    /// What is known of how the output was made only at its end.
    fn described(&self) -> Value {
        let images = 0..self.job.images.len();
        json!({ "iterations": images.map(|i| self.iterations_done(i)).collect::<Vec<_>>() })
    }

    /// What is finished stays; says so, to whom it may be news. A device that fails is nobody's fault: its message says it.
    fn with_hint(&self, error: Error) -> Error {
        let Some(finished) = self.progress() else { return error };
        let hint = format!("{finished}; the same command with --resume goes on from there");
        if let Error::Gpu { what } = error {
            return Error::gpu(format!("{what}; {hint}"));
        }
        self.tally.note(&hint);
        error
    }

    /// How many shards are finished, in words; `None` when none is.
    fn progress(&self) -> Option<String> {
        let (shards, finished) = self.shards();
        let is_kept = finished > 0 && self.output.is_there();
        is_kept.then(|| format!("{finished} of {shards} shards are finished and kept"))
    }

    /// Shards that there will be, and those that are stored.
    fn shards(&self) -> (u64, u64) {
        let of_all = || self.progress_of_all();
        (of_all().map(Progress::shard_count).sum(), of_all().map(Progress::stored).sum())
    }

    fn summary(&self) -> Summary {
        let images = self.job.images.iter().enumerate().map(|(i, image)| ImageSummary {
            scene: image.plan.scene,
            origin_um: image.scene.origin_um,
            stored_ratio: image.stored_ratio,
            shape: image.plan.shape,
            tiles: image.plan.tiles,
            memory: image.plan.memory,
            iterations: self.iterations_done(i),
        });
        let resumed = self.progress_of_all().map(Progress::finished_count).sum();
        self.tally.summary(&self.job, self.path.as_deref(), (images.collect(), resumed), self.start.elapsed())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn groups(job: &Job) -> Vec<u32> {
    let file = job.options.input.name();
    let file = file.file_name().unwrap_or_default().to_string_lossy();
    let name = |image: &Image| match job.images.len() {
        1 => file.to_string(),
        _ => format!("{file}, scene {}", image.plan.scene),
    };
    job.images.iter().map(|image| job.timeline.group(&name(image))).collect()
}

/// The output at `target`; where there is no target, all that comes is thrown away.
fn create(job: &Job, target: Option<&Target>) -> Result<Option<Box<dyn Output>>> {
    let described = job.images.iter().map(|image| describe::image(job, image)).collect::<Result<Vec<_>>>()?;
    let Some(target) = target else {
        return Ok(Some(Box::new(Null::new(described.iter().map(|(layout, _)| layout)))));
    };
    let writes = job.timeline.writes();
    if let Some(calls) = job.options.reading.simulate_storage.as_ref().and_then(|it| it.stall_writes_after) {
        writes.stall_after(calls);
    }
    job.options.format().create(target, &described, &describe::provenance(job), writes)
}

/// The damage that an earlier run left out of the shards that are finished, and what it counted; returns what it decided of
/// each image.
fn take_over(job: &Job, output: &dyn Output, tally: &Tally<'_>) -> Result<Vec<OnceLock<Vec<Decided>>>> {
    let (mut decided, mut files) = (vec![OnceLock::new(); job.images.len()], Vec::new());
    for note in output.notes().iter().filter_map(|note| serde_json::from_value(note.clone()).ok()) {
        match note {
            Note::Counted(what, values) => {
                tally.count(what, values);
            }
            Note::Decided { image, iterations, weights } => {
                if let Some(of_image) = decided.get_mut(image) {
                    *of_image = decided_of(iterations, weights).into();
                }
            }
            Note::Read(read) => files.extend(read),
            Note::Damaged(damaged) if job.options.skip_damaged => tally.damaged(damaged),
            Note::Damaged(damaged) => {
                let left_out =
                    "the interrupted run left damaged subblocks out, and --skip-damaged is not given";
                return Err(Error::option("--resume", format!("{left_out}: {damaged}")));
            }
        }
    }
    tally.files().take_over(&files, &*job.input)?;
    let has_shards = |i: usize| output.image(i).progress().finished_count() > 0;
    for (i, image) in job.images.iter().enumerate().filter(|(i, _)| has_shards(*i)) {
        let is_known = decided[i].get().is_some_and(|each| each.len() == image.plan.channels.len());
        if !is_known && !decided_channels(&job.options, &image.plan).is_empty() {
            let lost = "the record lacks the iterations that the finished shards were made with";
            return Err(Error::option("--resume", format!("{lost}; --overwrite begins anew")));
        }
    }
    Ok(decided)
}

fn leave_out_finished(progress: &Progress, image: &mut Image, merging: Merging) -> Result<()> {
    if progress.finished_count() == 0 {
        return Ok(());
    }
    image.plan.keep(&image.scene, merging, |tile| {
        let first = (u64::from(tile.t), u64::from(tile.channel), u64::from(tile.z));
        progress.is_wanted(first, u64::from(tile.planes), tile.core)
    })
}
