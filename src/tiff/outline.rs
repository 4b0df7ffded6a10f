//! What a directory says of its page's pixels, before it is known whether the page is wanted.

use tiff::tags::Tag;

use super::codec;
use super::ifd::{Directory, Tags};
use super::number::Number;
use crate::error::{Error, Result};
use crate::pixels::{PixelType, SampleType};

/// Bits of NewSubfileType: a smaller copy of another page, a transparency mask.
const NOT_AN_IMAGE: u64 = 0b101;
/// SubfileType of a smaller copy, in files from before NewSubfileType.
const REDUCED: u64 = 2;
/// SGI's tag of volumetric pages.
const IMAGE_DEPTH: Tag = Tag::Unknown(32997);
/// Pixels along an axis, at most, so that sums of a few stay within 32 bits.
const LONGEST_SIDE: u64 = 1 << 30;
/// Channels that the samples of a pixel may make.
const MOST_CHANNELS: u64 = 256;
/// Values of PhotometricInterpretation.
const WHITE_IS_ZERO: u64 = 0;
const BLACK_IS_ZERO: u64 = 1;
const RGB: u64 = 2;
const PALETTE: u64 = 3;
const YCBCR: u64 = 6;

/// Size and samples of one page.
#[derive(Clone, Debug)]
pub(super) struct Outline {
    pub directory: Directory,
    /// Of its directory, from 0; those of smaller copies count.
    pub number: usize,
    pub width: u32,
    pub height: u32,
    /// A smaller copy of another page, or a mask.
    pub is_reduced: bool,
    /// A code of TIFF.
    pub compression: u64,
    /// Whether each sample of a pixel is stored apart.
    pub is_planar: bool,
    samples: u64,
    /// `None` where they differ.
    bits: Option<u64>,
    format: u64,
    photometric: u64,
    extra_samples: Vec<u64>,
    depth: u64,
    fill_order: u64,
}

/// What the pixels of a page are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pixels {
    pub number: Number,
    /// Samples of a pixel, as stored.
    pub stored: usize,
    pub meaning: Meaning,
    /// Whether the largest number is black.
    pub is_inverted: bool,
}

/// What the samples of a pixel are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Each of the first few is a channel of its own.
    Channels(u32),
    /// The first three are red, green, blue, of a type that a coloured field has.
    Colours,
}

impl Pixels {
    /// What a field calls them.
    pub fn pixel_type(&self) -> PixelType {
        match (self.meaning, self.number.sample_type()) {
            (Meaning::Colours, SampleType::U8) => PixelType::Bgr24,
            (Meaning::Colours, _) => PixelType::Bgr48,
            (_, SampleType::U8) => PixelType::Gray8,
            (_, SampleType::U16) => PixelType::Gray16,
            (_, SampleType::F32) => PixelType::Gray32Float,
        }
    }

    /// Channels that one page makes.
    pub fn channels(&self) -> u32 {
        match self.meaning {
            Meaning::Channels(count) => count,
            Meaning::Colours => 1,
        }
    }
}

impl Outline {
    /// Reads it.
    ///
    /// # Errors
    /// `Io`; `Format` for a page without a size, and for values that lie outside the file.
    pub fn read(tags: &mut Tags<'_>, directory: Directory, number: usize) -> Result<Self> {
        let mut whole = |tag, default| Ok(tags.number(&directory, tag)?.unwrap_or(default));
        let (width, height) = (whole(Tag::ImageWidth, 0)?, whole(Tag::ImageLength, 0)?);
        let is_reduced = whole(Tag::NewSubfileType, 0)? & NOT_AN_IMAGE != 0
            || !directory.has(Tag::NewSubfileType) && whole(Tag::SubfileType, 0)? == REDUCED;
        let samples = whole(Tag::SamplesPerPixel, 1)?;
        let default = if samples >= 3 { RGB } else { BLACK_IS_ZERO };
        let photometric = whole(Tag::PhotometricInterpretation, default)?;
        let compression = whole(Tag::Compression, 1)?;
        let is_planar = whole(Tag::PlanarConfiguration, 1)? == 2 && samples > 1;
        let format = whole(Tag::SampleFormat, 1)?;
        let (depth, fill_order) = (whole(IMAGE_DEPTH, 1)?, whole(Tag::FillOrder, 1)?);
        let bits = tags.numbers(&directory, Tag::BitsPerSample)?.unwrap_or_else(|| vec![1]);
        let extra_samples = tags.numbers(&directory, Tag::ExtraSamples)?.unwrap_or_default();
        let is_side = |side| (1..=LONGEST_SIDE).contains(&side);
        if !is_side(width) || !is_side(height) {
            let what = format!("a page of {width} × {height} pixels");
            return Err(Error::format(tags.path(), what, directory.at));
        }
        Ok(Self {
            bits: bits.first().copied().filter(|first| bits.iter().all(|bits| bits == first)),
            width: width as u32,
            height: height as u32,
            directory,
            number,
            is_reduced,
            compression,
            is_planar,
            samples,
            format,
            photometric,
            extra_samples,
            depth,
            fill_order,
        })
    }

    /// The same page where its samples are known to be no colours, whatever it says.
    pub fn without_colours(self) -> Self {
        Self { photometric: if self.photometric == RGB { BLACK_IS_ZERO } else { self.photometric }, ..self }
    }

