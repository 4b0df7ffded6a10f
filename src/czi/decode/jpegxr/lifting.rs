//! The inverse transform of a 4 × 4 block, and the filters that undo the overlap between blocks (T.832 section 9.9).
//! Values are indexed by row and column, 4 y + x. Overflow of broken data wraps.

use std::num::Wrapping;

/// A value on its way through the transforms.
pub(super) type Value = Wrapping<i32>;

/// `value`, for constants.
#[inline(always)]
const fn w(value: i32) -> Value {
    Wrapping(value)
}

/// The 2 × 2 Hadamard transform; `round` is 1 or 0.
#[inline(always)]
fn hadamard(v: &mut [Value; 16], [a, b, c, d]: [usize; 4], round: i32) {
    let first = v[a] + v[d];
    let second = v[b] - v[c];
    let half = (first - second + w(round)) >> 1;
    let third = half - v[d];
    let fourth = half - v[c];
    v[a] = first - fourth;
    v[b] = second + third;
    v[c] = third;
    v[d] = fourth;
}

/// The same of four values.
#[inline(always)]
pub(super) fn hadamard_of([a, b, c, d]: [Value; 4]) -> [Value; 4] {
    let mut v = [w(0); 16];
    (v[0], v[1], v[2], v[3]) = (a, b, c, d);
    hadamard(&mut v, [0, 1, 2, 3], 0);
    [v[0], v[1], v[2], v[3]]
}

#[inline(always)]
fn odd(v: &mut [Value; 16], [pa, pb, pc, pd]: [usize; 4]) {
    let (mut a, mut b, mut c, mut d) = (v[pa], v[pb], v[pc], v[pd]);
    b += d;
    a -= c;
    d -= b >> 1;
    c += (a + w(1)) >> 1;
    a -= (b * w(3) + w(4)) >> 3;
    b += (a * w(3) + w(4)) >> 3;
    c -= (d * w(3) + w(4)) >> 3;
    d += (c * w(3) + w(4)) >> 3;
    c -= (b + w(1)) >> 1;
    d = ((a + w(1)) >> 1) - d;
    b += c;
    a -= d;
    (v[pa], v[pb], v[pc], v[pd]) = (a, b, c, d);
}

/// The rotation of the corner that is odd both ways, with the roundings of its three steps.
#[inline(always)]
fn odd_odd(v: &mut [Value; 16], [pa, pb, pc, pd]: [usize; 4], rounds: [i32; 2]) {
    let (mut a, mut b, mut c, mut d) = (v[pa], v[pb], v[pc], v[pd]);
    d += a;
    c -= b;
    let (half_d, half_c) = (d >> 1, c >> 1);
    a -= half_d;
    b += half_c;
    a -= (b * w(3) + w(rounds[0])) >> 3;
    b += (a * w(3) + w(rounds[1])) >> 2;
    a -= (b * w(3) + w(4)) >> 3;
    b -= half_c;
    a += half_d;
    c += b;
    d -= a;
    (v[pa], v[pb], v[pc], v[pd]) = (a, b, c, d);
}

/// The inverse transform of one block.
#[inline(always)]
pub(super) fn inverse(v: &mut [Value; 16]) {
    hadamard(v, [0, 1, 4, 5], 1);
    odd(v, [2, 3, 6, 7]);
    odd(v, [8, 12, 9, 13]);
    odd_odd(v, [10, 11, 14, 15], [3, 3]);
    (v[11], v[14]) = (-v[11], -v[14]);
    hadamard(v, [0, 3, 12, 15], 0);
    hadamard(v, [1, 2, 13, 14], 0);
    hadamard(v, [4, 7, 8, 11], 0);
    hadamard(v, [5, 6, 9, 10], 0);
}

#[inline(always)]
fn scale(v: &mut [Value; 16], pa: usize, pd: usize) {
    let (mut a, mut d) = (v[pa], v[pd]);
    a += d;
    d = (a >> 1) - d;
    a += (d * w(3)) >> 3;
    d += (a * w(3)) >> 4;
    d += a >> 7;
    d -= a >> 10;
    (v[pa], v[pd]) = (a, d);
}

