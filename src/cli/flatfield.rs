//! `decon-gpu flatfield`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::footprint;
use crate::decon::Shading;
use crate::error::{Error, Result};
use crate::flatfield::{Brightness, Camera, Panel, Panels, Seams, estimate, write_picture};
use crate::job::{Image, Job};
use crate::options::{
    BackendChoice, ForChannel, Indices, Options, OutputType, PyramidUse, for_channel, local,
};
use crate::output::{Target, read_plane};
use crate::plan::{OutputChannel, output_channels};
use crate::report::{Counter, Event, Report};
use crate::run::Stop;
use crate::say;
use crate::shown;
use crate::source::Location;
use crate::tiff::{Axes, Planes, is_written_here, write_planes};
use crate::written::{Footprint, is_picture};

/// With fewer fields, the structures of the specimen do not average out.
const FEW_FIELDS: usize = 20;
/// Pixels of an overview along its longer side that are enough for the picture.
const OVERVIEW: u32 = 1400;

#[derive(Args, Debug)]
pub struct FlatfieldArgs {
    /// CZI file, TIFF stack (u8, u16, f32) or OME-Zarr; a path or a URL
    #[arg(value_name = "INPUT")]
    input: Location,
    /// TIFF to write, for `run --flatfield`: one plane of 32-bit floats with mean 1 for each channel of the output
    #[arg(short, long, value_name = "FLAT.tif")]
    output: PathBuf,
    /// Fields of each channel that are read, at most, spread over all scenes, times and slices
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    fields: u32,
    /// Only these channels, from 0, such as 0,2-3; the planes of the others are 1 everywhere [default: all]
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    channels: Option<Indices>,
    /// Only this scene, as the file counts them [default: all]
    #[arg(long, value_name = "K")]
    scene: Option<u32>,
    /// What the planes of a TIFF are where the file does not say it, such as c or tz5c2, as for `run`
    #[arg(long, value_name = "LETTERS")]
    axes: Option<Axes>,
    /// TIFF of the camera's counts without light, subtracted first; once, or once a channel as C=FILE. Without one, the
    /// camera's offset is taken for light, and the estimate is too even by its share
    #[arg(long, value_name = "[C=]FILE.tif", value_parser = for_channel(local))]
    darkfield: Vec<ForChannel<PathBuf>>,
    /// Stitch an overview without and with the correction, and draw both beside the estimate: a row for each channel
    #[arg(long, value_name = "PICTURE.png")]
    picture: Option<PathBuf>,
}

pub fn run(args: &FlatfieldArgs) -> Result<ExitCode> {
    args.footprint().check()?;
    let job = Job::prepare(args.options())?;
    let everything = output_channels(job.input.dataset());
    let mut known: BTreeMap<(u32, u32), Brightness> = BTreeMap::new();
    let mut said: BTreeMap<u32, String> = BTreeMap::new();
    for (source, channels) in by_source(&job) {
        let Some(camera) = camera(args, &job, source)? else { continue };
        let shadings = shadings(&job, &channels);
        let count = camera.count().min(args.fields as usize);
        let counter = Counter::new("estimate", count as u64, "fields");
        let found = estimate(&camera, &shadings, args.fields as usize, || counter.step())?;
        for ((_, channel), brightness) in channels.iter().zip(found) {
            let brightness = brightness.ok_or_else(|| no_estimate(args, channel, count))?;
            known.insert((source, channel.sample), brightness);
        }
        let few =
            if count < FEW_FIELDS { ", which are few: structures of the specimen may be in it" } else { "" };
        said.insert(source, format!("estimated from {count} of {} fields{few}", camera.count()));
    }
    let planes = planes(args, &everything, &known)?;
    write_planes(&args.output, &planes)?;

    let corrected = Job::prepare(args.corrected())?;
    for (source, channels) in by_source(&corrected) {
        let Some(camera) = camera(args, &corrected, source)? else { continue };
        say::out(&format!("channel {source}: {}", said[&source]))?;
        report_seams(&camera, &corrected, &channels, &known)?;
    }
    if let Some(path) = &args.picture {
        draw(args, path, &planes, &everything)?;
        say::out(&format!("without, with, and the flat-field side by side: {}", path.display()))?;
    }
    say::out(&shown::visible(&args.output.to_string_lossy()))?;
    Ok(ExitCode::SUCCESS)
}

