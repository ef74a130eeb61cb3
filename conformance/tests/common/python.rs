//! Python: the interpreter that the stand-ins for the tutorial's programs need.

use std::process::{Command, Stdio};

/// The reason for which no stand-in can run on this machine; `None` if they can.
pub(crate) fn obstacle() -> Option<&'static str> {
    let version = Command::new("python3").arg("--version").stdout(Stdio::null()).status();
    (!version.is_ok_and(|status| status.success())).then_some("needs python3")
}
