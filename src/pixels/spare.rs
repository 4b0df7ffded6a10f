//! Buffers that are used again, so that the steady state of a run asks the system for no memory: a fresh buffer of
//! 8 MiB costs 2048 page faults and its zeroing, about as much as reading it from the system's cache.
//!
//! There are never more spare and used buffers together than were used at once before, so what the plan says of
//! memory holds.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{SampleType, Samples};

static SPARES: Mutex<Spares> = Mutex::new(Spares { buffers: Vec::new(), lent: BTreeSet::new() });

struct Spares {
    buffers: Vec<Samples>,
    /// Where the buffers are that were asked for and have not come back. Others are not kept: nobody would take them, and
    /// there would be more and more.
    lent: BTreeSet<usize>,
}

impl Spares {
    /// Keeps what was lent; gives back what was not, to be dropped.
    fn take_back(&mut self, samples: Samples) -> Result<(), Samples> {
        if !self.lent.remove(&samples.address()) {
            return Err(samples);
        }
        self.buffers.push(samples);
        Ok(())
    }
}

fn spares() -> MutexGuard<'static, Spares> {
    SPARES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Smaller buffers come from the allocator as fast.
const SMALLEST: usize = 128 << 10;
/// Buffers are made in steps of so many bytes, so that requests of slightly different lengths share them.
const STEP: usize = 256 << 10;

impl Samples {
    /// `count` samples of any value: the caller writes all of them.
    pub fn unset(kind: SampleType, count: usize) -> Self {
        if count * kind.bytes() < SMALLEST {
            return Self::zeros(kind, count);
        }
        let spare = take(&mut spares().buffers, kind, count);
        let mut samples = spare.unwrap_or_else(|| {
            let most = (count * kind.bytes()).next_multiple_of(STEP) / kind.bytes();
            Self::zeros(kind, most)
        });
        samples.set_len(count);
        spares().lent.insert(samples.address());
        samples
    }

    /// Gives the buffer to whoever next asks for [`Samples::unset`], if it came from there.
    pub fn recycle(self) {
        if self.capacity() * self.kind().bytes() >= SMALLEST {
            let other = spares().take_back(self);
            // Not while the spares are locked: the system takes its time.
            drop(other);
        }
    }

    /// Gives the memory of all spare buffers back.
    pub fn forget_spares() {
        let buffers = std::mem::take(&mut spares().buffers);
        drop(buffers);
    }

    fn address(&self) -> usize {
        self.as_bytes().as_ptr().addr()
    }

    fn capacity(&self) -> usize {
        match self {
            Self::U8(v) => v.capacity(),
            Self::U16(v) => v.capacity(),
            Self::F32(v) => v.capacity(),
        }
    }

    /// `count` is at most the capacity; what is new is zero.
    fn set_len(&mut self, count: usize) {
        match self {
            Self::U8(v) => v.resize(count, 0),
            Self::U16(v) => v.resize(count, 0),
            Self::F32(v) => v.resize(count, 0.0),
        }
    }
}

/// The smallest spare that is large enough and not twice too large. Where there is none, one of the kind is given
/// up for the buffer that will be made.
fn take(spares: &mut Vec<Samples>, kind: SampleType, count: usize) -> Option<Samples> {
    // From the last that came back: it may still be in the processor's cache.
    let of_kind = || spares.iter().enumerate().rev().filter(|(_, spare)| spare.kind() == kind);
    let fits = |capacity: usize| capacity >= count && capacity <= 2 * count.max(STEP / kind.bytes());
    let best = of_kind().filter(|(_, spare)| fits(spare.capacity())).min_by_key(|(_, s)| s.capacity());
    let best = best.map(|(i, _)| i);
    let given_up = of_kind().next_back().map(|(i, _)| i);
    match best {
        Some(i) => Some(spares.swap_remove(i)),
        None => {
            given_up.map(|i| spares.swap_remove(i));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(capacity: usize) -> Samples {
        Samples::U8(Vec::with_capacity(capacity))
    }

    #[test]
    fn the_smallest_that_fits_is_taken() {
        let mut spares = vec![bytes(900_000), bytes(600_000), bytes(700_000), Samples::U16(vec![0; 650_000])];
        let taken = take(&mut spares, SampleType::U8, 650_000).unwrap();
        assert_eq!((taken.capacity(), spares.len()), (700_000, 3));
        assert!(take(&mut spares, SampleType::F32, 650_000).is_none());
        assert_eq!(spares.len(), 3, "nothing of another kind is given up");
        let taken = take(&mut spares, SampleType::U16, 600_000).unwrap();
        assert_eq!((taken.kind(), taken.capacity()), (SampleType::U16, 650_000));
    }

    #[test]
    fn what_was_not_lent_is_not_kept() {
        let (lent, other) = (bytes(900_000), bytes(900_000));
        let mut spares = Spares { buffers: Vec::new(), lent: BTreeSet::from([lent.address()]) };
        assert!(spares.take_back(other).is_err());
        assert!(spares.take_back(lent).is_ok());
        assert_eq!((spares.buffers.len(), spares.lent.len()), (1, 0));
    }

    #[test]
    fn there_are_never_more_than_were_used_at_once() {
        let mut spares = vec![bytes(600_000), bytes(9_000_000)];
        assert!(take(&mut spares, SampleType::U8, 2_000_000).is_none(), "too small and too large");
        assert_eq!(spares.len(), 1, "one makes room for the one that will be made");
    }

    #[test]
    fn a_buffer_comes_back_with_the_length_that_is_asked_for() {
        for count in [3, 300_000, 290_000, 310_000] {
            let samples = Samples::unset(SampleType::U16, count);
            assert_eq!((samples.len(), samples.kind()), (count, SampleType::U16));
            samples.recycle();
        }
    }
}
