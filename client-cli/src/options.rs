//! Options: the command line. Every value is checked before the client connects.

use std::env;
use std::time::Duration;

use clap::Parser;
use protocol::{NAME_CHARS_MAX, Name, NameError, PAYLOAD_MAX, ServerAddress};

/// The address where servers listen by default.
pub const DEFAULT_SERVER: &str = "127.0.0.1:1234";

/// A chat client for terminals and pipes: sends each line, prints each message as `name > text`
#[derive(Clone, Debug, Parser)]
#[command(name = "client-cli", version, after_help = MORE_HELP)]
pub struct Options {
    /// Your name in the room [default: $USER, else $LOGNAME, else guest]
    #[arg(long, value_parser = parse_name)]
    #[arg(default_value_t = default_name(), hide_default_value = true)]
    pub name: Name,

    /// Time limit to connect to each address of the server
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, default_value = "5")]
    #[arg(allow_negative_numbers = true)]
    pub connect_timeout: Duration,

    /// Longest message accepted from the server, and longest line sent: bytes, or KiB, MiB, GiB
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "16MiB")]
    #[arg(allow_negative_numbers = true)]
    pub max_message: usize,

    /// The server's address; an IPv6 address is enclosed in brackets, for example `[::1]:1234`
    #[arg(value_name = "HOST:PORT", default_value = DEFAULT_SERVER)]
    pub server: ServerAddress,
}

/// The error of a wrong command line, as one line.
pub(crate) fn usage_error(error: &clap::Error) -> String {
    let text = error.to_string();
    let reasons: Vec<_> = text
        .trim_start_matches("error: ")
        .split("\n\n")
        .map(str::trim)
        .filter(|part| !part.is_empty() && !part.starts_with("For more information"))
        .collect();
    format!("{}; try --help", reasons.join("; "))
}

fn parse_name(text: &str) -> Result<Name, NameError> {
    Name::new(text.as_bytes())
}

/// The user's login name, made into a name that servers accept.
fn default_name() -> Name {
    ["USER", "LOGNAME"]
        .into_iter()
        .filter_map(env::var_os)
        .find_map(|value| to_valid_name(&value.to_string_lossy()))
        .unwrap_or_else(|| Name::new(b"guest").expect("five letters are a name"))
}

/// `text` without control characters, cut to the length of a name; `None` if that is no name.
fn to_valid_name(text: &str) -> Option<Name> {
    let part: String =
        text.chars().filter(|char| !char.is_control()).take(NAME_CHARS_MAX).collect();
    Name::new(part.as_bytes()).ok()
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds")?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err("seconds are more than 0".into()),
    }
}

fn parse_size(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|char: char| char.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err("the unit is KiB, MiB, GiB, or none for bytes".into()),
    };
    let count: u64 = digits.parse().map_err(|_| "not a whole number")?;
    let bytes = count.saturating_mul(unit);
    if bytes > PAYLOAD_MAX {
        return Err(format!("a message has at most {PAYLOAD_MAX} bytes"));
    }
    usize::try_from(bytes).map_err(|_| "more than this machine can hold".into())
}

/// No line is longer than the narrowest usual terminal, so that none is wrapped.
const MORE_HELP: &str = "\
Ctrl-D (the end of the input) leaves the chat: the client prints what the server
still sends, and ends when the server closes the connection. Ctrl-C ends the
client at once. Empty lines are sent from a pipe, but not from a terminal.
Characters that control a terminal or are invisible are shown as marks: ESC as
\u{241B}, others as [U+202E]. Names are bold on a terminal unless NO_COLOR is set.

Examples:
  client-cli                                 chat at 127.0.0.1:1234
  client-cli --name ann chat.example:1234    chat elsewhere, as ann
  client-cli '[fe80::1%eth0]:1234'           use IPv6 and its network interface
  seq 1000 | client-cli --name counter       send a thousand lines and leave
  tail -f app.log | client-cli --name log    send lines as they are written
  sleep 60 | client-cli | tee chat.txt       receive for a minute

Exit status:
  0  the input was sent and the server closed the connection, or the program
     that reads the output has ended
  1  the server cannot be reached, rejected the client, broke the protocol, or
     closed the connection inside a message or before the input ended; or the
     input cannot be read or the output not be written
  2  the command line is wrong";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_fits_a_terminal_of_80_columns() {
        for line in MORE_HELP.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(Ok(0), parse_size("0"));
        assert_eq!(Ok(65_536), parse_size("64KiB"));
        assert_eq!(Ok(16 << 20), parse_size("16MiB"));
        for wrong in ["", "KiB", "1kb", "-1", "1.5MiB", "10GiB", "99999999999999999999GiB", "۱"] {
            assert!(parse_size(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_timeout_is_positive() {
        assert_eq!(Ok(Duration::from_millis(1500)), parse_seconds("1.5"));
        for wrong in ["", "0", "-1", "NaN", "inf", "1e300", "soon"] {
            assert!(parse_seconds(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_login_name_is_made_valid_or_skipped() {
        let name = |text: &str| to_valid_name(text).map(|name| name.to_string());
        assert_eq!(Some("ann".into()), name("a\x1bn\nn"));
        assert_eq!(Some("é".repeat(32)), name(&"é".repeat(40)));
        assert_eq!(None, name(" \x07"));
    }
}
