//! Intervals of a device, which has a clock of its own.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::row::Live;
use super::{Item, Span, Timeline};

/// When a device was busy, told by whoever drives it, in the order of its work. A device works on one thing at a time:
/// an interval that begins before the last one has ended begins when that ends.
#[derive(Debug)]
pub struct DeviceRow {
    timeline: Arc<Timeline>,
    last_nanos: u64,
    live: Arc<Live>,
}

impl DeviceRow {
    /// For the device `name`.
    pub fn new(timeline: &Arc<Timeline>, name: &str) -> Self {
        let live = Live::among(&mut timeline.known().devices, name, name);
        Self { timeline: timeline.clone(), last_nanos: live.last_nanos(), live }
    }

    /// It worked on `item` in this time.
    pub fn add(&mut self, time: Range<Instant>, item: Option<Item>) {
        let nanos = |at: Instant| at.saturating_duration_since(self.timeline.origin).as_nanos() as u64;
        let start = nanos(time.start).max(self.last_nanos);
        let end = nanos(time.end).max(start);
        self.last_nanos = end;
        self.live.add(Span::new(start, end, item), self.timeline.detail);
    }
}

/// Which instant a tick of a device's clock is.
///
/// Work cannot begin before it was submitted, nor end after its end was seen: each submission bounds the difference of
/// the two clocks from both sides, and the middle of what all allow is taken. A submission to an idle device, whose end
/// is waited for, bounds it to some ten microseconds. Clocks drift: when a submission contradicts the earlier ones, they
/// are forgotten.
#[derive(Debug)]
pub struct DeviceClock {
    origin: Instant,
    nanos_per_tick: f64,
    /// Of the host's nanoseconds from `origin` less the device's.
    difference: Option<Range<f64>>,
}

impl DeviceClock {
    /// A clock whose tick lasts `nanos_per_tick`, with any beginning.
    pub fn new(nanos_per_tick: f64) -> Self {
        Self { origin: Instant::now(), nanos_per_tick, difference: None }
    }

    /// Work that was submitted at `submitted` took place in `ticks`, and was seen to have ended at `seen`.
    pub fn observe(&mut self, submitted: Instant, ticks: Range<u64>, seen: Instant) {
        let host = |at: Instant| at.saturating_duration_since(self.origin).as_nanos() as f64;
        let least = host(submitted) - ticks.start as f64 * self.nanos_per_tick;
        let most = host(seen) - ticks.end as f64 * self.nanos_per_tick;
        let narrowed = self.difference.take().map(|old| old.start.max(least)..old.end.min(most));
        self.difference = Some(narrowed.filter(|both| both.start <= both.end).unwrap_or(least..most));
    }

    /// The instant of `tick`; `None` before anything was observed.
    pub fn instant(&self, tick: u64) -> Option<Instant> {
        let difference = self.difference.as_ref()?;
        let nanos = tick as f64 * self.nanos_per_tick + (difference.start + difference.end) / 2.0;
        Some(self.origin + Duration::from_nanos(nanos.max(0.0) as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::Detail;

    #[test]
    fn a_clock_of_another_beginning_and_another_tick_is_found() {
        let mut clock = DeviceClock::new(40.0);
        assert_eq!(clock.instant(5), None);
        let origin = clock.origin;
        let host = |micros: u64| origin + Duration::from_micros(micros);
        // The device's tick 1 000 000 is the host's microsecond 500; 25 ticks are a microsecond.
        let tick = |micros: u64| 1_000_000 + (micros - 500) * 25;
        clock.observe(host(900), tick(1000)..tick(2000), host(2500));
        clock.observe(host(2600), tick(2605)..tick(3000), host(3005));
        let found = clock.instant(tick(2800)).unwrap();
        assert_eq!(found.duration_since(origin).as_micros(), 2800, "5 µs of slack on either side");

        // A minute later the device's clock is a millisecond behind.
        let minute = 60_000_000;
        clock.observe(host(minute), tick(minute - 998)..tick(minute + 10), host(minute + 1012));
        let found = clock.instant(tick(minute)).unwrap().duration_since(origin).as_micros() as i64;
        assert!((found - (minute as i64 + 1000)).abs() <= 2, "{found}");
    }

    #[test]
    fn intervals_that_overlap_count_once() {
        let timeline = Timeline::new(Detail::Spans);
        let at = |millis| timeline.origin() + Duration::from_millis(millis);
        let mut row = DeviceRow::new(&timeline, "GPU");
        row.add(at(1)..at(4), Some(Item { what: "tile", number: 0, group: 0 }));
        row.add(at(3)..at(5), None);
        drop(row);
        let device = &timeline.devices()[0];
        assert_eq!((device.busy_nanos, device.spans.len()), (4_000_000, 2));
        assert_eq!(device.spans[1].start_nanos, 4_000_000);
    }
}
