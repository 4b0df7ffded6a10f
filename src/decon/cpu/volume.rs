//! A volume in memory of its own.

use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;
use rustfft::num_complex::Complex32;

use crate::error::{Error, Result};

/// Complex numbers, 0 at first; what is never touched takes no memory.
///
/// In large pages where the system gives them: lines along the last axis visit a page for each value, and a processor
/// remembers where some thousand pages lie.
pub(super) struct Volume {
    memory: MmapMut,
    bytes: usize,
}

impl Volume {
    /// `count` numbers.
    ///
    /// # Errors
    /// `Limit` when the system has no memory for them.
    pub fn new(count: usize) -> Result<Self> {
        let bytes = count * size_of::<Complex32>();
        // No mapping is empty.
        let memory = MmapMut::map_anon(bytes.max(1)).map_err(|error| Error::Limit {
            what: format!("memory of the volumes ({error}; a smaller --tile or --psf-size needs less)"),
            needed: format!("{bytes} bytes"),
            available: "less".into(),
        })?;
        // Small pages do as well, only not as fast.
        #[cfg(target_os = "linux")]
        let _ = memory.advise(memmap2::Advice::HugePage);
        Ok(Self { memory, bytes })
    }
}

impl Deref for Volume {
    type Target = [Complex32];

    fn deref(&self) -> &[Complex32] {
        bytemuck::cast_slice(&self.memory[..self.bytes])
    }
}

impl DerefMut for Volume {
    fn deref_mut(&mut self) -> &mut [Complex32] {
        bytemuck::cast_slice_mut(&mut self.memory[..self.bytes])
    }
}
