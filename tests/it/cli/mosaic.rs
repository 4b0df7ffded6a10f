//! Small mosaics: described, written as CZI files, and painted naively.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use decon_gpu::czi::write::{CziWriter, Metadata, NewSubblock};
use decon_gpu::dataset::{Channel, Compression, Optics, Plane};
use decon_gpu::pixels::{PixelType, SampleType, Samples};
use decon_gpu::space::{Rect, Stored, Zyx};

/// One subblock and its pixels.
#[derive(Clone)]
pub struct Piece {
    pub plane: Plane,
    pub scene: Option<u32>,
    pub m: Option<u32>,
    pub rect: Rect<Stored>,
    pub pixel_type: PixelType,
    pub compression: Compression,
    pub extra: Vec<(char, i32)>,
    pub samples: Samples,
}

impl Piece {
    /// Field `m` at (`x`, `y`), with values that no other field has in the same order.
    pub fn new(m: u32, x: i64, y: i64, size: (u32, u32), pixel_type: PixelType) -> Self {
        let rect = Rect::new(x, y, size.0, size.1);
        let count = rect.area() * u64::from(pixel_type.samples());
        // 251 is prime, so a swapped row or sample shows.
        let value = |i: u64| (i * i + i * u64::from(7 * m + 1) + u64::from(31 * m)) % 251;
        let samples = match pixel_type.sample_type() {
            SampleType::U8 => Samples::U8((0..count).map(|i| value(i) as u8).collect()),
            SampleType::U16 => Samples::U16((0..count).map(|i| value(i) as u16 * 257 + 3).collect()),
            SampleType::F32 => Samples::F32((0..count).map(|i| value(i) as f32 * 0.37 - 5.0).collect()),
        };
        Self {
            plane: Plane::default(),
            scene: None,
            m: Some(m),
            rect,
            pixel_type,
            compression: Compression::Uncompressed,
            extra: Vec::new(),
            samples,
        }
    }

    pub fn at(self, t: u32, c: u32, z: u32) -> Self {
        Self { plane: Plane { t, c, z }, ..self }
    }

    pub fn compressed(self, compression: Compression) -> Self {
        Self { compression, ..self }
    }

    fn described(&self) -> NewSubblock<'_> {
        NewSubblock {
            scene: self.scene,
            m: self.m,
            compression: self.compression,
            extra: &self.extra,
            ..NewSubblock::new(self.plane, self.rect, self.pixel_type)
        }
    }

    fn sample(&self, x: i64, y: i64, sample: u32) -> f32 {
        let pixel = (y - self.rect.y) * i64::from(self.rect.width) + x - self.rect.x;
        let i = pixel as usize * self.pixel_type.samples() as usize + sample as usize;
        match &self.samples {
            Samples::U8(values) => values[i].into(),
            Samples::U16(values) => values[i].into(),
            Samples::F32(values) => values[i],
        }
    }
}

/// Five fields that overlap at negative coordinates, the highest M first in the file, with a gap; 131 × 93 pixels.
pub fn five_fields(pixel_type: PixelType) -> Vec<Piece> {
    let corners = [(-70, -41), (-15, -45), (1, -20), (-66, 10), (-30, -10)];
    let field = |(m, (x, y))| Piece::new(m, x, y, (60, 38), pixel_type).compressed(Compression::Zstd1);
    let mut fields: Vec<_> = (0..).zip(corners).map(field).collect();
    fields.reverse();
    fields
}

/// What the metadata of these files says: everything that a PSF needs.
pub fn metadata(channels: u32) -> Metadata {
    let channel = |c: u32| Channel {
        name: Some(format!("dye {c}")),
        emission_nm: Some(500.0 + 50.0 * f64::from(c)),
        color: Some([10, 20 + c as u8, 30]),
        ..Channel::default()
    };
    Metadata {
        voxel_um: Zyx::new(Some(0.4), Some(0.1), Some(0.1)),
        channels: (0..channels).map(channel).collect(),
        optics: Optics { na: Some(1.0), refractive_index: Some(1.333), ..Optics::default() },
    }
}

pub fn write(path: &Path, pieces: &[Piece], metadata: &Metadata) {
    let mut writer: CziWriter<BufWriter<File>> = CziWriter::create(path).unwrap();
    for piece in pieces {
        writer.add(&piece.described(), &piece.samples).unwrap();
    }
    writer.finish(metadata).unwrap();
}

