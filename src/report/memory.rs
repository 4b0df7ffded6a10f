//! How much memory the process holds, asked again and again by a thread that does nothing else.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};

use crate::job::memory_bytes;
use crate::timeline::{Bounded, Timeline};

/// Between two samples: asking takes some 30 µs, so 0.1 % of one core.
const INTERVAL: Duration = Duration::from_millis(30);
/// Samples that are kept.
const SAMPLES: usize = 4096;

/// So much was held at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MemorySample {
    /// On the timeline's clock.
    pub nanos: u64,
    /// Resident; of several samples that were merged, the most.
    pub bytes: u64,
}

/// Samples from when it is started to when it is dropped.
#[derive(Debug)]
pub struct MemorySampler {
    samples: Arc<Mutex<Bounded<MemorySample>>>,
    /// Its end ends the thread.
    _goes_on: Sender<()>,
}

impl MemorySampler {
    /// Starts a thread; `None` where the system does not say what is held, or starts none.
    pub fn start(timeline: &Arc<Timeline>) -> Option<Self> {
        memory_bytes()?;
        let (goes_on, stopped) = bounded::<()>(0);
        let merge = |a: &mut MemorySample, b: MemorySample| a.bytes = a.bytes.max(b.bytes);
        let samples = Arc::new(Mutex::new(Bounded::new(SAMPLES, merge)));
        let (timeline, seen) = (timeline.clone(), samples.clone());
        let sample = move || {
            loop {
                if let Some(bytes) = memory_bytes() {
                    let sample = MemorySample { nanos: timeline.now(), bytes };
                    seen.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
                }
                if stopped.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("memory".to_owned()).spawn(sample).ok()?;
        Some(Self { samples, _goes_on: goes_on })
    }

    /// What it saw so far.
    pub fn samples(&self) -> Vec<MemorySample> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).values().to_vec()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::timeline::Detail;

    #[test]
    fn a_buffer_that_is_filled_is_seen() {
        let timeline = Timeline::new(Detail::Spans);
        let sampler = MemorySampler::start(&timeline).unwrap();
        let before = memory_bytes().unwrap();
        let buffer = vec![1_u8; 64 << 20];
        std::thread::sleep(4 * INTERVAL);
        assert!(buffer.iter().all(|&byte| byte == 1));
        let samples = sampler.samples();
        assert!(samples.is_sorted_by_key(|sample| sample.nanos));
        let most = samples.iter().map(|sample| sample.bytes).max().unwrap();
        // Other tests may give memory back meanwhile.
        assert!(most >= before + (32 << 20), "{most} after {before}");
    }
}
