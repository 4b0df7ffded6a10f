//! Pixels in memory: the types that files store and outputs hold.

mod spare;

use serde::{Deserialize, Serialize};

/// One number of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SampleType {
    /// 0–255.
    U8,
    /// 0–65535.
    U16,
    /// IEEE 754 single precision.
    F32,
}

impl SampleType {
    /// Bytes of one sample.
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
            Self::F32 => 4,
        }
    }
}

/// How a subblock stores a pixel. Names as in the CZI specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum PixelType {
    /// One 8-bit sample.
    Gray8,
    /// One 16-bit sample.
    Gray16,
    /// One float sample.
    Gray32Float,
    /// Blue, green, red, 8 bits each.
    Bgr24,
    /// Blue, green, red, 16 bits each.
    Bgr48,
}

impl PixelType {
    /// The type of each sample.
    pub const fn sample_type(self) -> SampleType {
        match self {
            Self::Gray8 | Self::Bgr24 => SampleType::U8,
            Self::Gray16 | Self::Bgr48 => SampleType::U16,
            Self::Gray32Float => SampleType::F32,
        }
    }

    /// Samples a pixel: 1, or 3 in the order blue, green, red.
    pub const fn samples(self) -> u32 {
        match self {
            Self::Gray8 | Self::Gray16 | Self::Gray32Float => 1,
            Self::Bgr24 | Self::Bgr48 => 3,
        }
    }

    /// Bytes of one pixel, all samples.
    pub const fn bytes(self) -> usize {
        self.sample_type().bytes() * self.samples() as usize
    }
}

/// Decoded samples, x fastest, the samples of a pixel side by side.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// 8-bit.
    U8(Vec<u8>),
    /// 16-bit, native byte order.
    U16(Vec<u16>),
    /// Float.
    F32(Vec<f32>),
}

impl Samples {
    /// `count` zeros.
    pub fn zeros(kind: SampleType, count: usize) -> Self {
        match kind {
            SampleType::U8 => Self::U8(vec![0; count]),
            SampleType::U16 => Self::U16(vec![0; count]),
            SampleType::F32 => Self::F32(vec![0.0; count]),
        }
    }

    /// What each sample is.
    pub fn kind(&self) -> SampleType {
        match self {
            Self::U8(_) => SampleType::U8,
            Self::U16(_) => SampleType::U16,
            Self::F32(_) => SampleType::F32,
        }
    }

    /// Samples held.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(v) => v.len(),
            Self::U16(v) => v.len(),
            Self::F32(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sample `index` as a float.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn value(&self, index: usize) -> f32 {
        match self {
            Self::U8(v) => v[index].into(),
            Self::U16(v) => v[index].into(),
            Self::F32(v) => v[index],
        }
    }

    /// The samples as bytes, native byte order.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::U8(v) => v,
            Self::U16(v) => bytemuck::cast_slice(v),
            Self::F32(v) => bytemuck::cast_slice(v),
        }
    }

    /// The samples as bytes to be filled, native byte order.
    pub fn as_bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::U8(v) => v,
            Self::U16(v) => bytemuck::cast_slice_mut(v),
            Self::F32(v) => bytemuck::cast_slice_mut(v),
        }
    }
}
