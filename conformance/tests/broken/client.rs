//! Client: this program as a small client with a defect, and the rules whose tests have to detect
//! it.

use std::env;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::ExitCode;

use conformance::suite::client_fixture::ClientCommand;
use conformance::target::Origin;
use protocol::{HEADER_LEN, parse_header};

use crate::{Kill, Mutant};

/// The defects of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientDefect {
    /// Takes the result of one read for a whole header or payload.
    OneReadPerPart,
    /// Prints a pair twice if its bytes arrived in pieces.
    ShowsTwice,
    /// Prints what it receives unchanged.
    ShowsRaw,
    /// Omits control characters.
    OmitsControls,
    /// Escapes control characters in texts, but not in names.
    ShowsNamesRaw,
    /// Ignores EOF.
    IgnoresEof,
    /// Exits without a reason.
    EndsSilently,
    /// Assumes that the server never resets the connection.
    CrashesOnReset,
    /// Waits for as many bytes as a header announces.
    Waits,
    /// Allocates as many bytes as a header announces.
    Allocates,
}

const ALL: [ClientDefect; 10] = [
    ClientDefect::OneReadPerPart,
    ClientDefect::ShowsTwice,
    ClientDefect::ShowsRaw,
    ClientDefect::OmitsControls,
    ClientDefect::ShowsNamesRaw,
    ClientDefect::IgnoresEof,
    ClientDefect::EndsSilently,
    ClientDefect::CrashesOnReset,
    ClientDefect::Waits,
    ClientDefect::Allocates,
];

pub(crate) const KILLS: &[Kill] = &[
    (
        Mutant::Client(ClientDefect::OneReadPerPart),
        &[("CLI-01", "after a cut at byte 1, the client did not print `turn-001 one` by ann once")],
    ),
    (
        Mutant::Client(ClientDefect::ShowsTwice),
        &[("CLI-01", "after a cut at byte 1, the client did not print `turn-001 one` by ann once")],
    ),
    (
        Mutant::Client(ClientDefect::ShowsRaw),
        &[("CLI-02", "in a name, \\u{1b}\\u{5b}\\u{32}\\u{4a} reaches the terminal unchanged")],
    ),
    (
        Mutant::Client(ClientDefect::OmitsControls),
        &[("CLI-02", "is omitted instead of made visible")],
    ),
    (Mutant::Client(ClientDefect::ShowsNamesRaw), &[("CLI-02", "in a name, ")]),
    (
        Mutant::Client(ClientDefect::IgnoresEof),
        &[("CLI-03", "the client did not exit although the server has ended the connection")],
    ),
    (
        Mutant::Client(ClientDefect::EndsSilently),
        &[("CLI-03", "the client printed no reason after an end between two pairs")],
    ),
    (
        Mutant::Client(ClientDefect::CrashesOnReset),
        &[("CLI-03", "the client crashed after a reset")],
    ),
    (
        Mutant::Client(ClientDefect::Waits),
        &[("CLI-03", "the client did not exit although a header announced a giant length")],
    ),
    (
        Mutant::Client(ClientDefect::Allocates),
        &[("CLI-03", "signal 6 ended the client after a giant length")],
    ),
];

/// The command that starts this program as a client with this defect.
pub(crate) fn broken(defect: ClientDefect) -> ClientCommand {
    let this = env::current_exe().expect("a test program knows its own file");
    // Printing a backtrace takes longer than these tests wait.
    let words = ["env".into(), "RUST_BACKTRACE=0".into(), this.into(), CLIENT.into()];
    let words = words.into_iter().chain([format!("{defect:?}").into(), "{port}".into()]);
    ClientCommand { command: words.collect(), origin: Origin::Foreign }
}

/// Runs this program as the client that the command line names, if it names one.
pub(crate) fn asked_for(mut arguments: impl Iterator<Item = String>) -> Option<ExitCode> {
    arguments.nth(1).filter(|word| word == CLIENT)?;
    let (name, port) = (arguments.next()?, arguments.next()?.parse().ok()?);
    let defect = ALL.into_iter().find(|defect| format!("{defect:?}") == name)?;
    let ended = chat(defect, port);
    if defect != ClientDefect::EndsSilently {
        eprintln!("the connection has ended: {ended:?}");
    }
    Some(ExitCode::FAILURE)
}

fn chat(defect: ClientDefect, port: u16) -> io::Result<()> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    server.write_all(b"3         tim")?;
    loop {
        let (name, pieces) = frame(&mut server, defect)?;
        let (text, more_pieces) = frame(&mut server, defect)?;
        let twice = defect == ClientDefect::ShowsTwice && pieces + more_pieces > 4;
        let name =
            if defect == ClientDefect::ShowsNamesRaw { name } else { cleaned(&name, defect) };
        let line = format!("{name} > {}", cleaned(&text, defect));
        for _ in 0..=usize::from(twice) {
            println!("{line}");
        }
    }
}

/// A frame's text, and the number of reads that it took. The defects are in the reading, so this client has
/// its own reader of frames.
fn frame(server: &mut TcpStream, defect: ClientDefect) -> io::Result<(String, usize)> {
    let mut header = [0; HEADER_LEN];
    let pieces = part(server, &mut header, defect)?;
    let length = parse_header(&header).ok().flatten().and_then(|length| length.try_into().ok());
    let length: usize = length.ok_or(io::ErrorKind::InvalidData)?;
    if length > 1 << 20 && !matches!(defect, ClientDefect::Waits | ClientDefect::Allocates) {
        return Err(io::Error::other("too long a message"));
    }
    // Only the client that allocates holds so much; the one that waits reads for ever into a small
    // buffer.
    let held = if defect == ClientDefect::Waits { length.min(1 << 20) } else { length };
    let mut payload = vec![0; held];
    let more_pieces = part(server, &mut payload, defect)?;
    Ok((String::from_utf8_lossy(&payload).into_owned(), pieces + more_pieces))
}

/// Fills `part`, and returns the number of reads that it took.
fn part(server: &mut TcpStream, part: &mut [u8], defect: ClientDefect) -> io::Result<usize> {
    let (mut filled, mut reads) = (0, 0);
    while filled < part.len() {
        let read = server.read(&mut part[filled..]);
        if defect == ClientDefect::CrashesOnReset {
            assert!(read.is_ok(), "a connection is never reset");
        }
        match read? {
            0 if defect == ClientDefect::IgnoresEof => {}
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => filled += count,
        }
        reads += 1;
        if defect == ClientDefect::OneReadPerPart {
            break;
        }
    }
    Ok(reads)
}

/// Text as this client prints it.
fn cleaned(text: &str, defect: ClientDefect) -> String {
    let hostile = |char: char| char.is_control() || "\u{202e}\u{2066}".contains(char);
    match defect {
        ClientDefect::ShowsRaw => text.into(),
        ClientDefect::OmitsControls => text.replace(hostile, ""),
        _ => text.replace(hostile, "?"),
    }
}

/// The first word of a command line that starts this program as a client.
const CLIENT: &str = "broken-client";
