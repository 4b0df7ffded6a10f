//! How each output channel of an image is deconvolved, where only its pixels say: how many iterations there are (`--until`), how
//! far each extrapolates (`--method ba`). Decided on a sample before its first group, and the same for all its tiles, or
//! seams would show.

use super::{Stop, Work};
use crate::decon::{Decided, Until};
use crate::engine::{Compute, DecodedBatch, Sample};
use crate::error::Result;
use crate::job::{Image, decided_channels};
use crate::output::Null;
use crate::pixels::Samples;
use crate::plan::{Batch, Group, Tile, fields_of};
use crate::report::Silent;

impl Work<'_> {
    /// Of each output channel. Deconvolves one group of those candidates that are brightest: where there is most light, the
    /// estimate takes longest to settle. `None` when `stop` is set before.
    ///
    /// # Errors
    /// Those of reading and of the backend.
    pub(super) fn decide(&self, engine: &mut dyn Compute, stop: &Stop) -> Result<Option<Vec<Decided>>> {
        let image = &self.job.images[self.number];
        let (plan, options, most) = (&image.plan, &self.job.options, self.job.options.iterations);
        let on_sample = decided_channels(options, plan);
        // What is read is counted; what is found in it will be found again.
        let aside = self.tally.aside(&Silent);
        let output = &Null::default();
        let work = Work { job: self.job, scene: self.scene, number: self.number, output, tally: &aside };
        let mut decide = |channel: usize| {
            if !on_sample.contains(&channel) {
                return Ok(Some(Decided::alone(most)));
            }
            let (candidates, tiles) = plan.candidates(channel);
            let Some(sample) = work.brightest(engine, candidates, stop)? else { return Ok(None) };
            let count = sample.len();
            let batches = sample.into_iter().map(|tile| work.sample_batch(tile)).collect::<Result<_>>()?;
            let sample = Sample { channel, batches, most, until: options.stopping.until() };
            let decided = engine.decide(sample, stop)?;
            let Some(decided) = decided else { return Ok(None) };
            self.tally.note(&format!(
                "scene {}, channel {}: {}, decided on {count} of {tiles} tiles",
                plan.scene,
                plan.channels[channel].name,
                what(&decided, most, options.stopping.until().as_ref()),
            ));
            Ok(Some(decided))
        };
        let channels = 0..plan.channels.len();
        let decided = channels.map(|channel| decide(channel).transpose()).collect::<Option<_>>();
        self.tally.read_aside(&aside);
        decided.transpose()
    }

    /// Those of `candidates` with the most light above the background; `None` when `stop` is set before.
    fn brightest(
        &self,
        engine: &mut dyn Compute,
        candidates: Vec<&Tile>,
        stop: &Stop,
    ) -> Result<Option<Vec<Tile>>> {
        let Image { plan, setup, .. } = &self.job.images[self.number];
        let count = plan.sample_tiles();
        let mut candidates: Vec<(f64, &Tile)> = candidates.into_iter().map(|tile| (0.0, tile)).collect();
        if candidates.len() > count {
            for (signal, tile) in &mut candidates {
                if stop.is_set() {
                    return Ok(None);
                }
                let fill = setup.fill_of(tile.channel);
                let started = engine.start(self.sample_batch(tile.clone())?)?;
                *signal = started.iter().map(|tile| light(&tile.samples, fill)).sum();
            }
            candidates.sort_by(|(a, first), (b, second)| b.total_cmp(a).then(first.index.cmp(&second.index)));
        }
        Ok(Some(candidates.into_iter().take(count).map(|(_, tile)| tile.clone()).collect()))
    }

    /// The fields of `tile` read and decoded, and the tile as a group that leaves nothing behind.
    fn sample_batch(&self, tile: Tile) -> Result<DecodedBatch> {
        let reads = fields_of([&tile]);
        let group = Group { tiles: vec![tile], releases: reads.clone() };
        let batch = Batch { reads, groups: vec![group], ..Batch::default() };
        self.decode(self.read(&batch, |fields| self.job.input.fetch(self.scene, fields))?)
    }
}

/// What was decided, and why.
fn what(decided: &Decided, most: u32, until: Option<&Until>) -> String {
    let Decided { iterations, weights } = decided;
    let acceleration = weights.as_ref().map(|_| "the acceleration of each iteration (--method ba)");
    let Some(Until { change, .. }) = until else { return acceleration.unwrap_or_default().to_owned() };
    let reason = match *iterations == most {
        true => format!("as many as --iterations allows before the divergence settles to {change}"),
        false => format!("after which the divergence changes by less than {change} in each"),
    };
    let too = acceleration.map_or_else(String::new, |what| format!(", and {what}"));
    format!("{iterations} iterations, {reason}{too}")
}

/// The sum of what is not the fill value: that is no light, and may be white.
pub(super) fn light(samples: &Samples, fill: f32) -> f64 {
    let fill = f64::from(fill);
    let sum = |values: &mut dyn Iterator<Item = f64>| values.filter(|&value| value != fill).sum();
    match samples {
        Samples::U8(values) => sum(&mut values.iter().map(|&v| f64::from(v))),
        Samples::U16(values) => sum(&mut values.iter().map(|&v| f64::from(v))),
        Samples::F32(values) => sum(&mut values.iter().map(|&v| f64::from(v))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_is_no_light() {
        assert_eq!(light(&Samples::U8(vec![255, 3, 4, 255]), 255.0), 7.0);
        assert_eq!(light(&Samples::U16(vec![0, 3, 4]), 0.0), 7.0);
        assert_eq!(light(&Samples::F32(vec![-1.0, 0.5]), -1.0), 0.5);
    }
}
