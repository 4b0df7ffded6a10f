//! Undoes what was done to rows before they were compressed, in place.
//!
//! Sources: TIFF 6.0, section 14; Adobe, "TIFF Technical Note 3" (floating-point predictor).

use bytemuck::Pod;

use super::number::Number;

/// Adds to each sample of `row`, in native order, its left neighbour, `interleaved` samples before it.
///
/// # Panics
/// When the row is not aligned to its numbers.
pub(super) fn undo_horizontal(row: &mut [u8], number: Number, interleaved: usize) {
    fn sums<T: Pod>(row: &mut [u8], interleaved: usize, add: impl Fn(T, T) -> T) {
        let row: &mut [T] = bytemuck::cast_slice_mut(row);
        for i in interleaved..row.len() {
            row[i] = add(row[i], row[i - interleaved]);
        }
    }
    match number.bytes() {
        1 => sums(row, interleaved, u8::wrapping_add),
        2 => sums(row, interleaved, u16::wrapping_add),
        4 => sums(row, interleaved, u32::wrapping_add),
        _ => sums(row, interleaved, u64::wrapping_add),
    }
}

/// Puts the bytes of each float of `row` together again, in native order: they are stored the highest of all first, and
/// as differences from the byte `interleaved` before.
pub(super) fn undo_float(row: &mut [u8], number: Number, interleaved: usize) {
    for i in interleaved..row.len() {
        row[i] = row[i].wrapping_add(row[i - interleaved]);
    }
    let bytes = number.bytes();
    let stored = row.to_vec();
    let count = row.len() / bytes;
    for (significance, of_all) in stored.chunks_exact(count.max(1)).enumerate() {
        let at = if cfg!(target_endian = "little") { bytes - 1 - significance } else { significance };
        row[at..].iter_mut().step_by(bytes).zip(of_all).for_each(|(to, from)| *to = *from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_of_any_width_are_summed_up_by_sample() {
        let mut row: Vec<u8> =
            [1000_u16, 7, 65_000, 1, 600, 255].iter().flat_map(|v| v.to_ne_bytes()).collect();
        undo_horizontal(&mut row, Number::U16, 2);
        let row: Vec<u16> = row.chunks(2).map(|v| u16::from_ne_bytes([v[0], v[1]])).collect();
        assert_eq!(row, [1000, 7, 464, 8, 1064, 263]);
        let mut row = [200, 100, 255];
        undo_horizontal(&mut row, Number::U8, 1);
        assert_eq!(row, [200, 44, 43]);
    }

    /// 1.0 and -2.5 are 3f800000 and c0200000.
    #[test]
    fn bytes_of_floats_come_together_again() {
        let mut row = [0x3f, 0x81, 0xc0, 0xa0, 0xe0, 0, 0, 0];
        undo_float(&mut row, Number::F32, 1);
        let values: Vec<f32> = row.chunks(4).map(|v| f32::from_ne_bytes([v[0], v[1], v[2], v[3]])).collect();
        assert_eq!(values, [1.0, -2.5]);
    }
}
