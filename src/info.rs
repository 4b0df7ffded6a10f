//! What a file holds, summed up for people (`decon-gpu info`).

mod drawing;
mod map;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

pub use map::write_map;

use crate::dataset::{Channel, Compression, Dataset, Optics, Plane, Scene, Subblock};
use crate::pixels::PixelType;
use crate::psf::rounded;
use crate::shown::visible;
use crate::source::Location;
use crate::space::{Rect, Stored, Zyx};

/// Fields whose neighbours are looked for, at most: more say nothing new of a median.
const SAMPLE: usize = 1 << 13;
/// Fields that are looked at to find the neighbour of one, at most.
const MOST_CANDIDATES: usize = 1 << 12;

/// A file in a page.
#[derive(Debug, Serialize)]
pub struct Info {
    file: Location,
    /// Of the scene with the most.
    times: u32,
    /// Of the scene with the most.
    slices: u32,
    voxel_um: Zyx<Option<f64>>,
    interval_secs: Option<f64>,
    channels: Vec<Channel>,
    optics: Optics,
    scenes: Vec<SceneInfo>,
    notes: Vec<String>,
}

/// A scene in a few lines.
#[derive(Debug, Serialize)]
struct SceneInfo {
    index: u32,
    name: Option<String>,
    rect: Rect<Stored>,
    origin_um: Zyx<Option<f64>>,
    times: u32,
    slices: u32,
    channels: Vec<u32>,
    subblocks: usize,
    fields_per_plane: usize,
    field_width: u32,
    field_height: u32,
    /// Median share of a field's width (height) that the neighbour to the right (below) covers too.
    overlap_x: Option<f64>,
    overlap_y: Option<f64>,
    codecs: Vec<(Compression, PixelType, usize)>,
    stored_bytes: u64,
    decoded_bytes: u64,
    levels: Vec<LevelInfo>,
}

/// One level of the stored pyramid.
#[derive(Debug, Serialize)]
struct LevelInfo {
    /// Level-0 pixels across one of its pixels, rounded.
    factor: u32,
    subblocks: usize,
}

impl Info {
    /// Sums `dataset` up.
    pub fn new(file: &Location, dataset: &Dataset) -> Self {
        Self {
            file: file.clone(),
            times: dataset.scenes.iter().map(|scene| scene.times).max().unwrap_or(0),
            slices: dataset.scenes.iter().map(|scene| scene.slices).max().unwrap_or(0),
            voxel_um: dataset.voxel_um,
            interval_secs: dataset.interval_secs,
            channels: dataset.channels.clone(),
            optics: dataset.optics.clone(),
            scenes: dataset.scenes.iter().map(SceneInfo::new).collect(),
            notes: dataset.notes.iter().cloned().chain(unreadable(dataset)).collect(),
        }
    }
}

/// How much cannot be read, and why, where that is so.
fn unreadable(dataset: &Dataset) -> Option<String> {
    let all = || dataset.scenes.iter().flat_map(|scene| &scene.unreadable);
    let first = all().next()?;
    Some(format!("{} subblocks cannot be read; the first: {}", all().count(), first.fault))
}

impl SceneInfo {
    fn new(scene: &Scene) -> Self {
        // There may be millions of planes.
        let mut planes: BTreeMap<Plane, usize> = BTreeMap::new();
        let mut codecs: Vec<(Compression, PixelType, usize)> = Vec::new();
        for field in &scene.fields {
            *planes.entry(field.plane).or_default() += 1;
            let key = (field.compression, field.pixel_type);
            match codecs.iter_mut().find(|(codec, pixels, _)| (*codec, *pixels) == key) {
                Some((.., count)) => *count += 1,
                None => codecs.push((key.0, key.1, 1)),
            }
        }
        codecs.sort_by_key(|(codec, pixels, _)| format!("{codec:?} {pixels:?}"));
        let fullest = planes.into_iter().max_by_key(|(_, count)| *count).map(|(plane, _)| plane);
        let of_fullest = scene.fields.iter().filter(|field| Some(field.plane) == fullest);
        let fullest: Vec<Rect<Stored>> = of_fullest.map(|field| field.rect).collect();
        let largest = scene.fields.iter().max_by_key(|field| field.rect.area());
        Self {
            index: scene.index,
            name: scene.name.clone(),
            rect: scene.rect,
            origin_um: scene.origin_um,
            times: scene.times,
            slices: scene.slices,
            channels: scene.channels.clone(),
            subblocks: scene.fields.len(),
            fields_per_plane: fullest.len(),
            field_width: largest.map_or(0, |field| field.rect.width),
            field_height: largest.map_or(0, |field| field.rect.height),
            overlap_x: median(overlaps(&fullest, |r| r)),
            overlap_y: median(overlaps(&fullest, |r| Rect::new(r.y, r.x, r.height, r.width))),
            codecs,
            stored_bytes: scene.fields.iter().map(|field| field.extent).sum(),
            decoded_bytes: scene.fields.iter().map(Subblock::decoded_bytes).sum(),
            levels: levels(&scene.pyramid),
        }
    }
}

