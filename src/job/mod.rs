//! A job: the input opened and everything decided, before the first pixel is read. `plan` prints it, `run` does it.

mod backend;
mod camera;
mod control_group;
mod fill;
mod fit;
mod input;
mod merged;
mod notes;
mod of_scene;
mod output_type;
mod psfs;
mod selection;
mod shading;
mod system;
mod taken_by;

use std::sync::Arc;

use crate::dataset::{Dataset, Input, Scene, Subblock};
use crate::decon::{ChannelSetup, Overlap, Precision, Setup, Shading};
use crate::error::Result;
use crate::options::{MaskUse, Options, PerChannel, PyramidUse};
use crate::pixels::SampleType;
use crate::plan::{
    Depths, Level, OutputChannel, Plan, Request, Workers, are_rgb_pixels, channels_of, choose_level,
    output_channels,
};
use crate::psf::Psf;
use crate::source::Access;
use crate::space::{Rect, Zyx};
use crate::threads::make_shared;
use crate::timeline::{Detail, Timeline};

use backend::choose_backend;
pub use backend::{Chosen, Gpu};
use fit::Fitted;
pub use input::{Hints, open_input};
use notes::{precision_note, read_again};
use of_scene::{Common, OfScene};
pub use selection::{Origin, Selected, select};
pub use system::{cores, cpu_secs, memory_bytes, peak_memory_bytes};

/// Threads that read where the user does not say: one request is on its way while the bytes of another are copied.
const READERS: u32 = 2;
/// Tiles that share one transform, the real and the imaginary part: a group has at least these.
const LANES: u32 = 2;

/// Everything decided.
pub struct Job {
    /// What the user asked for.
    pub options: Options,
    /// The open file.
    pub input: Box<dyn Input>,
    /// What of it was asked for.
    pub dataset: Dataset,
    /// Where that begins in the file.
    pub origin: Origin,
    /// The output channels of all images; an image has those of its scene.
    pub channels: Vec<OutputChannel>,
    /// One for each of `channels`, or empty.
    pub shading: Vec<Option<Arc<Shading>>>,
    /// What computes.
    pub backend: Chosen,
    /// What later files of the same run are to be planned for.
    pub for_later: Chosen,
    /// One for each scene.
    pub images: Vec<Image>,
    /// Distance between output samples in µm.
    pub voxel_um: Zyx<Option<f64>>,
    /// Sentences for the user, about what is made.
    pub notes: Vec<String>,
    /// About how it is made, which the output does not show.
    pub run_notes: Vec<String>,
    /// Records what runs when.
    pub timeline: Arc<Timeline>,
}

/// What to do with one scene.
pub struct Image {
    /// The fields that are painted, or subblocks of the stored pyramid in their place.
    pub scene: Scene,
    /// Level-0 pixels across one of theirs: 1 for the fields themselves.
    pub stored_ratio: u32,
    /// Tiles, batches, sizes.
    pub plan: Plan,
    /// What the backend must be ready for.
    pub setup: Setup,
}

impl Job {
    /// Opens the input, finds a PSF for each channel, and plans every scene.
    ///
    /// # Errors
    /// Those of the readers, the PSFs and the plan; `Option` for flags that do not fit the file.
    pub fn prepare(options: Options) -> Result<Self> {
        Self::prepare_recorded(options, Timeline::new(Detail::Sums))
    }

    /// As [`Self::prepare`], recorded by `timeline`.
    ///
    /// # Errors
    /// As [`Self::prepare`].
    pub fn prepare_recorded(options: Options, timeline: Arc<Timeline>) -> Result<Self> {
        Self::prepare_on(options, timeline, None)
    }

