//! The ways to load a file, side by side: each run in a process of its own, cold and warm, against what the storage can
//! do.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cache::{Cached, drop_from_cache};
use super::machine::Machine;
use super::pass::{Loaded, Pass};
use super::{Better, Column, Results, Row, Runs, Table};
use crate::dataset::Scene;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::options::{Options, wrong_flag_of};
use crate::output::Target;
use crate::report::Silent;
use crate::run::{Stop, run};
use crate::source::Location;
use crate::space::{Rect, Stored};

/// What to load, and how often.
#[derive(Clone, Debug)]
pub struct LoadBench {
    /// The file, as it was named.
    pub input: OsString,
    /// Flags of `run` that all ways share: a scene, a region, simulated storage.
    pub flags: Vec<String>,
    /// Fields to load, at most.
    pub most_fields: Option<usize>,
    /// Runs of each way, cold and warm.
    pub runs: u32,
    /// Numbers of threads that a run is tried with.
    pub threads: Vec<usize>,
    /// Called with a line for each thing that is done.
    pub say: fn(&str),
}

/// One way to load.
#[derive(Clone, Debug)]
struct Way {
    name: String,
    /// In place of the file, and of the part of it that is asked for.
    converted: Option<PathBuf>,
    pass: Pass,
    flags: Vec<String>,
    /// Ways that deliver the same pixels share a name here.
    pixels: &'static str,
}

/// What the runs of one way gave.
#[derive(Clone, Debug, Default)]
struct Measured {
    cold: Vec<Loaded>,
    warm: Vec<Loaded>,
    checksum: Option<String>,
}

/// Flags that every way gets: nothing is deconvolved, and pixels count whatever a mask says of them.
const FLAGS: &str = "--iterations=0 --backend=cpu --masks=ignore --fill=0";
/// A request for each subblock.
const ONE_BY_ONE: &str = "--apart";
/// A cold run with more of the file in the cache than this share is none.
const COLD: f64 = 0.05;

impl LoadBench {
    /// Runs every way, in turn so that what else goes on hits all. Says whether all delivered the same pixels, too.
    ///
    /// # Errors
    /// Those of the reader; `Option` for flags that do not fit the file.
    pub fn run(mut self) -> Result<(Results, bool)> {
        let mut notes = self.narrow()?;
        let mut ways = self.ways()?;
        let folder = tempfile::tempdir().map_err(|error| Error::io(std::env::temp_dir(), error))?;
        ways.push(self.converted(&folder.path().join("converted.ome.zarr"))?);
        let mut measured = vec![Measured::default(); ways.len()];
        for (way, measured) in ways.iter().zip(&mut measured) {
            measured.checksum = self.once(way, true)?.checksum;
            (self.say)(&format!("checked: {}", way.name));
        }
        let is_cold = self.measure(&ways, &mut measured, &mut notes)?;
        let same = compare_pixels(&ways, &measured, &mut notes);
        let mut tables =
            vec![self.table("warm: the file lies in the system's cache", &ways, &measured, |m| &m.warm)];
        if is_cold {
            tables.insert(
                0,
                self.table("cold: the cache was emptied of the file", &ways, &measured, |m| &m.cold),
            );
        }
        let results = Results {
            bench: "load".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            machine: Machine::here(),
            input: Some(self.name().display().to_string()),
            notes,
            tables,
        };
        Ok((results, same))
    }

    /// What messages and results call the input.
    fn name(&self) -> PathBuf {
        Location::from(self.input.clone()).name()
    }

    /// Asks the system to forget the file; says what is left of it in its cache, 1 where the file is not of this computer.
    fn forget(&self, converted: Option<&Path>) -> Result<Cached> {
        if let Some(folder) = converted {
            return drop_from_cache(folder);
        }
        match Location::from(self.input.clone()) {
            Location::Path(path) => drop_from_cache(&path),
            Location::Url(_) => Ok(Cached::Share(1.0)),
        }
    }