    /// Whether the pixels of `other` are of the same kind; sizes may differ.
    pub fn is_of_kind(&self, other: &Self) -> bool {
        let kind = |page: &Self| {
            let colours = if page.photometric == YCBCR { RGB } else { page.photometric };
            (page.samples, page.bits, page.format, colours, page.extra_samples.clone())
        };
        kind(self) == kind(other)
    }

    /// Size and kind, for messages.
    pub fn what(&self) -> String {
        let Self { width, height, samples, format, .. } = self;
        let number = match self.bits.map(|bits| (bits, Number::of(bits, *format))) {
            Some((_, Some(number))) => number.name().to_owned(),
            Some((bits, None)) => format!("{bits}-bit numbers"),
            None => "numbers of different bits".to_owned(),
        };
        let samples = if *samples == 1 { String::new() } else { format!("{samples} × ") };
        format!("{width} × {height} pixels of {samples}{number}")
    }

    /// What the pixels are.
    ///
    /// # Errors
    /// What is not read here.
    pub fn pixels(&self) -> Result<Pixels, String> {
        if self.depth > 1 {
            return Err(format!("volumetric pages ({} slices in one page, tag ImageDepth)", self.depth));
        }
        if self.fill_order == 2 {
            return Err("a TIFF whose bytes have their lowest bit first (FillOrder 2)".into());
        }
        let bits = self.bits.ok_or("a TIFF whose samples have different numbers of bits")?;
        let number = Number::of(bits, self.format).ok_or_else(|| match self.format {
            5 | 6 => "a TIFF of complex numbers".to_owned(),
            _ => format!(
                "a TIFF of {bits}-bit samples; `bfconvert`, ImageJ or tifffile write them as 8 or 16 bits"
            ),
        })?;
        let stored = self.samples;
        if !(1..=MOST_CHANNELS).contains(&stored) {
            return Err(format!("a TIFF of {stored} samples a pixel"));
        }
        let is_white_zero = self.photometric == WHITE_IS_ZERO;
        let meaning = match self.photometric {
            WHITE_IS_ZERO | BLACK_IS_ZERO => Meaning::Channels((stored - self.alphas()).max(1) as u32),
            PALETTE if stored == 1 => Meaning::Channels(1),
            RGB | YCBCR if stored < 3 => return Err(format!("an RGB TIFF of {stored} samples a pixel")),
            RGB | YCBCR if stored - self.alphas() > 3 => Meaning::Channels(stored as u32),
            RGB | YCBCR if matches!(number, Number::U8 | Number::U16) => Meaning::Colours,
            RGB => Meaning::Channels(3),
            other => return Err(format!("a TIFF of {} pixels", photometric_name(other))),
        };
        if self.photometric == YCBCR && codec::name(self.compression) != "JPEG" {
            return Err("a TIFF of YCbCr pixels that are not JPEG; `vips tiffsave` writes them as RGB".into());
        }
        if is_white_zero && !matches!(number, Number::U8 | Number::U16) {
            return Err(format!("a TIFF of {} samples of which the smallest is white", number.name()));
        }
        Ok(Pixels { number, stored: stored as usize, meaning, is_inverted: is_white_zero })
    }

    /// Samples at the end of a pixel that say how transparent it is. A fourth sample beside red, green and blue is one
    /// where nothing else is said, as libtiff has it.
    fn alphas(&self) -> u64 {
        let is_rgba = matches!(self.photometric, RGB | YCBCR) && self.samples == 4;
        match &self.extra_samples[..] {
            [] => u64::from(is_rgba),
            [.., 1 | 2] => 1,
            _ => 0,
        }
    }

    /// Whether they are red, green, blue.
    pub fn is_rgb(&self) -> bool {
        matches!(self.photometric, RGB | YCBCR)
    }

    /// Whether red, green and blue are still to be made of the samples.
    pub fn is_ycbcr(&self) -> bool {
        self.photometric == YCBCR
    }

    /// Sentences for the user: what is read as something else than it is stored as.
    pub fn notes(&self, pixels: &Pixels) -> Vec<String> {
        let mut notes = Vec::new();
        if pixels.is_inverted {
            notes.push(
                "the file stores white as 0 (MinIsWhite): values are inverted, so that light is bright"
                    .into(),
            );
        }
        if self.alphas() > 0 && u64::from(pixels.channels()) < self.samples {
            notes.push(
                "the last sample of each pixel says how transparent it is (alpha) and is left out".into(),
            );
        }
        if self.photometric == PALETTE {
            notes.push("pixels are indices into a palette; the indices are read as intensities".into());
        }
        if !pixels.number.is_kept() {
            let name = pixels.number.name();
            let loss =
                pixels.number.loss().map_or_else(|| "exactly".to_owned(), |loss| format!("but {loss}"));
            notes.push(format!("samples of {name} are read as float32, {loss}"));
        }
        notes
    }
}

fn photometric_name(photometric: u64) -> String {
    match photometric {
        4 => "transparency".into(),
        5 => "CMYK".into(),
        8..=10 => "CIE L*a*b*".into(),
        32803 => "colour-filter (raw camera)".into(),
        32844 | 32845 => "LogLuv".into(),
        34892 => "linear raw".into(),
        other => format!("unknown (PhotometricInterpretation {other})"),
    }
}
