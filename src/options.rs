//! Options of a job, which are the flags of the command line: each with its type, its unit, its default and its help.

mod channel;
mod check;
mod choice;
mod halo;
mod part;
mod reading;
mod stopping;
#[cfg(test)]
mod tests;
mod value;
mod wrong_flag;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser};
use serde::{Serialize, Serializer};

pub use channel::{ForChannel, Offset, PerChannel, PsfSource, for_channel};
pub use choice::{BackendChoice, MaskUse, OutputType, PyramidUse};
pub use halo::Halo;
pub use part::{Indices, Length, Region};
pub use reading::Reading;
pub use stopping::Stopping;
pub use value::local;
pub use wrong_flag::{wrong_flag, wrong_flag_of};

use crate::decon::{Method, Overlap, Precision, Start};
use crate::error::Result;
use crate::output::{Format, Kind, OmeTiffSettings, OmeZarrSettings, TiffCompression, Version};
use crate::psf::{Microscope, PsfBackground, PsfCentre};
use crate::source::Location;
use crate::space::Zyx;
use crate::tiff::Axes;
use channel::{offset, psf, psf_background};
use value::{bytes, dimension, finite, lengths, not_negative, odd_sides, positive, scale, side, threads};

const INPUT: &str = "Input";
const STITCHING: &str = "Stitching";
const DECONVOLUTION: &str = "Deconvolution";
const PSF: &str = "Point spread function";
const TILING: &str = "Tiles and memory";
const BACKEND: &str = "Backend";
const OUTPUT: &str = "Output";