    /// Takes the corner of the first scene that [`LoadBench::most_fields`] allows.
    fn narrow(&mut self) -> Result<Vec<String>> {
        let Some(most) = self.most_fields else { return Ok(Vec::new()) };
        let job = Job::prepare(self.options(&[])?)?;
        let scene = &job.images[0].scene;
        if job.images.len() > 1 {
            self.flags.push(format!("--scene={}", scene.index));
        }
        let all: usize = job.images.iter().map(|image| image.scene.fields.len()).sum();
        if all <= most {
            return Ok(Vec::new());
        }
        let region = corner(scene, most);
        let touched = scene.fields.iter().filter(|field| field.rect.intersect(region).is_some()).count();
        let origin = (job.origin.x, job.origin.y);
        self.flags.retain(|flag| !flag.starts_with("--region="));
        let (x, y) = (region.x - scene.rect.x + origin.0, region.y - scene.rect.y + origin.1);
        self.flags.push(format!("--region={x},{y},{},{}", region.width, region.height));
        Ok(vec![format!(
            "{touched} of {all} subblocks were loaded: {} × {} pixels",
            region.width, region.height
        )])
    }

    fn options(&self, more: &[String]) -> Result<Options> {
        let flags = FLAGS.split(' ').map(OsString::from);
        let own = self.flags.iter().chain(more).map(OsString::from);
        let all = [OsString::from("run"), self.input.clone()].into_iter().chain(flags).chain(own);
        Options::parse(all).map_err(|error| wrong_flag_of("bench load", &error))
    }

    fn ways(&self) -> Result<Vec<Way>> {
        let way = |name: &str, pass, flags: &str, pixels| Way {
            name: name.to_owned(),
            converted: None,
            pass,
            flags: flags.split_whitespace().map(str::to_owned).collect(),
            pixels,
        };
        let mut ways = vec![
            way("raw bytes, front to back", Pass::Raw, "", "none"),
            way("box by box, as read_mosaic", Pass::Composed, ONE_BY_ONE, "full"),
            way("field by field, in index order", Pass::Directory, ONE_BY_ONE, "full"),
            way("field by field, row by row", Pass::Spatial, ONE_BY_ONE, "full"),
            way("field by field, in file order", Pass::File, ONE_BY_ONE, "full"),
            way("merged requests", Pass::Merged, "", "full"),
        ];
        // What is behind a URL cannot be mapped.
        if matches!(Location::from(self.input.clone()), Location::Path(_)) {
            ways.push(way("memory-mapped", Pass::File, "--io=mmap --apart", "full"));
        }
        for threads in &self.threads {
            let name = format!("stitched, {threads} {}", if *threads == 1 { "thread" } else { "threads" });
            ways.push(way(&name, Pass::Stitched, &format!("--threads={threads}"), "full"));
        }
        for (scale, fields, pyramid) in [(2, "1/2", "1/2 stored"), (4, "1/4", "1/4 stored")] {
            let name = format!("stitched at {fields}, from the fields");
            let flags = format!("--scale={scale} --pyramid=never");
            ways.push(way(&name, Pass::Stitched, &flags, fields));
            let flags = format!("--scale={scale}");
            if Job::prepare(self.options(std::slice::from_ref(&flags))?)?
                .images
                .iter()
                .all(|image| image.stored_ratio > 1)
            {
                let name = format!("stitched at {fields}, from the stored pyramid");
                ways.push(way(&name, Pass::Stitched, &flags, pyramid));
            }
        }
        Ok(ways)
    }

    /// The same pixels from `target`, an OME-Zarr that is written here.
    fn converted(&self, target: &Path) -> Result<Way> {
        run(Job::prepare(self.options(&[])?)?, Some(Target::new(target)), &Stop::default(), &Silent)?;
        (self.say)("converted to OME-Zarr");
        Ok(Way {
            name: "stitched, from an OME-Zarr of the same".into(),
            converted: Some(target.to_owned()),
            pass: Pass::Stitched,
            flags: Vec::new(),
            pixels: "full",
        })
    }

