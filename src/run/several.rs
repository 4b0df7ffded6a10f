//! Groups of tiles shared among graphics devices, each with its own engine on its own thread.
//!
//! The plan says who computes what ([`Shares`]); tiles leave in the order of the plan. Tiles and transforms are those of one
//! device, so devices of one model make the same pixels, whatever their number.

use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

use crate::decon::{Decided, Field, FinishedTile, GpuBackend};
use crate::engine::{BatchAt, Compute, DecodedBatch, Emit, Engine, Sample};
use crate::error::{Error, Result};
use crate::pipeline::Stop;
use crate::plan::{Group, Workers};
use crate::threads::refused;

/// One engine for each device.
pub(super) struct Several {
    workers: Vec<Worker>,
    /// Which devices hold a field: a bit for each.
    held: HashMap<usize, u64>,
    /// The device of each tile that is on its way, in order.
    expected: VecDeque<usize>,
    /// Whether every device was told to finish what it has.
    is_draining: bool,
}

/// A device's thread.
struct Worker {
    /// `None` when it is to end.
    parts: Option<SyncSender<Part>>,
    tiles: Receiver<Result<FinishedTile>>,
    /// What it holds and nobody needs any more: said with the next part, which may need the room.
    releases: Vec<usize>,
    thread: Option<JoinHandle<()>>,
}

enum Part {
    Fields {
        releases: Vec<usize>,
        fields: Vec<(usize, Option<Field>)>,
    },
    /// And how it is deconvolved.
    Group(Group, Decided),
    /// Something between groups.
    Task(Task),
    /// Nothing more comes for now.
    Drain,
}

type Task = Box<dyn FnOnce(&mut Engine<GpuBackend>) + Send>;

impl Several {
    /// # Errors
    /// `Threads` where the system gives none.
    pub fn new(engines: Vec<Engine<GpuBackend>>) -> Result<Self> {
        let worker = |(number, engine)| {
            let (parts, work) = sync_channel(Workers::DEVICE_DEPTH);
            let (done, tiles) = channel();
            let thread = Builder::new().name(format!("device-{number}"));
            let thread =
                thread.spawn(move || drive(engine, &work, &done)).map_err(|error| refused(&error))?;
            Ok(Worker { parts: Some(parts), tiles, releases: Vec::new(), thread: Some(thread) })
        };
        let workers = engines.into_iter().enumerate().map(worker).collect::<Result<_>>()?;
        Ok(Self { workers, held: HashMap::new(), expected: VecDeque::new(), is_draining: false })
    }

    /// What `task` says, which the first device does; nothing is on its way.
    fn ask<T: Send + 'static>(
        &mut self,
        task: impl FnOnce(&mut Engine<GpuBackend>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        // The task needs the room of what nobody needs any more.
        let releases = std::mem::take(&mut self.workers[0].releases);
        self.send(0, Part::Fields { releases, fields: Vec::new() })?;
        let (tell, answer) = sync_channel(1);
        // Who asked waits.
        self.send(0, Part::Task(Box::new(move |engine| drop(tell.send(task(engine))))))?;
        answer.recv().map_err(|_| self.end_of(0))?
    }

    fn arrived(&mut self, device: usize, mut tile: FinishedTile) -> FinishedTile {
        self.expected.pop_front();
        tile.worked.device = device;
        tile
    }

    /// The oldest tile still on its way, if it is there.
    fn next_ready(&mut self) -> Result<Option<FinishedTile>> {
        let Some(&device) = self.expected.front() else { return Ok(None) };
        let tile = match self.workers[device].tiles.try_recv() {
            Ok(tile) => tile?,
            Err(TryRecvError::Empty) => return Ok(None),
            Err(TryRecvError::Disconnected) => return Err(self.end_of(device)),
        };
        Ok(Some(self.arrived(device, tile)))
    }

    fn send(&mut self, device: usize, part: Part) -> Result<()> {
        let parts = self.workers[device].parts.as_ref().expect("a thread ends with its worker");
        parts.send(part).map_err(|_| self.end_of(device))
    }

    /// Why the thread of `device` has ended.
    ///
    /// # Panics
    /// With its panic.
    fn end_of(&mut self, device: usize) -> Error {
        let worker = &mut self.workers[device];
        let error = worker.tiles.iter().find_map(Result::err);
        if let Some(Err(panic)) = worker.thread.take().map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
        error.unwrap_or_else(|| Error::gpu(format!("device {device} of the run ended before the others")))
    }
}