/// As [`write`], but the stored pixels of each piece pass through `change`, which gets the piece's number in the file.
pub fn write_changed(path: &Path, pieces: &[Piece], change: impl Fn(usize, Vec<u8>) -> Vec<u8>) {
    let mut writer = CziWriter::create(path).unwrap();
    for (i, piece) in pieces.iter().enumerate() {
        let stored = match piece.compression {
            Compression::Uncompressed => piece.samples.as_bytes().to_vec(),
            _ => zstd::bulk::compress(piece.samples.as_bytes(), 1).unwrap(),
        };
        writer.add_encoded(&piece.described(), &change(i, stored)).unwrap();
    }
    writer.finish(&metadata(1)).unwrap();
}

/// A plane of the mosaic, `None` where no field lies.
#[derive(Clone)]
pub struct Painted {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<Option<f32>>,
}

/// Looks for each pixel through the fields of `plane` from the highest M down, and takes the first that has it. The
/// corner is that of all `pieces`, which are one scene.
pub fn paint(pieces: &[Piece], plane: Plane, sample: u32) -> Painted {
    let all = pieces.iter().map(|piece| piece.rect).reduce(Rect::union).unwrap();
    let mut fields: Vec<_> = pieces.iter().filter(|piece| piece.plane == plane).collect();
    fields.sort_by_key(|piece| std::cmp::Reverse(piece.m));
    let pixels = (all.y..all.bottom()).flat_map(|y| (all.x..all.right()).map(move |x| (x, y)));
    let pixel = |(x, y)| {
        let holds = |r: Rect<Stored>| (r.x..r.right()).contains(&x) && (r.y..r.bottom()).contains(&y);
        let top = fields.iter().find(|piece| holds(piece.rect))?;
        Some(top.sample(x, y, sample))
    };
    Painted { width: all.width as usize, height: all.height as usize, pixels: pixels.map(pixel).collect() }
}

/// The mean of all fields of a plane at each pixel, by the product of the distances to the nearer edges along x and y.
pub fn feather(pieces: &[Piece], plane: Plane, sample: u32) -> Painted {
    let all = pieces.iter().map(|piece| piece.rect).reduce(Rect::union).unwrap();
    let fields: Vec<_> = pieces.iter().filter(|piece| piece.plane == plane).collect();
    let tent = |i: i64, first: i64, length: u32| {
        let from = (i - first) as f64 + 0.5;
        from.min(f64::from(length) - from)
    };
    let pixel = |(x, y)| {
        let (mut sum, mut total) = (0.0, 0.0);
        for piece in fields.iter().filter(|piece| piece.rect.intersect(Rect::new(x, y, 1, 1)).is_some()) {
            let r = piece.rect;
            let weight = tent(x, r.x, r.width) * tent(y, r.y, r.height);
            sum += weight * f64::from(piece.sample(x, y, sample));
            total += weight;
        }
        (total > 0.0).then(|| (sum / total) as f32)
    };
    let pixels = (all.y..all.bottom()).flat_map(|y| (all.x..all.right()).map(move |x| (x, y)));
    Painted { width: all.width as usize, height: all.height as usize, pixels: pixels.map(pixel).collect() }
}

impl Painted {
    /// The mean of each `scale` × `scale` block over the pixels that there are; exact until the one division.
    pub fn averaged(&self, scale: usize) -> Self {
        let (width, height) = (self.width.div_ceil(scale), self.height.div_ceil(scale));
        let mut pixels = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let rows = y * scale..self.height.min((y + 1) * scale);
                let columns = x * scale..self.width.min((x + 1) * scale);
                let block = rows.flat_map(|row| columns.clone().map(move |column| row * self.width + column));
                let values: Vec<f64> = block.filter_map(|i| self.pixels[i].map(f64::from)).collect();
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                pixels.push((!values.is_empty()).then_some(mean as f32));
            }
        }
        Self { width, height, pixels }
    }

    pub fn filled(&self, fill: f32) -> Vec<f32> {
        self.pixels.iter().map(|pixel| pixel.unwrap_or(fill)).collect()
    }
}

/// Rounds half to even and clamps to `most`; says how many values that took out of their place.
pub fn rounded(values: &[f32], most: f32) -> (Vec<f32>, u64) {
    let rounded = values.iter().map(|value| value.round_ties_even());
    let outside = rounded.clone().filter(|value| !(0.0..=most).contains(value)).count();
    (rounded.map(|value| value.clamp(0.0, most)).collect(), outside as u64)
}
