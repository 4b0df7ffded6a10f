//! `decon-gpu plan`.

use std::process::ExitCode;

use clap::Args;

use super::to_json;
use crate::error::Result;
use crate::job::{Chosen, Job};
use crate::options::Options;
use crate::plan::{Deciding, Plan};
use crate::say;
use crate::shown;

/// Names of channels that are listed: as many as fit a line or two.
const MOST_NAMES: usize = 12;

#[derive(Args, Debug)]
pub struct PlanArgs {
    #[command(flatten)]
    options: Options,
    /// Print everything, every batch and tile, as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &PlanArgs) -> Result<ExitCode> {
    let job = Job::prepare(args.options.clone())?;
    let plans: Vec<&Plan> = job.images.iter().map(|image| &image.plan).collect();
    if args.json {
        say::json(&to_json(&plans))?;
        return Ok(ExitCode::SUCCESS);
    }
    for note in job.all_notes() {
        say::out(&format!("note: {}", shown::visible(note)))?;
    }
    let memory = match &job.backend {
        Chosen::Gpu(gpu) => format!(", with {} MiB of its memory (--gpu-memory)", gpu.memory_bytes >> 20),
        _ => String::new(),
    };
    say::out(&format!("computes on {}{memory}", job.backend.name()))?;
    for plan in plans {
        say::out(&text(plan))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn text(plan: &Plan) -> String {
    let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
    let [t, c, z, y, x] = plan.shape.to_array();
    let (grid, memory) = (plan.grid, plan.memory);
    let mut channels: Vec<_> = plan.channels.iter().map(|channel| shown::visible(&channel.name)).collect();
    let unnamed = channels.len().saturating_sub(MOST_NAMES);
    channels.truncate(MOST_NAMES);
    let more = if unnamed > 0 { format!(" and {unnamed} more") } else { String::new() };
    let device =
        if memory.on_device { format!(", {} on each device", mib(memory.device())) } else { String::new() };
    let again = match plan.read_again {
        0 => String::new(),
        fields => format!(": {fields} fields are read again"),
    };
    let decides = plan.deciding.map_or_else(String::new, |deciding| {
        let Deciding { tiles, least, most } = deciding;
        let at_most = if least == most { "" } else { " at most" };
        let (bytes, requests) = (mib(most.read_bytes), most.requests);
        format!("\n             {tiles} tiles before, to decide how many iterations: {bytes} in {requests} requests{at_most}")
    });
    let stitching = match plan.is_painted_at_once() {
        true => "each field is painted on its tiles as soon as it is decoded",
        false => "each field is held until its last tile is stitched",
    };
    let halo = if grid.core.z < grid.padded.z {
        format!("{} px and {} planes: the stack is cut in z", plan.halo, plan.halo_z)
    } else {
        format!("{} px", plan.halo)
    };
    let files = match plan.shard == plan.chunk {
        true => "each a file".to_owned(),
        false => format!("shards of {} px", plan.shard),
    };
    format!(
        "scene {}
  output     {t} × {c} × {z} × {y} × {x} (t, c, z, y, x) {:?}, channels {}{more}
             chunks of {} px, {files}
  tiles      {} with cores of {}, halo {}, FFT {}, {} together
  reads      {} in {} batches and {} requests, {:.2}× what is needed{again}{decides}
  stitching  {stitching}
  memory     {} at most{device}
             fields {} ({}), tiles {}, in flight {}, volumes {}, plane {}, finished {}, pyramid {},
             lists {}, PSFs {}",
        plan.scene,
        plan.sample,
        channels.join(", "),
        plan.chunk,
        plan.tiles,
        grid.core,
        halo,
        grid.fft,
        plan.lanes,
        mib(plan.read_bytes),
        plan.batches.len(),
        plan.requests,
        plan.amplification,
        mib(memory.host()),
        memory.field_slots,
        mib(memory.fields),
        mib(memory.tiles),
        mib(memory.in_flight),
        mib(memory.volumes),
        mib(memory.plane),
        mib(memory.finished),
        mib(memory.pyramid),
        mib(memory.lists),
        mib(memory.psfs),
    )
}
