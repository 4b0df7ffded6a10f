//! What is deconvolved: the volumes of a group, and the passes over them.
//!
//! An image takes four passes an iteration, each read and written once. A volume takes four as well: what needs x
//! and y only is done plane by plane, while the plane is in the cache.
//!
//! A tile that is alone in its group is folded: its halves along the last axis become the lanes of the pair, so that it
//! takes half of what a pair takes ([`Layout`]). Only [`Volumes::convolve`] takes the halves apart; to all other steps they are
//! two tiles.

use rayon::prelude::*;

use super::layout::Layout;
use super::paint::Canvas;
use super::volume::Volume;
use crate::decon::otf::otf_lines;
use crate::decon::{Changes, Clamped, FinishedTile, Method, NO_DATA, Setup, Start, VolumeRole, Worked};
use crate::error::Result;
use crate::pixels::Samples;
use crate::space::Zyx;
use crate::tile::Tile;
use crate::twins::balance_lanes::balance_lanes;
use crate::twins::begin_rows::{BeginRows, Begun, begin_rows, mask_rows};
use crate::twins::change_rows::{Step, change_rows};
use crate::twins::convolve_lines::{Projection, convolve_lines, convolve_lines_of_halves};
use crate::twins::divergence_rows::divergence_rows;
use crate::twins::downsample::{Downsample, downsample};
use crate::twins::pack::{Pack, Packed, pack};
use crate::twins::ratio_rows::{Model, ratio_rows};
use crate::twins::transform_lines::transform_lines;
use crate::twins::update_rows::{Update, update_rows};
use crate::twins::weight_rows::weight_rows;
use crate::twins::{Complex32, Direction, Fourier};

/// The volumes of a group, `[pair, z, y, x]`, and what their passes need.
pub(super) struct Volumes {
    fft: Zyx<u32>,
    method: Method,
    transforms: Transforms,
    channels: Vec<Channel>,
    /// Extents of the tile in each lane.
    extents: Vec<Zyx<u32>>,
    /// Of the group: output channel, how its tiles lie, and values of each volume in use.
    channel: usize,
    layout: Layout,
    used: usize,
    /// What the second lane of each pair is multiplied with in the spectrum of a point; 1 for the halves of a tile.
    balance: Vec<f32>,
    observed: Volume,
    weight: Volume,
    estimate: Volume,
    /// The estimate before, where the point lies beyond the estimate.
    previous: Volume,
    /// What the last iteration changed of its point, where the method measures that; and whether there is one.
    change: Volume,
    is_changed: bool,
    /// Weight of the last change in the point.
    alpha: f32,
    /// Whether the spectrum is that of the correction along x alone, ready for `update`.
    is_along_x: bool,
    /// Of the point or the ratio: transformed along all axes but the last one, ready for `convolve`.
    spectrum: Volume,
}

struct Channel {
    /// As [`convolve_lines`] reads it.
    otf: Vec<Complex32>,
    background: f32,
}

/// The transforms along each axis.
struct Transforms {
    x: Fourier,
    /// Of volumes only: an image's last axis is y.
    y: Option<Fourier>,
    last: Fourier,
    /// Values between neighbours along the last axis.
    last_stride: usize,
}

impl Transforms {
    fn new(fft: Zyx<u32>) -> Self {
        let n = fft.map(|n| n as usize);
        let x = Fourier::new(n.x);
        if n.z == 1 {
            Self { x, y: None, last: Fourier::new(n.y), last_stride: n.x }
        } else {
            Self { x, y: Some(Fourier::new(n.y)), last: Fourier::new(n.z), last_stride: n.y * n.x }
        }
    }

    /// Along y, unless that is the last axis.
    fn along_y(&self, spectrum: &mut [Complex32], direction: Direction) {
        if let Some(y) = &self.y {
            transform_lines(spectrum, self.x.length(), y, direction);
        }
    }

    /// `work` on rows that are not transformed along y, after which they are again.
    fn within_plane<T>(&self, plane: &mut [Complex32], work: impl FnOnce(&mut [Complex32]) -> T) -> T {
        self.along_y(plane, Direction::Inverse);
        let done = work(plane);
        self.along_y(plane, Direction::Forward);
        done
    }
}