    /// Says whether there was a cold run.
    fn measure(&self, ways: &[Way], measured: &mut [Measured], notes: &mut Vec<String>) -> Result<bool> {
        let first = self.forget(None)?;
        let is_cold = !matches!(first, Cached::Share(share) if share > COLD);
        let mut left: f64 = 0.0;
        for run in 1..=self.runs {
            for (way, measured) in ways.iter().zip(&mut *measured) {
                if is_cold {
                    if let Cached::Share(share) = self.forget(way.converted.as_deref())? {
                        left = left.max(share);
                    }
                    measured.cold.push(self.once(way, false)?);
                }
                measured.warm.push(self.once(way, false)?);
            }
            (self.say)(&format!("run {run} of {}", self.runs));
        }
        notes.push(match first {
            Cached::Share(share) if !is_cold => format!(
                "No cold runs: the system cannot be made to forget the file (posix_fadvise; {:.0} % of it were still in \
                 its cache, or it is not a file of this computer).",
                100.0 * share
            ),
            Cached::Share(_) => format!(
                "Before each cold run the system dropped the file from its cache (posix_fadvise): at most {:.1} % was \
                 left. Caches of the disk or of a virtual machine's host are not reached.",
                100.0 * left
            ),
            Cached::Unknown => "Before each cold run the system was asked to drop the file from its cache, where it can \
                 be asked; it does not tell whether it did."
                .to_owned(),
        });
        Ok(is_cold)
    }

    /// One run in a process of its own.
    fn once(&self, way: &Way, check: bool) -> Result<Loaded> {
        let program = std::env::current_exe().map_err(|error| Error::io("decon-gpu", error))?;
        let mut command = Command::new(&program);
        command.args(["bench", "once"]).args(FLAGS.split(' ')).args(&way.flags);
        match &way.converted {
            Some(folder) => command.arg(folder),
            None => command.arg(&self.input).args(&self.flags),
        };
        command.arg("--pass").arg(name_of(way.pass));
        if check {
            command.arg("--check");
        }
        let output = command.output().map_err(|error| Error::io(&program, error))?;
        let failed = |what: &str| {
            Error::io(self.name(), std::io::Error::other(format!("{}: {}", way.name, what.trim())))
        };
        if !output.status.success() {
            return Err(failed(String::from_utf8_lossy(&output.stderr).trim_start_matches("error: ")));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| failed(&error.to_string()))
    }

    fn table(
        &self,
        title: &str,
        ways: &[Way],
        measured: &[Measured],
        of: fn(&Measured) -> &[Loaded],
    ) -> Table {
        let columns = [
            ("CPU", "s"),
            ("raw bytes", "×"),
            ("read", "MB"),
            ("requests", ""),
            ("peak memory", "MB"),
            ("pixels", ""),
        ];
        let secs = |runs: &[Loaded]| Runs::new(runs.iter().map(|run| run.secs));
        let raw = secs(of(&measured[0])).median();
        let row = |(way, measured): (&Way, &Measured)| {
            let runs = of(measured);
            let median = |value: fn(&Loaded) -> Option<f64>| {
                let values: Option<Vec<f64>> = runs.iter().map(value).collect();
                values.map(|values| Runs::new(values).median())
            };
            let mb = |bytes: u64| bytes as f64 / 1e6;
            let walls = secs(runs);
            let cells = vec![
                median(|run| run.cpu_secs).into(),
                (walls.median() / raw).into(),
                mb(runs[0].bytes).into(),
                (runs[0].requests as f64).into(),
                median(|run| run.peak_memory_bytes.map(|bytes| bytes as f64)).map(|bytes| bytes / 1e6).into(),
                measured
                    .checksum
                    .as_ref()
                    .map_or(super::Cell::Nothing, |sum| super::Cell::Text(sum[..8].to_owned())),
            ];
            Row { name: way.name.clone(), runs: walls, mark: Some(raw), cells }
        };
        Table {
            title: title.to_owned(),
            measured: Column::new("wall", "s"),
            better: Better::Less,
            mark: Some("raw bytes (s)".into()),
            columns: columns.map(|(name, unit)| Column::new(name, unit)).into(),
            rows: ways.iter().zip(measured).map(row).collect(),
        }
    }
}

