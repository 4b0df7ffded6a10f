//! Stages joined by bounded channels, on named threads, inside one scope. Knows nothing of images.
//!
//! Items leave every stage in the order in which they entered it, whatever the number of workers, so a run is
//! repeatable. What is in flight is bounded: a source or a stage holds at most `depth + 1` items, a pool
//! `workers + depth + 2`.
//!
//! The first stage to fail ends the run: its channels close, its neighbours' `send` and `recv` fail, and they
//! return quietly. A panic in a stage is resumed in the caller. Every stage counts the time that its threads were
//! not waiting for a neighbour.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use serde::Serialize;

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
    pub busy_secs: f64,
}

#[derive(Default)]
struct Clock {
    busy_nanos: AtomicU64,
    items: AtomicU64,
}

impl Clock {
    fn add(&self, busy: Duration) {
        self.busy_nanos.fetch_add(busy.as_nanos() as u64, Ordering::Relaxed);
    }

    /// Runs `wait`, which blocks on a neighbour, and takes its time off this thread's account.
    fn waiting<T>(&self, wait: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = wait();
        self.busy_nanos.fetch_sub(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        result
    }
}

/// What comes into a stage, in order; it ends when the stage before has ended.
pub struct Input<T> {
    items: Receiver<T>,
    clock: Arc<Clock>,
}

impl<T> Iterator for Input<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.clock.waiting(|| self.items.recv().ok())
    }
}

/// The sending half that a stage's body gets.
pub struct Output<T> {
    items: Sender<T>,
    clock: Arc<Clock>,
}

impl<T> Output<T> {
    /// Blocks until the next stage has room.
    ///
    /// # Errors
    /// `Closed` when the next stage has ended.
    pub fn send<E>(&self, item: T) -> Result<(), Stop<E>> {
        self.clock.items.fetch_add(1, Ordering::Relaxed);
        self.clock.waiting(|| self.items.send(item)).map_err(|_| Stop::Closed)
    }
}

type Handle<'scope, E> = ScopedJoinHandle<'scope, Result<(), Stop<E>>>;

struct Stage {
    name: String,
    threads: usize,
    clock: Arc<Clock>,
}

/// Spawns stages and, at the end, joins them.
pub struct Pipeline<'scope, 'env, E> {
    scope: &'scope Scope<'scope, 'env>,
    handles: Vec<Handle<'scope, E>>,
    stages: Vec<Stage>,
}

impl<'scope, 'env, E: Send + 'scope> Pipeline<'scope, 'env, E> {
    /// Feeds the items of `items`, in order.
    pub fn source<T, I>(&mut self, name: &str, depth: usize, items: I) -> Receiver<T>
    where
        T: Send + 'scope,
        I: IntoIterator<Item = T> + Send + 'scope,
    {
        let (tx, rx) = bounded(depth);
        self.spawn(name, move || {
            for item in items {
                tx.send(item).map_err(|_| Stop::Closed)?;
            }
            Ok(())
        });
        rx
    }

    /// One thread with a plain loop: `body` gets everything that comes in and may send what it likes, also after
    /// the last item.
    pub fn stage<A, B, F>(&mut self, name: &str, depth: usize, input: Receiver<A>, body: F) -> Receiver<B>
    where
        A: Send + 'scope,
        B: Send + 'scope,
        F: FnOnce(Input<A>, &Output<B>) -> Result<(), Stop<E>> + Send + 'scope,
    {
        let (tx, rx) = bounded(depth);
        let clock = self.clock(name, 1);
        self.spawn(name, move || {
            let input = Input { items: input, clock: clock.clone() };
            timed(&clock.clone(), || body(input, &Output { items: tx, clock }))
        });
        rx
    }

    /// `workers` threads, one item out for each item in, order kept.
    pub fn pool<A, B, F>(
        &mut self,
        name: &str,
        workers: usize,
        depth: usize,
        input: Receiver<A>,
        work: F,
    ) -> Receiver<B>
    where
        A: Send + 'scope,
        B: Send + 'scope,
        F: Fn(A) -> Result<B, E> + Send + Clone + 'scope,
    {
        // Each job carries a one-slot channel for its result; the receiving halves travel down `tickets` in input
        // order, so the collector reads results in input order.
        let (job_tx, jobs) = bounded::<(A, Sender<B>)>(0);
        let (ticket_tx, tickets) = bounded::<Receiver<B>>(workers);
        let (tx, rx) = bounded(depth);
        let clock = self.clock(name, workers);
        self.spawn(&format!("{name}-in"), move || {
            for item in input {
                let (slot, ticket) = bounded(1);
                ticket_tx.send(ticket).map_err(|_| Stop::Closed)?;
                job_tx.send((item, slot)).map_err(|_| Stop::Closed)?;
            }
            Ok(())
        });
        for n in 0..workers {
            let (jobs, work, clock) = (jobs.clone(), work.clone(), clock.clone());
            self.spawn(&format!("{name}-{n}"), move || {
                for (item, slot) in jobs {
                    let result = timed(&clock, || work(item)).map_err(Stop::Failed)?;
                    clock.items.fetch_add(1, Ordering::Relaxed);
                    slot.send(result).map_err(|_| Stop::Closed)?;
                }
                Ok(())
            });
        }
        self.spawn(&format!("{name}-out"), move || {
            for ticket in tickets {
                let result = ticket.recv().map_err(|_| Stop::Closed)?;
                tx.send(result).map_err(|_| Stop::Closed)?;
            }
            Ok(())
        });
        rx
    }

    /// The last stage: one thread with a plain loop.
    pub fn sink<A, F>(&mut self, name: &str, input: Receiver<A>, body: F)
    where
        A: Send + 'scope,
        F: FnOnce(Input<A>) -> Result<(), E> + Send + 'scope,
    {
        let clock = self.clock(name, 1);
        self.spawn(name, move || {
            let input = Input { items: input, clock: clock.clone() };
            timed(&clock, || body(input)).map_err(Stop::Failed)
        });
    }

    fn clock(&mut self, name: &str, threads: usize) -> Arc<Clock> {
        let clock = Arc::new(Clock::default());
        self.stages.push(Stage { name: name.to_owned(), threads, clock: clock.clone() });
        clock
    }

    fn spawn<F>(&mut self, name: &str, body: F)
    where
        F: FnOnce() -> Result<(), Stop<E>> + Send + 'scope,
    {
        let thread = Builder::new().name(name.to_owned());
        self.handles.push(thread.spawn_scoped(self.scope, body).expect("the system starts a thread"));
    }
}