impl Compute for Several {
    /// Gives them to the devices that need them.
    fn take(&mut self, at: BatchAt<'_>, fields: Vec<(usize, Option<Field>)>) -> Result<()> {
        let mut parts: Vec<Vec<(usize, Option<Field>)>> = self.workers.iter().map(|_| Vec::new()).collect();
        for (read, (index, field)) in fields.into_iter().enumerate() {
            let needed = at.shares.needed_by(at.number, read);
            self.held.insert(index, needed);
            let devices = (0..parts.len()).filter(|device| needed >> device & 1 == 1);
            let mut rest = devices.peekable();
            let mut field = Some(field);
            while let Some(device) = rest.next() {
                let own = if rest.peek().is_some() { field.clone() } else { field.take() };
                parts[device].push((index, own.flatten()));
            }
        }
        for (device, fields) in parts.into_iter().enumerate().filter(|(_, fields)| !fields.is_empty()) {
            let releases = std::mem::take(&mut self.workers[device].releases);
            self.send(device, Part::Fields { releases, fields })?;
        }
        Ok(())
    }

    fn compute(
        &mut self,
        (at, nth): (BatchAt<'_>, usize),
        group: Group,
        decided: &Decided,
        emit: Emit<'_>,
    ) -> Result<(), Stop<Error>> {
        let device = at.shares.device_of(at.number, nth);
        for field in &group.releases {
            let holders = self.held.remove(field).unwrap_or(0);
            for other in (0..self.workers.len()).filter(|&d| d != device && holders >> d & 1 == 1) {
                self.workers[other].releases.push(*field);
            }
        }
        self.is_draining = false;
        self.expected.extend(group.tiles.iter().map(|_| device));
        self.send(device, Part::Group(group, decided.clone()))?;
        while let Some(tile) = self.next_ready()? {
            emit(tile)?;
        }
        Ok(())
    }

    fn start(&mut self, batch: DecodedBatch) -> Result<Vec<FinishedTile>> {
        self.ask(move |engine| engine.start(batch))
    }

    fn decide(&mut self, sample: Sample, stop: &crate::stop::Stop) -> Result<Option<Decided>> {
        let stop = stop.clone();
        self.ask(move |engine| engine.decide(sample, &|| stop.is_set()))
    }

    fn drain(&mut self) -> Result<Option<FinishedTile>> {
        let Some(&device) = self.expected.front() else { return Ok(None) };
        if !std::mem::replace(&mut self.is_draining, true) {
            for device in 0..self.workers.len() {
                self.send(device, Part::Drain)?;
            }
        }
        let tile = self.workers[device].tiles.recv().map_err(|_| self.end_of(device))??;
        Ok(Some(self.arrived(device, tile)))
    }
}

impl Drop for Several {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            worker.parts = None;
        }
        // A panic was resumed where it was found; of one nobody has seen, a test's output tells.
        self.workers
            .iter_mut()
            .filter_map(|worker| worker.thread.take())
            .for_each(|thread| drop(thread.join()));
    }
}

/// A device's thread: ends with its orders, or with the first failure.
fn drive(mut engine: Engine<GpuBackend>, work: &Receiver<Part>, done: &Sender<Result<FinishedTile>>) {
    // Nobody listens any more when the run has failed elsewhere.
    let mut emit = |tile| -> Result<()> {
        drop(done.send(Ok(tile)));
        Ok(())
    };
    for part in work {
        let done_with = match part {
            Part::Fields { releases, fields } => {
                engine.release(&releases);
                engine.compute(DecodedBatch { fields, groups: Vec::new() }, &Decided::default(), &mut emit)
            }
            Part::Group(group, decided) => {
                engine.compute(DecodedBatch { fields: Vec::new(), groups: vec![group] }, &decided, &mut emit)
            }
            Part::Task(task) => {
                task(&mut engine);
                Ok(())
            }
            Part::Drain => std::iter::from_fn(|| engine.drain().transpose()).try_for_each(|tile| emit(tile?)),
        };
        if let Err(error) = done_with {
            drop(done.send(Err(error)));
            return;
        }
    }
}
