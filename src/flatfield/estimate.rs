//! From cell means of many fields to the brightness over a field.

use std::fmt;

use super::cells::Cells;
use super::surface::{Known, Surface, median};
use crate::space::{Local, Rect};

/// Of the polynomial. The logarithm of a Gaussian is of the second order, that of cos⁴ nearly of the fourth; a lower one misses
/// dark corners by 6 %, a higher one follows what is left of the specimen.
const ORDER: usize = 4;
/// Repetitions: the level of a field is known better once the shading is.
const ROUNDS: usize = 3;

/// Which fields tell the brightness of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    /// The middle half, each over its level: the median of its cells.
    Middle,
    /// The brightest quarter but for the very brightest: where the slide is empty, in brightfield.
    Bright,
    /// The darkest quarter but for the very darkest: what lies between the structures, in fluorescence.
    Dark,
}

impl Background {
    const ALL: [Self; 3] = [Self::Middle, Self::Bright, Self::Dark];

    /// The shares of the fields that are left out: the darkest, the brightest.
    fn trimmed(self) -> (f64, f64) {
        match self {
            Self::Middle => (0.25, 0.25),
            Self::Bright => (0.7, 0.05),
            Self::Dark => (0.05, 0.7),
        }
    }
}

/// The brightness over a field, relative to its mean.
#[derive(Clone, Debug)]
pub struct Brightness {
    /// Pixels of a field across.
    pub width: u32,
    /// Pixels of a field down.
    pub height: u32,
    /// `[y, x]`, mean 1.
    pub pixels: Vec<f32>,
    /// What it was found from.
    pub background: Background,
}

impl fmt::Display for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Middle => "the middle half of the fields",
            Self::Bright => "bright background",
            Self::Dark => "dark background",
        })
    }
}

impl Brightness {
    /// The darkest and the brightest pixel.
    pub fn range(&self) -> (f32, f32) {
        self.pixels.iter().fold((f32::MAX, 0.0), |(low, high), &v| (low.min(v), high.max(v)))
    }
}

/// A field is a level · brightness(cell), and structures. The brightness of a cell is a trimmed mean over the fields: of the
/// middle half, each over its level, so that structures of either kind are left out and what is left of them is the same
/// everywhere; or of those where the cell is nearly the brightest or the darkest, if that is background, whose level is
/// the same in all fields. Through the logarithms of the cells, since brightness differs by factors, a polynomial is laid. Which
/// mean is decided by the fields: the one that from one half of them says best what the other half has.
///
/// The model is that of Smith et al. 2015 (CIDRE, doi 10.1038/nmeth.3323) and Peng et al. 2017 (BaSiC, doi
/// 10.1038/ncomms14836), the estimator is a simple one of its own: no regularised optimisation, no dark-field.
///
/// `None` when the fields do not tell: none has light, or cells are never seen.
pub fn brightness(fields: &[Vec<f32>], cells: Cells) -> Option<Brightness> {
    let rects: Vec<_> = cells.rects().collect();
    let grid = Grid { cells, rects: &rects };
    let all: Vec<&[f32]> = fields.iter().map(Vec::as_slice).collect();
    let background = background(&all, grid);
    let surface = grid.fitted(&all, background)?;
    let pixels: Vec<f64> = surface.pixels(cells.width, cells.height).into_iter().map(f64::exp).collect();
    let mean = pixels.iter().sum::<f64>() / pixels.len() as f64;
    let pixels: Vec<f32> = pixels.into_iter().map(|value| (value / mean) as f32).collect();
    let is_light = pixels.iter().all(|&value| value > 0.0 && value.is_finite());
    is_light.then_some(Brightness { width: cells.width, height: cells.height, pixels, background })
}

