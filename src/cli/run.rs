//! `decon-gpu run`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use clap::{Args, ValueEnum};

use super::ended::Ended;
use super::footprint;
use super::recording::{Recording, RecordingArgs};
use super::signals::Signals;
use super::stalls::Watch;
use super::to_json;
use crate::error::{Error, Result};
use crate::job::{Chosen, Job, workers};
use crate::options::{self, Options};
use crate::output::{Kind, Target};
use crate::pipeline::StageTime;
use crate::report::{BatchSummary, Event, Failures, JsonReport, Keeper, Report, Summary, TerminalReport};
use crate::run::{Conditions, Order, Outcome, State, interrupted, run_all, run_one};
use crate::say;
use crate::source::Location;
use crate::timeline::{self, Timeline};
use crate::written::{Footprint, is_json, write_whole};

/// Exit code of a run that left damaged subblocks out.
const WITH_DAMAGE: u8 = 3;
/// Exit code of one that failed, as `main` has it.
const FAILED: i32 = 1;

#[derive(Args, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    options: Options,
    /// More files, each with an output of its own; one that fails does not keep the others
    #[arg(value_name = "INPUT")]
    more: Vec<Location>,
    /// OME-Zarr folder, or OME-TIFF by a name such as OUT.ome.tif, to write; it appears when it is complete
    ///
    /// Several scenes of an OME-TIFF are files of their own, OUT_S00.ome.tif and so on. Of several inputs, or with a / at its
    /// end: the folder for an INPUT.ome.zarr (or INPUT.ome.tif with --format ome-tiff) each.
    #[arg(
        short,
        long,
        value_name = "OUT.ome.zarr",
        required_unless_present = "sink",
        help_heading = "Output"
    )]
    output: Option<PathBuf>,
    /// Where finished tiles go
    #[arg(long, value_enum, default_value_t = Sink::Zarr, help_heading = "Output")]
    sink: Sink,
    /// Replace an OME-Zarr, or an OME-TIFF of this program, that is there, and throw away what an interrupted run finished
    #[arg(long, help_heading = "Output")]
    overwrite: bool,
    /// Go on where an interrupted run of the same input and options ended; the output is the same, byte for byte
    ///
    /// The tiles of an OME-TIFF may lie in another order. An output that is complete is left alone.
    #[arg(long, help_heading = "Output")]
    resume: bool,
    /// Write sizes, times and memory to this file; of a run that fails, what became of its files
    #[arg(long, value_name = "FILE.json", help_heading = "Reporting")]
    summary: Option<PathBuf>,
    #[command(flatten)]
    recording: RecordingArgs,
    /// How to show progress
    #[arg(long, value_enum, default_value_t = Progress::Bars, help_heading = "Reporting")]
    progress: Progress,
    /// Show nothing but errors
    #[arg(short, long, help_heading = "Reporting")]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Progress {
    /// Bars on a terminal.
    Bars,
    /// One JSON object a line on standard output.
    Json,
}

/// Where finished tiles go.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Sink {
    /// Into the OME-Zarr.
    Zarr,
    /// Nowhere: everything but writing, for measurements; needs no --output.
    Null,
}

