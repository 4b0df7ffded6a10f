//! One measurement, made again and again.

use serde::{Deserialize, Serialize};

/// What each run gave; at least one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f64>")]
pub struct Runs(Vec<f64>);

impl TryFrom<Vec<f64>> for Runs {
    type Error = &'static str;

    fn try_from(values: Vec<f64>) -> Result<Self, Self::Error> {
        match values.iter().all(|value| value.is_finite()) {
            true if !values.is_empty() => Ok(Self(values)),
            true => Err("a measurement without a run"),
            false => Err("a run without a finite value"),
        }
    }
}

impl Runs {
    /// In the order in which they were made.
    ///
    /// # Panics
    /// When there is none, or one is not finite.
    pub fn new(values: impl IntoIterator<Item = f64>) -> Self {
        Self::try_from(values.into_iter().collect::<Vec<_>>()).expect("a measurement has finite runs")
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The value in the middle; of an even number, the mean of the two.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
    }

    /// The smallest value.
    pub fn least(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The largest value.
    pub fn most(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_and_the_spread_around_it() {
        let odd = Runs::new([5.0, 1.0, 3.0]);
        assert_eq!((odd.median(), odd.least(), odd.most(), odd.count()), (3.0, 1.0, 5.0, 3));
        assert_eq!(Runs::new([4.0, 1.0, 2.0, 9.0]).median(), 3.0);
    }

    #[test]
    fn a_file_without_runs_is_refused() {
        assert!(serde_json::from_str::<Runs>("[]").is_err());
        assert_eq!(serde_json::from_str::<Runs>("[2.5]").unwrap(), Runs::new([2.5]));
    }
}
