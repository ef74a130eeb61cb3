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
mod tests {
    use super::*;
    use crate::spec::rules;
    use crate::suite::cases::cases;

    fn parse(text: &str) -> Result<Manifest, String> {
        Manifest::parse(text, Path::new("my.toml")).map_err(|error| error.to_string())
    }

    fn words(flags: &[&str]) -> Vec<String> {
        flags.iter().copied().map(String::from).collect()
    }

    #[test]
    fn declared_limits_and_conventions_are_read() {
        let text = "max-message = \"64KiB\"\nmax-clients = 100\npatience = \"1s\"\n\
                    slow-readers = \"drop\"\nready = \"up\"\nsignal = \"INT\"\n";
        let manifest = parse(text).unwrap();
        let declared = Declared {
            max_message: Some(65_536),
            max_clients: Some(100),
            patience: Some(Duration::from_secs(1)),
            slow_readers: Some(SlowPolicy::Keeps),
            ..Declared::default()
        };
        assert_eq!(declared, manifest.declared(&[]));
        let conventions = Conventions {
            ready: Some("up".into()),
            end_signal: Signal::INT,
            ..Conventions::default()
        };
        assert_eq!(&conventions, manifest.conventions());
        assert_eq!(Conventions::default(), *parse("").unwrap().conventions());
    }

    #[test]
    fn flags_are_translated_as_the_manifest_declares() {
        let text = "[flags]\n\"--relay everyone\" = \"--echo -v\"\n\"--relay others\" = \"\"\n\
                    \"--max-message\" = \"--limit={}\"\n\"--max-message 64\" = \"--tiny\"\n";
        let manifest = parse(text).unwrap();
        let translate = |flags: &[&str]| manifest.translate(&words(flags));
        assert_eq!(
            Some(["--echo", "-v", "--limit=1KiB"].map(OsString::from).to_vec()),
            translate(&["--relay", "everyone", "--max-message", "1KiB"])
        );
        assert_eq!(Some(vec!["--tiny".into()]), translate(&["--max-message", "64"]));
        assert_eq!(Some(vec![]), translate(&["--relay", "others"]));
        assert_eq!(None, translate(&["--relay", "sender"]));
        assert_eq!(None, translate(&["--relay", "others", "--max-name", "8"]));
        let declared = manifest.declared(&words(&["--max-message", "64"]));
        assert_eq!(Some(64), declared.max_message);
    }

    #[test]
    fn mistakes_are_reported_with_file_line_and_what_to_write() {
        for (text, expected) in [
            ("\nmax-mesage = \"1KiB\"", "my.toml:2: unknown field `max-mesage`, expected one of"),
            ("max-message = 10", "my.toml:1: this is not a size: write a text such as \"64KiB\""),
            ("max-message = \"0B\"", "my.toml:1: this is not a size"),
            ("\n\npatience = \"soon\"", "my.toml:3: this is not a time: write a text such as"),
            (
                "max-clients = \"many\"",
                "my.toml:1: this is not a count: write a number such as 100",
            ),
            ("max-clients = -1", "my.toml:1: this is not a count"),
            ("slow-readers = \"kill\"", "unknown variant `kill`, expected"),
            ("signal = \"KILL\"", "expected one of `TERM`, `INT`"),
            (
                "[flags]\n\"--echo\" = \"-e\"",
                "my.toml:2: --echo is not one of --listen, --max-clients",
            ),
            (
                "[flags]\n\n\"--max-message\" = \"-m\"",
                "my.toml:3: --max-message takes a value: write {} in its place",
            ),
            ("[flags]\n\"--relay all\" = \"-a\"", "my.toml:2: invalid value 'all' for"),
            ("max-name = ", "my.toml:1: "),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{expected:?} is not in {error:?}");
        }
    }

    fn read(file: &str) -> Manifest {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests").join(file);
        Manifest::read(&path).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn our_own_manifest_declares_what_our_servers_do() {
        let ours = Declared::ours(&[], server_core::PerClient::Descriptor).unwrap();
        let declared = read("ours.toml").declared(&[]);
        // These two depend on the machine.
        assert_eq!(Declared { max_clients: None, memory: None, ..ours }, {
            Declared { max_clients: None, memory: None, ..declared }
        });
    }

    #[test]
    fn our_own_manifest_has_words_for_all_flags_of_the_rules() {
        let ours = read("ours.toml");
        let of_conversations = rules().into_iter().flat_map(|rule| rule.conversations);
        let asked = of_conversations
            .map(|conversation| conversation.flags)
            .chain(cases().map(|case| words(case.flags)));
        for flags in asked {
            let same: Vec<OsString> = flags.iter().map(OsString::from).collect();
            assert_eq!(Some(same), ours.translate(&flags), "{flags:?}");
        }
    }

    #[test]
    fn the_tutorials_stand_in_declares_its_policy_for_equal_names() {
        let equal_names = Some(EqualNames::Allow);
        assert_eq!(
            Declared { equal_names, ..Declared::default() },
            read("guest.toml").declared(&[])
        );
    }
}
