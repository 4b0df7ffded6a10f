//! The wiring: every input's batches flow through one pipeline, so that the next file, or scene, is read while the
//! last one is computed, and no stage waits at the border between two.
//!
//! Steps keep their order through all stages. An error travels as a step, so what is reported is the first in the
//! order of work; it ends its own file and no other.

use std::sync::{Arc, Mutex};

use super::cut::cut;
use super::device_rows::DeviceRows;
use super::file::FileRun;
use super::several::Several;
use super::{Conditions, Order, Outcome, RawBatch, State, Stop};
use crate::decon::{CpuBackend, FinishedTile, GpuBackend, NullBackend, Setup};
use crate::engine::{BatchAt, Compute, DecodedBatch, Engine, Recipe};
use crate::error::{Error, Result};
use crate::gpu::Device;
use crate::job::{Chosen, Image};
use crate::output::Shard;
use crate::pipeline::{self, Input, Output, Pipeline, StageTime};
use crate::pixels::Samples;
use crate::report::Report;
use crate::timeline::{Item, Named};

/// What passes from stage to stage.
pub(super) struct Step<'a, T> {
    pub file: Arc<FileRun<'a>>,
    pub what: What<T>,
}

pub(super) enum What<T> {
    /// Of image `.0` of the file.
    Item(usize, Result<T>),
    /// Left out, as its file is over.
    Nothing,
    /// Image `.0` is next: so that whoever has to prepare does it while the first fields are read.
    ImageBegin(usize),
    /// Nothing more comes of image `.0`.
    ImageEnd(usize),
    /// Nothing more comes of the file.
    FileEnd,
}

/// Whether a stage goes on with a file that is over.
#[derive(Clone, Copy, PartialEq)]
enum When {
    NotOver,
    Always,
}

impl<'a, A> Step<'a, A> {
    pub fn item(file: &Arc<FileRun<'a>>, image: usize, item: A) -> Self {
        Self { file: file.clone(), what: What::Item(image, Ok(item)) }
    }

    fn map<B>(self, when: When, work: impl FnOnce(&FileRun<'a>, usize, A) -> Result<B>) -> Step<'a, B> {
        let Self { file, what } = self;
        let what = match what {
            What::Item(_, Ok(_)) if when == When::NotOver && file.is_over() => What::Nothing,
            What::Item(image, Ok(item)) => What::Item(image, work(&file, image, item)),
            other => other.without_item(),
        };
        Step { file, what }
    }
}

impl<T> What<T> {
    pub fn without_item<B>(self) -> What<B> {
        match self {
            Self::Item(image, Err(error)) => What::Item(image, Err(error)),
            Self::Item(_, Ok(_)) | Self::Nothing => What::Nothing,
            Self::ImageBegin(image) => What::ImageBegin(image),
            Self::ImageEnd(image) => What::ImageEnd(image),
            Self::FileEnd => What::FileEnd,
        }
    }
}

impl<T: Named> Named for Step<'_, T> {
    fn item(&self, nth: u64) -> Option<Item> {
        match &self.what {
            What::Item(image, Ok(item)) => {
                item.item(nth).map(|item| Item { group: self.file.groups[*image], ..item })
            }
            _ => None,
        }
    }
}

/// Of a plan.
#[derive(Clone, Copy)]
pub(super) struct BatchNumber(usize);

/// What was read of a batch.
pub(super) enum Raw {
    Batch(RawBatch, BatchNumber),
    /// Nothing yet: whoever decodes reads, too.
    AtOnce(BatchNumber),
}

/// What became of a batch.
pub(super) enum Decoded {
    Batch(DecodedBatch, BatchNumber),
    /// The tiles that it made complete.
    Tiles(Vec<FinishedTile>),
}

/// Bytes of a shard on disk.
pub(super) struct Stored(u64);

pub(super) type Failure = pipeline::Stop<Error>;

/// Does `orders`, one after the other, with `workers` threads. Says how each ended, and what the stages did.
pub(super) fn stream<'a>(
    orders: Vec<Order<'a>>,
    Conditions { workers, timeline, stop, report }: Conditions<'a>,
    ended: &(dyn Fn(&Outcome) + Sync),
) -> Result<(Vec<Outcome>, Vec<StageTime>)> {
    let outcomes = &Mutex::new(Vec::new());
    let done = move |outcome: Outcome| {
        ended(&outcome);
        outcomes.lock().expect("no thread panics while it holds the list").push(outcome);
    };
    let depths = workers.depths;
    let stages = pipeline::run(&timeline, |p: &mut Pipeline<'_, '_, Error>| {
        let orders = p.source("orders", 1, orders.into_iter().enumerate());
        let steps = p.stage("plan", 1, orders, move |orders, out| {
            for (number, order) in orders {
                plan(number, order, (stop, report), out, &done)?;
            }
            Ok(())
        });
        let raw = p.pool("read", workers.readers as usize, depths.read, steps, |step| {
            Ok(step.map(When::NotOver, read))
        });
        let decoded = p.pool("decode", workers.decoders as usize, depths.decode, raw, |step| {
            Ok(step.map(When::NotOver, decode))
        });
        let tiles = p.stage("compute", depths.tile, decoded, compute);
        let shards = p.stage("pyramid", depths.shard, tiles, cut);
        let stored = p.pool("write", workers.writers as usize, depths.shard, shards, |step| {
            Ok(step.map(When::Always, |file, image, shard: Shard| file.sink(image).store(shard).map(Stored)))
        });
        p.sink("stored", stored, move |steps| {
            for Step { file, what } in steps {
                match what {
                    What::Item(_, Ok(Stored(bytes))) => file.tally.wrote(bytes),
                    What::Item(_, Err(error)) => file.fail(error),
                    What::Nothing | What::ImageBegin(_) | What::ImageEnd(_) => {}
                    What::FileEnd => done(file.end()),
                }
            }
            Ok(())
        });
    })?;
    let mut outcomes =
        std::mem::take(&mut *outcomes.lock().expect("no thread panics while it holds the list"));
    outcomes.sort_by_key(|outcome| outcome.number);
    Ok((outcomes, stages))
}

