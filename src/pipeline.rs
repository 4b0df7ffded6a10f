//! Stages joined by bounded channels, on named threads, inside one scope. Knows nothing of images.
//!
//! Items leave every stage in the order in which they entered it, whatever the number of workers, so a run is
//! repeatable. What is in flight is bounded: a source or a stage holds at most `depth + 1` items, a pool
//! `workers + depth + 2`.
//!
//! The first stage to fail ends the run: its channels close, its neighbours' `send` and `recv` fail, and they
//! return quietly. A panic in a stage is resumed in the caller. Every thread records when it was not waiting for a
//! neighbour, and with which item: that which it sends next, or else that which it received last.

mod pool;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{Builder, Scope, ScopedJoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use serde::Serialize;

use crate::timeline::{Item, Named, Queue, Row, Stage, Timeline};
use pool::Pool;

/// Why a stage ended early. `?` turns a stage's own error into `Failed`.
#[derive(Debug)]
pub enum Stop<E> {
    /// The stage's own error.
    Failed(E),
    /// A neighbour ended first; the reason is in its own result.
    Closed,
}

impl<E> From<E> for Stop<E> {
    fn from(error: E) -> Self {
        Stop::Failed(error)
    }
}

/// What stages fail with.
pub trait StageError: Send {
    /// The system gave no thread for a stage, because of `reason`.
    fn no_thread(reason: std::io::Error) -> Self;
}

/// What one stage did.
#[derive(Clone, Debug, Serialize)]
pub struct StageTime {
    /// As its threads are called.
    pub name: String,
    /// Threads that do its work.
    pub threads: usize,
    /// Items that left it.
    pub items: u64,
    /// Time not spent waiting for a neighbour, added up over its threads.
    pub work_secs: f64,
}

/// The end of a bounded channel from which the next stage takes.
pub struct Items<T> {
    items: Receiver<T>,
    queue: Arc<Queue>,
}

impl<T> Items<T> {
    /// The next item, and the end of `row`'s work on `last`; `row` is at work then. Who does not have to wait goes on without a
    /// break.
    fn recv(&self, row: &mut Row, last: Option<Item>) -> Option<T> {
        let (item, now) = match self.items.try_recv() {
            Ok(item) => (Some(item), row.go_on(last)),
            Err(_) => {
                row.end(last);
                (self.items.recv().ok(), row.begin())
            }
        };
        self.queue.holds(self.items.len(), now);
        item
    }

    /// The next item, with which the work of `row` begins.
    fn recv_to(&self, row: &mut Row) -> Option<T> {
        let item = self.items.recv().ok()?;
        self.queue.holds(self.items.len(), row.begin());
        Some(item)
    }
}

/// The end into which a stage puts.
struct Place<T> {
    items: Sender<T>,
    queue: Arc<Queue>,
}

impl<T> Place<T> {
    /// Sends `item`, and ends `row`'s work on `done`; `row` is at work then.
    fn pass<E>(&self, row: &mut Row, item: T, done: Option<Item>) -> Result<(), Stop<E>> {
        let now = match self.items.try_send(item) {
            Ok(()) => row.go_on(done),
            Err(refused) => {
                row.end(done);
                self.items.send(refused.into_inner()).map_err(|_| Stop::Closed)?;
                row.begin()
            }
        };
        self.queue.holds(self.items.len(), now);
        Ok(())
    }

    /// Sends `item` from a thread that is not at work.
    fn send<E>(&self, item: T) -> Result<(), Stop<E>> {
        self.items.send(item).map_err(|_| Stop::Closed)?;
        self.queue.holds_now(self.items.len());
        Ok(())
    }
}

/// What the two ends of a one-thread stage share.
struct Worker {
    row: Row,
    received: u64,
    /// The last that was received.
    item: Option<Item>,
}

/// What comes into a stage, in order; it ends when the stage before has ended.
pub struct Input<T> {
    items: Items<T>,
    worker: Rc<RefCell<Worker>>,
}

impl<T: Named> Iterator for Input<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let mut worker = self.worker.borrow_mut();
        let last = worker.item.take();
        let next = self.items.recv(&mut worker.row, last);
        worker.item = next.as_ref().and_then(|item| item.item(worker.received));
        worker.received += u64::from(worker.item.is_some());
        next
    }
}

