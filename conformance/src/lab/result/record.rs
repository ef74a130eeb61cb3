//! Record: the plan and all figures of one run of the lab, as lab.json stores them.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::metric::Figures;
use crate::support::cores::Cores;
use crate::support::environment::Environment;

/// One run of the lab.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The version of the format, [`FORMAT`].
    pub(crate) format: u32,
    /// When it started, in UTC.
    pub(crate) started: String,
    /// The command that repeats the whole run.
    pub(crate) command: String,
    pub(crate) seed: u64,
    /// `quick`, `usual` or `full`.
    pub(crate) scale: String,
    pub(crate) repeats: u32,
    pub(crate) is_interrupted: bool,
    pub(crate) environment: Environment,
    /// The separate cores of load and servers; `None` if they share all cores.
    pub(crate) cores: Option<Cores>,
    pub(crate) entrants: Vec<EntrantRecord>,
    pub(crate) points: Vec<PointRecord>,
    pub(crate) left_out: Vec<LeftOut>,
    /// In the order in which they were made.
    pub(crate) runs: Vec<Run>,
    /// System calls, counted in a separate pass.
    pub(crate) traces: Vec<Trace>,
}

/// The role of an entrant in the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A server of this project.
    Ours,
    /// The control: a server of this project entered twice, to learn the difference between identical servers.
    #[serde(alias = "again")]
    Control,
    /// A server named on the command line.
    Yours,
    /// A baseline that copies bytes from sockets to sockets and applies no rule.
    Floor,
    /// The stand-in for the tutorial's server.
    #[serde(alias = "guest")]
    Tutorial,
    /// A naive server of the chat protocol, as a first attempt is usually written.
    #[serde(alias = "rung")]
    Naive,
    /// A message broker.
    #[serde(alias = "peer")]
    Broker,
}

/// An entrant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EntrantRecord {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The result of the check against the rules, in words.
    pub(crate) gate: String,
    /// Whether it was checked and broke a rule.
    pub(crate) is_broken: bool,
    /// How it works: pairs of a property and its value.
    pub(crate) manifest: Vec<(String, String)>,
}

impl EntrantRecord {
    /// Whether it is part of this program.
    pub(crate) fn is_of_project(&self) -> bool {
        matches!(self.kind, Kind::Ours | Kind::Control | Kind::Floor | Kind::Naive)
    }
}

/// A point of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PointRecord {
    pub(crate) id: String,
    pub(crate) workload: String,
    /// The command that repeats the measurement at this point.
    #[serde(alias = "again")]
    pub(crate) command: String,
}

/// A measurement that was not made, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LeftOut {
    /// `None`: no entrant was measured there.
    pub(crate) entrant: Option<String>,
    /// `None`: it was measured at no point.
    pub(crate) point: Option<String>,
    pub(crate) reason: String,
}

/// One run of one entrant at one point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) point: String,
    pub(crate) entrant: String,
    /// Counted from 1.
    pub(crate) repeat: u32,
    /// Empty if the run is void.
    pub(crate) figures: Figures,
    /// Why it is void.
    pub(crate) void: Option<String>,
    /// Why it is client-bound: the load, not the server, was the limit.
    pub(crate) client_bound: Option<String>,
    /// Whether no two successive slices of its warm-up agreed.
    pub(crate) is_unsteady: bool,
}

/// The system calls of an entrant under a fixed load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Trace {
    pub(crate) entrant: String,
    /// System calls per 1000 deliveries.
    pub(crate) calls: f64,
    /// The most frequent calls, with their number per 1000 deliveries.
    pub(crate) most: Vec<(String, f64)>,
}

/// Why a file cannot be read as a record.
#[derive(Debug, Error)]
pub(crate) enum RecordError {
    #[error("{path} cannot be read: {source}")]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{path} is no lab.json ({reason}): give a file written by cargo lab --out")]
    Foreign { path: PathBuf, reason: String },
    #[error("{path} has format {found}, but this program reads format {FORMAT}: measure again")]
    OtherFormat { path: PathBuf, found: u64 },
}

impl Record {
    /// Reads a record from a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or was not written by this version of the lab.
    pub(crate) fn read(path: &Path) -> Result<Self, RecordError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| RecordError::Unreadable { path: path.into(), source })?;
        Self::parse(&text, path)
    }

    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, RecordError> {
        let foreign = |reason: String| RecordError::Foreign { path: path.into(), reason };
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| foreign(error.to_string()))?;
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(found) if found == u64::from(FORMAT) => {
                serde_json::from_value(value).map_err(|error| foreign(error.to_string()))
            }
            Some(found) => Err(RecordError::OtherFormat { path: path.into(), found }),
            None => Err(foreign("it has no format number".into())),
        }
    }

    /// The text of lab.json.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("texts, numbers and lists always fit in JSON")
    }

    /// The runs of an entrant at a point, including void ones.
    pub(crate) fn all_runs_of(&self, point: &str, entrant: &str) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(move |run| run.point == point && run.entrant == entrant)
    }

    /// The runs of an entrant at a point that are not void.
    pub(crate) fn runs_of(&self, point: &str, entrant: &str) -> impl Iterator<Item = &Run> {
        self.all_runs_of(point, entrant).filter(|run| run.void.is_none())
    }

    /// A figure of all runs that are not void; empty if one of them lacks it.
    pub(crate) fn values(&self, point: &str, entrant: &str, key: &str) -> Vec<f64> {
        let values = self.runs_of(point, entrant).map(|run| run.figures.get(key).copied());
        values.collect::<Option<_>>().unwrap_or_default()
    }

    /// The names of the server that was entered twice, and of its control.
    pub(crate) fn twins(&self) -> Option<(&str, &str)> {
        let control = self.entrants.iter().find(|entrant| entrant.kind == Kind::Control)?;
        Some((control.name.strip_suffix(CONTROL_SUFFIX)?, &control.name))
    }
}

/// The end of the control's name.
pub(crate) const CONTROL_SUFFIX: &str = " again";
/// Incremented whenever an older program would misread a newer file.
pub(crate) const FORMAT: u32 = 1;

#[cfg(test)]
pub(crate) mod tests;
