//! The flat-field of a camera, estimated from the fields that it took: what `decon-gpu flatfield` does.
//!
//! `camera` reads fields, `cells` keeps a thousand means of each, `estimate` finds what all have in common and
//! `surface` makes it smooth; `seams` measures the overlaps without and with it, `picture` shows both.

mod camera;
mod cells;
mod estimate;
mod picture;
mod seams;
mod surface;

#[cfg(test)]
mod tests;

use rayon::prelude::*;

pub use camera::Camera;
pub use estimate::{Background, Brightness};
pub use picture::{Panel, Panels, write_picture};
pub use seams::{Seams, Steps};

use cells::Cells;

use crate::decon::Shading;
use crate::error::Result;

/// The brightness over a field of the given samples of a camera's pixels, each with the shading that is known of it already
/// (a dark-field). From up to `most` fields, one in memory for each thread. Calls `done` after each.
///
/// `None` in place of a brightness when the fields do not tell it.
///
/// # Errors
/// Those of the input.
pub fn estimate(
    camera: &Camera<'_>,
    samples: &[(u32, Option<&Shading>)],
    most: usize,
    done: impl Fn() + Sync,
) -> Result<Vec<Option<Brightness>>> {
    let cells = Cells::of(camera.width, camera.height);
    let seen = camera.spread(most).into_par_iter().map(|field| {
        let taken = camera.take(field)?;
        done();
        Ok(samples.iter().map(|&(sample, dark)| cells.means(&taken.pixels(sample, dark))).collect())
    });
    let seen: Vec<Vec<Vec<f32>>> = seen.collect::<Result<_>>()?;
    let of_sample = |sample: usize| seen.iter().map(|field| field[sample].clone()).collect::<Vec<_>>();
    Ok((0..samples.len()).map(|sample| estimate::brightness(&of_sample(sample), cells)).collect())
}