#[inline(always)]
fn unscale(v: &mut [Value; 16], [pa, pb, pc, pd]: [usize; 4]) {
    let (mut a, mut b, c, mut d) = (v[pa], v[pb], v[pc], v[pd]);
    b -= c;
    a += (d * w(3) + w(4)) >> 3;
    d -= b >> 1;
    let c = ((a - b) >> 1) - c;
    (v[pa], v[pb], v[pc], v[pd]) = (a - c, b + d, d, c);
}

#[inline(always)]
fn rotate(v: &mut [Value; 16], pa: usize, pb: usize) {
    let (mut a, mut b) = (v[pa], v[pb]);
    a -= (b + w(1)) >> 1;
    b += (a + w(1)) >> 1;
    (v[pa], v[pb]) = (a, b);
}

/// The filter over the 4 × 4 values around the corner of four blocks. `LOW` for the low-pass values of macroblocks,
/// where the last step takes rows for columns.
#[inline(always)]
pub(super) fn smooth_corner<const LOW: bool>(v: &mut [Value; 16]) {
    const QUADS: [[usize; 4]; 4] = [[0, 3, 12, 15], [1, 2, 13, 14], [4, 7, 8, 11], [5, 6, 9, 10]];
    for quad in QUADS {
        hadamard(v, quad, 0);
    }
    odd_odd(v, [10, 11, 14, 15], [6, 2]);
    rotate(v, 13, 12);
    rotate(v, 9, 8);
    rotate(v, 7, 3);
    rotate(v, 6, 2);
    for quad in QUADS {
        scale(v, quad[0], quad[3]);
    }
    for [a, b, c, d] in QUADS {
        unscale(v, if LOW { [a, c, b, d] } else { [a, b, c, d] });
    }
}

#[inline(always)]
fn scale_edge(a: &mut Value, d: &mut Value) {
    *a += *d;
    *d = (*a >> 1) - *d;
    *a += (*d * w(3)) >> 3;
    *d += (*a * w(3)) >> 4;
    *d += *a >> 7;
    *d -= *a >> 10;
    *a += (*d * w(3) + w(4)) >> 3;
    *d -= *a >> 1;
    *a += *d;
    *d = -*d;
}

/// The filter over four values in a line, and over the four in a corner of the image.
#[inline(always)]
pub(super) fn smooth_line([mut a, mut b, mut c, mut d]: [Value; 4]) -> [Value; 4] {
    a += d;
    b += c;
    d -= (a + w(1)) >> 1;
    c -= (b + w(1)) >> 1;
    scale_edge(&mut a, &mut d);
    scale_edge(&mut b, &mut c);
    c -= (d + w(1)) >> 1;
    d += (c + w(1)) >> 1;
    d += (a + w(1)) >> 1;
    c += (b + w(1)) >> 1;
    a -= d;
    b -= c;
    [a, b, c, d]
}

/// The filter over two neighbouring DC values of a smaller plane.
#[inline(always)]
pub(super) fn smooth_pair([mut a, mut b]: [Value; 2]) -> [Value; 2] {
    b += (a + w(2)) >> 2;
    a += (b + w(1)) >> 1;
    a += b >> 5;
    a += b >> 9;
    a += b >> 13;
    b += (a + w(2)) >> 2;
    [a, b]
}

/// The filter over the four DC values of a smaller plane around a corner.
#[inline(always)]
pub(super) fn smooth_quad([mut a, mut b, mut c, mut d]: [Value; 4]) -> [Value; 4] {
    a += d;
    b += c;
    d -= (a + w(1)) >> 1;
    c -= (b + w(1)) >> 1;
    [a, b] = smooth_pair([a, b]);
    d += (a + w(1)) >> 1;
    c += (b + w(1)) >> 1;
    a -= d;
    b -= c;
    [a, b, c, d]
}
