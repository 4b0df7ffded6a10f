//! Pipelines of naps, whose times are known from below: a machine may be slow, but never early.

use std::time::Duration;

use super::*;
use crate::pipeline;

const NAP: Duration = Duration::from_millis(10);

/// Two naps in a pool of two and one in a stage for each of `count` items.
fn nap(timeline: &Arc<Timeline>, count: u64) {
    pipeline::run::<(), _>(timeline, |p| {
        let numbers = p.source("numbers", 0, 0..count);
        let pooled = p.pool("pool", 2, 1, numbers, |n: u64| {
            std::thread::sleep(NAP);
            Ok(n)
        });
        p.sink("last", pooled, |numbers| {
            numbers.for_each(|_| std::thread::sleep(NAP));
            Ok(())
        });
    })
    .unwrap();
}

#[test]
fn the_metrics_are_those_of_the_intervals() {
    let timeline = Timeline::new(Detail::Spans);
    timeline.begin();
    nap(&timeline, 10);
    let metrics = timeline.metrics();
    let nap = NAP.as_secs_f64();
    let [pool, last] = &metrics.stages[..] else { panic!("two stages: {metrics:?}") };
    assert_eq!((&*pool.name, pool.threads, pool.items, &*last.name), ("pool", 2, 10, "last"));
    assert!(pool.work_secs >= 10.0 * nap && last.busy_secs >= 10.0 * nap);
    assert!(pool.busy_secs <= pool.work_secs && pool.busy_secs >= pool.work_secs / 2.0, "{pool:?}");
    assert!((last.busy_secs - last.work_secs).abs() < 1e-9, "one thread: the union is the sum");
    assert_eq!(metrics.busiest.as_deref(), Some("last"));
    assert!(metrics.fill_secs >= nap, "the first item took a nap in the pool");
    assert!(metrics.overlap_efficiency_at_most <= 1.0 && metrics.hidden_fraction.unwrap() <= 1.0);

    // The same from the intervals themselves.
    let rows = timeline.rows();
    let names: Vec<&str> = rows.iter().map(|row| &*row.name).collect();
    assert_eq!(names, ["pool-0", "pool-1", "last"]);
    let sum = |row: &ThreadRow| row.spans.iter().map(|span| span.busy_nanos).sum::<u64>();
    assert!(rows.iter().all(|row| sum(row) == row.busy_nanos));
    assert!((secs(sum(&rows[0]) + sum(&rows[1])) - pool.work_secs).abs() < 1e-9);
    for row in &rows {
        let spans = &row.spans;
        assert!(spans.is_sorted_by(|a, b| a.end_nanos <= b.start_nanos), "{} overlaps itself", row.name);
    }
    let items = rows[2].spans.iter().filter_map(|span| span.item);
    assert_eq!(items.map(|item| item.number).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
}

fn secs(nanos: u64) -> f64 {
    nanos as f64 * 1e-9
}

#[test]
fn what_a_device_worked_is_not_the_work_of_the_stage_that_waits_for_it() {
    // `device` gets the seconds of both stages, however long a busy machine makes them.
    let own_of = |device: fn(f64, f64) -> f64| {
        let timeline = Timeline::new(Detail::Sums);
        timeline.begin();
        let stages = ["compute", "other"].map(|name| Arc::new(timeline.stage(name, 1)));
        let mut rows = stages.each_ref().map(|stage| Row::new(stage, "a thread"));
        rows[0].begin();
        rows[1].begin();
        std::thread::sleep(NAP);
        let [compute, other] = rows;
        drop(other);
        drop(compute);
        let stages = timeline.metrics().stages;
        let worked = Duration::from_secs_f64(device(stages[0].work_secs, stages[1].work_secs));
        let origin = timeline.origin();
        DeviceRow::new(&timeline, "a GPU").add(origin..origin + worked, None);
        let metrics = timeline.metrics();
        (metrics.stages[0].work_secs - metrics.stages[0].own_secs, metrics.busiest.unwrap())
    };
    assert!((own_of(|_, _| 0.001).0 - 0.001).abs() < 1e-9);
    // Its own work; that of the other stage; that of the device, more than any stage's.
    assert_eq!(own_of(|_, _| 0.0).1, "compute");
    assert_eq!(own_of(|compute, _| compute / 2.0).1, "other");
    assert_eq!(own_of(|compute, _| compute + 60.0).1, "compute");
}

#[test]
fn pipelines_that_follow_each_other_share_rows() {
    let timeline = Timeline::new(Detail::Spans);
    nap(&timeline, 3);
    nap(&timeline, 4);
    let count = |row: &ThreadRow| row.spans.iter().filter(|span| span.item.is_some()).count();
    assert_eq!(timeline.rows().iter().map(count).sum::<usize>(), 14);
    assert_eq!(timeline.rows().len(), 3);
}

#[test]
fn what_is_under_way_counts_up_to_now() {
    let timeline = Timeline::new(Detail::Spans);
    timeline.begin();
    let stage = Arc::new(timeline.stage("stage", 1));
    let mut row = Row::new(&stage, "stage");
    let log = timeline.requests();
    let file = log.file("a file");
    row.begin();
    let (metrics, seen, list) = log
        .opens::<_, ()>(file, || {
            log.time(file, 7..9, || {
                std::thread::sleep(NAP);
                Ok((timeline.metrics(), timeline.rows(), log.list().0))
            })
        })
        .unwrap();
    let nap = NAP.as_secs_f64();
    let worked = &metrics.stages[0];
    assert!(worked.work_secs >= nap && worked.busy_secs >= nap && worked.last_secs >= nap, "{worked:?}");
    assert_eq!((seen[0].spans.len(), seen[0].spans[0].has_ended), (1, false));
    assert!(seen[0].busy_nanos >= NAP.as_nanos() as u64);
    assert!(metrics.requests.busy_secs >= nap && metrics.requests.requests == 0);
    assert!(
        list.len() == 1 && list[0].failed && list[0].end_nanos - list[0].start_nanos >= NAP.as_nanos() as u64
    );
    row.end(None);
    assert!(timeline.rows()[0].spans[0].has_ended && timeline.rows()[0].spans.len() == 1);
    assert!(!log.list().0[0].failed);
}

#[test]
fn who_goes_on_without_a_wait_has_two_intervals_that_touch() {
    let timeline = Timeline::new(Detail::Spans);
    let stage = Arc::new(timeline.stage("stage", 1));
    let mut row = Row::new(&stage, "stage");
    let item = |number| Some(Item { what: "tile", number, group: 0 });
    // As it begins.
    row.go_on(None);
    let [first, second] = [0, 1].map(|number| {
        std::thread::sleep(NAP);
        row.go_on(item(number))
    });
    row.end(None);
    let spans = &timeline.rows()[0].spans;
    assert_eq!(spans.iter().map(|span| span.item).collect::<Vec<_>>(), [item(0), item(1), None]);
    assert_eq!([spans[0].end_nanos, spans[1].start_nanos, spans[1].end_nanos], [first, first, second]);
    let metrics = timeline.metrics();
    let whole = secs(spans[2].end_nanos - spans[0].start_nanos);
    assert!((metrics.stages[0].work_secs - whole).abs() < 1e-9, "{metrics:?} for {whole} s");
    assert!((metrics.stages[0].busy_secs - whole).abs() < 1e-9, "{metrics:?} for {whole} s");
}

#[test]
fn pipelines_that_follow_each_other_share_sums() {
    let timeline = Timeline::new(Detail::Sums);
    timeline.begin();
    nap(&timeline, 3);
    nap(&timeline, 4);
    let metrics = timeline.metrics();
    assert_eq!((metrics.stages.len(), metrics.stages[0].items), (2, 7));
    assert!(metrics.stages.iter().all(|stage| stage.work_secs >= 7.0 * NAP.as_secs_f64()), "{metrics:?}");
    assert!(timeline.rows().is_empty(), "sums only");
    assert!(
        metrics
            .queues
            .iter()
            .all(|queue| queue.empty_share + queue.full_share <= 1.0 + 1e-9 || queue.capacity == 0)
    );
}

#[test]
fn requests_count_from_the_beginning_and_failures_bring_nothing() {
    let timeline = Timeline::new(Detail::Spans);
    let log = timeline.requests();
    let file = log.file("a file");
    let ask = |offset, length, result: Result<(), ()>| {
        let asked = log.time(file, offset..offset + length, || {
            std::thread::sleep(NAP);
            result
        });
        assert_eq!(asked, result);
    };
    ask(0, 512, Ok(()));
    timeline.begin();
    ask(4096, 1000, Err(()));
    ask(4096, 1000, Ok(()));
    let metrics = timeline.metrics().requests;
    assert_eq!((metrics.requests, metrics.failed, metrics.bytes), (2, 1, 1000));
    assert!(metrics.busy_secs >= 2.0 * NAP.as_secs_f64() && metrics.mean_in_flight == Some(1.0));
    assert!(metrics.p50_secs.unwrap() >= NAP.as_secs_f64() && metrics.p50_secs <= metrics.most_secs);
    let (list, every) = log.list();
    assert_eq!((list.len(), every), (3, 1), "the list has what came before, too");
    assert!(list[1].failed && list[1].offset == 4096 && list[0].end_nanos <= timeline.began_nanos());
}