/// The sending half that a stage's body gets.
pub struct Output<T> {
    place: Place<T>,
    stage: Arc<Stage>,
    worker: Rc<RefCell<Worker>>,
}

impl<T: Named> Output<T> {
    /// Blocks until the next stage has room.
    ///
    /// # Errors
    /// `Closed` when the next stage has ended.
    pub fn send<E>(&self, item: T) -> Result<(), Stop<E>> {
        let row = &mut self.worker.borrow_mut().row;
        let named = item.item(self.stage.items());
        self.stage.count_items(named.is_some().into());
        self.place.pass(row, item, named)
    }
}

type Handle<'scope, E> = ScopedJoinHandle<'scope, Result<(), Stop<E>>>;

/// Spawns stages and, at the end, joins them.
pub struct Pipeline<'scope, 'env, E> {
    scope: &'scope Scope<'scope, 'env>,
    timeline: Arc<Timeline>,
    handles: Vec<Handle<'scope, E>>,
    stages: Vec<(String, usize, Arc<Stage>)>,
    gate: Gate,
    no_thread: Option<std::io::Error>,
}

/// Where threads wait until all are there: none begins what another cannot go on with.
#[derive(Clone)]
struct Gate {
    /// Ends when the gate is opened.
    closed: Receiver<()>,
    /// Whether nothing is to be done behind it.
    is_off: Arc<AtomicBool>,
}

impl Gate {
    /// Waits; whether there is anything to do.
    fn pass(&self) -> bool {
        let _ = self.closed.recv();
        !self.is_off.load(Relaxed)
    }
}

impl<'scope, 'env, E: Send + 'scope> Pipeline<'scope, 'env, E> {
    /// Feeds the items of `items`, in order.
    pub fn source<T, I>(&mut self, name: &str, depth: usize, items: I) -> Items<T>
    where
        T: Send + 'scope,
        I: IntoIterator<Item = T> + Send + 'scope,
    {
        let (place, rx) = self.channel(name, depth);
        self.spawn(name, move || items.into_iter().try_for_each(|item| place.send(item)));
        rx
    }

    /// One thread with a plain loop: `body` gets everything that comes in and may send what it likes, also after
    /// the last item.
    pub fn stage<A, B, F>(&mut self, name: &str, depth: usize, input: Items<A>, body: F) -> Items<B>
    where
        A: Named + Send + 'scope,
        B: Named + Send + 'scope,
        F: FnOnce(Input<A>, &Output<B>) -> Result<(), Stop<E>> + Send + 'scope,
    {
        let (place, rx) = self.channel(name, depth);
        let stage = self.add_stage(name, 1);
        let thread = Thread { stage: stage.clone(), name: name.to_owned() };
        self.spawn(name, move || {
            let worker = thread.work();
            body(Input { items: input, worker: worker.clone() }, &Output { place, stage, worker })
        });
        rx
    }

    /// `workers` threads, one item out for each item in, order kept.
    pub fn pool<A, B, F>(
        &mut self,
        name: &str,
        workers: usize,
        depth: usize,
        input: Items<A>,
        work: F,
    ) -> Items<B>
    where
        A: Named + Send + 'scope,
        B: Send + 'scope,
        F: Fn(A) -> Result<B, E> + Send + Clone + 'scope,
    {
        let (place, rx) = self.channel(name, depth);
        let stage = self.add_stage(name, workers);
        let pool = Arc::new(Pool::new(workers, input, place));
        for n in 0..workers {
            let (pool, work, stage) = (pool.clone(), work.clone(), stage.clone());
            let name = format!("{name}-{n}");
            self.spawn(&name.clone(), move || {
                let _closes = pool.closes();
                let mut row = Row::new(&stage, &name);
                while let Some((number, job)) = pool.take(&mut row) {
                    let item = job.item(number);
                    let result = work(job);
                    stage.count_items(item.is_some().into());
                    row.end(item);
                    pool.put(number, result?)?;
                }
                Ok(())
            });
        }
        rx
    }

    /// The last stage: one thread with a plain loop.
    pub fn sink<A, F>(&mut self, name: &str, input: Items<A>, body: F)
    where
        A: Named + Send + 'scope,
        F: FnOnce(Input<A>) -> Result<(), E> + Send + 'scope,
    {
        let thread = Thread { stage: self.add_stage(name, 1), name: name.to_owned() };
        self.spawn(name, move || {
            let worker = thread.work();
            let result = body(Input { items: input, worker: worker.clone() }).map_err(Stop::Failed);
            thread.stage.count_items(worker.borrow().received);
            result
        });
    }

    fn channel<T>(&self, name: &str, depth: usize) -> (Place<T>, Items<T>) {
        let (tx, rx) = bounded(depth);
        let queue = self.timeline.queue(name, depth);
        (Place { items: tx, queue: queue.clone() }, Items { items: rx, queue })
    }

    fn add_stage(&mut self, name: &str, threads: usize) -> Arc<Stage> {
        let stage = Arc::new(self.timeline.stage(name, threads));
        self.stages.push((name.to_owned(), threads, stage.clone()));
        stage
    }

    fn spawn<F>(&mut self, name: &str, body: F)
    where
        F: FnOnce() -> Result<(), Stop<E>> + Send + 'scope,
    {
        if self.no_thread.is_some() {
            return;
        }
        let gate = self.gate.clone();
        let body = move || if gate.pass() { body() } else { Err(Stop::Closed) };
        match Builder::new().name(name.to_owned()).spawn_scoped(self.scope, body) {
            Ok(handle) => self.handles.push(handle),
            Err(error) => self.no_thread = Some(error),
        }
    }
}