    /// As [`Self::prepare_recorded`], on a backend that is there already.
    ///
    /// # Errors
    /// As [`Self::prepare`].
    pub fn prepare_on(options: Options, timeline: Arc<Timeline>, backend: Option<Chosen>) -> Result<Self> {
        let options = options.checked()?;
        make_shared(options.threads)?;
        let indices = options.select.iter().copied().collect();
        let (axes, may_be_damaged) = (options.axes.as_ref(), options.skip_damaged);
        let hints = Hints { select: &indices, axes, may_be_damaged };
        // As much again is for the tiles, or for the pixels.
        let access = Access { list_bytes: memory_of_run(&options) / 2, ..options.reading.access() };
        let input = open_input(&options.input, &hints, &access, timeline.requests())?;
        options.check_channels(input.dataset().channels.len() as u32)?;
        let Selected { dataset, scenes, origin, notes: selection_notes } = select(&options, input.dataset())?;
        let channels = output_channels(&dataset);
        let (mut notes, mut run_notes) = (dataset.notes.clone(), Vec::new());
        notes.extend(selection_notes);
        if options.input.is_told_in_clear() {
            notes.push(
                "the user and password of the URL are sent as they are: http:// does not encrypt them".into(),
            );
        }

        let voxel_um = output_voxel(&options, &dataset);
        notes.extend(without_size(voxel_um));
        let chosen: Vec<_> = scenes.iter().map(|&scene| &dataset.scenes[scene]).collect();
        let mut camera = camera::for_channels(&options, &*input, &chosen, &channels, &mut notes)?;
        let mut shading = shading::for_channels(
            &options,
            output_channels(input.dataset()),
            &channels,
            &chosen,
            &mut notes,
        )?;
        camera::before_gain(&mut camera, &mut shading);
        let common = Common {
            options: &options,
            dataset: &dataset,
            channels: &channels,
            shading: &shading,
            camera: &camera,
            voxel_um,
        };
        let own = common.for_scenes(&scenes, &mut notes)?;
        let output = output_type::of(&options, &channels, &mut notes);
        options.fill.map_or(Ok(()), |fill| fill::check(fill, output))?;
        let backend = match backend {
            Some(backend) => backend,
            None => choose_backend(&options, &mut run_notes)?,
        };
        let planning = Planning { options: &options, input: &*input, dataset: &dataset, output };
        let on = |backend: &Chosen, notes: &mut Vec<String>| {
            let scenes = scenes.iter().zip(&own);
            scenes.map(|(&scene, own)| planning.image(&dataset.scenes[scene], own, backend, notes)).collect()
        };
        let Fitted { backend, for_later, images, notes: plan_notes } =
            fit::fitted(backend, &options, &mut run_notes, on)?;
        notes.extend(plan_notes.into_iter().chain(precision_note(&options, &backend)));
        run_notes.extend(images.iter().filter_map(|image| read_again(&image.plan, &options, &backend)));
        Ok(Self {
            options,
            dataset,
            origin,
            channels,
            shading,
            backend,
            for_later,
            images,
            voxel_um,
            notes,
            run_notes,
            input,
            timeline,
        })
    }

    /// All sentences for the user.
    pub fn all_notes(&self) -> impl Iterator<Item = &String> {
        self.notes.iter().chain(&self.run_notes)
    }
}

/// What the plans of all scenes have in common.
struct Planning<'a> {
    options: &'a Options,
    input: &'a dyn Input,
    dataset: &'a Dataset,
    output: SampleType,
}

