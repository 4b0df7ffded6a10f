//! The loop that all methods share.

use serde::{Deserialize, Serialize};

use super::method::Pass;
use super::{Backend, Method};
use crate::error::Result;

/// When the estimate is close enough to what more iterations would make of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Until {
    /// Relative change of the divergence an iteration, on average since the last check.
    pub change: f64,
    /// Iterations from one check to the next.
    pub check_every: u32,
}

/// How far to go.
#[derive(Clone, Copy)]
pub struct Course<'a> {
    /// Iterations, at most.
    pub most: u32,
    /// Where to end before.
    pub until: Option<Until>,
    /// The weights of a method that measures them, as a sample has shown them; `None` where they are measured here.
    pub weights: Option<&'a [f32]>,
    /// Asked before each iteration: whether nobody needs the result any more.
    pub is_over: &'a dyn Fn() -> bool,
}

impl Decided {
    /// So many, and what a method measures, each group for itself.
    pub fn alone(iterations: u32) -> Self {
        Self { iterations, weights: None }
    }
}

/// How a group is deconvolved, or was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Decided {
    /// How many.
    pub iterations: u32,
    /// After each iteration, the weight of the last change in the next point, where the method measures them.
    pub weights: Option<Vec<f32>>,
}

impl Course<'_> {
    /// So many iterations.
    pub fn of(iterations: u32) -> Self {
        Self { most: iterations, until: None, weights: None, is_over: &|| false }
    }
}

/// Deconvolves the group that was begun on `backend`; returns how. Where [`Course::until`] is given, as many iterations as it takes
/// until the divergence changes no more; [`Course::most`] also where the divergence is 0 from the beginning. `None` when it
/// was over before.
///
/// # Errors
/// The backend's.
pub fn iterate<B: Backend>(backend: &mut B, method: Method, course: &Course<'_>) -> Result<Option<Decided>> {
    let mut last = None;
    let mut weights = Vec::new();
    let decided =
        |iterations, weights| Decided { iterations, weights: method.is_measured().then_some(weights) };
    for k in 1..=course.most {
        if (course.is_over)() {
            return Ok(None);
        }
        for pass in method.passes(k) {
            match (pass, course.until.filter(|until| (k - 1).is_multiple_of(until.check_every))) {
                (Pass::Project, Some(until)) => {
                    let divergence = backend.project_and_measure()?;
                    if let Some(iterations) = until.end(course.most, k, divergence, last) {
                        return Ok(Some(decided(iterations, weights)));
                    }
                    last = Some(divergence);
                }
                (Pass::Project, None) => backend.project()?,
                (Pass::BackProject, _) => backend.back_project()?,
                (Pass::Update(alpha), _) => backend.update(alpha)?,
                (Pass::Accelerate { rule, unknown }, _) => {
                    let alpha = match course.weights {
                        Some(known) => known.get(k as usize - 1).copied().unwrap_or(unknown),
                        None => rule(backend.measure_change()?),
                    };
                    weights.push(alpha);
                    backend.update(alpha)?;
                }
            }
        }
    }
    Ok(Some(decided(course.most, weights)))
}

impl Until {
    /// How many iterations are enough, when the `divergence` is that of the point of iteration `k`, and `last` that of the
    /// check before.
    fn end(&self, most: u32, k: u32, divergence: f64, last: Option<f64>) -> Option<u32> {
        // Nothing has data, or nothing can become better: that says nothing of other tiles.
        if k == 1 && divergence <= 0.0 {
            return Some(most);
        }
        let change = last.map(|last: f64| (last - divergence).abs() / last / f64::from(self.check_every));
        (divergence <= 0.0 || change.is_some_and(|change| change <= self.change)).then_some(k - 1)
    }
}