/// Output channels with their positions.
type Positioned<'a> = Vec<(usize, &'a OutputChannel)>;

impl FlatfieldArgs {
    /// What messages call the input.
    fn name(&self) -> PathBuf {
        self.input.name()
    }

    /// What is read and what is written.
    fn footprint(&self) -> Footprint {
        let options = self.options();
        let mut footprint = footprint::of_options(&options);
        footprint::add_input(&mut footprint, &options.input);
        footprint.writes("--output", &self.output, is_written_here);
        self.picture.iter().for_each(|path| footprint.writes("--picture", path, is_picture));
        footprint
    }

    /// Those of a `run` without a deconvolution.
    fn options(&self) -> Options {
        let mut options = Options::new(self.input.clone());
        options.iterations = 0;
        options.backend = BackendChoice::Cpu;
        options.channels = self.channels.clone();
        options.scene = self.scene;
        options.axes = self.axes.clone();
        options.darkfield = self.darkfield.clone();
        options
    }

    /// With the estimate.
    fn corrected(&self) -> Options {
        let mut options = self.options();
        options.flatfield = vec![ForChannel::all(self.output.clone())];
        options
    }
}

/// The output channels of each channel of the file.
fn by_source(job: &Job) -> BTreeMap<u32, Positioned<'_>> {
    let mut channels: BTreeMap<u32, Vec<_>> = BTreeMap::new();
    for (i, channel) in job.channels.iter().enumerate() {
        channels.entry(channel.source).or_default().push((i, channel));
    }
    channels
}

fn camera<'a>(args: &FlatfieldArgs, job: &'a Job, source: u32) -> Result<Option<Camera<'a>>> {
    let scenes: Vec<_> = job.images.iter().map(|image| &image.scene).collect();
    Camera::new(&args.name(), &*job.input, &scenes, source)
}

/// Samples, and what is done to them.
fn shadings<'a>(job: &'a Job, channels: &Positioned<'_>) -> Vec<(u32, Option<&'a Shading>)> {
    let shading = |i: usize| job.shading.get(i).and_then(Option::as_deref);
    channels.iter().map(|(i, channel)| (channel.sample, shading(*i))).collect()
}

fn no_estimate(args: &FlatfieldArgs, channel: &OutputChannel, count: usize) -> Error {
    let what = format!("a flat-field of channel {} from {count} fields: they do not tell one", channel.name);
    Error::unsupported(args.name(), what)
}

/// One plane for each of `everything`, 1 where nothing was asked for.
fn planes(
    args: &FlatfieldArgs,
    everything: &[OutputChannel],
    known: &BTreeMap<(u32, u32), Brightness>,
) -> Result<Planes> {
    let of = |channel: &OutputChannel| known.get(&(channel.source, channel.sample));
    let Some(first) = known.values().next() else {
        return Err(Error::unsupported(args.name(), "a flat-field without a field"));
    };
    let (width, height) = (first.width, first.height);
    if known.values().any(|other| (other.width, other.height) != (width, height)) {
        let what = "a flat-field of channels whose fields differ in size: one at a time with --channels";
        return Err(Error::unsupported(args.name(), what));
    }
    let even = vec![1.0; first.pixels.len()];
    let planes =
        everything.iter().map(|channel| of(channel).map_or_else(|| even.clone(), |b| b.pixels.clone()));
    Ok(Planes { width, height, planes: planes.collect() })
}