impl Planning<'_> {
    fn image(
        &self,
        scene: &Scene,
        own: &OfScene,
        backend: &Chosen,
        notes: &mut Vec<String>,
    ) -> Result<Image> {
        let Self { options, input, .. } = *self;
        let Level { ratio, mut scene, .. } = level(options, input, scene, notes);
        if options.overlap == Overlap::Feather {
            scene = merged::beside_fields(scene);
        }
        let is_zero = |channel| fill::of(options, channel, self.output).to_bits() == 0;
        let channels = channels_of(self.dataset, &scene);
        let needs = options.format().needs(are_rgb_pixels(&channels));
        let request = Request {
            scale: options.scale / ratio,
            joined_channels: needs.joined_channels,
            bytes_per_chunk: needs.bytes_per_chunk,
            takes_zeros_for_granted: channels.iter().map(is_zero).collect(),
            ..self.request(own, backend)
        };
        let mut plan = Plan::new(self.dataset, &scene, &request)?;
        plan.deciding = plan.deciding(&scene, request.merging, &decided_channels(options, &plan));
        let setup = setup(options, &scene, &plan, &own.psfs);
        let precision = backend.precision(options);
        let setup = Setup { shading: own.shading.clone(), camera: own.camera.clone(), precision, ..setup };
        Ok(Image { scene, stored_ratio: ratio, plan, setup })
    }

    fn request(&self, OfScene { volumes, psfs, shading, camera }: &OfScene, backend: &Chosen) -> Request {
        let Self { options, input, .. } = *self;
        let memory_bytes = memory_of_run(options);
        let precision = backend.precision(options);
        let planes = options.halo.and_then(|halo| halo.planes);
        Request {
            scale: options.scale,
            blends: options.overlap == Overlap::Feather,
            shading_bytes: shading.iter().flatten().map(|shading| shading.pixels.len() as u64 * 8).sum(),
            // Those of the setup, and the backend's own.
            psf_bytes: psfs.iter().map(|psf| 2 * 4 * psf.data.len() as u64).sum(),
            volumes: *volumes,
            psf: psfs.iter().map(|psf| psf.shape).reduce(larger),
            halo: halo(options.halo.map(|halo| halo.px), psfs, Psf::default_halo),
            halo_z: if *volumes { halo(planes, psfs, Psf::default_halo_z) } else { 0 },
            tile: options.tile,
            chunk: options.chunk_px(),
            shard: options.shard,
            output: self.output,
            lanes: if psfs.is_empty() { 1 } else { LANES },
            pair_bytes_per_voxel: options.method.pair_bytes_per_voxel(precision),
            bytes_per_row: options.method.bytes_per_row(),
            folded_bytes_per_voxel: options
                .method
                .folded_bytes_per_voxel(precision)
                .filter(|_| backend.is_cpu()),
            memory_bytes,
            limits: backend.limits(memory_bytes),
            paints_at_once: backend.is_cpu()
                && psfs.is_empty()
                && camera.is_empty()
                && not_as_stored(options).is_none(),
            devices: backend.devices(),
            volumes_on_host: backend.is_cpu(),
            workers: workers(options),
            merging: input.merging(),
            decoding_bytes: input.decoding_bytes(),
            joined_channels: 1,
            bytes_per_chunk: 0,
            takes_zeros_for_granted: Vec::new(),
            stop: options.reading.stop.clone(),
        }
    }
}

/// The output channels of which a sample decides how they are deconvolved.
pub fn decided_channels(options: &Options, plan: &Plan) -> Vec<usize> {
    let is_measured = options.iterations > 0 && options.method.is_measured();
    let needs_sample =
        |channel: &usize| plan.needs_sample(*channel, options.stopping.until().is_some(), is_measured);
    (0..plan.channels.len()).filter(needs_sample).collect()
}

fn memory_of_run(options: &Options) -> u64 {
    options.memory_bytes.unwrap_or_else(system::default_memory_bytes)
}

/// What the pixels of `scene` are read from; says so where there is a choice.
fn level(options: &Options, input: &dyn Input, scene: &Scene, notes: &mut Vec<String>) -> Level {
    let fields = || Level { ratio: 1, scene: scene.clone(), refused: Vec::new() };
    if options.pyramid == PyramidUse::Never {
        return fields();
    }
    if let Some(reason) = not_as_stored(options) {
        if options.scale > 1 && !scene.pyramid.is_empty() {
            notes.push(format!("scene {}: the stored pyramid is not used: {reason}", scene.index));
        }
        return fields();
    }
    let unreadable = scene.unreadable.iter().find(|unreadable| unreadable.is_pyramid);
    if let (true, Some(unreadable)) = (options.scale > 1, unreadable) {
        let (index, fault) = (scene.index, &unreadable.fault);
        notes.push(format!("scene {index}: not all of the stored pyramid can be read: {fault}"));
    }
    if options.scale > 1 && !scene.pyramid.is_empty() {
        let reason = input.why_not_means(scene).unwrap_or_else(|error| Some(error.to_string()));
        if let Some(reason) = reason {
            notes.push(format!("scene {}: the stored pyramid is not used: {reason}", scene.index));
            return fields();
        }
    }
    let masks = |subblock: &Subblock| match options.masks {
        MaskUse::Honour => input.mask(subblock, &[]),
        MaskUse::Ignore => Ok(Some(vec![Rect::new(0, 0, subblock.stored_width, subblock.stored_height)])),
    };
    let level = choose_level(scene, options.scale, &masks);
    let index = scene.index;
    notes.extend(level.refused.iter().map(|reason| format!("scene {index}: {reason}")));
    if level.ratio > 1 {
        let left = options.scale / level.ratio;
        let then = if left > 1 {
            format!(", then {left} × {left} of its pixels are averaged")
        } else {
            String::new()
        };
        notes.push(format!(
            "scene {index}: read from level 1/{} of the stored pyramid{then}; --pyramid never averages the fields instead",
            level.ratio
        ));
    }
    level
}

