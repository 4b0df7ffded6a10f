//! The flags that `run` and `plan` share, as they are typed.

use std::ffi::OsString;

use clap::{Args, Parser, ValueEnum};
use serde::Serialize;

use crate::decon::{Method, Overlap, Precision, Start};
use crate::error::Error;
use crate::output::Version;
use crate::psf::{Microscope, PsfCentre};
use crate::source::{IoMethod, Location};

/// What to do with which file.
#[derive(Args, Clone, Debug)]
pub struct JobArgs {
    /// CZI file, TIFF stack (u8, u16, f32) or OME-Zarr folder (or its zarr.json or .zattrs); a path, or a URL: https://, http://,
    /// s3://BUCKET/KEY (with the usual variables AWS_*; AWS_SKIP_SIGNATURE=true for what is public)
    #[arg(value_name = "INPUT")]
    pub input: Location,

    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) stitching: StitchingArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    #[command(flatten)]
    pub(crate) deconvolution: DeconvolutionArgs,
    #[command(flatten)]
    pub(crate) psf: PsfArgs,
    #[command(flatten)]
    pub(crate) tiling: TilingArgs,
    #[command(flatten)]
    pub(crate) backend: BackendArgs,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

impl JobArgs {
    /// What `arguments` say, as `decon-gpu run` takes them; the first is the name of the program. For who calls the library.
    ///
    /// # Errors
    /// Of the command line.
    pub fn parse<T: Into<OsString> + Clone>(
        arguments: impl IntoIterator<Item = T>,
    ) -> Result<Self, clap::Error> {
        #[derive(Parser)]
        struct Flags {
            #[command(flatten)]
            job: JobArgs,
        }
        Flags::try_parse_from(arguments).map(|flags| flags.job)
    }
}

/// What is wrong with flags that `command` gives on.
pub(crate) fn usage(command: &str, error: &clap::Error) -> Error {
    let text = error.render().to_string();
    let first = text.lines().next().unwrap_or_default();
    Error::option(command, first.strip_prefix("error: ").unwrap_or(first))
}

/// Which part of the file.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Input")]
pub struct SelectionArgs {
    /// Only this scene, as the file counts them [default: all]
    #[arg(long, value_name = "K")]
    pub scene: Option<u32>,
    /// Only this part of each scene, in level-0 pixels from its top left, or with a unit: 100um,50um,2000um,1000um
    #[arg(long, value_name = "X,Y,W,H", allow_hyphen_values = true)]
    pub region: Option<String>,
    /// Only these channels, from 0, such as 0,2-3; values for one channel keep the file's numbers [default: all]
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub channels: Option<String>,
    /// Only these slices, from 0, both ends included, such as 5-20; a 3D deconvolution does not know of light from
    /// the others [default: all]
    #[arg(long, value_name = "A-B", allow_hyphen_values = true)]
    pub slices: Option<String>,
    /// Only these time points, from 0, both ends included, such as 0-9 [default: all]
    #[arg(long, value_name = "A-B", allow_hyphen_values = true)]
    pub times: Option<String>,
    /// Index of a dimension beside S, T, C, Z and M, such as H=3; may be given again [default: 0]
    #[arg(long, value_name = "D=I")]
    pub select: Vec<String>,
    /// What the planes of a TIFF are where the file does not say it: letters of t, c and z, the slowest first, such as c,
    /// or with their numbers tz5c2 (the one without a number takes what is left)
    #[arg(long, value_name = "LETTERS")]
    pub axes: Option<String>,
    /// Distance between samples in µm, overriding the file
    #[arg(long, value_name = "Z,Y,X")]
    pub voxel_um: Option<String>,
    /// Mosaic pixels that one output pixel averages along x and y: 1, 2, 4 or 8
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub scale: u32,
    /// auto: downsample from a level of the stored pyramid where it holds exactly what is needed; never: from the fields
    #[arg(long, value_enum, default_value_t = PyramidUse::Auto)]
    pub pyramid: PyramidUse,
    /// ignore: paint also the pixels that a subblock's valid-pixel mask leaves out
    #[arg(long, value_enum, default_value_t = MaskUse::Honour)]
    pub masks: MaskUse,
    /// Value where no field lies [default: 0; 255 (or 65535) for Bgr]
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    pub fill: Option<f32>,
    /// Leave damaged subblocks out (they are filled and listed; exit code 3) instead of stopping
    #[arg(long)]
    pub skip_damaged: bool,
}

/// How fields become a mosaic.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Stitching")]
pub struct StitchingArgs {
    /// Where fields overlap, paint: the one with the highest M; feather: their mean, by weights that fall linearly
    /// towards each field's own edges, so that no step is seen
    #[arg(long, value_enum, default_value_t = Overlap::Paint)]
    pub overlap: Overlap,
    /// TIFF of the brightness over a field: each field is divided by it and multiplied by its mean before it is stitched.
    /// One plane, or one for each channel of the output; once, or once a channel as C=FILE
    #[arg(long, value_name = "[C=]FILE.tif")]
    pub flatfield: Vec<String>,
    /// TIFF of the camera's counts without light, subtracted from each field first; as --flatfield
    #[arg(long, value_name = "[C=]FILE.tif")]
    pub darkfield: Vec<String>,
}

