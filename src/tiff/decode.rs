//! From the stored bytes of a field to its samples.

use std::cell::RefCell;
use std::ops::Range;

use bytemuck::Pod;

use super::codec::{Codec, Fault};
use super::fields::Place;
use super::number::Number;
use super::outline::Meaning;
use super::page::{Chunk, Page, Predictor};
use super::predictor;
use crate::pixels::{PixelType, Samples};
use crate::space::{Rect, Stored};

thread_local! {
    /// A chunk before its samples go where they belong. Of 64 bits, so that any number is aligned.
    static SCRATCH: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// The samples of `place`, of whose chunks `stored` are the bytes: those of [`Place::ranges`], one after the other.
///
/// # Errors
/// What is wrong with `stored`.
pub(super) fn decode(page: &Page, place: &Place, stored: &[u8]) -> Result<Samples, Fault> {
    let rect = place.rect(page);
    let pixel_type = page.pixels.pixel_type();
    let row_bytes = rect.width as usize * pixel_type.bytes();
    let count = rect.width as usize * rect.height as usize * pixel_type.samples() as usize;
    let mut samples = Samples::unset(pixel_type.sample_type(), count);
    let field = Field { page, place, rect, pixel_type, row_bytes };
    let mut rest = stored;
    for (plane, (chunks, range)) in place.chunks(page).into_iter().zip(place.ranges(page)).enumerate() {
        let (now, later) = rest.split_at((range.end - range.start).min(rest.len() as u64) as usize);
        rest = later;
        for chunk in chunks {
            let bytes = within(&page.chunks[chunk], &range, now)?;
            field.decode_chunk(plane, chunk, bytes, samples.as_bytes_mut())?;
        }
    }
    if page.pixels.is_inverted {
        samples.as_bytes_mut().iter_mut().for_each(|byte| *byte = !*byte);
    }
    Ok(samples)
}

/// The bytes of `chunk` in those of `range`; `None` when it is not stored.
fn within<'a>(chunk: &Chunk, range: &Range<u64>, stored: &'a [u8]) -> Result<Option<&'a [u8]>, Fault> {
    if chunk.length == 0 {
        return Ok(None);
    }
    let from = (chunk.offset - range.start) as usize;
    let bytes = stored.get(from..from + chunk.length as usize);
    bytes.map(Some).ok_or_else(|| Fault::Broken(format!("{} bytes of it are there", stored.len())))
}

/// Whether the stored bytes of a field are its samples.
pub(super) fn is_as_stored(page: &Page, place: &Place) -> bool {
    // Floats are looked through for undefined values, and changed. 8 bits have no byte order.
    let is_native = match page.pixels.number {
        Number::U8 => true,
        Number::U16 => page.order.is_native(),
        _ => false,
    };
    let chunks = &place.chunks(page);
    is_native
        && matches!(page.codec, Codec::None)
        && page.interleaved() == 1
        && !page.pixels.is_inverted
        && place.rect(page).width == page.grid.width
        && chunks.len() == 1
        && page.chunks[chunks[0].start].length > 0
        && chunks[0].len() == 1
}

struct Field<'a> {
    page: &'a Page,
    place: &'a Place,
    rect: Rect<Stored>,
    pixel_type: PixelType,
    /// Of its samples.
    row_bytes: usize,
}

