//! Strace: what tests need that look at system calls, and what is said of them where it is missing.

use std::process::{Command, Stdio};

/// Why no calls can be traced here, if none can.
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
    // Where it may not, it says so and leaves the command alone.
    match probe.stdin(Stdio::null()).output() {
        Ok(output) if output.stdout.windows(6).any(|word| word == b"execve") => None,
        Ok(_) => Some("strace may not trace here"),
        Err(_) => Some("no strace here"),
    }
}