/// Says how far neighbours are apart without and with the correction.
fn report_seams(
    camera: &Camera<'_>,
    corrected: &Job,
    channels: &Positioned<'_>,
    known: &BTreeMap<(u32, u32), Brightness>,
) -> Result<()> {
    let seams = Seams::of(camera);
    let counter = Counter::new("measure", seams.count() as u64, "overlaps");
    let steps = seams.measure(camera, &shadings(corrected, channels), || counter.step())?;
    drop(counter);
    for ((_, channel), [without, with]) in channels.iter().zip(steps) {
        let brightness = &known[&(channel.source, channel.sample)];
        let (low, high) = brightness.range();
        say::out(&format!(
            "  {}: {low:.3} to {high:.3} of the mean, from {}",
            shown::visible(&channel.name),
            brightness.background
        ))?;
        let counts = without.counts().zip(with.counts());
        let Some(((before, after), (share_before, share_after))) =
            counts.zip(without.share().zip(with.share()))
        else {
            say::out("    no fields overlap: nothing tells how good it is")?;
            continue;
        };
        say::out(&format!(
            "    neighbours differ by {before:.2} counts ({:.2} %) without and {after:.2} ({:.2} %) with it, on average \
             over {} overlaps{}",
            100.0 * share_before,
            100.0 * share_after,
            seams.count(),
            if after < before { "" } else { ": it does not help, do not use it" }
        ))?;
    }
    Ok(())
}

/// Stitches the first scene, time and slice twice.
fn draw(args: &FlatfieldArgs, path: &Path, planes: &Planes, everything: &[OutputChannel]) -> Result<()> {
    let whole = Job::prepare(args.options())?;
    let image = &whole.images[0];
    let channels = &image.plan.channels;
    let [without, with] = [args.options(), args.corrected()]
        .map(|options| overview(&args.output, of_overview(options, image), channels.len()));
    let rows =
        channels.iter().zip(without?.into_iter().zip(with?)).filter_map(|(channel, (without, with))| {
            let same =
                |other: &OutputChannel| (other.source, other.sample) == (channel.source, channel.sample);
            let plane = planes.planes.get(everything.iter().position(same)?)?;
            let flat = Panel { width: planes.width as usize, pixels: plane.clone() };
            Some(Panels { overviews: [without, with], flat })
        });
    write_picture(path, &rows.collect::<Vec<_>>())
}

/// Shows how many tiles of an overview are stitched.
struct Tiles(Counter);

impl Report for Tiles {
    fn event(&self, event: &Event<'_>) {
        if let Event::Computed { .. } = event {
            self.0.step();
        }
    }
}

/// Of one plane of the scene of `image`, small enough for a picture.
fn of_overview(mut options: Options, image: &Image) -> Options {
    let longest = image.scene.rect.width.max(image.scene.rect.height);
    options.scale = [1, 2, 4].into_iter().find(|scale| longest / scale <= OVERVIEW).unwrap_or(8);
    options.scene = Some(image.scene.index);
    options.times = Some(Indices::from(0));
    options.slices = Some(Indices::from(0));
    options.output_type = OutputType::F32;
    options.fill = Some(0.0);
    options.pyramid = PyramidUse::Never;
    options
}

/// Each channel of what `run` makes with `options`, beside `estimate` while it is made.
fn overview(estimate: &Path, options: Options, channels: usize) -> Result<Vec<Panel>> {
    let beside = estimate.parent().filter(|folder| !folder.as_os_str().is_empty());
    let beside = beside.unwrap_or(Path::new("."));
    let folder = tempfile::tempdir_in(beside).map_err(|error| Error::io(beside, error))?;
    let output = folder.path().join("overview.ome.zarr");
    let job = Job::prepare(options)?;
    let tiles = job.images.iter().map(|image| image.plan.tiles).sum();
    let counter = Tiles(Counter::new("stitch", tiles, "tiles"));
    crate::run::run(job, Some(Target::new(&output)), &Stop::default(), &counter)?;
    let panel = |channel: usize| {
        let (shape, pixels) = read_plane(&output, channel as u64)?;
        Ok(Panel { width: shape.x as usize, pixels })
    };
    (0..channels).map(panel).collect()
}
