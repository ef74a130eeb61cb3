//! Manifest: the TOML file in which a server that is not ours declares its limits, policies and
//! flags.

mod translation;
mod value;

use std::ffi::OsString;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use serde::Deserialize;
use thiserror::Error;

use self::translation::Translations;
use self::value::{count, size, time};
use super::{Declared, EqualNames, SlowPolicy};
use crate::process::Conventions;
use crate::support::quote::quoted;

/// What the suite cannot observe on the wire, and reads from a file instead.
#[derive(Clone, Debug)]
pub struct Manifest {
    path: PathBuf,
    declared: Declared,
    conventions: Conventions,
    translations: Translations,
}

/// The reason for which a manifest cannot be used, with the place and what to write instead.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("the manifest {path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file has a mistake.
    #[error("{path}:{line}: {what}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
        /// The mistake, and what to write instead.
        what: String,
    },
}

impl Manifest {
    /// Reads a manifest from a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or its first mistake.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let text = fs::read_to_string(path)
            .map_err(|source| ManifestError::Unreadable { path: path.into(), source })?;
        Self::parse(&text, path)
    }

    /// Reads a manifest from the text of a file. Errors name the file by `path`.
    ///
    /// # Errors
    ///
    /// The first mistake.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ManifestError> {
        let wrong = |place: Option<Range<usize>>, what: String| {
            let before = &text[..place.map_or(0, |place| place.start)];
            let line = before.matches('\n').count() + 1;
            ManifestError::Wrong { path: path.into(), line, what }
        };
        let file: File = toml::from_str(text)
            .map_err(|error| wrong(error.span(), error.message().replace('\n', " ")))?;
        let translations =
            Translations::new(&file.flags).map_err(|(place, what)| wrong(Some(place), what))?;
        Ok(Self {
            path: path.into(),
            declared: file.declared(),
            conventions: file.conventions(),
            translations,
        })
    }

    /// The file it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the server declares when it is started with these flags of ours.
    pub fn declared(&self, flags: &[String]) -> Declared {
        self.declared.clone().with_flags(flags)
    }

    /// How the server reports that it is ready, and how it is asked to end.
    pub fn conventions(&self) -> &Conventions {
        &self.conventions
    }

    /// The server's own words for these flags of ours; `None` if it declares none for one of them.
    pub fn translate(&self, flags: &[String]) -> Option<Vec<OsString>> {
        self.translations.of(flags)
    }
}

/// The part of `check`'s command line that names the manifest.
pub(super) fn manifest_flag(manifest: Option<&Manifest>) -> String {
    let path = manifest.map(|manifest| quoted(&manifest.path().into()));
    path.map(|path| format!(" --manifest {path}")).unwrap_or_default()
}

/// The lines of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    #[serde(default, deserialize_with = "size")]
    max_message: Option<usize>,
    #[serde(default, deserialize_with = "size")]
    max_name: Option<usize>,
    #[serde(default, deserialize_with = "count")]
    max_clients: Option<usize>,
    #[serde(default, deserialize_with = "size")]
    memory: Option<u64>,
    #[serde(default, deserialize_with = "size")]
    direct_bytes: Option<usize>,
    #[serde(default, deserialize_with = "time")]
    patience: Option<Duration>,
    #[serde(default, deserialize_with = "time")]
    name_timeout: Option<Duration>,
    #[serde(default, deserialize_with = "time")]
    frame_timeout: Option<Duration>,
    #[serde(default, deserialize_with = "time")]
    grace: Option<Duration>,
    slow_readers: Option<SlowPolicy>,
    equal_names: Option<EqualNames>,
    ready: Option<String>,
    #[serde(default)]
    signal: EndSignal,
    #[serde(default)]
    flags: translation::Table,
}

/// The signals with which a server can be asked to end.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum EndSignal {
    #[default]
    Term,
    Int,
    Quit,
    Hup,
    Usr1,
    Usr2,
}

impl File {
    fn declared(&self) -> Declared {
        Declared {
            max_message: self.max_message,
            max_name: self.max_name,
            max_clients: self.max_clients,
            memory: self.memory,
            direct_bytes: self.direct_bytes,
            patience: self.patience,
            name_timeout: self.name_timeout,
            frame_timeout: self.frame_timeout,
            grace: self.grace,
            slow_readers: self.slow_readers,
            equal_names: self.equal_names,
        }
    }

    fn conventions(&self) -> Conventions {
        let end_signal = match self.signal {
            EndSignal::Term => Signal::TERM,
            EndSignal::Int => Signal::INT,
            EndSignal::Quit => Signal::QUIT,
            EndSignal::Hup => Signal::HUP,
            EndSignal::Usr1 => Signal::USR1,
            EndSignal::Usr2 => Signal::USR2,
        };
        Conventions { ready: self.ready.clone(), end_signal, ..Conventions::default() }
    }
}

#[cfg(test)]
mod tests;
