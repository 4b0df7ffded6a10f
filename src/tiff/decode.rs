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
use crate::dataset::LastDecoded;
use crate::pixels::{PixelType, Samples};
use crate::space::{Rect, Stored};

thread_local! {
    /// A chunk before its samples go where they belong. Of 64 bits, so that any number is aligned.
    static SCRATCH: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// What chunks hold of which several fields are made, by page and first chunk: the samples of a pixel side by side.
pub(super) type SharedPixels = LastDecoded<(u32, u32), Vec<u64>>;

/// The samples of `place`, of whose chunks `stored` are the bytes: those of [`Place::ranges`], one after the other.
///
/// # Errors
/// What is wrong with `stored`.
pub(super) fn decode(
    page: &Page,
    place: &Place,
    stored: &[u8],
    shared: &SharedPixels,
) -> Result<Samples, Fault> {
    let rect = place.rect(page);
    let pixel_type = page.pixels.pixel_type();
    let row_bytes = rect.width as usize * pixel_type.bytes();
    let count = rect.width as usize * rect.height as usize * pixel_type.samples() as usize;
    let mut samples = Samples::unset(pixel_type.sample_type(), count);
    let field = Field { page, place, rect, pixel_type, row_bytes };
    if page.shares_chunks() {
        let pixels = shared.get((place.page, place.first), || field.undo_all(stored))?;
        field.place_all(bytemuck::cast_slice(&pixels), samples.as_bytes_mut());
    } else {
        each_chunk(page, place, stored, |plane, chunk, bytes| {
            field.decode_chunk(plane, chunk, bytes, samples.as_bytes_mut())
        })?;
    }
    if page.pixels.is_inverted {
        samples.as_bytes_mut().iter_mut().for_each(|byte| *byte = !*byte);
    }
    Ok(samples)
}

/// Gives `take` the chunks of `place`: which of the samples that are stored apart, its number, its stored bytes.
fn each_chunk(
    page: &Page,
    place: &Place,
    stored: &[u8],
    mut take: impl FnMut(usize, usize, Option<&[u8]>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut rest = stored;
    for (plane, (chunks, range)) in place.chunks(page).into_iter().zip(place.ranges(page)).enumerate() {
        let (now, later) = rest.split_at((range.end - range.start).min(rest.len() as u64) as usize);
        rest = later;
        for chunk in chunks {
            take(plane, chunk, within(&page.chunks[chunk], &range, now)?)?;
        }
    }
    Ok(())
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

/// Where a chunk lies in a field, and how much of it does.
struct Part {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
    /// Bytes of the whole chunk.
    whole: usize,
}

impl Field<'_> {
    fn part(&self, chunk: usize) -> Part {
        let (page, grid) = (self.page, &self.page.grid);
        let index = (chunk as u64 % grid.chunks()) as u32;
        let (column, row) = (index % grid.across, index / grid.across);
        let x = (i64::from(column * grid.width) - self.rect.x) as usize;
        let y = (i64::from(row * grid.height) - self.rect.y) as usize;
        Part {
            x,
            y,
            width: (grid.width as usize).min(self.rect.width as usize - x),
            height: (grid.height as usize).min(self.rect.height as usize - y),
            whole: page.chunk_bytes(row) as usize,
        }
    }

    /// Decodes chunk number `chunk`, whose `plane`th sample it is of, to its place among the `samples`.
    fn decode_chunk(
        &self,
        plane: usize,
        chunk: usize,
        stored: Option<&[u8]>,
        samples: &mut [u8],
    ) -> Result<(), Fault> {
        let part = self.part(chunk);
        if self.is_direct() {
            let rows = &mut samples[part.y * self.row_bytes..(part.y + part.height) * self.row_bytes];
            self.undo(stored, rows, part.whole)?;
            if self.pixel_type.samples() == 3 {
                swap_red_and_blue(rows, self.page.pixels.number);
            }
            return Ok(());
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let needed = part.height * self.page.row_bytes();
            scratch.resize(scratch.len().max(needed.div_ceil(8)), 0);
            let pixels = &mut bytemuck::cast_slice_mut::<u64, u8>(scratch)[..needed];
            self.undo(stored, pixels, part.whole)?;
            self.place_chunk(plane, &part, pixels, samples);
            Ok(())
        })
    }

    /// What its chunks hold, those of one sample, each from a multiple of 8 bytes on.
    fn undo_all(&self, stored: &[u8]) -> Result<Vec<u64>, Fault> {
        let mut all = Vec::new();
        each_chunk(self.page, self.place, stored, |_, chunk, stored| {
            let (part, first) = (self.part(chunk), all.len());
            let bytes = part.height * self.page.row_bytes();
            all.resize(first + bytes.div_ceil(8), 0);
            self.undo(stored, &mut bytemuck::cast_slice_mut(&mut all[first..])[..bytes], part.whole)
        })?;
        Ok(all)
    }

    /// Its own of `pixels`, as [`Field::undo_all`] gave them, to the `samples`.
    fn place_all(&self, mut pixels: &[u8], samples: &mut [u8]) {
        for chunk in self.place.chunks(self.page).into_iter().flatten() {
            let part = self.part(chunk);
            let bytes = part.height * self.page.row_bytes();
            self.place_chunk(0, &part, &pixels[..bytes], samples);
            pixels = &pixels[bytes.next_multiple_of(8)..];
        }
    }

    fn place_chunk(&self, plane: usize, part: &Part, pixels: &[u8], samples: &mut [u8]) {
        let rows = &mut samples[part.y * self.row_bytes..(part.y + part.height) * self.row_bytes];
        for (from, to) in
            pixels.chunks_exact(self.page.row_bytes()).zip(rows.chunks_exact_mut(self.row_bytes))
        {
            self.place_row(plane, from, (part.x, part.width), to);
        }
    }

    /// Whether the rows of a chunk are rows of the field, sample for sample.
    fn is_direct(&self) -> bool {
        self.rect.width == self.page.grid.width
            && self.page.pixels.number.is_kept()
            && self.page.interleaved() == self.pixel_type.samples() as usize
    }

    /// Fills `rows` of a chunk with samples in native order; with zeros where nothing is stored.
    fn undo(&self, stored: Option<&[u8]>, rows: &mut [u8], whole: usize) -> Result<(), Fault> {
        let page = self.page;
        let Some(stored) = stored else {
            rows.fill(0);
            return Ok(());
        };
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