impl Volumes {
    /// Makes every buffer and every OTF.
    pub fn new(setup: &Setup) -> Result<Self> {
        let fft = setup.fft;
        let transforms = Transforms::new(fft);
        let channels = setup.channels.iter().enumerate().map(|(i, channel)| {
            Ok(Channel { otf: otf_lines(&channel.psf, fft)?, background: setup.added(i) })
        });
        let channels = channels.collect::<Result<_>>()?;
        let pairs = setup.lanes.div_ceil(2) as usize;
        let layout = Layout::new(fft, setup.lanes as usize, setup.method.may_fold());
        // What is not held is empty: whatever needs it fails at once. What is observed is painted before it is folded.
        let volume = |role| {
            let is_held = setup.method.volumes().contains(&role);
            let shape = if role == VolumeRole::Observed { fft } else { layout.shape() };
            Volume::new(if is_held { pairs * shape.count() } else { 0 })
        };
        Ok(Self {
            fft,
            method: setup.method,
            transforms,
            channels,
            extents: vec![Zyx::default(); setup.lanes.next_multiple_of(2) as usize],
            channel: 0,
            layout,
            used: 0,
            balance: vec![1.0; pairs],
            observed: volume(VolumeRole::Observed)?,
            weight: volume(VolumeRole::Weight)?,
            estimate: volume(VolumeRole::Estimate)?,
            previous: volume(VolumeRole::Previous)?,
            change: volume(VolumeRole::Change)?,
            is_changed: false,
            alpha: 0.0,
            is_along_x: false,
            spectrum: volume(VolumeRole::Spectrum)?,
        })
    }

    /// Bytes of all volumes.
    #[cfg(test)]
    fn bytes(&self) -> u64 {
        let Self { observed, weight, estimate, previous, change, spectrum, .. } = self;
        let volumes = [observed, weight, estimate, previous, change, spectrum];
        volumes.iter().map(|volume| (volume.len() * size_of::<Complex32>()) as u64).sum()
    }

    /// Paints a tile into `lane`.
    pub fn stitch(&mut self, lane: usize, canvas: &Canvas) {
        self.extents[lane] = canvas.tile.padded_shape();
        canvas.observe(lane as u32 % 2, self.fft, pair_mut(&mut self.observed, self.fft, lane));
    }

    /// Makes weight, estimate and spectrum of the first `lanes` lanes.
    pub fn begin(&mut self, channel: usize, lanes: usize, start: Start) {
        self.channel = channel;
        self.alpha = 0.0;
        self.is_changed = false;
        self.layout = Layout::new(self.fft, lanes, self.method.may_fold());
        let volume = self.layout.shape().count();
        self.used = lanes.div_ceil(2) * volume;
        match self.layout {
            Layout::Folded(_) => self.fold(),
            Layout::Pairs(_) if !lanes.is_multiple_of(2) => self.clear(lanes),
            Layout::Pairs(_) => {}
        }
        self.weigh();
        for pair in 0..lanes.div_ceil(2) {
            let at = pair * volume..(pair + 1) * volume;
            let background = self.channels[channel].background;
            let observed = &self.observed[at.clone()];
            self.balance[pair] = match self.layout {
                Layout::Folded(_) => 1.0,
                Layout::Pairs(_) => balance_lanes(observed, background),
            };
            let params = BeginRows {
                fft: self.fft,
                extents: [self.extents[2 * pair], self.extents[2 * pair + 1]],
                background,
                balance: self.balance[pair],
                flat: start == Start::Flat,
                half_rows: self.layout.half_rows(),
            };
            let begun =
                Begun { estimate: &mut self.estimate[at.clone()], spectrum: &mut self.spectrum[at.clone()] };
            begin_rows(observed, &params, &self.transforms.x, begun);
        }
        self.transforms.along_y(&mut self.spectrum[..self.used], Direction::Forward);
    }