/// Whether the stored pyramid is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum PyramidUse {
    /// Where a level holds exactly what is needed.
    Auto,
    /// Not at all.
    Never,
}

/// Whether pixels that a valid-pixel mask leaves out are painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum MaskUse {
    /// They are not.
    Honour,
    /// They are.
    Ignore,
}

/// How the file is read.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Reading")]
pub struct ReadingArgs {
    /// Threads that read: requests that wait for the storage at the same time [default: 2]. More where it takes long to
    /// answer
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub readers: Option<u32>,
    /// Bytes between two subblocks that are read and thrown away rather than asked for around, such as 64KiB
    #[arg(long, value_name = "SIZE", default_value = "64KiB")]
    pub merge_gap: String,
    /// Bytes of a request for several subblocks, at most, such as 8MiB; a server is asked for up to so many at a time, and for
    /// 64KiB where this is less
    #[arg(long, value_name = "SIZE", default_value = "8MiB")]
    pub request_size: String,
    /// How often a request that fails is repeated before the run fails [default: 3; of a server, as often as --retry-for
    /// allows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub retries: Option<u32>,
    /// For how long, such as 2m, with pauses of up to 20 s or as long as a server says (Retry-After)
    #[arg(long, value_name = "TIME", default_value = "2m")]
    pub retry_for: String,
    /// How long a server may be silent before the request counts as failed, such as 30s. Storage of this computer, such as
    /// a network mount, cannot be asked again: when it answers nothing for so long, the run ends (what is finished stays);
    /// while it flushes what was written, which may take minutes, that is only said
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub timeout: String,
    /// Let a server send on to this HOST, HOST:PORT or *.HOST; to http://HOST also from what is encrypted. May be given again
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub allow_redirects: Vec<String>,
    /// pread: failures of the storage are errors; mmap: they end the program (SIGBUS), as does a file that is cut off
    #[arg(long, value_enum, default_value_t = IoMethod::Pread)]
    pub io: IoMethod,
    /// Read as if from slow or unreliable storage, such as latency=10ms,bandwidth=100MB/s,jitter=2ms,errors=0.01,seed=1;
    /// stall=100 answers 100 requests and then none, stall-writes=100 so many calls on the output
    #[arg(long, value_name = "WHAT")]
    pub simulate_storage: Option<String>,
}

/// How to deconvolve.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Deconvolution")]
pub struct DeconvolutionArgs {
    /// Iterations; 0 stitches and converts only
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub iterations: u32,
    /// Stop before --iterations when the divergence of estimate and image changes by less than this an iteration, such
    /// as 1e-3; decided for each channel on its brightest tiles, the same for all tiles of a scene
    #[arg(long, value_name = "CHANGE")]
    pub until: Option<f64>,
    /// Iterations from one look at the divergence to the next
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub check_every: u32,
    /// rl: Richardson-Lucy; shb: its accelerated form, scaled heavy ball
    #[arg(long, value_enum, default_value_t = Method::Shb)]
    pub method: Method,
    /// 2: every plane for itself; 3: stacks as volumes [default: 3 for stacks]
    #[arg(long, value_name = "2|3", value_parser = clap::value_parser!(u32).range(2..=3))]
    pub dimensions: Option<u32>,
    /// Counts of light that does not come from the object, such as haze, with its shot noise: part of the model. What the
    /// camera adds without light is --offset; once, or once a channel as C=N [default: 0]
    #[arg(long, value_name = "[C=]N", allow_negative_numbers = true)]
    pub background: Vec<String>,
    /// Counts of the camera without light, such as 100: subtracted from every pixel, what falls below zero is kept; a
    /// constant without shot noise, so not --background. auto: the darkest level of the file. Also with --iterations 0;
    /// once, or once a channel as C=N [default: 0]
    #[arg(long, value_name = "[C=]N|auto", allow_negative_numbers = true)]
    pub offset: Vec<String>,
    /// Read noise of the camera in counts rms, such as 1.5, beside --offset or --darkfield: its variance is added to data and
    /// model, which is steadier over many iterations on few photons, and slower; once, or once a channel as C=N [default: 0]
    #[arg(long, value_name = "[C=]N", allow_negative_numbers = true)]
    pub read_noise: Vec<String>,
    /// The first estimate
    #[arg(long, value_enum, default_value_t = Start::Observed)]
    pub start: Start,
}