pub fn run(args: &RunArgs) -> Result<ExitCode> {
    let shows: Box<dyn Report> = match args.progress {
        _ if args.quiet => Box::new(Failures),
        Progress::Bars => Box::new(TerminalReport::new()),
        Progress::Json => Box::new(JsonReport::default()),
    };
    let kind = args.kind();
    let mut options = Options { format: Some(kind), ..args.options.clone() }.checked()?;
    let targets = args.targets(kind)?;
    let signals = Signals::listen().map_err(|error| Error::io("signals", error))?;
    options.reading.stop = signals.stop().clone();
    let recording = args.recording.start();
    let keeper = Keeper::new(&*shows);
    let report: &dyn Report = if recording.has_report() { &keeper } else { &*shows };
    let timeline = recording.timeline().clone();
    let conditions =
        Conditions { workers: workers(&options), timeline: timeline.clone(), stop: signals.stop(), report };
    let watch = Watch {
        timeline: &timeline,
        timeout: options.reading.timeout,
        stop: signals.stop(),
        writes: args.sink != Sink::Null,
        report,
    };
    options.reading.footprint = watch.or_exit(FAILED, || args.begin(&options, &targets, &timeline))??;
    let ended = Arc::new(Ended::new(args.inputs().cloned()));
    let orders = args.orders(&options, targets, &timeline, &ended);
    let work = || work(orders, conditions, &ended);
    let record = |batch: &BatchSummary| args.record(batch, &recording, &keeper);
    let end_stalled = |error: &Error| {
        let batch = ended.stalled(&timeline, error);
        say_stalled(error, &batch, report);
        if let Err(error) = record(&batch) {
            say::err(&format!("error: {error}"));
        }
    };
    let (worked, stalled) = watch.over(work, |error| {
        // What records the run may lie on the same storage.
        super::stalls::exit_after(options.reading.timeout, FAILED);
        end_stalled(error);
        std::process::exit(FAILED);
    })?;
    if let Some(error) = stalled {
        end_stalled(&error);
        return Ok(ExitCode::FAILURE);
    }
    let (mut outcomes, stages) = worked?;
    let batch = ended.batch(&timeline, stages);
    let code = match outcomes.len() {
        1 => one(outcomes.remove(0).state, report, &signals),
        _ => Ok(several(&outcomes, &batch, report, &signals)),
    };
    // Also of a run that failed; what that says is the more important.
    let recorded = watch.beside(|| record(&batch));
    let code = code?;
    recorded.and(shows.was_written()).map(|()| code)
}

fn say_stalled(error: &Error, batch: &BatchSummary, report: &dyn Report) {
    if batch.files.len() > 1 {
        report.event(&Event::Ended(batch));
    }
    say::err(&format!("error: {error}"));
}

/// Does all orders, and says how each ended and what the stages did.
fn work(
    mut orders: Vec<Order<'_>>,
    conditions: Conditions<'_>,
    ended: &Ended,
) -> Result<(Vec<Outcome>, Vec<StageTime>)> {
    if orders.len() == 1 {
        let outcome = run_one(orders.remove(0), conditions)?;
        ended.add(&outcome);
        return Ok((vec![outcome], Vec::new()));
    }
    run_all(orders, conditions, &|outcome| ended.add(outcome))
}

fn one(state: State, report: &dyn Report, signals: &Signals) -> Result<ExitCode> {
    match state {
        State::Finished(summary) => Ok(code_of(&summary)),
        State::WasThere(path) => {
            let text =
                format!("{} is already complete, from the same input and options: skipped", path.display());
            report.event(&Event::Note { text: &text });
            Ok(ExitCode::SUCCESS)
        }
        State::Failed(error) => Err(error),
        State::Interrupted { finished } => {
            say::err(&interrupted(finished).to_string());
            Ok(signals.exit_code())
        }
    }
}

fn several(outcomes: &[Outcome], batch: &BatchSummary, report: &dyn Report, signals: &Signals) -> ExitCode {
    let has_ended = |is: fn(&State) -> bool| outcomes.iter().any(|outcome| is(&outcome.state));
    report.event(&Event::Ended(batch));
    match () {
        () if has_ended(|state| matches!(state, State::Interrupted { .. })) => signals.exit_code(),
        () if has_ended(|state| matches!(state, State::Failed(_))) => ExitCode::FAILURE,
        () => batch.summaries().map(code_of).find(|code| *code != ExitCode::SUCCESS).unwrap_or_default(),
    }
}

fn code_of(summary: &Summary) -> ExitCode {
    if summary.damaged.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(WITH_DAMAGE) }
}

impl RunArgs {
    /// The format that the user asked for, or that the name of the output says.
    fn kind(&self) -> Kind {
        let by_name = || self.output.as_deref().map(Kind::of_path).unwrap_or_default();
        self.options.format.unwrap_or_else(by_name)
    }

    fn inputs(&self) -> impl Iterator<Item = &Location> {
        std::iter::once(&self.options.input).chain(&self.more)
    }