    /// Puts the second half of the only tile beside the first.
    fn fold(&mut self) {
        self.extents[1] = self.extents[0];
        let (first, second) = self.observed[..self.fft.count()].split_at_mut(self.used);
        let second = second.iter().map(|pair| pair.re).chain(std::iter::repeat(NO_DATA));
        first.iter_mut().zip(second).for_each(|(pair, value)| pair.im = value);
    }

    /// Leaves no data in a lane that shares its pair with a tile.
    fn clear(&mut self, lane: usize) {
        self.extents[lane] = Zyx::default();
        let columns = self.fft.x as usize;
        let params = Downsample::nothing(self.fft.x, lane as u32 % 2);
        pair_mut(&mut self.observed, self.fft, lane)
            .par_chunks_mut(columns)
            .for_each(|row| downsample(&[], &params, row));
    }

    /// weight ← 1 / (hᵀ ⊗ mask). Uses the spectrum.
    fn weigh(&mut self) {
        let used = self.used;
        mask_rows(&self.observed[..used], &self.transforms.x, &mut self.spectrum[..used]);
        self.transforms.along_y(&mut self.spectrum[..used], Direction::Forward);
        self.convolve(Projection::Back);
        self.transforms.along_y(&mut self.spectrum[..used], Direction::Inverse);
        weight_rows(&mut self.spectrum[..used], &mut self.weight[..used], &self.transforms.x);
    }

    /// spectrum ← spectrum · OTF, through the last axis.
    pub fn convolve(&mut self, projection: Projection) {
        let Transforms { x, last, last_stride, .. } = &self.transforms;
        let otf = &self.channels[self.channel].otf;
        let spectrum = &mut self.spectrum[..self.used];
        match self.layout {
            Layout::Folded(_) => {
                let inner = [last_stride / x.length(), x.length()];
                convolve_lines_of_halves(spectrum, inner, last, otf, projection);
            }
            Layout::Pairs(_) => convolve_lines(spectrum, *last_stride, last, otf, projection),
        }
    }

    /// spectrum of the point ← spectrum of the ratio.
    pub fn project(&mut self) {
        self.project_after(|_, _, _, _| ());
    }

    /// The same; returns the divergence of the point. Summed in the order of rows, whatever thread did which.
    pub fn project_and_measure(&mut self) -> f64 {
        self.project_after(divergence_rows).iter().flatten().sum()
    }

    /// The same after `look` at the blurred point: spectrum along x, observed, model. Returns what that said of each
    /// plane, in order.
    fn project_after<T: Send>(
        &mut self,
        look: impl Fn(&[Complex32], &[Complex32], Model, &Fourier) -> T + Sync,
    ) -> Vec<T> {
        self.convolve(Projection::Forward);
        let (plane, transforms) = (self.plane(), &self.transforms);
        let background = self.channels[self.channel].background;
        let (balance, pair_planes) = (&self.balance, self.layout.shape().z as usize);
        let observed = self.observed[..self.used].par_chunks(plane);
        let planes = self.spectrum[..self.used].par_chunks_mut(plane).zip(observed);
        let looked = planes.enumerate().map(|(i, (spectrum, observed))| {
            let model = Model { background, balance: balance[i / pair_planes] };
            transforms.within_plane(spectrum, |rows| {
                let seen = look(rows, observed, model, &transforms.x);
                ratio_rows(rows, observed, model, &transforms.x);
                seen
            })
        });
        looked.collect()
    }

    /// spectrum of the correction ← spectrum of the ratio.
    pub fn back_project(&mut self) {
        self.convolve(Projection::Back);
        self.is_along_x = false;
    }

    /// How the update that comes next changes its point. Summed in the order of rows, whatever thread did which.
    pub fn measure_change(&mut self) -> Changes {
        assert!(!self.change.is_empty(), "the method of the setup measures changes");
        let (plane, used, alpha, transforms) = (self.plane(), self.used, self.alpha, &self.transforms);
        let is_first = !std::mem::replace(&mut self.is_changed, true);
        self.is_along_x = true;
        let planes = self.spectrum[..used]
            .par_chunks_mut(plane)
            .zip(self.weight[..used].par_chunks(plane))
            .zip(self.estimate[..used].par_chunks(plane))
            .zip(self.previous[..used].par_chunks(plane))
            .zip(self.change[..used].par_chunks_mut(plane))
            .map(|((((spectrum, weight), estimate), previous), change)| {
                transforms.along_y(spectrum, Direction::Inverse);
                let step = Step { weight, estimate, previous, change, alpha, is_first };
                change_rows(spectrum, step, &transforms.x)
            });
        planes.collect::<Vec<_>>().into_iter().flatten().sum()
    }

