//! What limits a run, in a sentence, and how that follows from the intervals.
//!
//! Every stage is a station of so many servers (its threads), and so is the processor (its cores), across which the CPU
//! time of the whole process goes. By the utilisation law (Denning and Buzen 1978, doi 10.1145/356733.356735) a station
//! with the demand `work / servers` keeps the run from being shorter than that, and the one with the largest demand
//! binds. What another server would save, at best, is how far this bound falls before the next station binds. A stage's
//! work is the time in which its threads did not wait for a neighbour, whatever else they waited for; but what a device
//! worked is the device's, and not that of the stage which waits for it.

use serde::Serialize;

use crate::timeline::Metrics;

/// A station busier than this is what the others wait for. Below, the run waits for something else as well.
const BINDS: f64 = 0.7;
/// A processor busier than this binds, whichever stage looks busier: the stages' threads waited for a core.
const PROCESSOR_BINDS: f64 = 0.9;
/// Stages that need a core for all that they do: where one of them worked longer than the CPU time of the whole process by
/// this factor, other programs had the cores.
const NEED_A_CORE: [&str; 3] = ["decode", "compute", "pyramid"];
const STARVES: f64 = 1.5;

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// For people in a hurry.
    pub sentence: String,
    /// The stage, the device or the processor that limits the run; `None` when nothing does alone.
    pub bound_by: Option<String>,
    /// How it follows.
    pub derivation: String,
}

/// Something that has so many servers.
#[derive(Clone, Debug)]
struct Station {
    name: String,
    servers: u64,
    /// Server seconds that the run takes of it.
    work_secs: f64,
    more: More,
}

/// What there could be more of.
#[derive(Clone, Copy, Debug, PartialEq)]
enum More {
    Cores,
    Threads,
    /// It is one, and can only be faster.
    Speed,
}

impl Station {
    /// The run takes no less, because of this station.
    fn demand_secs(&self) -> f64 {
        self.work_secs / self.servers as f64
    }

    /// With another server, or twice the speed.
    fn eased_secs(&self) -> f64 {
        match self.more {
            More::Cores | More::Threads => self.work_secs / (self.servers + 1) as f64,
            More::Speed => self.work_secs / 2.0,
        }
    }

    fn remedy(&self) -> String {
        let nth = match self.servers {
            1 => "a second".to_owned(),
            2 => "a third".to_owned(),
            3 => "a fourth".to_owned(),
            _ => "one more".to_owned(),
        };
        match self.more {
            More::Cores => format!("{nth} core"),
            More::Threads => format!("{nth} thread"),
            More::Speed => "twice as fast, it".to_owned(),
        }
    }
}

impl Verdict {
    /// On a finished run that took `cpu_secs` of a processor with `cores`; `None` when nothing was done.
    pub fn on(metrics: &Metrics, cpu_secs: Option<f64>, cores: usize) -> Option<Self> {
        let wall = metrics.wall_secs;
        let stages = metrics.stages.iter().map(|stage| Station {
            name: stage.name.clone(),
            servers: stage.threads,
            work_secs: stage.own_secs,
            more: if stage.threads > 1 { More::Threads } else { More::Speed },
        });
        let devices = metrics.devices.iter().map(|device| Station {
            name: device.name.clone(),
            servers: 1,
            work_secs: device.busy_secs,
            more: More::Speed,
        });
        let processor = cpu_secs.map(|work_secs| Station {
            name: "the CPU".to_owned(),
            servers: cores as u64,
            work_secs,
            more: More::Cores,
        });
        if let Some(processor) = processor.as_ref().filter(|p| p.demand_secs() >= PROCESSOR_BINDS * wall) {
            // The stages' times are longer than their work, as their threads waited for a core: only what does not
            // need one is known to take as long on more cores.
            let storage = metrics.requests.busy_secs;
            let next = devices.map(|device| device.demand_secs()).fold(storage, f64::max);
            return Some(Self::of(processor, next, wall));
        }
        let mut stations: Vec<Station> = stages.chain(devices).chain(processor).collect();
        stations.sort_by(|a, b| b.demand_secs().total_cmp(&a.demand_secs()));
        let first = stations.first().filter(|first| first.work_secs > 0.0)?;
        let verdict = Self::of(first, stations.get(1).map_or(0.0, Station::demand_secs), wall);
        let is_starved = |cpu: &f64| NEED_A_CORE.contains(&&*first.name) && first.work_secs > STARVES * cpu;
        Some(match cpu_secs.filter(is_starved) {
            Some(cpu_secs) => verdict.starved(cpu_secs / wall, cores),
            None => verdict,
        })
    }

    /// What would help is not known where the process had `used` cores only.
    fn starved(self, used: f64, cores: usize) -> Self {
        let name = self.bound_by.as_deref().unwrap_or("no stage");
        let sentence = format!(
            "Bound by other programs: they left this run {used:.2} of {cores} cores; of its stages {name} was the busiest."
        );
        Self { sentence, ..self }
    }

    /// What [`Self::on`] says that the run is bound by.
    pub fn bound_by(metrics: &Metrics, cpu_secs: Option<f64>, cores: usize) -> Option<String> {
        Self::on(metrics, cpu_secs, cores)?.bound_by
    }

