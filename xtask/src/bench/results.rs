//! The measured values.

use super::table::median;
use crate::failure::{Context as _, Result};
use std::collections::BTreeMap;

/// The name of a measurement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(String);

impl From<&str> for Key {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl From<String> for Key {
    fn from(name: String) -> Self {
        Self(name)
    }
}

/// A process that ran: its seconds and its largest resident set.
#[derive(Debug, Clone, Copy)]
struct Measurement {
    seconds: f64,
    kibibytes: u64,
}

/// All measurements, by their keys.
#[derive(Debug, Default)]
pub(crate) struct Results {
    by_key: BTreeMap<Key, Vec<Measurement>>,
}

impl Results {
    /// Adds one.
    pub(crate) fn add(&mut self, key: &Key, seconds: f64, kibibytes: u64) {
        self.by_key.entry(key.clone()).or_default().push(Measurement { seconds, kibibytes });
    }

    /// The times of a key, in the order of the rounds.
    pub(crate) fn seconds(&self, key: &Key) -> Result<Vec<f64>> {
        Ok(self.of(key)?.iter().map(|measured| measured.seconds).collect())
    }

    /// The most memory of a key.
    pub(crate) fn mebibytes(&self, key: &Key) -> Result<f64> {
        let most = self.of(key)?.iter().map(|measured| measured.kibibytes).max().unwrap_or_default();
        // No process has so much memory that this loses a digit that is shown.
        Ok(u32::try_from(most).map_or(f64::INFINITY, |kibibytes| f64::from(kibibytes) / 1024.0))
    }

    /// The choice whose key has the least median.
    pub(crate) fn best<T>(&self, choices: Vec<(T, Key)>) -> Result<T> {
        let mut best = None;
        for (choice, key) in choices {
            let time = median(&self.seconds(&key)?);
            if best.as_ref().is_none_or(|(least, _)| time < *least) {
                best = Some((time, choice));
            }
        }
        Ok(best.context("nothing was measured")?.1)
    }

    fn of(&self, key: &Key) -> Result<&[Measurement]> {
        self.by_key.get(key).map(Vec::as_slice).context(format!("'{}' was not measured", key.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_has_the_least_median() {
        let mut results = Results::default();
        for (key, seconds) in [("a", 1.0), ("a", 5.0), ("a", 2.0), ("b", 1.5)] {
            results.add(&key.into(), seconds, 0);
        }
        assert_eq!(results.best(vec![(2, "a".into()), (4, "b".into())]).unwrap(), 4);
        assert!(results.best(vec![(2, "c".into())]).is_err());
    }
}