fn read(file: &FileRun<'_>, image: usize, number: BatchNumber) -> Result<Raw> {
    let (plan, work) = (&file.job.images[image].plan, file.work(image));
    if plan.is_painted_at_once() {
        return Ok(Raw::AtOnce(number));
    }
    let fetch = |fields: &[usize]| file.job.input.fetch(&file.job.images[image].scene, fields);
    work.read(&plan.batches[number.0], fetch).map(|raw| Raw::Batch(raw, number))
}

fn decode(file: &FileRun<'_>, image: usize, raw: Raw) -> Result<Decoded> {
    let (plan, work) = (&file.job.images[image].plan, file.work(image));
    match raw {
        Raw::Batch(raw, number) => work.decode(raw).map(|batch| Decoded::Batch(batch, number)),
        Raw::AtOnce(BatchNumber(number)) => {
            let (open, turns) = file.painting(image);
            // Where nothing is written, no tile waits for those before it: the next needs the memory.
            let drop = |tile| file.work(image).computed(tile).samples.recycle();
            let whole = (!file.output.keeps_pixels()).then_some(&drop as &dyn Fn(FinishedTile));
            work.load(&plan.batches[number], open, whole)?;
            let groups = plan.batches[turns.done(number)].iter().flat_map(|batch| &batch.groups);
            let finished = groups.flat_map(|group| &group.tiles).filter_map(|tile| open.finish(tile.index));
            if let Some(whole) = whole {
                finished.for_each(whole);
                return Ok(Decoded::Tiles(Vec::new()));
            }
            Ok(Decoded::Tiles(finished.collect()))
        }
    }
}

/// Opens one input, and sends its batches.
fn plan<'a>(
    number: usize,
    order: Order<'a>,
    (stop, report): (&'a Stop, &'a dyn Report),
    out: &Output<Step<'a, BatchNumber>>,
    done: &impl Fn(Outcome),
) -> Result<(), Failure> {
    let input = order.input.clone();
    let (output, start) =
        (order.target.as_ref().map(|target| target.path.clone()), std::time::Instant::now());
    let ended = |state| {
        done(Outcome { number, input, state, secs: start.elapsed().as_secs_f64() });
        Ok(())
    };
    if stop.is_set() {
        return ended(State::Interrupted { finished: None });
    }
    let file = match FileRun::begin(number, order, stop, report) {
        Ok(Some(file)) => Arc::new(file),
        Ok(None) => return ended(State::WasThere(output.unwrap_or_default())),
        Err(Error::Interrupted { .. }) => return ended(State::Interrupted { finished: None }),
        Err(error) => return ended(State::Failed(error)),
    };
    for (image, planned) in file.job.images.iter().enumerate() {
        out.send(Step { file: file.clone(), what: What::ImageBegin(image) })?;
        for batch in 0..planned.plan.batches.len() {
            if file.is_over() {
                break;
            }
            out.send(Step::item(&file, image, BatchNumber(batch)))?;
        }
        out.send(Step { file: file.clone(), what: What::ImageEnd(image) })?;
    }
    out.send(Step { file, what: What::FileEnd })
}

