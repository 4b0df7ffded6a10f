//! Threads, of which a system may give fewer than are asked for: batch jobs, containers and login nodes have limits. Then the
//! program goes on with fewer, or says what it needs.

use std::fmt::Display;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};
use rayon::{ThreadBuilder, ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};
use crate::pipeline::StageError;

/// The system gives no thread more, because of `reason`.
pub fn refused(reason: &impl Display) -> Error {
    Error::Threads { reason: reason.to_string() }
}

impl StageError for Error {
    fn no_thread(reason: io::Error) -> Self {
        refused(&reason)
    }
}

/// Starts `work` on a thread of `scope` that is called `name`.
///
/// # Errors
/// `Threads` where the system gives none; `work` is dropped then.
pub fn spawn_in<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>> {
    Builder::new().name(name.to_owned()).spawn_scoped(scope, work).map_err(|error| refused(&error))
}

/// Whether the system gives `count` threads at a time: for crates that end with a panic where it does not.
///
/// # Errors
/// `Threads` where it does not.
pub fn check(count: usize) -> Result<()> {
    std::thread::scope(|scope| {
        let (hold, held) = bounded::<()>(0);
        let spawn = |_| {
            let held = held.clone();
            let wait = move || {
                let _ = held.recv();
            };
            spawn_in(scope, "check", wait).map(drop)
        };
        let given = (0..count).try_for_each(spawn);
        drop(hold);
        given
    })
}

/// `count` threads that share their work, called `name-0`, `name-1` …; fewer where the system gives no more.
///
/// # Errors
/// `Threads` where it gives none.
pub fn pool(count: usize, name: &str) -> Result<ThreadPool> {
    let (count, threads) = waiting(count, name, spawn)?;
    let pool = ThreadPoolBuilder::new().num_threads(count).spawn_handler(|thread| give(&threads, thread));
    pool.build().map_err(|error| refused(&error))
}

/// Makes the threads that the crates of the processor share, up to `count`; the first call counts.
///
/// # Errors
/// `Threads` where the system gives none.
pub fn make_shared(count: usize) -> Result<()> {
    static MADE: Mutex<bool> = Mutex::new(false);
    let mut is_made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if !*is_made {
        // Their crate tries once, and gives up with a panic later.
        let (count, threads) = waiting(count, "shared", spawn)?;
        let pool = ThreadPoolBuilder::new().num_threads(count).spawn_handler(|thread| give(&threads, thread));
        // Who uses this library may have made them.
        let _ = pool.build_global();
        *is_made = true;
    }
    Ok(())
}

/// What a thread of a pool does.
type Work = Receiver<ThreadBuilder>;

/// As many threads as `spawn` gives, `count` at most, each of which waits for what a pool wants of it.
fn waiting(
    count: usize,
    name: &str,
    spawn: impl Fn(String, Work) -> io::Result<()>,
) -> Result<(usize, Sender<ThreadBuilder>)> {
    let (threads, work) = bounded(count.max(1));
    for number in 0..count.max(1) {
        match spawn(format!("{name}-{number}"), work.clone()) {
            Ok(()) => {}
            Err(error) if number == 0 => return Err(refused(&error)),
            Err(_) => return Ok((number, threads)),
        }
    }
    Ok((count.max(1), threads))
}

fn spawn(name: String, work: Work) -> io::Result<()> {
    let run = move || {
        if let Ok(thread) = work.recv() {
            thread.run();
        }
    };
    Builder::new().name(name).spawn(run).map(drop)
}

fn give(threads: &Sender<ThreadBuilder>, thread: ThreadBuilder) -> io::Result<()> {
    threads.send(thread).map_err(|_| io::ErrorKind::WouldBlock.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn fewer_threads_are_taken_before_none() {
        let at_most = |most: usize| {
            let given = Cell::new(0);
            waiting(13, "some", |_, _| {
                given.set(given.get() + 1);
                if given.get() > most { Err(io::Error::from_raw_os_error(11)) } else { Ok(()) }
            })
        };
        assert_eq!(at_most(13).unwrap().0, 13);
        assert_eq!(at_most(5).unwrap().0, 5);
        let text = at_most(0).unwrap_err().to_string();
        assert!(text.contains("os error 11") && text.contains("--threads"), "{text}");
    }

    #[test]
    fn threads_that_are_given_work() {
        check(3).unwrap();
        let pool = pool(2, "two").unwrap();
        assert_eq!(pool.current_num_threads(), 2);
        let named = pool.broadcast(|_| std::thread::current().name().map(str::to_owned));
        assert!(
            named.iter().all(|name| name.as_deref().is_some_and(|name| name.starts_with("two-"))),
            "{named:?}"
        );
        make_shared(1).unwrap();
        let name = std::thread::scope(|scope| {
            spawn_in(scope, "named", || std::thread::current().name().map(str::to_owned)).unwrap().join()
        });
        assert_eq!(name.unwrap().as_deref(), Some("named"));
    }
}
