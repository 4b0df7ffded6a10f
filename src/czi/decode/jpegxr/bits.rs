//! Bits of a codestream, most significant first.

/// A reader over one packet's bytes. Behind the end there are zeros; [`Bits::is_past_end`] tells.
#[derive(Clone, Copy, Default)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// The byte that the next refill starts with.
    next: usize,
    /// The bits to come, from the most significant; bits below the `held` ones are right too, but not counted.
    word: u64,
    held: u32,
}

impl<'a> Bits<'a> {
    /// Starts at byte `at` of `bytes`.
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, next: at.min(bytes.len()), word: 0, held: 0 }
    }

    /// Makes at least 56 bits available to [`Self::peek`], [`Self::skip`] and [`Self::take`].
    #[inline(always)]
    pub fn refill(&mut self) {
        let Some(chunk) = self.bytes.get(self.next..).and_then(|rest| rest.first_chunk::<8>()) else {
            // By value, so that a reader can live in registers.
            *self = self.refilled_at_the_end();
            return;
        };
        self.word |= u64::from_be_bytes(*chunk) >> self.held;
        let taken = (63 - self.held) >> 3;
        self.next += taken as usize;
        self.held += 8 * taken;
    }

    #[cold]
    #[inline(never)]
    fn refilled_at_the_end(mut self) -> Self {
        while self.held < 56 {
            let byte = self.bytes.get(self.next).copied().unwrap_or(0);
            self.word |= u64::from(byte) << (56 - self.held);
            self.next += 1;
            self.held += 8;
        }
        self
    }

    /// The next `count` bits, at most 56; needs them refilled.
    #[inline(always)]
    pub fn peek(&self, count: u32) -> u32 {
        ((self.word >> 1) >> (63 - count)) as u32
    }

    /// Passes over `count` bits; needs them refilled.
    #[inline(always)]
    pub fn skip(&mut self, count: u32) {
        self.word <<= count;
        self.held -= count;
    }

    /// The next `count` bits, at most 32; needs them refilled.
    #[inline(always)]
    pub fn take(&mut self, count: u32) -> u32 {
        let bits = self.peek(count);
        self.skip(count);
        bits
    }

    /// The next bit; needs it refilled.
    #[inline(always)]
    pub fn flag(&mut self) -> bool {
        self.take(1) == 1
    }

    /// The next `count` bits, at most 32, whatever was refilled.
    pub fn read(&mut self, count: u32) -> u32 {
        self.refill();
        self.take(count)
    }

    /// Passes over the rest of a byte that was begun.
    pub fn align(&mut self) {
        let rest = self.held % 8;
        self.skip(rest);
    }

    /// Bytes from the beginning to the next bit, rounded down.
    pub fn position(&self) -> usize {
        (8 * self.next - self.held as usize) / 8
    }

    /// Whether more bits were taken than there are.
    pub fn is_past_end(&self) -> bool {
        8 * self.next > 8 * self.bytes.len() + self.held as usize
    }
}
