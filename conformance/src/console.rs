//! Console: what the program says for itself, and its exit status when its output cannot be written.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

/// Says one line on standard error.
pub(crate) fn complain(line: impl Display) {
    // Where even this cannot be written there is nobody left to tell.
    writeln!(anstream::stderr(), "{line}").ok();
}

/// The exit status of a command that may have failed to write its output: then it is not known what it
/// would have told, save that a reader who left in the middle, as `head` does, wants to hear no more.
pub(crate) fn exit_status(outcome: io::Result<ExitCode>) -> ExitCode {
    match outcome {
        Ok(status) => status,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::from(READER_LEFT),
        Err(error) => {
            complain(format_args!("conformance: the output cannot be written: {error}"));
            ExitCode::from(INCONCLUSIVE)
        }
    }
}

/// The exit status when nothing can be said about the server.
pub(crate) const INCONCLUSIVE: u8 = 2;
/// That of a program which SIGPIPE has ended, as a shell reports it: 128 and the signal's number.
const READER_LEFT: u8 = 128 + 13;
