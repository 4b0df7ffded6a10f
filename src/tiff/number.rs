//! The kinds of number that a sample can be, and what becomes of them: a field has 8 or 16 bits or is f32.

use bytemuck::Pod;

use crate::pixels::SampleType;

/// How one sample is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    U8,
    U16,
    U32,
    U64,
    I8,
    I16,
    I32,
    I64,
    F16,
    F32,
    F64,
}

impl Number {
    /// By BitsPerSample and SampleFormat; 4 is "undefined", which all readers take for unsigned.
    pub fn of(bits: u64, format: u64) -> Option<Self> {
        Some(match (bits, format) {
            (8, 1 | 4) => Self::U8,
            (16, 1 | 4) => Self::U16,
            (32, 1 | 4) => Self::U32,
            (64, 1 | 4) => Self::U64,
            (8, 2) => Self::I8,
            (16, 2) => Self::I16,
            (32, 2) => Self::I32,
            (64, 2) => Self::I64,
            (16, 3) => Self::F16,
            (32, 3) => Self::F32,
            (64, 3) => Self::F64,
            _ => return None,
        })
    }

    /// Bytes of one.
    pub fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 | Self::F16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// As numpy calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::F16 => "float16",
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }

    /// As OME-XML calls it.
    pub fn ome_name(self) -> &'static str {
        match self {
            Self::F16 => "half",
            Self::F32 => "float",
            Self::F64 => "double",
            other => other.name(),
        }
    }

    /// What the samples of a field are.
    pub fn sample_type(self) -> SampleType {
        match self {
            Self::U8 => SampleType::U8,
            Self::U16 => SampleType::U16,
            _ => SampleType::F32,
        }
    }

    /// Whether a field's samples are the same numbers.
    pub fn is_kept(self) -> bool {
        matches!(self, Self::U8 | Self::U16 | Self::F32)
    }

    /// What is lost where it is read as f32.
    pub fn loss(self) -> Option<&'static str> {
        match self {
            Self::U32 | Self::I32 | Self::U64 | Self::I64 => {
                Some("whole numbers beyond 16 777 216 are rounded to 24 bits")
            }
            Self::F64 => Some("values are rounded to 24 bits, about seven digits"),
            _ => None,
        }
    }

    /// The samples `from` of a row, in native byte order, to `to`, each from every `steps.0`th to every `steps.1`th.
    ///
    /// # Panics
    /// When the rows are not aligned to their numbers.
    pub fn convert(self, from: &[u8], to: &mut [u8], steps: (usize, usize)) {
        match self {
            Self::U8 => each::<u8, u8>(from, to, steps, |v| v),
            Self::U16 => each::<u16, u16>(from, to, steps, |v| v),
            Self::U32 => each(from, to, steps, |v: u32| v as f32),
            Self::U64 => each(from, to, steps, |v: u64| v as f32),
            Self::I8 => each(from, to, steps, |v: i8| f32::from(v)),
            Self::I16 => each(from, to, steps, |v: i16| f32::from(v)),
            Self::I32 => each(from, to, steps, |v: i32| v as f32),
            Self::I64 => each(from, to, steps, |v: i64| v as f32),
            Self::F16 => each(from, to, steps, |v: u16| half::f16::from_bits(v).to_f32()),
            Self::F32 => each::<f32, f32>(from, to, steps, |v| v),
            Self::F64 => each(from, to, steps, |v: f64| v as f32),
        }
    }
}

fn each<A: Pod, B: Pod>(from: &[u8], to: &mut [u8], steps: (usize, usize), convert: impl Fn(A) -> B) {
    let (from, to): (&[A], &mut [B]) = (bytemuck::cast_slice(from), bytemuck::cast_slice_mut(to));
    if steps == (1, 1) {
        from.iter().zip(to).for_each(|(from, to)| *to = convert(*from));
        return;
    }
    from.iter()
        .step_by(steps.0)
        .zip(to.iter_mut().step_by(steps.1))
        .for_each(|(from, to)| *to = convert(*from));
}