/// The mean that from one half of the fields predicts the other half best.
fn background(fields: &[&[f32]], grid: Grid<'_>) -> Background {
    // The golden ratio: halves that no grid of fields is in time with.
    let is_first = |i: usize| (i as f64 * 0.618_033_988_749_894_9).fract() < 0.5;
    let half = |first: bool| {
        let half = fields.iter().enumerate().filter(|(i, _)| is_first(*i) == first);
        half.map(|(_, field)| *field).collect::<Vec<_>>()
    };
    let (one, other) = (half(true), half(false));
    let error = |background| {
        Some(grid.unforeseen(&one, &other, background)? + grid.unforeseen(&other, &one, background)?)
    };
    let tried = Background::ALL.into_iter().filter_map(|background| Some((error(background)?, background)));
    tried.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(Background::Middle, |(_, background)| background)
}

/// Cells, and where they lie.
#[derive(Clone, Copy)]
struct Grid<'a> {
    cells: Cells,
    rects: &'a [Rect<Local>],
}

impl Grid<'_> {
    fn fitted(self, fields: &[&[f32]], background: Background) -> Option<Surface> {
        let mut surface = None;
        let rounds = if background == Background::Middle { ROUNDS } else { 1 };
        for _ in 0..rounds {
            surface = Some(Surface::through(&self.known(fields, background, surface.as_ref()), ORDER)?);
        }
        surface
    }

    /// Mean square of what `mine` leave unsaid of `other`.
    fn unforeseen(self, mine: &[&[f32]], other: &[&[f32]], background: Background) -> Option<f64> {
        let surface = self.fitted(mine, background)?;
        let known = self.known(other, background, Some(&surface));
        let rest: Vec<f64> = known.iter().map(|k| k.value - surface.at(k.x, k.y)).collect();
        let mean = rest.iter().sum::<f64>() / rest.len() as f64;
        let squares = rest.iter().map(|rest| (rest - mean).powi(2));
        Some(squares.sum::<f64>() / rest.len() as f64).filter(|error| error.is_finite())
    }

    /// The logarithm of the brightness of each cell that is ever seen; `shading` is what is known of it already.
    fn known(self, fields: &[&[f32]], background: Background, shading: Option<&Surface>) -> Vec<Known> {
        let centres: Vec<_> = self.rects.iter().map(|rect| self.cells.centre(*rect)).collect();
        let levels = match background {
            Background::Middle => {
                let shading =
                    centres.iter().map(|&(x, y)| shading.map_or(1.0, |surface| surface.at(x, y).exp()));
                levels(fields, &shading.collect::<Vec<_>>())
            }
            Background::Bright | Background::Dark => vec![Some(1.0); fields.len()],
        };
        let means = means(fields, &levels, background.trimmed());
        let known = means.into_iter().zip(centres);
        let logarithm = |mean: f64| (mean > 0.0).then(|| mean.ln());
        known.filter_map(|(mean, (x, y))| Some(Known { x, y, value: logarithm(mean?)? })).collect()
    }
}

/// The median of a field's cells over the shading; `None` without light.
fn levels(fields: &[&[f32]], shading: &[f64]) -> Vec<Option<f64>> {
    let level = |field: &&[f32]| {
        let ratios = field.iter().zip(shading).map(|(mean, shading)| f64::from(*mean) / shading);
        let ratios: Vec<f64> = ratios.filter(|ratio| ratio.is_finite()).collect();
        (!ratios.is_empty()).then(|| median(ratios)).filter(|&level| level > 0.0)
    };
    fields.iter().map(level).collect()
}

/// The trimmed mean of each cell over the fields; `None` where it is never seen.
fn means(fields: &[&[f32]], levels: &[Option<f64>], (darkest, brightest): (f64, f64)) -> Vec<Option<f64>> {
    let lit: Vec<_> = fields.iter().zip(levels).filter_map(|(f, level)| Some((*f, (*level)?))).collect();
    let cells = fields.first().map_or(0, |field| field.len());
    let mean = |cell: usize| {
        let mut values: Vec<f64> = lit.iter().map(|(field, level)| f64::from(field[cell]) / level).collect();
        values.retain(|value| value.is_finite());
        values.sort_unstable_by(f64::total_cmp);
        let share = |share: f64| (values.len() as f64 * share) as usize;
        let kept = values.get(share(darkest)..values.len() - share(brightest))?;
        (!kept.is_empty()).then(|| kept.iter().sum::<f64>() / kept.len() as f64)
    };
    (0..cells).map(mean).collect()
}