/// Adds the time of `work` to `clock`; [`Clock::waiting`] takes waits off again.
fn timed<T>(clock: &Clock, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    clock.add(start.elapsed());
    result
}

/// Builds a pipeline in `build`, runs it to its end, and says what each stage did.
///
/// # Errors
/// The first failure in stage order.
///
/// # Panics
/// With the panic of a stage.
pub fn run<'env, E, F>(build: F) -> Result<Vec<StageTime>, E>
where
    E: Send + 'env,
    F: for<'scope> FnOnce(&mut Pipeline<'scope, 'env, E>),
{
    std::thread::scope(|scope| {
        let mut pipeline = Pipeline { scope, handles: Vec::new(), stages: Vec::new() };
        build(&mut pipeline);
        let mut failure = None;
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

impl From<Stage> for StageTime {
    fn from(Stage { name, threads, clock }: Stage) -> Self {
        let busy = Duration::from_nanos(clock.busy_nanos.load(Ordering::Relaxed));
        let items = clock.items.load(Ordering::Relaxed);
        Self { name, threads, items, busy_secs: busy.as_secs_f64() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn a_pool_keeps_order() {
        let mut seen = Vec::new();
        let sink = &mut seen;
        run::<(), _>(|p| {
            let numbers = p.source("numbers", 2, 0..500_u64);
            let squares = p.pool("square", 8, 2, numbers, |n| {
                std::thread::sleep(Duration::from_micros(n * 37 % 200));
                Ok(n * n)
            });
            p.sink("collect", squares, |squares| {
                sink.extend(squares);
                Ok(())
            });
        })
        .unwrap();
        assert_eq!(seen, (0..500).map(|n| n * n).collect::<Vec<u64>>());
    }

    #[test]
    fn a_slow_sink_bounds_what_is_in_flight() {
        let (live, peak) = (&AtomicUsize::new(0), &AtomicUsize::new(0));
        let count = move |n| {
            peak.fetch_max(live.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            n
        };
        run::<(), _>(|p| {
            let made = p.source("make", 2, (0..200).map(count));
            let worked = p.pool("work", 4, 2, made, |n: u32| Ok(n));
            p.sink("slow", worked, |items| {
                for _ in items {
                    std::thread::sleep(Duration::from_millis(1));
                    live.fetch_sub(1, Ordering::SeqCst);
                }
                Ok(())
            });
        })
        .unwrap();
        // Source: depth + 1; pool: workers + depth + 2; sink: 1.
        assert!(peak.load(Ordering::SeqCst) <= (2 + 1) + (4 + 2 + 2) + 1);
    }

    #[test]
    fn the_first_error_ends_the_run() {
        for failing in ["pool", "stage", "sink"] {
            let fails = move |here: &str, n: u32| {
                if here == failing && n == 77 { Err(format!("{here} {n}")) } else { Ok(n) }
            };
            let result = run::<String, _>(|p| {
                let numbers = p.source("numbers", 2, 0..10_000_u32);
                let a = p.pool("pool", 4, 2, numbers, move |n| fails("pool", n));
                let b = p.stage("stage", 2, a, move |numbers, out| {
                    for n in numbers {
                        out.send(fails("stage", n)?)?;
                    }
                    Ok(())
                });
                p.sink("sink", b, move |mut numbers| numbers.try_for_each(|n| fails("sink", n).map(drop)));
            });
            assert_eq!(result.unwrap_err(), format!("{failing} 77"));
        }
    }

    #[test]
    #[should_panic(expected = "boom")]
    fn a_panic_reaches_the_caller() {
        let _ = run::<(), _>(|p| {
            let numbers = p.source("numbers", 2, 0..100_u32);
            p.sink(
                "sink",
                numbers,
                |mut numbers| if numbers.any(|n| n == 7) { panic!("boom") } else { Ok(()) },
            );
        });
    }

    #[test]
    fn waiting_is_not_work() {
        let nap = Duration::from_millis(20);
        let times = run::<(), _>(|p| {
            let numbers = p.source("numbers", 0, 0..5_u32);
            let slow = p.pool("slow", 1, 0, numbers, move |n| {
                std::thread::sleep(nap);
                Ok(n)
            });
            p.sink("idle", slow, |items| {
                items.for_each(drop);
                Ok(())
            });
        })
        .unwrap();
        let busy: Vec<_> = times.iter().map(|t| (t.name.as_str(), t.busy_secs)).collect();
        assert!(busy[0].0 == "slow" && busy[0].1 >= 5.0 * nap.as_secs_f64(), "{busy:?}");
        assert!(busy[1].0 == "idle" && busy[1].1 < busy[0].1 / 2.0, "{busy:?}");
        assert_eq!(times[0].items, 5);
    }
}