fn um(along: Option<f64>) -> String {
    along.map_or("unknown".to_owned(), |um| format!("{um:.4} µm"))
}

impl SceneInfo {
    fn planes(&self) -> (u32, &[u32], u32) {
        (self.times, &self.channels, self.slices)
    }
}

fn numbers(of: &[u32]) -> String {
    of.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

/// For each rectangle with a neighbour to its right, the share of its width that the nearest such neighbour covers; of many
/// rectangles, for some of them. A neighbour starts right of the left edge, not past the right edge, and shares more than
/// half of the rows.
fn overlaps(rects: &[Rect<Stored>], turned: impl Fn(Rect<Stored>) -> Rect<Stored>) -> Vec<f64> {
    let mut sorted: Vec<_> = rects.iter().map(|&rect| turned(rect)).collect();
    sorted.sort_unstable_by_key(|rect| (rect.x, rect.y));
    // Those with the same left edge, and the height of the tallest.
    let tallest = |rects: &[Rect<Stored>]| rects.iter().map(|rect| i64::from(rect.height)).max().unwrap_or(0);
    let columns: Vec<_> = sorted.chunk_by(|a, b| a.x == b.x).map(|rects| (rects, tallest(rects))).collect();
    let mut shares = Vec::new();
    for a in sorted.iter().step_by(sorted.len().div_ceil(SAMPLE).max(1)) {
        let first = columns.partition_point(|(rects, _)| rects[0].x <= a.x);
        let touching = columns[first..].iter().take_while(|(rects, _)| rects[0].x <= a.right());
        let in_rows = touching.flat_map(|&(rects, tallest)| {
            let first = rects.partition_point(|b| b.y + tallest <= a.y);
            rects[first..].iter().take_while(|b| b.y < a.bottom())
        });
        let neighbour = in_rows.take(MOST_CANDIDATES).find(|b| {
            let rows = a.bottom().min(b.bottom()) - a.y.max(b.y);
            2 * rows > i64::from(a.height.min(b.height))
        });
        shares.extend(neighbour.map(|b| (a.right() - b.x) as f64 / f64::from(a.width)));
    }
    shares
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn levels(pyramid: &[Subblock]) -> Vec<LevelInfo> {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    for subblock in pyramid {
        let factor = f64::from(subblock.rect.width) / f64::from(subblock.stored_width);
        *counts.entry(factor.round() as u32).or_default() += 1;
    }
    counts.into_iter().map(|(factor, subblocks)| LevelInfo { factor, subblocks }).collect()
}

impl fmt::Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", visible(&self.file.name().to_string_lossy()))?;
        writeln!(f, "  times {}, channels {}, slices {}", self.times, self.channels.len(), self.slices)?;
        let Zyx { z, y, x } = self.voxel_um;
        writeln!(f, "  voxel      z {}, y {}, x {}", um(z), um(y), um(x))?;
        if let Some(interval) = self.interval_secs {
            writeln!(f, "  interval   {interval} s")?;
        }
        writeln!(f, "  optics     {}", self.optics)?;
        for (index, channel) in self.channels.iter().enumerate() {
            writeln!(f, "  channel {index}  {channel}")?;
        }
        let are_alike = self.scenes.windows(2).all(|pair| pair[0].planes() == pair[1].planes());
        for scene in &self.scenes {
            write!(f, "{scene}")?;
            if !are_alike {
                let (times, channels, slices) = scene.planes();
                writeln!(f, "    planes     times {times}, channels {}, slices {slices}", numbers(channels))?;
            }
        }
        for note in &self.notes {
            writeln!(f, "  note: {}", visible(note))?;
        }
        Ok(())
    }
}