fn name_of(pass: Pass) -> String {
    let value = clap::ValueEnum::to_possible_value(&pass).expect("every pass has a name");
    value.get_name().to_owned()
}

/// The largest part at the top left of `scene`, of its shape, that touches at most `most` fields.
fn corner(scene: &Scene, most: usize) -> Rect<Stored> {
    const STEPS: u64 = 1024;
    let Rect { x, y, width, height, .. } = scene.rect;
    let part = |step: u64| {
        let share = |side: u32| (u64::from(side) * step).div_ceil(STEPS) as u32;
        Rect::new(x, y, share(width), share(height))
    };
    let touched =
        |part: Rect<Stored>| scene.fields.iter().filter(|field| field.rect.intersect(part).is_some()).count();
    (1..=STEPS).rev().map(part).find(|&part| touched(part) <= most).unwrap_or_else(|| part(1))
}

/// Says whether the ways that should deliver the same pixels did.
fn compare_pixels(ways: &[Way], measured: &[Measured], notes: &mut Vec<String>) -> bool {
    let mut same = true;
    for kind in ["full", "1/2", "1/4"] {
        let sums: Vec<(&str, &str)> = ways
            .iter()
            .zip(measured)
            .filter(|(way, _)| way.pixels == kind)
            .filter_map(|(way, measured)| Some((way.name.as_str(), measured.checksum.as_deref()?)))
            .collect();
        let Some(&(first, sum)) = sums.first() else { continue };
        let others: Vec<_> = sums.iter().filter(|(_, other)| *other != sum).map(|(name, _)| *name).collect();
        if !others.is_empty() {
            same = false;
            notes.push(format!("NOT THE SAME PIXELS as {first}: {}.", others.join("; ")));
        } else if sums.len() > 1 {
            notes.push(format!(
                "All {} ways at full size delivered the same pixels, checksum {sum}.",
                sums.len()
            ));
        }
    }
    same
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{field, scene_of};

    #[test]
    fn a_corner_touches_no_more_fields_than_allowed_and_cannot_be_larger() {
        let grid = (0..60).map(|m| field(m, i64::from(m % 10) * 90 - 50, i64::from(m / 10) * 90)).collect();
        let scene = scene_of(grid);
        let touched = |part: Rect<Stored>| {
            scene.fields.iter().filter(|field| field.rect.intersect(part).is_some()).count()
        };
        for (most, found) in [(60, 60), (59, 54), (16, 15), (3, 2), (1, 1)] {
            assert_eq!(touched(corner(&scene, most)), found, "at most {most}");
        }
    }

    #[test]
    fn a_way_that_delivers_other_pixels_is_named() {
        let way = |name: &str, pixels| Way {
            name: name.into(),
            converted: None,
            pass: Pass::File,
            flags: Vec::new(),
            pixels,
        };
        let ways = [way("a", "full"), way("b", "full"), way("c", "1/2"), way("d", "full")];
        let measured =
            |sums: [&str; 4]| sums.map(|sum| Measured { checksum: Some(sum.into()), ..Measured::default() });
        let mut notes = Vec::new();
        assert!(compare_pixels(&ways, &measured(["1", "1", "2", "1"]), &mut notes));
        assert_eq!(notes.len(), 1);
        assert!(!compare_pixels(&ways, &measured(["1", "1", "2", "3"]), &mut notes));
        assert_eq!(notes[1], "NOT THE SAME PIXELS as a: d.");
    }
}