    /// One for each input. They share the backend: each goes on with what the one before left it.
    fn orders(
        &self,
        options: &Options,
        targets: Vec<Option<Target>>,
        timeline: &Arc<Timeline>,
        ended: &Arc<Ended>,
    ) -> Vec<Order<'static>> {
        let chosen: Arc<Mutex<Option<Chosen>>> = Arc::default();
        let orders = self.inputs().cloned().zip(targets).enumerate().map(|(number, (input, target))| {
            let options = Options { input: input.clone(), ..options.clone() };
            let (chosen, timeline, ended) = (chosen.clone(), timeline.clone(), ended.clone());
            let prepare = move || {
                ended.opens(number);
                let mut chosen = chosen.lock().unwrap_or_else(PoisonError::into_inner);
                let job = Job::prepare_on(options, timeline, chosen.clone())?;
                *chosen = Some(job.for_later.clone());
                Ok(job)
            };
            Order { input, target, prepare: Box::new(prepare) }
        });
        orders.collect()
    }

    /// Where the output of each input goes; `None` where nothing is written.
    fn targets(&self, kind: Kind) -> Result<Vec<Option<Target>>> {
        let inputs: Vec<&Location> = self.inputs().collect();
        if self.sink == Sink::Null {
            return Ok(vec![None; inputs.len()]);
        }
        let output = self.output.as_ref().ok_or_else(|| Error::option("--output", "names what to write"))?;
        options::local(&output.to_string_lossy()).map_err(|reason| Error::option("--output", reason))?;
        let target = |path| Target { path, overwrite: self.overwrite, resume: self.resume };
        let ends_with_slash = output.as_os_str().to_string_lossy().ends_with(std::path::MAIN_SEPARATOR);
        let is_folder = ends_with_slash && output.file_name().is_some();
        if inputs.len() == 1 && !is_folder {
            return Ok(vec![Some(target(output.clone()))]);
        }
        let names = names_in(output, kind, &inputs)?;
        Ok(names.into_iter().map(|path| Some(target(path))).collect())
    }

    /// Refuses to write what is read, and makes the folder for several outputs. Gives what is written.
    fn begin(
        &self,
        options: &Options,
        targets: &[Option<Target>],
        timeline: &Timeline,
    ) -> Result<Arc<Footprint>> {
        let mut footprint = Footprint::told_to(timeline.writes());
        footprint::add_options(&mut footprint, options);
        self.inputs().for_each(|input| footprint::add_input(&mut footprint, input));
        for target in targets.iter().flatten() {
            self.kind().add_to(&mut footprint, "--output", &target.path);
        }
        self.summary.iter().for_each(|path| footprint.writes("--summary", path, is_json));
        self.recording.add_to(&mut footprint);
        footprint.check()?;
        let is_folder = |output: &&PathBuf| targets.iter().flatten().any(|target| target.path != **output);
        if let Some(output) = self.output.as_ref().filter(is_folder) {
            let make = || std::fs::create_dir_all(output);
            let made = timeline.writes().time(timeline::Write::Make, output, make);
            made.map_err(|error| Error::io(output, error))?;
        }
        Ok(Arc::new(footprint))
    }

    /// Writes what was asked for of a run that ended as `batch` says; nothing of one file of which nothing was done, so that the
    /// record of an earlier run stays.
    fn record(&self, batch: &BatchSummary, recording: &Recording, keeper: &Keeper<'_>) -> Result<()> {
        let is_wanted = batch.files.len() > 1 || batch.has_worked();
        let timeline = recording.timeline();
        let summary = match batch.single() {
            Some(summary) => self.write_summary(timeline, summary),
            None if is_wanted => self.write_summary(timeline, batch),
            None => Ok(()),
        };
        // One that cannot be written does not keep the others.
        summary.and(recording.finish(keeper, batch))
    }

    fn write_summary(&self, timeline: &Timeline, summary: &impl serde::Serialize) -> Result<()> {
        let Some(path) = &self.summary else { return Ok(()) };
        let write = || write_whole(path, |file| file.write_all(to_json(summary).as_bytes()));
        timeline.writes().time(timeline::Write::Whole, path, write)
    }
}

/// `folder/A.ome.zarr` for `A.czi`, as outputs of this kind are called. Two of one name are refused, rather than numbered: which is which would depend on
/// the order of the arguments.
fn names_in(folder: &Path, kind: Kind, inputs: &[&Location]) -> Result<Vec<PathBuf>> {
    let mut seen: BTreeMap<PathBuf, &Location> = BTreeMap::new();
    let name = |input: &&Location| folder.join(format!("{}.{}", input.stem(), kind.extension()));
    for input in inputs {
        if let Some(other) = seen.insert(name(input), input) {
            let [a, b, path] = [other.name(), input.name(), name(input)];
            let [a, b, path] = [a.display(), b.display(), path.display()];
            let reason = format!("{a} and {b} would both become {path}; run them apart");
            return Err(Error::option("--output", reason));
        }
    }
    Ok(inputs.iter().map(name).collect())
}
