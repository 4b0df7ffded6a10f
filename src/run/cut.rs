//! The pyramid stage.

use std::ops::Range;
use std::sync::Arc;

use super::file::FileRun;
use super::stages::{Failure, Step, What};
use crate::decon::FinishedTile;
use crate::output::{Block, Pyramid, Shard};
use crate::pipeline::{Input, Output};
use crate::plan::{Bare, Plan};

/// Finished tiles become shards of every level. Goes on with a file that is over, as what is on its
/// way is kept.
pub(super) fn cut<'a>(
    steps: Input<Step<'a, FinishedTile>>,
    out: &Output<Step<'a, Shard>>,
) -> Result<(), Failure> {
    let mut levels: Option<Pyramid> = None;
    for Step { file, what } in steps {
        let done = match what {
            What::Item(image, Ok(finished)) => add(&file, image, &mut levels, finished, out),
            What::ImageEnd(image) => end_image(&file, image, levels.take(), out),
            other => out.send(Step { file: file.clone(), what: other.without_item() }),
        };
        match done {
            Ok(()) => {}
            Err(Failure::Failed(error)) => file.fail(error),
            Err(Failure::Closed) => return Err(Failure::Closed),
        }
    }
    Ok(())
}

fn add<'a>(
    file: &Arc<FileRun<'a>>,
    image: usize,
    levels: &mut Option<Pyramid>,
    finished: FinishedTile,
    out: &Output<Step<'a, Shard>>,
) -> Result<(), Failure> {
    if let Some(levels) = begun(file, image, levels, out)? {
        file.work(image).note_clamped(&finished)?;
        let tile = &finished.tile;
        let (t, c, z) = (u64::from(tile.t), u64::from(tile.channel), u64::from(tile.z));
        let send = |shard| out.send(Step::item(file, image, shard));
        let setup = &file.job.images[image].setup;
        let (output, fill) = (setup.output, setup.fill_of(tile.channel));
        if finished.is_bare() && fill.to_bits() == 0 {
            levels.add_zeros((t, c, z..z + u64::from(tile.planes)), tile.core, send)?;
        } else {
            let filled = finished.is_bare().then(|| finished.fill(output, fill));
            let samples = filled.as_ref().unwrap_or(&finished.samples);
            levels.add(&Block { t, c, z, rect: tile.core, samples }, send)?;
        }
    }
    finished.samples.recycle();
    Ok(())
}

/// An image that has all its tiles from an earlier run may still lack shards of its upper levels.
fn end_image<'a>(
    file: &Arc<FileRun<'a>>,
    image: usize,
    mut levels: Option<Pyramid>,
    out: &Output<Step<'a, Shard>>,
) -> Result<(), Failure> {
    if !file.is_over()
        && let Some(levels) = begun(file, image, &mut levels, out)?
    {
        file.set_ranges(image, levels.ranges());
    }
    out.send(Step { file: file.clone(), what: What::ImageEnd(image) })
}

/// The image's pyramid, with what is needed again of an earlier run; `None` when nothing is written.
fn begun<'l, 'a>(
    file: &Arc<FileRun<'a>>,
    image: usize,
    levels: &'l mut Option<Pyramid>,
    out: &Output<Step<'a, Shard>>,
) -> Result<Option<&'l mut Pyramid>, Failure> {
    if !file.output.keeps_pixels() {
        return Ok(None);
    }
    let sink = file.sink(image);
    if levels.is_none() {
        let mut pyramid = Pyramid::resumed(sink.progress());
        leave_out_bare(&mut pyramid, &file.job.images[image].plan);
        for key in pyramid.wanted() {
            pyramid.take_back(sink, key, |shard| out.send(Step::item(file, image, shard)))?;
        }
        *levels = Some(pyramid);
    }
    Ok(levels.as_mut())
}

/// Tells `pyramid` of what no tile of `plan` covers; gives the shards that are not made.
pub(super) fn leave_out_bare(pyramid: &mut Pyramid, plan: &Plan) -> u64 {
    let planes = |z: &Range<u32>| u64::from(z.start)..u64::from(z.end);
    let of_planes = |bare: &'_ Bare| (u64::from(bare.t), u64::from(bare.channel), planes(&bare.z));
    pyramid.leave_out(plan.bare.iter().map(|bare| (of_planes(bare), &bare.area)))
}
