//! Settings: the command line and the settings file of each broker.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, process};

/// By default, a subscriber with 32 MiB unread is disconnected, which would happen in a saturated
/// run. The protected mode accepts clients from 127.0.0.1 only, and our load also connects from
/// other loopback addresses.
pub(super) const REDIS: &[&str] = &[
    "--port",
    "{port}",
    "--bind",
    "127.0.0.1",
    "--protected-mode",
    "no",
    "--save",
    "",
    "--appendonly",
    "no",
    "--client-output-buffer-limit",
    "pubsub 0 0 0",
    "--maxclients",
    "11000",
    "--tcp-backlog",
    "4096",
    "--loglevel",
    "warning",
];

pub(super) const NATS: &[&str] = &["--addr", "127.0.0.1", "--port", "{port}"];

/// Our load does not answer its PINGs. The first comes two seconds after the start, whatever the
/// setting. By default, a subscriber with 64 MiB unread, or one that takes ten seconds, is
/// disconnected.
pub(super) const NATS_FILE: &str = "\
max_pending: 1073741824
write_deadline: \"60s\"
ping_interval: \"1h\"
max_payload: 8388608
";

/// A port on the command line means the loopback addresses only, if the file names no port.
pub(super) const MOSQUITTO: &[&str] = &["-p", "{port}"];

/// By default, a subscriber with a thousand messages unread loses the next ones, and no error is
/// reported.
pub(super) const MOSQUITTO_FILE: &str = "\
allow_anonymous true
persistence false
log_dest none
max_queued_messages 0
set_tcp_nodelay true
sys_interval 0
";

/// A file of settings in the system's temporary folder. It is removed when this is dropped.
#[derive(Debug)]
pub(super) struct SettingsFile(PathBuf);

impl SettingsFile {
    /// Writes a new file. It never overwrites an existing one.
    pub(super) fn holding(text: &str) -> io::Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("conformance-broker-{}-{number}", process::id()));
        let failed = |error: io::Error| {
            let advice = "remove it, or set TMPDIR to another folder";
            let path = path.display();
            io::Error::new(error.kind(), format!("its settings in {path}: {error}; {advice}"))
        };
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let mut file = file.map_err(failed)?;
        let settings = Self(path.clone());
        file.write_all(text.as_bytes()).map_err(failed)?;
        Ok(settings)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SettingsFile {
    fn drop(&mut self) {
        // Another program may have removed it.
        fs::remove_file(&self.0).ok();
    }
}