    fn of(first: &Station, next_secs: f64, wall: f64) -> Self {
        let load = first.demand_secs() / wall;
        let saved = (first.demand_secs() - first.eased_secs().max(next_secs)).max(0.0);
        let Station { name, servers, work_secs, .. } = first;
        let sentence = if load < BINDS {
            format!(
                "Bound by nothing alone: {name} was the busiest, and worked {:.0} % of the wall time",
                100.0 * load
            )
        } else {
            let (share, remedy) = (100.0 * load, first.remedy());
            match saved {
                s if s < 0.02 * wall => format!(
                    "Bound by {name}: {share:.0} % of the wall time; {remedy} would save little, as the next is as busy"
                ),
                s => format!(
                    "Bound by {name}: {share:.0} % of the wall time; {remedy} would save up to {}",
                    secs(s)
                ),
            }
        };
        let derivation = format!(
            "{name} worked {} with {servers} at once, so the run could not take less than {} of its {}. {} would bring \
             that to {}; the next busiest needs {}.",
            secs(*work_secs),
            secs(first.demand_secs()),
            secs(wall),
            capital(&first.remedy()),
            secs(first.eased_secs()),
            secs(next_secs),
        );
        let bound_by = (load >= BINDS).then(|| name.clone());
        Self { sentence: format!("{sentence}."), bound_by, derivation: capital(&derivation) }
    }
}

fn secs(secs: f64) -> String {
    if secs >= 10.0 { format!("{secs:.0} s") } else { format!("{secs:.2} s") }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::{Detail, DeviceMetrics, StageMetrics, Timeline};

    fn station(name: &str, servers: u64, work_secs: f64, more: More) -> Station {
        Station { name: name.to_owned(), servers, work_secs, more }
    }

    #[test]
    fn what_another_thread_saves_ends_where_the_next_station_binds() {
        // Two threads decode for 166 s: the run takes no less than 83 s; with a third, 55.3 s.
        let decode = station("decode", 2, 166.0, More::Threads);
        let verdict = Verdict::of(&decode, 20.0, 100.0);
        assert_eq!(
            verdict.sentence,
            "Bound by decode: 83 % of the wall time; a third thread would save up to 28 s."
        );
        assert!(
            verdict.derivation.starts_with("Decode worked 166 s with 2 at once"),
            "{}",
            verdict.derivation
        );
        let verdict = Verdict::of(&decode, 62.0, 100.0);
        assert_eq!(
            verdict.sentence,
            "Bound by decode: 83 % of the wall time; a third thread would save up to 21 s."
        );
        assert_eq!(verdict.bound_by.as_deref(), Some("decode"));
        assert!(Verdict::of(&decode, 82.0, 100.0).sentence.contains("would save little"));
    }

    #[test]
    fn one_thread_can_only_be_faster_and_an_idle_run_is_bound_by_nothing() {
        let compute = station("compute", 1, 9.0, More::Speed);
        let sentence = Verdict::of(&compute, 1.0, 10.0).sentence;
        assert_eq!(
            sentence,
            "Bound by compute: 90 % of the wall time; twice as fast, it would save up to 4.50 s."
        );
        let idle = Verdict::of(&compute, 1.0, 20.0);
        assert!(idle.sentence.starts_with("Bound by nothing alone: compute") && idle.bound_by.is_none());
    }

    #[test]
    fn a_stage_that_worked_longer_than_the_process_had_a_core_waited_for_other_programs() {
        let on = |name: &str, cpu_secs: f64| {
            let mut metrics = Timeline::new(Detail::Sums).metrics();
            metrics.wall_secs = 6.1;
            metrics.stages = vec![StageMetrics {
                name: name.to_owned(),
                threads: 1,
                items: 1,
                busy_secs: 6.0,
                work_secs: 6.0,
                own_secs: 6.0,
                load: 0.98,
                alone_secs: 6.0,
                first_secs: 0.0,
                last_secs: 6.0,
            }];
            Verdict::on(&metrics, Some(cpu_secs), 2).unwrap().sentence
        };
        assert_eq!(
            on("compute", 1.62),
            "Bound by other programs: they left this run 0.27 of 2 cores; of its stages compute was the busiest."
        );
        assert!(on("compute", 5.0).starts_with("Bound by compute: 98 %"));
        // Reading waits for the storage, not for a core.
        assert!(on("read", 1.62).starts_with("Bound by read: 98 %"));
    }

    #[test]
    fn what_a_device_worked_is_not_the_work_of_the_stage_that_waits_for_it() {
        let on = |device_secs: f64| {
            let mut metrics = Timeline::new(Detail::Sums).metrics();
            metrics.wall_secs = 10.0;
            metrics.stages = vec![StageMetrics {
                name: "compute".to_owned(),
                threads: 1,
                items: 1,
                busy_secs: 9.5,
                work_secs: 9.5,
                own_secs: 9.5 - device_secs,
                load: 0.95,
                alone_secs: 9.5,
                first_secs: 0.0,
                last_secs: 10.0,
            }];
            metrics.devices = vec![DeviceMetrics { name: "a GPU".to_owned(), busy_secs: device_secs }];
            Verdict::on(&metrics, None, 2).unwrap().sentence
        };
        assert!(on(9.0).starts_with("Bound by a GPU: 90 %"), "{}", on(9.0));
        // The thread that feeds it has other work, and the device is idle.
        assert!(on(1.0).starts_with("Bound by compute: 85 %"), "{}", on(1.0));
    }
}
