//! Order, bounds, ends; and that waiting is not work.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::timeline::Detail;

impl StageError for () {
    fn no_thread(_: std::io::Error) -> Self {}
}

impl StageError for String {
    fn no_thread(reason: std::io::Error) -> Self {
        reason.to_string()
    }
}

impl Named for u32 {
    fn item(&self, nth: u64) -> Option<Item> {
        Some(Item { what: "number", number: nth, group: 0 })
    }
}

impl Named for u64 {
    fn item(&self, nth: u64) -> Option<Item> {
        Some(Item { what: "number", number: nth, group: 0 })
    }
}

fn run<'env, E, F>(build: F) -> Result<Vec<StageTime>, E>
where
    E: StageError + 'env,
    F: for<'scope> FnOnce(&mut Pipeline<'scope, 'env, E>),
{
    super::run(&Timeline::new(Detail::Sums), build)
}

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
        p.sink("sink", numbers, |mut numbers| if numbers.any(|n| n == 7) { panic!("boom") } else { Ok(()) });
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
    let busy: Vec<_> = times.iter().map(|t| (t.name.as_str(), t.work_secs)).collect();
    assert!(busy[0].0 == "slow" && busy[0].1 >= 5.0 * nap.as_secs_f64(), "{busy:?}");
    assert!(busy[1].0 == "idle" && busy[1].1 < busy[0].1 / 2.0, "{busy:?}");
    assert_eq!(times[0].items, 5);
}
