//! Strace: the tool that tests of system calls need.

use std::process::{Command, Stdio};

/// The reason for which no calls can be traced on this machine; `None` if they can.
pub(crate) fn obstacle() -> Option<&'static str> {
    let mut probe = Command::new("strace");
    probe.args([
        "-D",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-o",
        "/dev/stdout",
        "-e",
        "trace=execve",
        "true",
    ]);
    // Without the right to trace, strace prints an error and no calls.
    match probe.stdin(Stdio::null()).output() {
        Ok(output) if output.stdout.windows(6).any(|word| word == b"execve") => None,
        Ok(_) => Some("needs the right to trace processes"),
        Err(_) => Some("needs strace"),
    }
}
