//! Foreign: recognises clients of other protocols by their first bytes, so that the server can say what it expects.

use std::fmt;

/// What a client sends in place of this protocol. Displays as the name of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// HTTP, as browsers and `curl` send it.
    Http,
    /// IRC.
    Irc,
    /// SSH.
    Ssh,
    /// TLS, and so everything that is encrypted with it.
    Tls,
    /// Text that ends with a line end, as `nc` and `telnet` send what is typed.
    Lines,
}

impl Foreign {
    /// Recognises a protocol by the first bytes that a client has sent; `None` if it is none of those, or too few
    /// bytes have arrived to recognise it.
    #[cold]
    pub fn recognise(bytes: &[u8]) -> Option<Self> {
        let bytes = &bytes[..bytes.len().min(EXAMINED)];
        if bytes.starts_with(b"\x16\x03") {
            return Some(Self::Tls);
        }
        if bytes.starts_with(b"SSH-") {
            return Some(Self::Ssh);
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let line = bytes[..end.unwrap_or(bytes.len())].trim_ascii_end();
        if is_http(line) {
            return Some(Self::Http);
        }
        if is_irc(line) {
            return Some(Self::Irc);
        }
        (end.is_some() && is_text(line)).then_some(Self::Lines)
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "HTTP",
            Self::Irc => "IRC",
            Self::Ssh => "SSH",
            Self::Tls => "TLS",
            Self::Lines => "lines of text",
        })
    }
}

/// Whether it is the first line of a request or of a response, or the beginning of one.
fn is_http(line: &[u8]) -> bool {
    let mut words = line.split(|byte| *byte == b' ');
    let (first, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let version = words.next().unwrap_or_default();
    first.starts_with(b"HTTP/")
        || (METHODS.contains(&first) && target.starts_with(b"/"))
        || (first.iter().all(u8::is_ascii_uppercase) && version.starts_with(b"HTTP/"))
}

/// Whether it is a command with which an IRC client begins.
fn is_irc(line: &[u8]) -> bool {
    let is_user = || line.starts_with(b"USER ") && line.windows(2).any(|two| two == b" :");
    line.starts_with(b"NICK ") || line.starts_with(b"CAP ") || is_user()
}

/// Whether it is text and more than a number, which may be a header in a wrong form.
fn is_text(line: &[u8]) -> bool {
    let has_control = |text: &str| text.chars().any(|char| char.is_control() && char != '\t');
    str::from_utf8(line).is_ok_and(|text| !has_control(text))
        && !line.iter().all(|byte| byte.is_ascii_digit() || *byte == b' ')
}

/// Bytes that are examined at most: more than the first line of most requests.
const EXAMINED: usize = 1024;

const METHODS: [&[u8]; 5] = [b"GET", b"HEAD", b"OPTIONS", b"POST", b"PUT"];

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_recognised(expected: Option<Foreign>, samples: &[&[u8]]) {
        for bytes in samples {
            let shown = bytes.escape_ascii();
            assert_eq!(expected, Foreign::recognise(bytes), "{shown}");
        }
    }

    #[test]
    fn http_is_recognised_by_its_first_line() {
        assert_recognised(
            Some(Foreign::Http),
            &[
                b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                b"GET /",
                b"POST /login HTTP/1.1\r\n",
                b"OPTIONS * HTTP/1.1\r\n",
                b"CONNECT example.org:443 HTTP/1.1\r\n",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                b"HTTP/1.1 200 OK\r\n",
            ],
        );
        assert_recognised(None, &[b"G", b"GET", b"GET ", b"GETTING /"]);
    }

    #[test]
    fn irc_is_recognised_by_its_first_command() {
        assert_recognised(
            Some(Foreign::Irc),
            &[b"NICK ann\r\n", b"CAP LS 302\r\n", b"USER ann 0 * :Ann\r\n"],
        );
        assert_recognised(None, &[b"NICK", b"USER ann"]);
    }

    #[test]
    fn encrypted_protocols_are_recognised_by_their_first_bytes() {
        assert_recognised(Some(Foreign::Tls), &[b"\x16\x03\x01\x00C", b"\x16\x03"]);
        assert_recognised(Some(Foreign::Ssh), &[b"SSH-2.0-OpenSSH_9.6\r\n", b"SSH-"]);
        assert_recognised(None, &[b"\x16", b"SSH", b"\x16\xfe\xfd"]);
    }

    #[test]
    fn a_line_of_text_is_recognised_by_its_end() {
        assert_recognised(
            Some(Foreign::Lines),
            &[b"hello\n", b"hello\r\n", "سلام\n".as_bytes(), b"5 apples\n", b"a\tb\nmore"],
        );
        assert_recognised(None, &[b"hello", b"\n", b"\r\n", b"5\nhello", b"5 \r\n"]);
        assert_recognised(None, &[b"a\x00b\n", b"\x1b[2J\n", b"a\xff\n"]);
    }

    #[test]
    fn only_the_beginning_is_examined() {
        assert_recognised(None, &[&[&[b'x'; EXAMINED][..], b"\n"].concat()]);
    }
}
