//! Buffers that are used again, so that the steady state of a run asks the system for no memory: a fresh buffer of
//! 8 MiB costs 2048 page faults and its zeroing, about as much as reading it from the system's cache.
//!
//! There are never more spare and used buffers together than were used at once before, so what the plan says of
//! memory holds.

use std::sync::{Mutex, PoisonError};

use super::{SampleType, Samples};

static SPARES: Mutex<Spares> = Mutex::new(Spares { buffers: Vec::new(), lent: [0; 3] });

struct Spares {
    buffers: Vec<Samples>,
    /// Of each kind, how many were asked for and have not come back. Others are not kept: nobody would take them.
    lent: [u64; 3],
}

impl Spares {
    fn lent(&mut self, kind: SampleType) -> &mut u64 {
        &mut self.lent[match kind {
            SampleType::U8 => 0,
            SampleType::U16 => 1,
            SampleType::F32 => 2,
        }]
    }

    fn lend(&mut self, kind: SampleType, count: usize) -> Option<Samples> {
        *self.lent(kind) += 1;
        take(&mut self.buffers, kind, count)
    }

    fn take_back(&mut self, samples: Samples) {
        let lent = self.lent(samples.kind());
        if *lent > 0 {
            *lent -= 1;
            self.buffers.push(samples);
        }
    }
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
        match SPARES.lock().unwrap_or_else(PoisonError::into_inner).lend(kind, count) {
            Some(mut spare) => {
                spare.set_len(count);
                spare
            }
            None => {
                let most = (count * kind.bytes()).next_multiple_of(STEP) / kind.bytes();
                let mut made = Self::zeros(kind, most);
                made.set_len(count);
                made
            }
        }
    }

    /// Gives the buffer to whoever next asks for [`Samples::unset`].
    pub fn recycle(self) {
        if self.capacity() * self.kind().bytes() >= SMALLEST {
            SPARES.lock().unwrap_or_else(PoisonError::into_inner).take_back(self);
        }
    }

    /// Gives the memory of all spare buffers back.
    pub fn forget_spares() {
        SPARES.lock().unwrap_or_else(PoisonError::into_inner).buffers.clear();
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
        let mut spares = Spares { buffers: Vec::new(), lent: [0; 3] };
        (0..5).for_each(|_| spares.take_back(bytes(900_000)));
        assert!(spares.buffers.is_empty());
        assert!(spares.lend(SampleType::U8, 900_000).is_none());
        spares.take_back(Samples::U16(vec![0; 500_000]));
        (0..5).for_each(|_| spares.take_back(bytes(900_000)));
        assert_eq!(spares.buffers.len(), 1, "as many as were lent, of that kind");
        assert!(spares.lend(SampleType::U8, 900_000).is_some() && spares.buffers.is_empty());
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