/// The compute stage. A backend is made for the first image, and again only where the next one needs another.
fn compute<'a>(steps: Input<Step<'a, Decoded>>, out: &Output<Step<'a, FinishedTile>>) -> Result<(), Failure> {
    let mut ready: Option<Ready> = None;
    let mut devices = DeviceRows::default();
    for Step { file, what } in steps {
        let done = match what {
            What::ImageBegin(image) if file.is_computed(image) && !file.is_over() => {
                Ready::take(&mut ready, &file, &file.job.images[image]).map(drop).map_err(Failure::Failed)
            }
            What::Item(image, Ok(Decoded::Tiles(tiles))) => {
                tiles.into_iter().try_for_each(|tile| pass_on(&file, image, &mut devices, tile, out))
            }
            What::Item(image, Ok(Decoded::Batch(batch, BatchNumber(number)))) => {
                let planned = &file.job.images[image];
                let emit = |tile| pass_on(&file, image, &mut devices, tile, out);
                Ready::take(&mut ready, &file, planned)
                    .map_err(Failure::Failed)
                    .and_then(|ready| ready.compute(&file, (image, number), batch, emit))
            }
            What::Item(_, Err(error)) => Err(Failure::Failed(error)),
            What::ImageEnd(image) => {
                let mut emit = |tile| pass_on(&file, image, &mut devices, tile, out);
                let drained = ready.as_mut().map_or(Ok(()), |ready| ready.drain(&mut emit));
                out.send(Step { file: file.clone(), what: What::ImageEnd(image) })?;
                drained
            }
            other => out.send(Step { file: file.clone(), what: other.without_item() }),
        };
        match done {
            Ok(()) => {}
            Err(Failure::Failed(error)) => file.fail(error),
            Err(Failure::Closed) => return Err(Failure::Closed),
        }
        if file.is_over() {
            // It may hold fields that nobody releases any more.
            ready = None;
        }
    }
    Ok(())
}

/// A tile of image `image` is finished, whoever made it.
fn pass_on<'a>(
    file: &Arc<FileRun<'a>>,
    image: usize,
    devices: &mut DeviceRows,
    tile: FinishedTile,
    out: &Output<Step<'a, FinishedTile>>,
) -> Result<(), Failure> {
    devices.add(file, image, &tile);
    out.send(Step::item(file, image, file.work(image).computed(tile)))
}

/// A backend that is ready for the images of one setup.
struct Ready {
    setup: Setup,
    recipe: Recipe,
    engine: Box<dyn Compute>,
}

impl Ready {
    /// Makes `ready` what `image` needs, if it is not.
    fn take<'r>(ready: &'r mut Option<Self>, file: &FileRun<'_>, image: &Image) -> Result<&'r mut Self> {
        let options = &file.job.options;
        let recipe = Recipe { method: options.method, start: options.start };
        let fits = |ready: &Self| ready.recipe == recipe && ready.setup == image.setup;
        if !ready.as_ref().is_some_and(fits) {
            // Its buffers go first: two at once were not planned for.
            if ready.take().is_some() {
                Samples::forget_spares();
            }
            let engine = engine(&file.job.backend, &image.setup, recipe)?;
            *ready = Some(Self { setup: image.setup.clone(), recipe, engine });
        }
        Ok(ready.as_mut().expect("it was just made"))
    }

    /// One group after the other, until the file is over.
    fn compute(
        &mut self,
        file: &FileRun<'_>,
        (image, number): (usize, usize),
        batch: DecodedBatch,
        mut emit: impl FnMut(FinishedTile) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let engine = self.engine.as_mut();
        let Some(decided) = file.decided(image, || file.work(image).decide(engine, file.stop))? else {
            return Ok(());
        };
        if file.is_over() {
            return self.drain(&mut emit);
        }
        let at = BatchAt { number, shares: file.shares(image) };
        self.engine.take(at, batch.fields)?;
        for (nth, group) in batch.groups.into_iter().enumerate() {
            if file.is_over() {
                return self.drain(&mut emit);
            }
            let how = &decided[group.tiles[0].channel as usize];
            self.engine.compute((at, nth), group, how, &mut emit)?;
        }
        Ok(())
    }

    /// The tiles still on their way.
    fn drain(&mut self, emit: &mut impl FnMut(FinishedTile) -> Result<(), Failure>) -> Result<(), Failure> {
        while let Some(tile) = self.engine.drain()? {
            emit(tile)?;
        }
        Ok(())
    }
}

/// What computes on `backend`: every buffer is made.
fn engine(backend: &Chosen, setup: &Setup, recipe: Recipe) -> Result<Box<dyn Compute>> {
    Ok(match backend {
        Chosen::Cpu { threads } => Box::new(Engine::new(CpuBackend::new(setup, *threads)?, recipe)),
        Chosen::Gpu(gpu) => {
            let engine = |device: &Device| {
                GpuBackend::new(device.clone(), setup).map(|backend| Engine::new(backend, recipe))
            };
            match gpu.others.is_empty() {
                true => Box::new(engine(&gpu.device)?),
                false => Box::new(Several::new(gpu.devices().map(engine).collect::<Result<_>>()?)?),
            }
        }
        Chosen::Null(samples) => Box::new(Engine::new(NullBackend::new(samples.clone()), recipe)),
    })
}
