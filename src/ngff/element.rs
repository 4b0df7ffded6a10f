//! What the samples of an array are, and how they become those that are worked on.

use zarrs::array::{DataType, data_type};

use crate::pixels::SampleType;

/// How one sample is stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    /// As it is worked on.
    pub sample: SampleType,
    /// Bytes as it is stored.
    pub bytes: usize,
    /// Where it is not worked on as it is stored.
    widened: Option<Widened>,
}

#[derive(Clone, Copy, Debug)]
struct Widened {
    name: &'static str,
    /// What the change costs.
    cost: &'static str,
    /// From samples as they are stored to as many f32, both in native byte order.
    widen: fn(&[u8], &mut [u8]),
}

const EXACT: &str = "which holds them exactly";
const ROUNDED_ABOVE: &str = "which rounds those beyond ±16777216";

impl Element {
    /// Of arrays of `kind`; `None` for what is not read.
    pub fn of(kind: &DataType) -> Option<Self> {
        let is = |other: DataType| *kind == other;
        let stored = |sample: SampleType| Some(Self { sample, bytes: sample.bytes(), widened: None });
        match () {
            () if is(data_type::uint8()) || is(data_type::bool()) => stored(SampleType::U8),
            () if is(data_type::uint16()) => stored(SampleType::U16),
            () if is(data_type::float32()) => stored(SampleType::F32),
            () if is(data_type::int8()) => {
                widened(1, "int8", EXACT, |a, b| each(a, b, |v| i8::from_ne_bytes(v).into()))
            }
            () if is(data_type::int16()) => {
                widened(2, "int16", EXACT, |a, b| each(a, b, |v| i16::from_ne_bytes(v).into()))
            }
            () if is(data_type::int32()) => {
                widened(4, "int32", ROUNDED_ABOVE, |a, b| each(a, b, |v| i32::from_ne_bytes(v) as f32))
            }
            () if is(data_type::uint32()) => {
                widened(4, "uint32", ROUNDED_ABOVE, |a, b| each(a, b, |v| u32::from_ne_bytes(v) as f32))
            }
            () if is(data_type::int64()) => {
                widened(8, "int64", ROUNDED_ABOVE, |a, b| each(a, b, |v| i64::from_ne_bytes(v) as f32))
            }
            () if is(data_type::uint64()) => {
                widened(8, "uint64", ROUNDED_ABOVE, |a, b| each(a, b, |v| u64::from_ne_bytes(v) as f32))
            }
            () if is(data_type::float16()) => {
                widened(2, "float16", EXACT, |a, b| each(a, b, |v| half::f16::from_ne_bytes(v).to_f32()))
            }
            () if is(data_type::float64()) => {
                widened(8, "float64", "which keeps seven digits of them", |a, b| {
                    each(a, b, |v| f64::from_ne_bytes(v) as f32)
                })
            }
            () => None,
        }
    }

    /// What the user is told of a change.
    pub fn note(&self) -> Option<String> {
        self.widened
            .map(|Widened { name, cost, .. }| format!("samples of {name} are read as float32, {cost}"))
    }

    /// Whether samples are worked on as they are stored.
    pub fn is_stored_as_worked_on(&self) -> bool {
        self.widened.is_none()
    }

    /// Samples as they are worked on, in `to`, from as many as they are stored.
    pub fn widen(&self, from: &[u8], to: &mut [u8]) {
        match self.widened {
            Some(Widened { widen, .. }) => widen(from, to),
            None => to.copy_from_slice(from),
        }
    }
}

fn widened(
    bytes: usize,
    name: &'static str,
    cost: &'static str,
    widen: fn(&[u8], &mut [u8]),
) -> Option<Element> {
    Some(Element { sample: SampleType::F32, bytes, widened: Some(Widened { name, cost, widen }) })
}

fn each<const BYTES: usize>(from: &[u8], to: &mut [u8], number: impl Fn([u8; BYTES]) -> f32) {
    for (from, to) in from.as_chunks::<BYTES>().0.iter().zip(to.as_chunks_mut::<4>().0) {
        *to = number(*from).to_ne_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &DataType, stored: &[u8]) -> Vec<f32> {
        let element = Element::of(kind).unwrap();
        let mut bytes = vec![0; stored.len() / element.bytes * 4];
        element.widen(stored, &mut bytes);
        bytes.as_chunks::<4>().0.iter().map(|value| f32::from_ne_bytes(*value)).collect()
    }

    fn bytes<const N: usize, T>(values: &[T], as_bytes: fn(&T) -> [u8; N]) -> Vec<u8> {
        values.iter().flat_map(as_bytes).collect()
    }

    #[test]
    fn every_type_keeps_its_values() {
        assert_eq!(read(&data_type::int8(), &[0x80, 0xff, 0, 1, 0x7f]), [-128.0, -1.0, 0.0, 1.0, 127.0]);
        let shorts = bytes(&[i16::MIN, -1, 0, i16::MAX], |v| v.to_ne_bytes());
        assert_eq!(read(&data_type::int16(), &shorts), [-32768.0, -1.0, 0.0, 32767.0]);
        let ints = bytes(&[-16_777_216, 16_777_217, 5], |v: &i32| v.to_ne_bytes());
        assert_eq!(read(&data_type::int32(), &ints), [-16_777_216.0, 16_777_216.0, 5.0]);
        let unsigned = bytes(&[u32::MAX, 7], |v| v.to_ne_bytes());
        assert_eq!(read(&data_type::uint32(), &unsigned), [4_294_967_296.0, 7.0]);
        // Halves by hand: 1, the largest, the smallest above zero, minus infinity.
        let halves = bytes(&[0x3c00, 0x7bff, 0x0001, 0xfc00], |v: &u16| v.to_ne_bytes());
        let expected = [1.0, 65504.0, 2.0_f32.powi(-24), f32::NEG_INFINITY];
        assert_eq!(read(&data_type::float16(), &halves), expected);
        let doubles = bytes(&[0.1, -1e300, f64::NAN], |v: &f64| v.to_ne_bytes());
        let found = read(&data_type::float64(), &doubles);
        assert_eq!(found[..2], [0.1, f32::NEG_INFINITY]);
        assert!(found[2].is_nan());
        let longs = bytes(&[-3, i64::MAX], |v: &i64| v.to_ne_bytes());
        assert_eq!(read(&data_type::int64(), &longs), [-3.0, 9.223_372e18]);
        assert!(Element::of(&data_type::complex64()).is_none());
    }
}