impl fmt::Display for Optics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: Option<f64>| value.map_or("unknown".to_owned(), |v| rounded(v, 4).to_string());
        write!(f, "{}", visible(self.objective.as_deref().unwrap_or("objective unknown")))?;
        write!(f, ", NA {}, {}×", number(self.na), number(self.magnification))?;
        let immersion = visible(self.immersion.as_deref().unwrap_or("unknown"));
        write!(f, ", immersion {immersion}, index {}", number(self.refractive_index))?;
        self.z_axis_shear.as_ref().map_or(Ok(()), |shear| write!(f, ", planes sheared ({})", visible(shear)))
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", visible(self.name.as_deref().unwrap_or("unnamed")))?;
        if let Some(pixel_type) = self.pixel_type {
            write!(f, ", {pixel_type:?}")?;
        }
        if let Some(nm) = self.emission_nm {
            write!(f, ", emission {} nm", rounded(nm, 1))?;
        }
        if let Some(mode) = &self.acquisition_mode {
            write!(f, ", {}", visible(mode))?;
        }
        Ok(())
    }
}

impl fmt::Display for SceneInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let name = self.name.as_deref().map(|name| format!(" ({})", visible(name))).unwrap_or_default();
        writeln!(f, "  scene {}{name}: {}", self.index, self.rect)?;
        let Zyx { z, y, x } = self.origin_um;
        if [z, y, x].into_iter().flatten().any(|um| um != 0.0) {
            writeln!(f, "    position   z {}, y {}, x {}", um(z), um(y), um(x))?;
        }
        write!(
            f,
            "    fields     {} of up to {} × {} px",
            self.fields_per_plane, self.field_width, self.field_height
        )?;
        let percent = |share: Option<f64>| share.map_or("none".to_owned(), |s| format!("{:.1} %", 100.0 * s));
        writeln!(f, " a plane, overlap x {}, y {}", percent(self.overlap_x), percent(self.overlap_y))?;
        for (compression, pixel_type, count) in &self.codecs {
            writeln!(f, "    stored     {count} subblocks {pixel_type:?} {compression:?}")?;
        }
        writeln!(
            f,
            "    size       {:.1} MiB stored, {:.1} decoded",
            mib(self.stored_bytes),
            mib(self.decoded_bytes)
        )?;
        for level in &self.levels {
            writeln!(f, "    pyramid    1/{}: {} subblocks", level.factor, level.subblocks)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_is_the_share_under_the_next_neighbour() {
        let grid: Vec<_> =
            (0..3).flat_map(|j| (0..4).map(move |i| Rect::new(i * 90 - 50, j * 80, 100, 100))).collect();
        assert_eq!(median(overlaps(&grid, |r| r)), Some(0.1));
        assert_eq!(median(overlaps(&grid, |r| Rect::new(r.y, r.x, r.height, r.width))), Some(0.2));
        assert_eq!(median(overlaps(&grid[..1], |r| r)), None);
        let apart = [Rect::new(0, 0, 10, 10), Rect::new(500, 0, 10, 10)];
        assert_eq!(median(overlaps(&apart, |r| r)), None);
    }

    /// By definition, each with all others.
    fn naive(rects: &[Rect<Stored>]) -> Vec<f64> {
        let mut sorted = rects.to_vec();
        sorted.sort_by_key(|rect| (rect.x, rect.y));
        let share = |a: &Rect<Stored>| {
            let is_neighbour = |b: &&Rect<Stored>| {
                let rows = a.bottom().min(b.bottom()) - a.y.max(b.y);
                b.x > a.x && b.x <= a.right() && 2 * rows > i64::from(a.height.min(b.height))
            };
            let neighbour = sorted.iter().find(is_neighbour)?;
            Some((a.right() - neighbour.x) as f64 / f64::from(a.width))
        };
        sorted.iter().filter_map(share).collect()
    }

    #[test]
    fn the_neighbour_is_the_one_that_a_look_at_all_finds() {
        let place = |i: i64| {
            Rect::new(i * 389 % 500, i * 211 % 400, 40 + (i * 7 % 30) as u32, 30 + (i * 11 % 60) as u32)
        };
        let rects: Vec<_> = (0..300).map(place).collect();
        assert_eq!(overlaps(&rects, |r| r), naive(&rects));
    }

    #[test]
    fn two_million_chunks_and_a_stack_of_fields_take_no_time() {
        let start = std::time::Instant::now();
        let chunks: Vec<_> = (0..1 << 21).map(|i| Rect::new(i % 1024 * 64, i / 1024 * 64, 64, 64)).collect();
        assert_eq!(median(overlaps(&chunks, |r| r)), Some(0.0));
        let stacked = vec![Rect::new(0, 0, 64, 64); 200_000];
        assert_eq!(median(overlaps(&stacked, |r| r)), None);
        let thin: Vec<_> = (0..200_000).map(|i| Rect::new(i, i % 2 * 40, 1 << 20, 50)).collect();
        overlaps(&thin, |r| r);
        assert!(start.elapsed().as_secs_f64() < 20.0, "{:?}", start.elapsed());
    }
}