/// Why no stored level holds the pixels that are asked for.
fn not_as_stored(options: &Options) -> Option<&'static str> {
    if options.overlap == Overlap::Feather {
        return Some("its overlaps are not feathered");
    }
    let is_stored = options.flatfield.is_empty() && options.darkfield.is_empty();
    (!is_stored).then_some("its pixels are not corrected by flat-field and dark-field")
}

/// Distance between output samples: the file's or the user's, times the scale in y and x.
fn output_voxel(options: &Options, dataset: &Dataset) -> Zyx<Option<f64>> {
    let stored = options.voxel_um.map_or(dataset.voxel_um, |voxel| voxel.map(Some));
    let scale = f64::from(options.scale);
    Zyx::new(stored.z, stored.y.map(|um| um * scale), stored.x.map(|um| um * scale))
}

/// What it means that the file does not say how large a pixel is.
fn without_size(voxel_um: Zyx<Option<f64>>) -> Option<String> {
    let is_known = voxel_um.y.is_some() && voxel_um.x.is_some();
    let note = "the file does not say how large a pixel is, and the output will not either: --voxel-um Z,Y,X tells it";
    (!is_known).then(|| note.to_owned())
}

fn larger(a: Zyx<u32>, b: Zyx<u32>) -> Zyx<u32> {
    a.zip(b).map(|(a, b)| a.max(b))
}

/// The one that was asked for, else the largest that a PSF needs; 0 when nothing is deconvolved.
fn halo(asked: Option<u32>, psfs: &[Psf], needed: fn(&Psf) -> u32) -> u32 {
    let needed = psfs.iter().map(needed).max();
    needed.map_or(0, |needed| asked.unwrap_or(needed))
}

/// Threads of the stages.
pub fn workers(options: &Options) -> Workers {
    let (threads, readers) = (options.threads as u32, options.reading.readers.unwrap_or(READERS));
    // What is near is read by the processor itself: no more threads than were asked for. Elsewhere some wait while others
    // decode.
    let loaders =
        if options.is_near() { threads.max(options.reading.readers.unwrap_or(1)) } else { threads + readers };
    // One pool for both: files of both kinds follow each other.
    Workers { readers, decoders: loaders, loaders, writers: threads, depths: Depths::default() }
}

fn setup(options: &Options, scene: &Scene, plan: &Plan, psfs: &[Psf]) -> Setup {
    let fields = &scene.fields;
    let channels = plan.channels.iter().zip(psfs).map(|(channel, psf)| ChannelSetup {
        psf: psf.clone(),
        background: options.background.of(channel.source).copied().unwrap_or(0.0),
    });
    Setup {
        fft: plan.grid.fft,
        lanes: plan.lanes,
        method: options.method,
        scale: plan.scale,
        overlap: options.overlap,
        precision: Precision::F32,
        shading: Vec::new(),
        camera: Vec::new(),
        output: plan.sample,
        fill: plan.channels.iter().map(|channel| fill::of(options, channel, plan.sample)).collect(),
        core: plan.grid.core,
        field_slots: plan.memory.field_slots,
        field_bytes: fields.iter().map(|field| field.decoded_bytes()).max().unwrap_or(0),
        channels: channels.collect(),
    }
}
