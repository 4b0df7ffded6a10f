//! From the planes' values to samples (T.832 section 9.10): smaller planes are enlarged, colours and bits converted.

use std::num::Wrapping;

use super::header::{Header, Layout};
use super::lifting::Value;
use super::plane::Plane;
use crate::pixels::Samples;

/// Room for one line of each plane, and for two of a smaller one.
pub(super) struct Lines {
    planes: [Vec<Value>; 3],
    small: [Vec<Value>; 2],
}

impl Lines {
    pub fn new(header: &Header) -> Self {
        let line = vec![Wrapping(0); 16 * header.columns];
        let small = vec![Wrapping(0); 8 * header.columns];
        Self { planes: [line.clone(), line.clone(), line], small: [small.clone(), small] }
    }

    /// Writes what the row of macroblocks `row` gives to `samples`, of lines of `width` pixels.
    pub fn write(
        &mut self,
        row: usize,
        header: &Header,
        planes: &[Plane],
        samples: &mut Samples,
        width: usize,
    ) {
        let count = header.layout.planes() * width;
        let height = samples.len() / count;
        let scale = Scale::new(header);
        for y in 16 * row..16 * row + 16 {
            let Some(line) = y.checked_sub(header.top).filter(|&line| line < height) else { continue };
            self.fetch(y, header, planes);
            let at = line * count..(line + 1) * count;
            let [first, second, third] = &self.planes;
            let lines = [first, second, third].map(|line| &line[header.left..][..width]);
            match samples {
                Samples::U8(v) if header.layout == Layout::Gray => {
                    gray(lines[0], &mut v[at], |x| scale.to_8_bits(x + scale.bias_8()));
                }
                Samples::U8(v) => bgr(lines, &mut v[at], scale.bias_8(), |x| scale.to_8_bits(x)),
                Samples::U16(v) if header.layout == Layout::Gray => {
                    gray(lines[0], &mut v[at], |x| scale.to_16_bits(x + scale.bias_16()));
                }
                Samples::U16(v) => bgr(lines, &mut v[at], scale.bias_16(), |x| scale.to_16_bits(x)),
                Samples::F32(v) => gray(lines[0], &mut v[at], |x| scale.to_float(x)),
            }
        }
    }

    /// Gets line `y` of all planes.
    fn fetch(&mut self, y: usize, header: &Header, planes: &[Plane]) {
        for (line, plane) in self.planes.iter_mut().zip(planes).take(1) {
            plane.line(y, line);
        }
        for (line, plane) in self.planes.iter_mut().zip(planes).skip(1) {
            let [upper, lower] = &mut self.small;
            match header.layout {
                Layout::Half => {
                    plane.line(y / 2, upper);
                    if y % 2 == 1 && y + 1 < 16 * header.rows {
                        plane.line(y / 2 + 1, lower);
                        let pairs = upper.iter_mut().zip(&*lower);
                        pairs.for_each(|(upper, &lower)| *upper = middle(*upper, lower));
                    }
                    widen(upper, line);
                }
                Layout::HalfWidth => {
                    plane.line(y, upper);
                    widen(upper, line);
                }
                _ => plane.line(y, line),
            }
        }
    }
}

fn middle(a: Value, b: Value) -> Value {
    (a + b + Wrapping(1)) >> 1
}

/// Doubles a line's width.
fn widen(small: &[Value], line: &mut [Value]) {
    let next = small[1..].iter().chain(small.last());
    for ((pair, &value), &next) in line.chunks_exact_mut(2).zip(small).zip(next) {
        pair.copy_from_slice(&[value, middle(value, next)]);
    }
}

/// How values become samples.
#[derive(Clone, Copy)]
struct Scale {
    /// Bits that scaled arithmetic added.
    shift: usize,
    /// Bits that were left out before.
    left_out: usize,
    exponent_bias: i32,
}

impl Scale {
    fn new(header: &Header) -> Self {
        let shift = if header.scaled { 3 } else { 0 };
        Self { shift, left_out: header.shift as usize, exponent_bias: header.exponent_bias }
    }

    fn bias_8(&self) -> Value {
        Wrapping((128 << self.shift) + if self.shift > 0 { 3 } else { 0 })
    }

    fn half(&self) -> i32 {
        if self.shift > 0 { 1 << (self.shift - 1) } else { 0 }
    }

    fn bias_16(&self) -> Value {
        Wrapping(((0x8000 >> self.left_out) << self.shift) + self.half())
    }

    #[inline(always)]
    fn to_8_bits(self, value: Value) -> u8 {
        (value >> self.shift).0.clamp(0, 255) as u8
    }

    #[inline(always)]
    fn to_16_bits(self, value: Value) -> u16 {
        ((value >> self.shift) << self.left_out).0.clamp(0, 65535) as u16
    }

    /// A float of `left_out` bits of mantissa, and an exponent with another bias than usual.
    fn to_float(self, value: Value) -> f32 {
        let value = ((value + Wrapping(self.half())) >> self.shift).0;
        let one = 1u32 << self.left_out;
        let size = value.unsigned_abs();
        let (mut exponent, mut mantissa) = ((size >> self.left_out) as i32, size & (one - 1) | one);
        if exponent == 0 {
            mantissa ^= one;
            exponent = 1;
        }
        exponent += 127 - self.exponent_bias;
        while mantissa < one && exponent > 1 && mantissa > 0 {
            exponent -= 1;
            mantissa <<= 1;
        }
        if mantissa < one {
            exponent = 0;
        } else {
            mantissa ^= one;
        }
        let sign = value as u32 & 0x8000_0000;
        f32::from_bits(sign | (exponent as u32) << 23 | mantissa << (23 - self.left_out))
    }
}

#[inline(always)]
fn gray<T>(line: &[Value], samples: &mut [T], convert: impl Fn(Value) -> T) {
    samples.iter_mut().zip(line).for_each(|(sample, &value)| *sample = convert(value));
}

/// The inverse of the codec's reversible colour transform.
#[inline(always)]
fn bgr<T>(lines: [&[Value]; 3], samples: &mut [T], bias: Value, convert: impl Fn(Value) -> T) {
    let [y, u, v] = lines;
    for (((pixel, &y), &u), &v) in samples.chunks_exact_mut(3).zip(y).zip(u).zip(v) {
        let red = -u;
        let green = y + bias - (red >> 1);
        let red = red - (((v + Wrapping(1)) >> 1) - green);
        let blue = v + red;
        [pixel[0], pixel[1], pixel[2]] = [convert(blue), convert(green), convert(red)];
    }
}