    /// spectrum of the next point, in which the change has the weight `next_alpha` ← spectrum of the correction; estimate ←
    /// the next.
    pub fn update(&mut self, next_alpha: f32) {
        let (plane, used, alpha, transforms) = (self.plane(), self.used, self.alpha, &self.transforms);
        let (balance, pair_planes) = (&self.balance, self.layout.shape().z as usize);
        let is_along_x = std::mem::take(&mut self.is_along_x);
        self.spectrum[..used]
            .par_chunks_mut(plane)
            .zip(self.weight[..used].par_chunks(plane))
            .zip(self.estimate[..used].par_chunks_mut(plane))
            .zip(self.previous[..used].par_chunks_mut(plane))
            .enumerate()
            .for_each(|(i, (((spectrum, weight), estimate), previous))| {
                let balance = balance[i / pair_planes];
                let update = Update { weight, estimate, previous, alpha, next_alpha, balance };
                if !is_along_x {
                    transforms.along_y(spectrum, Direction::Inverse);
                }
                update_rows(spectrum, update, &transforms.x);
                transforms.along_y(spectrum, Direction::Forward);
            });
        if next_alpha != 0.0 {
            std::mem::swap(&mut self.estimate, &mut self.previous);
        }
        self.alpha = next_alpha;
    }

    /// The core of `lane` as it is written.
    pub fn finish(&self, lane: usize, tile: Tile, setup: &Setup) -> FinishedTile {
        let params = Pack {
            fft: self.fft,
            first: tile.core_in_padded(),
            core: tile.core_shape(),
            lane: lane as u32 % 2,
            fill: setup.fill_of(tile.channel),
        };
        let mut samples = Samples::unset(setup.output, params.core.count());
        let clamped = match &mut samples {
            Samples::U8(out) => self.pack(lane, &params, out),
            Samples::U16(out) => self.pack(lane, &params, out),
            Samples::F32(out) => self.pack(lane, &params, out),
        };
        FinishedTile { tile, samples, clamped, worked: Worked::default() }
    }

    fn pack<T: Packed>(&self, lane: usize, core: &Pack, out: &mut [T]) -> Clamped {
        let (at, parts) = self.layout.parts(lane, core);
        let (values, observed) = (&self.estimate[at.clone()], &self.observed[at]);
        let mut rest = out;
        let packed = parts.iter().map(|part| {
            let (own, others) = std::mem::take(&mut rest).split_at_mut(part.core.count());
            rest = others;
            pack(values, observed, part, own)
        });
        packed.sum()
    }

    fn plane(&self) -> usize {
        self.layout.shape().y as usize * self.layout.shape().x as usize
    }
}

/// The volume of the pair that `lane` is in.
fn pair_mut(volumes: &mut [Complex32], fft: Zyx<u32>, lane: usize) -> &mut [Complex32] {
    &mut volumes[lane / 2 * fft.count()..][..fft.count()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constants::Precision;
    use crate::decon::tests::setup_of;

    #[test]
    fn volumes_take_what_their_method_says() {
        for fft in [Zyx::new(1, 20, 35), Zyx::new(12, 15, 25)] {
            let voxels = fft.count() as u64;
            for method in [Method::Rl, Method::Shb, Method::Ba] {
                let bytes = |lanes| {
                    let setup = Setup { fft, lanes, method, ..setup_of(&[]) };
                    Volumes::new(&setup).unwrap().bytes()
                };
                let pair = voxels * method.pair_bytes_per_voxel(Precision::F32);
                assert_eq!([bytes(2), bytes(3), bytes(4)], [pair, 2 * pair, 2 * pair]);
                assert_eq!(Some(bytes(1)), method.folded_bytes_per_voxel(Precision::F32).map(|b| b * voxels));
            }
        }
    }
}
