//! How loading and computing can follow each other without the pipeline: what it is held against.

use std::time::Instant;

use crossbeam_channel::bounded;

use crate::dataset::Scene;
use crate::decon::{Backend, CpuBackend, Decided, Field, FinishedTile, GpuBackend, NullBackend};
use crate::engine::{DecodedBatch, Engine, Recipe};
use crate::error::Result;
use crate::job::{Chosen, Image, Job};
use crate::plan::Batch;
use crate::threads::spawn_in;

/// Which follows which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// A batch is read, decoded and computed before the next is read.
    Serial,
    /// One batch is read and decoded while the one before is computed.
    DoubleBuffered,
}

/// Seconds for `job` without an output.
///
/// # Errors
/// Those of the reader and of the backend.
pub fn seconds(job: &Job, flow: Flow) -> Result<f64> {
    let start = Instant::now();
    for image in &job.images {
        match &job.backend {
            Chosen::Cpu { threads } => through(job, image, flow, CpuBackend::new(&image.setup, *threads)?)?,
            Chosen::Gpu(gpu) => {
                through(job, image, flow, GpuBackend::new(gpu.device.clone(), &image.setup)?)?;
            }
            Chosen::Null(samples) => through(job, image, flow, NullBackend::new(samples.clone()))?,
        }
    }
    Ok(start.elapsed().as_secs_f64())
}

fn through<B: Backend>(job: &Job, image: &Image, flow: Flow, backend: B) -> Result<()> {
    let options = &job.options;
    let recipe = Recipe { method: options.method, start: options.start };
    let mut engine = Engine::new(backend, recipe);
    let forget = |tile: FinishedTile| -> Result<()> {
        tile.samples.recycle();
        Ok(())
    };
    let decided = &Decided::alone(options.iterations);
    let load = |batch| load(job, &image.scene, batch);
    match flow {
        Flow::Serial => {
            for batch in &image.plan.batches {
                engine.compute(load(batch)?, decided, forget)?;
            }
        }
        Flow::DoubleBuffered => std::thread::scope(|scope| {
            // One buffer is computed from, the other waits full or is being filled.
            let (full, next) = bounded(0);
            spawn_in(scope, "load", move || {
                // Nobody receives any more once computing has failed.
                image.plan.batches.iter().map(load).try_for_each(|loaded| full.send(loaded))
            })?;
            next.into_iter().try_for_each(|loaded| engine.compute(loaded?, decided, forget))
        })?,
    }
    while let Some(tile) = engine.drain()? {
        forget(tile)?;
    }
    Ok(())
}

fn load(job: &Job, scene: &Scene, batch: &Batch) -> Result<DecodedBatch> {
    let decode = |raw: crate::dataset::RawSubblock| {
        let (index, subblock) = (raw.field, &scene.fields[raw.field]);
        let field = Field {
            pixel_type: subblock.pixel_type,
            width: subblock.stored_width,
            height: subblock.stored_height,
            shown: subblock.shown.clone(),
            samples: job.input.decode_field(subblock, raw)?,
        };
        Ok((index, Some(field)))
    };
    let fields = job.input.read(scene, &batch.reads)?.into_iter().map(decode).collect::<Result<_>>()?;
    Ok(DecodedBatch { fields, groups: batch.groups.clone() })
}