impl Field<'_> {
    /// Decodes chunk number `chunk`, whose `plane`th sample it is of, to its place among the `samples`.
    fn decode_chunk(
        &self,
        plane: usize,
        chunk: usize,
        stored: Option<&[u8]>,
        samples: &mut [u8],
    ) -> Result<(), Fault> {
        let (page, grid) = (self.page, &self.page.grid);
        let index = (chunk as u64 % grid.chunks()) as u32;
        let (column, row) = (index % grid.across, index / grid.across);
        let x = (i64::from(column * grid.width) - self.rect.x) as usize;
        let y = (i64::from(row * grid.height) - self.rect.y) as usize;
        let width = (grid.width as usize).min(self.rect.width as usize - x);
        let height = (grid.height as usize).min(self.rect.height as usize - y);
        let rows = &mut samples[y * self.row_bytes..(y + height) * self.row_bytes];
        let whole = page.chunk_bytes(row) as usize;
        if self.is_direct() {
            match stored {
                Some(stored) => self.undo(stored, rows, whole)?,
                None => rows.fill(0),
            }
            if self.pixel_type.samples() == 3 {
                swap_red_and_blue(rows, page.pixels.number);
            }
            return Ok(());
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let needed = height * page.row_bytes();
            scratch.resize(scratch.len().max(needed.div_ceil(8)), 0);
            let pixels = &mut bytemuck::cast_slice_mut::<u64, u8>(scratch)[..needed];
            match stored {
                Some(stored) => self.undo(stored, pixels, whole)?,
                None => pixels.fill(0),
            }
            for (from, to) in pixels.chunks_exact(page.row_bytes()).zip(rows.chunks_exact_mut(self.row_bytes))
            {
                self.place_row(plane, from, (x, width), to);
            }
            Ok(())
        })
    }

    /// Whether the rows of a chunk are rows of the field, sample for sample.
    fn is_direct(&self) -> bool {
        self.rect.width == self.page.grid.width
            && self.page.pixels.number.is_kept()
            && self.page.interleaved() == self.pixel_type.samples() as usize
    }

    /// Fills `rows` of a chunk with samples in native order.
    fn undo(&self, stored: &[u8], rows: &mut [u8], whole: usize) -> Result<(), Fault> {
        let page = self.page;
        page.codec.decompress(stored, rows, whole)?;
        let number = page.pixels.number;
        if page.predictor == Predictor::Float {
            rows.chunks_exact_mut(page.row_bytes())
                .for_each(|row| predictor::undo_float(row, number, page.interleaved()));
            return Ok(());
        }
        if !page.order.is_native() && !matches!(page.codec, Codec::Jpeg(_)) {
            swap_bytes(rows, number);
        }
        if page.predictor == Predictor::Horizontal {
            rows.chunks_exact_mut(page.row_bytes())
                .for_each(|row| predictor::undo_horizontal(row, number, page.interleaved()));
        }
        Ok(())
    }

    /// The first `width` pixels of a chunk's row to column `x` of a row of the field.
    fn place_row(&self, plane: usize, from: &[u8], (x, width): (usize, usize), to: &mut [u8]) {
        let (number, interleaved) = (self.page.pixels.number, self.page.interleaved());
        let samples = self.pixel_type.samples() as usize;
        let from = &from[..width * interleaved * number.bytes()];
        let to = &mut to[x * self.pixel_type.bytes()..][..width * self.pixel_type.bytes()];
        if (interleaved, samples) == (1, 1) && number.is_kept() {
            return to.copy_from_slice(from);
        }
        let sample_bytes = self.pixel_type.sample_type().bytes();
        let mut take = |stored: usize, sample: usize| {
            let (from, to) = (&from[stored * number.bytes()..], &mut to[sample * sample_bytes..]);
            number.convert(from, to, (interleaved, samples));
        };
        match (self.page.pixels.meaning, self.page.is_planar) {
            // A field has blue first.
            (Meaning::Colours, true) => take(0, 2 - plane),
            (Meaning::Colours, false) => (0..3).for_each(|colour| take(colour, 2 - colour)),
            (Meaning::Channels(_), true) => take(0, 0),
            (Meaning::Channels(_), false) => take(self.place.channel as usize, 0),
        }
    }
}

/// From the other order of bytes.
fn swap_bytes(rows: &mut [u8], number: Number) {
    fn swap<T: Pod>(rows: &mut [u8], swapped: impl Fn(T) -> T) {
        bytemuck::cast_slice_mut::<u8, T>(rows).iter_mut().for_each(|value| *value = swapped(*value));
    }
    match number.bytes() {
        1 => {}
        2 => swap(rows, u16::swap_bytes),
        4 => swap(rows, u32::swap_bytes),
        _ => swap(rows, u64::swap_bytes),
    }
}

fn swap_red_and_blue(rows: &mut [u8], number: Number) {
    match number.bytes() {
        1 => rows.chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2)),
        _ => {
            let rows: &mut [u16] = bytemuck::cast_slice_mut(rows);
            rows.chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2));
        }
    }
}