/// What to do with which file. Stored with the output.
///
/// A new one has every default; its fields are public, so that
///
/// ```
/// use decon_gpu::options::Options;
///
/// let mut options = Options::new("slide.czi");
/// options.iterations = 0;
/// options.scale = 4;
/// ```
///
/// is what `decon-gpu run slide.czi --iterations 0 --scale 4` says.
#[derive(Args, Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Options {
    /// CZI file, TIFF stack or OME-Zarr folder (or its zarr.json or .zattrs); a path or a URL
    ///
    /// URLs are https://, http:// or s3://BUCKET/KEY (with the usual variables AWS_*; AWS_SKIP_SIGNATURE=true for what is
    /// public).
    #[arg(value_name = "INPUT")]
    pub input: Location,

    /// Only this scene, as the file counts them [default: all]
    #[arg(long, value_name = "K", help_heading = INPUT)]
    pub scene: Option<u32>,
    /// Only this part of each scene, in level-0 pixels from its top left, or with a unit: 100um,50um,2000um,1000um
    #[arg(long, value_name = "X,Y,W,H", allow_hyphen_values = true, help_heading = INPUT)]
    pub region: Option<Region>,
    /// Only these channels, from 0, such as 0,2-3 [default: all]
    ///
    /// Values for one channel (C=VALUE) keep the file's numbers.
    #[arg(long, value_name = "LIST", allow_hyphen_values = true, help_heading = INPUT)]
    pub channels: Option<Indices>,
    /// Only these slices, from 0, both ends included, such as 5-20 [default: all]
    ///
    /// A 3D deconvolution does not know of light from the others.
    #[arg(long, value_name = "A-B", allow_hyphen_values = true, value_parser = Indices::range, help_heading = INPUT)]
    pub slices: Option<Indices>,
    /// Only these time points, from 0, both ends included, such as 0-9 [default: all]
    #[arg(long, value_name = "A-B", allow_hyphen_values = true, value_parser = Indices::range, help_heading = INPUT)]
    pub times: Option<Indices>,
    /// Index of a dimension beside S, T, C, Z and M, such as H=3; may be given again [default: 0]
    #[arg(long, value_name = "D=I", value_parser = dimension, help_heading = INPUT)]
    #[serde(serialize_with = "as_map")]
    pub select: Vec<(char, i32)>,
    /// What the planes of a TIFF are where the file does not say it: letters of t, c and z, the slowest first
    ///
    /// Such as c, or with their numbers tz5c2 (the one without a number takes what is left).
    #[arg(long, value_name = "LETTERS", help_heading = INPUT)]
    pub axes: Option<Axes>,
    /// Distance between samples in µm, overriding the file
    #[arg(long, value_name = "Z,Y,X", value_parser = lengths, help_heading = INPUT)]
    pub voxel_um: Option<Zyx<f64>>,
    /// Mosaic pixels that one output pixel averages along x and y: 1, 2, 4 or 8
    #[arg(long, value_name = "N", default_value = "1", value_parser = scale, help_heading = INPUT)]
    pub scale: u32,
    /// Where the pixels of --scale come from
    #[arg(long, value_enum, default_value_t = PyramidUse::Auto, help_heading = INPUT)]
    pub pyramid: PyramidUse,
    /// Where fields overlap: the field with the highest M, or the mean of all
    ///
    /// The weights of that mean fall linearly towards each field's own edges, so that no step is seen.
    #[arg(long, value_enum, default_value_t = Overlap::Paint, help_heading = STITCHING)]
    pub overlap: Overlap,
    /// TIFF of the brightness over a field; may be given again as C=FILE
    ///
    /// Each field is divided by it and multiplied by its mean before it is stitched. One plane, or one for each channel of the
    /// output.
    #[arg(long, value_name = "[C=]FILE.tif", value_parser = for_channel(local), help_heading = STITCHING)]
    #[serde(serialize_with = "channel::serialize")]
    pub flatfield: Vec<ForChannel<PathBuf>>,
    /// TIFF of the camera's counts without light; may be given again as C=FILE
    ///
    /// It is subtracted from each field before the flat-field divides. One plane, or one for each channel of the output.
    #[arg(long, value_name = "[C=]FILE.tif", value_parser = for_channel(local), help_heading = STITCHING)]
    #[serde(serialize_with = "channel::serialize")]
    pub darkfield: Vec<ForChannel<PathBuf>>,
    /// Whether the pixels that a subblock's valid-pixel mask leaves out are painted
    #[arg(long, value_enum, default_value_t = MaskUse::Honour, help_heading = INPUT)]
    pub masks: MaskUse,
    /// Value where no field lies [default: 0; 255 (or 65535) for Bgr]
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true, value_parser = finite, help_heading = INPUT)]
    pub fill: Option<f32>,
    /// Leave damaged subblocks out (they are filled and listed; exit code 3) instead of stopping
    #[arg(long, help_heading = INPUT)]
    pub skip_damaged: bool,

    /// Iterations; 0 stitches and converts only
    #[arg(long, value_name = "N", default_value_t = 20, help_heading = DECONVOLUTION)]
    pub iterations: u32,
    /// When to stop before.
    #[command(flatten)]
    #[serde(rename = "until")]
    pub stopping: Stopping,
    /// How the estimate is improved
    #[arg(long, value_enum, default_value_t = Method::Shb, help_heading = DECONVOLUTION)]
    pub method: Method,
    /// 2: every plane for itself; 3: stacks as volumes [default: 3 for stacks]
    #[arg(long, value_name = "2|3", value_parser = clap::value_parser!(u32).range(2..=3), help_heading = DECONVOLUTION)]
    pub dimensions: Option<u32>,
    /// Counts of light that does not come from the object, such as haze; may be given again as C=N [default: 0]
    ///
    /// It has shot noise, and is part of the model. What the camera adds without light is --offset.
    #[arg(long, value_name = "[C=]N", allow_negative_numbers = true, help_heading = DECONVOLUTION)]
    #[arg(value_parser = for_channel(not_negative))]
    #[serde(serialize_with = "channel::serialize")]
    pub background: Vec<ForChannel<f32>>,
    /// Counts of the camera without light, such as 100; may be given again as C=N [default: 0]
    ///
    /// It is subtracted from every pixel, also with --iterations 0, and what falls below zero is kept: a constant without shot
    /// noise, so not --background. auto: the darkest level of the file.
    #[arg(long, value_name = "[C=]N|auto", allow_negative_numbers = true, help_heading = DECONVOLUTION)]
    #[arg(value_parser = for_channel(offset))]
    #[serde(serialize_with = "channel::serialize")]
    pub offset: Vec<ForChannel<Offset>>,
    /// Read noise of the camera in counts rms, such as 1.5; may be given again as C=N [default: 0]
    ///
    /// Needs --offset or --darkfield. Its variance is added to data and model, which is steadier over many iterations on few
    /// photons, and slower.
    #[arg(long, value_name = "[C=]N", allow_negative_numbers = true, help_heading = DECONVOLUTION)]
    #[arg(value_parser = for_channel(not_negative))]
    #[serde(serialize_with = "channel::serialize")]
    pub read_noise: Vec<ForChannel<f32>>,
    /// The first estimate
    #[arg(long, value_enum, default_value_t = Start::Observed, help_heading = DECONVOLUTION)]
    pub start: Start,

    /// auto, objective:NAME, an objective's .toml, or a measured PSF (TIFF, CZI); may be given again as C=PSF [default: auto]
    ///
    /// auto computes it from the metadata of the file.
    #[arg(long, value_name = "[C=]PSF", value_parser = for_channel(psf), help_heading = PSF)]
    #[serde(serialize_with = "channel::serialize")]
    pub psf: Vec<ForChannel<PsfSource>>,
    /// Counts that are subtracted from a measured PSF, or auto; may be given again as C=N
    ///
    /// auto: the level of its border in the plane where that is darkest. By default that is subtracted where it is even and
    /// holds more than 5 % of the light of the PSF.
    #[arg(long, value_name = "[C=]N|auto", allow_negative_numbers = true, help_heading = PSF)]
    #[arg(value_parser = for_channel(psf_background))]
    #[serde(serialize_with = "channel::serialize")]
    pub psf_background: Vec<ForChannel<PsfBackground>>,
    /// The centre of a measured PSF
    ///
    /// auto: its middle voxel where that is the brightest, else the centre of its light to a fraction of a voxel; middle: the
    /// middle of the file; brightest: its brightest voxel.
    #[arg(long, value_enum, default_value_t = PsfCentre::Auto, help_heading = PSF)]
    pub psf_centre: PsfCentre,
    /// How the image was taken, overriding the file
    ///
    /// --psf auto and objectives have a model for widefield alone, and refuse to compute a PSF for what was taken otherwise.
    #[arg(long, value_enum, value_name = "MODE", help_heading = PSF)]
    pub microscope: Option<Microscope>,
    /// Numerical aperture, overriding the file; may be given again as C=NA
    #[arg(long, value_name = "[C=]NA", allow_hyphen_values = true, help_heading = PSF)]
    #[arg(value_parser = for_channel(positive))]
    #[serde(serialize_with = "channel::serialize")]
    pub na: Vec<ForChannel<f64>>,
    /// Emission peak in nm, overriding the file; may be given again as C=NM
    #[arg(long, value_name = "[C=]NM", value_parser = for_channel(positive), help_heading = PSF)]
    #[serde(serialize_with = "channel::serialize")]
    pub emission_nm: Vec<ForChannel<f64>>,
    /// Refractive index of the immersion medium, overriding the file; may be given again as C=N
    #[arg(long, value_name = "[C=]N", allow_hyphen_values = true, help_heading = PSF)]
    #[arg(value_parser = for_channel(positive))]
    #[serde(serialize_with = "channel::serialize")]
    pub immersion_index: Vec<ForChannel<f64>>,
    /// Largest PSF in output voxels [default: 129,129,129 for a computed one]
    ///
    /// A larger one is cropped around its centre, and a note says how much light is lost. A computed one is as large as the
    /// stack asks for, up to 129 voxels a side, or up to this.
    #[arg(long, value_name = "Z,Y,X", value_parser = odd_sides, help_heading = PSF)]
    pub psf_size: Option<Zyx<u32>>,

    /// Side of a tile's core in output pixels [default: what costs the least padding]
    #[arg(long, value_name = "PX", value_parser = side, help_heading = TILING)]
    pub tile: Option<u32>,
    /// Output pixels around a core that are computed and not written [default: from the PSF]
    ///
    /// Z is the number of such planes, where a stack is too large and is cut in z as well.
    #[arg(long, value_name = "[Z,]PX", help_heading = TILING)]
    #[serde(flatten, serialize_with = "halo::serialize")]
    pub halo: Option<Halo>,
    /// Memory that the run may take, such as 2GiB or 800MiB [default: a quarter of what there is]
    ///
    /// A quarter of the computer's, or of what a batch job or a container may take.
    #[arg(long = "memory", value_name = "SIZE", value_parser = bytes, help_heading = TILING)]
    pub memory_bytes: Option<u64>,

    /// Where to compute
    #[arg(long, value_enum, default_value_t = BackendChoice::Auto, help_heading = BACKEND)]
    pub backend: BackendChoice,
    /// GPU by index, PCI bus id or part of its name, as `decon-gpu devices` lists them
    ///
    /// Several of one model, such as 0,1, share the tiles.
    #[arg(long, value_name = "INDEX|PCI|NAME,...", env = "DECON_GPU_DEVICE", help_heading = BACKEND)]
    pub device: Option<String>,
    /// Memory of the GPU, of each where there are several, that the run may take, such as 6GiB [default: 4GiB]
    ///
    /// Tiles and groups are made to fit. The driver interface does not say how much there is.
    #[arg(long = "gpu-memory", value_name = "SIZE", value_parser = bytes, help_heading = BACKEND)]
    pub gpu_memory_bytes: Option<u64>,
    /// How a GPU stores the spectra between two passes
    ///
    /// f16: in half the bytes, 16 bits a number, for values that differ by 1e-4 to 5e-4 of a tile's largest.
    #[arg(long, value_enum, default_value_t = Precision::F32, help_heading = BACKEND)]
    pub precision: Precision,
    /// Threads that compute, decode and compress [default: one for each core]
    #[arg(long, value_name = "N", default_value_t = cores(), hide_default_value = true, help_heading = BACKEND)]
    #[arg(value_parser = threads)]
    pub threads: usize,
    /// How the input is read.
    #[command(flatten)]
    pub reading: Reading,

    /// Type of the samples of the output
    #[arg(long, value_enum, default_value_t = OutputType::Auto, help_heading = OUTPUT)]
    pub output_type: OutputType,
    /// Format of the output [default: OME-TIFF for a name that ends in .tif or .tiff, else OME-Zarr]
    #[arg(long, value_enum, help_heading = OUTPUT)]
    #[serde(skip_serializing_if = "is_ome_zarr")]
    pub format: Option<Kind>,
    /// How the tiles of an OME-TIFF are compressed [default: deflate]
    #[arg(long, value_enum, help_heading = OUTPUT)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiff_compression: Option<TiffCompression>,
    /// Version of OME-Zarr
    #[arg(long, value_enum, default_value_t = Version::V05, help_heading = OUTPUT)]
    pub ome_zarr: Version,
    /// Side of a chunk in pixels: what a viewer loads at a time [default: 256, in OME-Zarr 0.4 and OME-TIFF 512]
    #[arg(long, value_name = "PX", value_parser = side, help_heading = OUTPUT)]
    pub chunk: Option<u32>,
    /// Side of a shard in pixels: one file on disk, in OME-Zarr 0.5 [default: a tile's core, or up to 2048]
    #[arg(long, value_name = "PX", value_parser = side, help_heading = OUTPUT)]
    pub shard: Option<u32>,
    /// Zstandard level, 1 (fast) to 22 (small); in OME-Zarr 0.4 that of blosc, to 9
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = OUTPUT)]
    pub zstd_level: i32,
}

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    options: Options,
}