/// Where the PSF comes from.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Point spread function")]
pub struct PsfArgs {
    /// auto (computed from the metadata), objective:NAME, an objective's .toml, or a measured PSF (TIFF, CZI);
    /// once, or once a channel as C=PSF [default: auto]
    #[arg(long, value_name = "[C=]PSF")]
    pub psf: Vec<String>,
    /// Subtracted from a measured PSF: counts of its file, or auto, the level of its border in the plane where that is darkest;
    /// once, or once a channel as C=N [default: auto where that level is even and more than 5 % of the PSF's light]
    #[arg(long, value_name = "[C=]N|auto", allow_negative_numbers = true)]
    pub psf_background: Vec<String>,
    /// The centre of a measured PSF. auto: its middle voxel where that is the brightest, else the centre of its light to a
    /// fraction of a voxel; middle: the middle of the file; brightest: its brightest voxel
    #[arg(long, value_enum, default_value_t = PsfCentre::Auto)]
    pub psf_centre: PsfCentre,
    /// How the image was taken, overriding the file: auto and objectives have a model for widefield alone, and refuse to
    /// compute a PSF for what was taken otherwise
    #[arg(long, value_enum, value_name = "MODE")]
    pub microscope: Option<Microscope>,
    /// Numerical aperture, overriding the file; once, or once a channel as C=NA
    #[arg(long, value_name = "[C=]NA", allow_hyphen_values = true)]
    pub na: Vec<String>,
    /// Emission peak in nm, overriding the file; once, or once a channel as C=NM
    #[arg(long, value_name = "[C=]NM")]
    pub emission_nm: Vec<String>,
    /// Refractive index of the immersion medium, overriding the file; once, or once a channel as C=N
    #[arg(long, value_name = "[C=]N", allow_hyphen_values = true)]
    pub immersion_index: Vec<String>,
    /// Largest PSF in output voxels; a larger one is cropped around its centre and the lost light is said. A computed one is as
    /// large as the stack asks for, up to 129 voxels a side, or up to this [default: 129,129,129 for a computed one]
    #[arg(long, value_name = "Z,Y,X")]
    pub psf_size: Option<String>,
}

/// How the work is cut.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Tiles and memory")]
pub struct TilingArgs {
    /// Side of a tile's core in output pixels [default: what costs the least padding]
    #[arg(long, value_name = "PX")]
    pub tile: Option<u32>,
    /// Output pixels around a core that are computed and thrown away, and planes where a stack is too large and is cut in
    /// z as well [default: from the PSF]
    #[arg(long, value_name = "[Z,]PX")]
    pub halo: Option<String>,
    /// Memory that the run may take, such as 2GiB or 800MiB [default: a quarter of the computer's,
    /// or of what a batch job or a container may take]
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<String>,
}

/// What computes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Backend")]
pub struct BackendArgs {
    /// auto takes a hardware GPU where there is one, else the processor
    #[arg(long, value_enum, default_value_t = BackendChoice::Auto)]
    pub backend: BackendChoice,
    /// GPU by index, PCI bus id or part of its name, as `decon-gpu devices` lists them; several of one model, such as
    /// 0,1, share the tiles
    #[arg(long, value_name = "INDEX|PCI|NAME,...", env = "DECON_GPU_DEVICE")]
    pub device: Option<String>,
    /// Memory of the GPU, of each where there are several, that the run may take, such as 6GiB: tiles and groups are made
    /// to fit [default: 4GiB, as the driver interface does not say how much there is]
    #[arg(long, value_name = "SIZE")]
    pub gpu_memory: Option<String>,
    /// How a GPU stores the spectra between two passes. f16: in half the bytes, 16 bits a number, for values that differ by
    /// 1e-4 to 5e-4 of a tile's largest
    #[arg(long, value_enum, default_value_t = Precision::F32)]
    pub precision: Precision,
    /// Threads that compute, decode and compress [default: one for each core]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// What computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum BackendChoice {
    /// A hardware GPU where there is one and something to deconvolve, else the processor.
    Auto,
    /// A GPU, hardware or (when named by --device) software.
    Gpu,
    /// The processor.
    Cpu,
}

/// How the output is stored.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct FormatArgs {
    /// Type of the samples. What is deconvolved from u8 is u16 where this says nothing
    #[arg(long, value_enum, default_value_t = OutputType::Auto)]
    pub output_type: OutputType,
    /// Version of OME-Zarr. 0.5: few files. 0.4: a file for each chunk, for programs that do not read 0.5 yet
    #[arg(long, value_enum, default_value_t = Version::V05)]
    pub ome_zarr: Version,
    /// Side of a chunk in pixels: what a viewer loads at a time [default: 256, in OME-Zarr 0.4 512]
    #[arg(long, value_name = "PX")]
    pub chunk: Option<u32>,
    /// Side of a shard in pixels: one file on disk, in OME-Zarr 0.5 [default: a tile's core, or up to 2048]
    #[arg(long, value_name = "PX")]
    pub shard: Option<u32>,
    /// Zstandard level, 1 (fast) to 22 (small); in OME-Zarr 0.4 that of blosc, to 9
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub zstd_level: i32,
}

/// Type of the output's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum OutputType {
    /// As `same`, but u16 for what is deconvolved from u8.
    Auto,
    /// The input's; the widest where channels differ.
    Same,
    /// 8 bits, rounded and clamped.
    U8,
    /// 16 bits, rounded and clamped.
    U16,
    /// Float.
    F32,
}
