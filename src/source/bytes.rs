//! Fetched bytes that several readers share, so that a request that serves many subblocks is copied for none of them.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use super::ReadAt;
use crate::error::Result;
use crate::pixels::{SampleType, Samples};

/// A part of a buffer. The buffer is used again once its last part is dropped.
#[derive(Clone)]
pub struct SharedBytes {
    buffer: Arc<Buffer>,
    range: Range<usize>,
}

/// Goes back to the spare buffers when it is dropped.
struct Buffer(Samples);

impl Drop for Buffer {
    fn drop(&mut self) {
        std::mem::replace(&mut self.0, Samples::U8(Vec::new())).recycle();
    }
}

impl SharedBytes {
    /// The bytes `range` of `source`: one request.
    ///
    /// # Errors
    /// As [`ReadAt::read_exact_at`].
    pub fn fetch(source: &dyn ReadAt, range: Range<u64>) -> Result<Self> {
        let mut samples = Samples::unset(SampleType::U8, (range.end - range.start) as usize);
        source.read_exact_at(range.start, samples.as_bytes_mut())?;
        Ok(Self::of(samples))
    }

    fn of(samples: Samples) -> Self {
        let range = 0..samples.len();
        Self { buffer: Arc::new(Buffer(samples)), range }
    }

    /// The bytes `range` of these.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn part(&self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.range.len(), "a part lies within the whole");
        let range = self.range.start + range.start..self.range.start + range.end;
        Self { buffer: Arc::clone(&self.buffer), range }
    }

    /// As [`Self::part`], and the rest is not held.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn into_part(self, range: Range<usize>) -> Self {
        self.part(range)
    }

    /// Whether nobody else holds a part of the buffer, and these bytes are most of it: then keeping them costs hardly
    /// more memory than a copy.
    pub fn is_alone(&self) -> bool {
        Arc::strong_count(&self.buffer) == 1 && 16 * self.range.len() >= 15 * self.buffer.0.len()
    }
}

impl From<Vec<u8>> for SharedBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::of(Samples::U8(bytes))
    }
}

impl Deref for SharedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer.0.as_bytes()[self.range.clone()]
    }
}

impl fmt::Debug for SharedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedBytes({} of {})", self.range.len(), self.buffer.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_parts_are_the_bytes_they_say() {
        let whole = SharedBytes::from((0..100).collect::<Vec<u8>>());
        assert!(whole.is_alone());
        let part = whole.part(10..90);
        assert!(!part.is_alone(), "the whole is still held");
        drop(whole);
        assert_eq!(part.part(5..8)[..], [15, 16, 17]);
        assert!(!part.is_alone(), "a fifth of the buffer would be held for nothing");
        assert!(part.part(80..80).is_empty());
    }
}