impl Options {
    /// Every default, for `input`.
    pub fn new(input: impl Into<Location>) -> Self {
        let defaults = Self::parse(["options", "input"]).expect("every flag has a default");
        Self { input: input.into(), ..defaults }
    }

    /// What `arguments` say, as `decon-gpu run` takes them; the first is the name of the program.
    ///
    /// # Errors
    /// Of the command line; [`wrong_flag`] makes one line of it.
    pub fn parse<T: Into<OsString> + Clone>(
        arguments: impl IntoIterator<Item = T>,
    ) -> Result<Self, clap::Error> {
        Flags::try_parse_from(arguments).map(|flags| flags.options)
    }

    /// How the output is written.
    pub fn format(&self) -> Format {
        match self.format.unwrap_or_default() {
            Kind::OmeZarr => {
                Format::OmeZarr(OmeZarrSettings { version: self.ome_zarr, zstd_level: self.zstd_level })
            }
            Kind::OmeTiff => {
                Format::OmeTiff(OmeTiffSettings { compression: self.tiff_compression.unwrap_or_default() })
            }
        }
    }

    /// Whether reading waits for nothing but the CPU: neither a network nor a simulated storage.
    pub fn is_near(&self) -> bool {
        matches!(self.input, Location::Path(_)) && self.reading.simulate_storage.is_none()
    }
}

/// What options were before there was another format.
fn is_ome_zarr(format: &Option<Kind>) -> bool {
    format.is_none_or(|kind| kind == Kind::OmeZarr)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn as_map<S: Serializer>(selected: &[(char, i32)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(selected.iter().copied())
}