/// What a one-thread stage needs to record itself.
struct Thread {
    stage: Arc<Stage>,
    name: String,
}

impl Thread {
    /// On the thread itself, which works from its first item on.
    fn work(&self) -> Rc<RefCell<Worker>> {
        let row = Row::new(&self.stage, &self.name);
        Rc::new(RefCell::new(Worker { row, received: 0, item: None }))
    }
}

/// Builds a pipeline in `build`, runs it to its end, and says what each stage did, as `timeline`
/// records.
///
/// # Errors
/// The first failure in stage order; [`StageError::no_thread`] where the system gives too few threads: nothing was done then.
///
/// # Panics
/// With the panic of a stage.
pub fn run<'env, E, F>(timeline: &Arc<Timeline>, build: F) -> Result<Vec<StageTime>, E>
where
    E: StageError + 'env,
    F: for<'scope> FnOnce(&mut Pipeline<'scope, 'env, E>),
{
    std::thread::scope(|scope| {
        let (open, closed) = bounded(0);
        let mut pipeline = Pipeline {
            scope,
            timeline: timeline.clone(),
            handles: Vec::new(),
            stages: Vec::new(),
            gate: Gate { closed, is_off: Arc::default() },
            no_thread: None,
        };
        build(&mut pipeline);
        pipeline.gate.is_off.store(pipeline.no_thread.is_some(), Relaxed);
        drop(open);
        let mut failure = pipeline.no_thread.map(E::no_thread);
        for handle in pipeline.handles {
            match handle.join() {
                Ok(Err(Stop::Failed(error))) if failure.is_none() => failure = Some(error),
                Ok(_) => {}
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        match failure {
            Some(error) => Err(error),
            None => Ok(pipeline.stages.into_iter().map(StageTime::from).collect()),
        }
    })
}

impl From<(String, usize, Arc<Stage>)> for StageTime {
    fn from((name, threads, stage): (String, usize, Arc<Stage>)) -> Self {
        let work_secs = Duration::from_nanos(stage.work_nanos()).as_secs_f64();
        Self { name, threads, items: stage.items(), work_secs }
    }
}

#[cfg(test)]
mod tests;
