//! What it costs to record: `cargo bench --bench recording`, half a minute. A run records four intervals and some eight changes of
//! queues a tile.

use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};
use decon_gpu::timeline::{Detail, Item, Row, Timeline};

fn recording(criterion: &mut Criterion) {
    for (detail, name) in [(Detail::Sums, "sums"), (Detail::Spans, "spans")] {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(50).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
        with(&mut group, &Timeline::new(detail));
        group.finish();
    }
}

fn with(group: &mut BenchmarkGroup<'_, WallTime>, timeline: &Arc<Timeline>) {
    let stage = Arc::new(timeline.stage("stage", 1));
    let mut row = Row::new(&stage, "stage");
    let item = Some(Item { what: "tile", number: 7, group: 0 });
    group.bench_function("an interval after a wait", |b| {
        b.iter(|| {
            row.begin();
            row.end(item);
        });
    });
    group.bench_function("an interval without one", |b| b.iter(|| row.go_on(item)));
    row.end(None);
    let queue = timeline.queue("stage", 4);
    let mut items = 0;
    group.bench_function("a change of a queue", |b| {
        b.iter(|| {
            items = (items + 1) % 4;
            queue.holds_now(items);
        });
    });
    group.bench_function("a change of a queue at a known time", |b| {
        b.iter(|| {
            items = (items + 1) % 4;
            queue.holds(items, 0);
        });
    });
    group.bench_function("the clock", |b| b.iter(|| timeline.now()));
}

criterion_group!(benches, recording);
criterion_main!(benches);
