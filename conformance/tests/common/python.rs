//! Python: what the guests need, and what is said of their tests where it is missing.

use std::process::{Command, Stdio};

/// Why no guest can run here, if none can.
pub(crate) fn obstacle() -> Option<&'static str> {
    let version = Command::new("python3").arg("--version").stdout(Stdio::null()).status();
    (!version.is_ok_and(|status| status.success())).then_some("no python3 here")
}
