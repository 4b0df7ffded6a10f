//! What the output says of itself: layout, names, colours, voxel sizes, and how it was made.

use serde_json::{Value, json};

use super::identity;
use crate::error::Result;
use crate::job::{Image, Job};
use crate::output::{ChannelMetadata, Cut, ImageLayout, ImageMetadata};
use crate::pixels::SampleType;
use crate::plan::{OutputChannel, Plan, are_colors};
use crate::space::Zyx;

/// How the image is cut, and what viewers show beside it.
pub fn image(job: &Job, image: &Image) -> Result<(ImageLayout, ImageMetadata)> {
    let plan = &image.plan;
    let cut = job.options.format().cut(Cut {
        chunk_px: plan.chunk,
        shard_px: plan.shard,
        shard_times: plan.shard_times,
        shard_slices: plan.shard_slices,
    })?;
    let layout = ImageLayout::new(plan.shape, plan.sample, cut)?;
    let dataset = &job.dataset;
    let file = job.options.input.stem();
    let name = match &image.scene.name {
        Some(scene) if dataset.scenes.len() > 1 => format!("{file} {scene}"),
        None if dataset.scenes.len() > 1 => format!("{file} scene {}", plan.scene),
        _ => file,
    };
    let metadata = ImageMetadata {
        name,
        scene: plan.scene,
        is_rgb: plan.is_rgb(),
        voxel_um: job.voxel_um,
        origin: origin(job, image),
        interval_secs: dataset.interval_secs,
        channels: plan.channels.iter().map(|channel| channel_metadata(channel, plan)).collect(),
    };
    Ok((layout, metadata))
}

/// Where the output begins: in the frame of the acquisition, as far as the file says where its scene lies there.
fn origin(job: &Job, image: &Image) -> (f64, Zyx<f64>) {
    let (t, first) = job.origin.in_output(job.options.scale);
    let along = |first: f64, step: Option<f64>, scene: Option<f64>| match step {
        Some(step) => first * step + scene.unwrap_or(0.0),
        None => first,
    };
    let first = first.zip(job.voxel_um).zip(image.scene.origin_um);
    let origin_um = first.map(|((first, step), scene)| along(first, step, scene));
    (along(t, job.dataset.interval_secs, image.scene.origin_secs), origin_um)
}

/// The three channels of a colour image share a window, or its white would be tinted.
fn channel_metadata(channel: &OutputChannel, plan: &Plan) -> ChannelMetadata {
    let is_color = are_colors(&plan.channels)(channel);
    // Written as 16 bits or floats, 8 bits are as they were.
    let white = match (plan.sample, channel.pixel_type.sample_type()) {
        (SampleType::U8, _) | (_, SampleType::U8) => 255.0,
        _ => 65535.0,
    };
    ChannelMetadata {
        name: channel.name.clone(),
        color: channel.color,
        window: is_color.then_some([0.0, white]),
        active: true,
    }
}

/// What this program made of which file with which options, of those that change a byte: how many threads and how much
/// memory it took is told by the summary.
pub fn provenance(job: &Job) -> Value {
    let images = super::identity::of_a_kind(job);
    let psfs = images.flat_map(|image| &image.setup.channels).map(|channel| {
        json!({ "shape_zyx": channel.psf.shape, "voxel_um_zyx": channel.psf.voxel_um,
                "background": channel.background, "notes": channel.psf.notes })
    });
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "identity": identity::identity(job),
        "input": job.options.input,
        "options": identity::options(job),
        "backend": identity::backend(&job.backend),
        "precision": job.images.first().map(|image| image.setup.precision),
        "origin": job.origin,
        "scene_origin_um": job.images.iter().map(|image| image.scene.origin_um).collect::<Vec<_>>(),
        "stored_ratio": job.images.iter().map(|image| image.stored_ratio).collect::<Vec<_>>(),
        "halo_px": job.images.first().map(|image| image.plan.halo),
        "halo_planes": job.images.first().map(|image| image.plan.halo_z),
        "camera": job.images.first().map(|image| &image.setup.camera),
        "psf": psfs.collect::<Vec<_>>(),
        "optics": job.dataset.optics,
        "emission_nm": job.images.first().map(|image| {
            image.plan.channels.iter().map(|channel| channel.emission_nm).collect::<Vec<_>>()
        }),
        "notes": job.notes,
    })
}
