//! Expect: waits for one thing that a client has to receive; anything else before it is an error.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use protocol::{Pair, encode_frame, encode_pair};
use server_core::RESERVED;

use super::{Client, End, Progress, encoded};
use crate::suite::error::TestError;
use crate::suite::pairs::Malformed;

/// The next thing that a client receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// A pair.
    Pair(Pair),
    /// The end of the connection.
    Ended(End),
    /// Nothing within the time given.
    Silence,
}

/// The text that a pair has to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// These bytes.
    Exactly(&'a [u8]),
    /// Any text.
    Any,
}

impl Client {
    /// Waits for the next pair, which has to have this sender and this text.
    ///
    /// # Errors
    ///
    /// Something else arrives, or nothing in time.
    pub fn expect(
        &mut self,
        sender: &[u8],
        text: Text<'_>,
        within: Duration,
    ) -> Result<Pair, TestError> {
        let wanted = wire_form(sender, text);
        match self.next(within)? {
            Next::Pair(pair) if pair.sender == sender && text.admits(&pair.text) => Ok(pair),
            Next::Pair(pair) => {
                let what = format!("{} received a different pair than expected", self.label);
                Err(TestError::Broken { what, expected: wanted, received: encoded(&pair) })
            }
            Next::Ended(_) => {
                let what = format!(
                    "the server ended {}'s connection before the expected pair",
                    self.label
                );
                Err(TestError::Broken {
                    what,
                    expected: wanted,
                    received: self.incoming.rest().into(),
                })
            }
            Next::Silence => {
                let (label, seconds) = (&self.label, within.as_secs_f64());
                let what =
                    format!("the server sent no further pair to {label} within {seconds:.1} s");
                Err(TestError::Broken {
                    what,
                    expected: wanted,
                    received: self.incoming.rest().into(),
                })
            }
        }
    }

    /// Waits until the server ends the connection; nothing may arrive before that.
    ///
    /// # Errors
    ///
    /// A pair or a part of one arrives, or the connection stays open.
    pub fn expect_end(&mut self, within: Duration) -> Result<End, TestError> {
        match self.next(within)? {
            Next::Ended(end) if self.incoming.rest().is_empty() => Ok(end),
            Next::Ended(_) => Err(self.unexpected(
                "an incomplete pair before the end of the connection",
                self.incoming.rest(),
            )),
            Next::Pair(pair) => {
                Err(self.unexpected("a pair before the end of the connection", &encoded(&pair)))
            }
            Next::Silence => Err(self.not_ended()),
        }
    }

    /// Waits for a refusal: at most one pair, whose sender is the server, and then the end of the
    /// connection. Only SPEC CLS-08 requires the pair.
    ///
    /// # Errors
    ///
    /// Something else arrives, or the connection stays open.
    pub fn expect_refusal(&mut self, within: Duration) -> Result<End, TestError> {
        if let Next::Pair(pair) = self.next(within)? {
            self.check_refusal(&pair)?;
            return self.expect_end(within);
        }
        self.expect_end(Duration::ZERO)
    }

    /// Checks that the sender of a pair before the end of the connection is the server (SPEC
    /// NAM-08).
    ///
    /// # Errors
    ///
    /// It has another sender.
    pub fn check_refusal(&self, pair: &Pair) -> Result<(), TestError> {
        if pair.sender == RESERVED.as_bytes() {
            return Ok(());
        }
        Err(self.unexpected(
            "a pair that is not from `server` before the end of the connection",
            &encoded(pair),
        ))
    }

    /// Checks without waiting that nothing has arrived.
    ///
    /// # Errors
    ///
    /// Something has arrived.
    pub fn expect_nothing_yet(&mut self) -> Result<(), TestError> {
        if let Next::Pair(pair) = self.next(Duration::ZERO)? {
            return Err(self.unexpected("an unexpected pair", &encoded(&pair)));
        }
        match self.incoming.rest() {
            [] => Ok(()),
            rest => Err(self.unexpected("unexpected bytes", rest)),
        }
    }

    /// Waits for this time; nothing may arrive meanwhile.
    ///
    /// # Errors
    ///
    /// Something arrives, or the connection ends.
    pub fn expect_nothing_within(&mut self, within: Duration) -> Result<(), TestError> {
        match self.next(within)? {
            Next::Silence => Ok(()),
            Next::Pair(pair) => Err(self.unexpected("an unexpected pair", &encoded(&pair))),
            Next::Ended(_) => Err(TestError::broken(self.ended())),
        }
    }

    /// The next thing that arrives, without the suite's own tokens.
    ///
    /// # Errors
    ///
    /// The bytes are not whole pairs.
    pub fn next(&mut self, within: Duration) -> Result<Next, TestError> {
        let start = Instant::now();
        loop {
            while let Some(pair) = self.waiting.pop_front() {
                if !self.tokens.are_in(&pair) {
                    return Ok(Next::Pair(pair));
                }
            }
            self.check_form()?;
            if let Some(end) = self.end {
                return Ok(Next::Ended(end));
            }
            let left = within.saturating_sub(start.elapsed());
            if self.read_once(left) == Progress::None {
                return Ok(Next::Silence);
            }
        }
    }

    /// Waits for one of the suite's own tokens; any pair that is not a token is an error.
    ///
    /// # Errors
    ///
    /// Something else arrives first, or the token does not arrive in time.
    pub fn expect_token(&mut self, token: &str, within: Duration) -> Result<(), TestError> {
        let start = Instant::now();
        while !self.has_pending(token) {
            let left = within.saturating_sub(start.elapsed());
            if self.read_once(left) == Progress::None {
                break;
            }
        }
        while let Some(pair) = self.waiting.pop_front() {
            if pair.text == token {
                return Ok(());
            }
            if !self.tokens.are_in(&pair) {
                return Err(self.unexpected("an unexpected pair", &encoded(&pair)));
            }
        }
        self.check_form()?;
        let what = match self.end {
            Some(_) => self.ended(),
            None => format!("the server did not relay another member's message to {}", self.label),
        };
        let expected = token.as_bytes().to_vec();
        Err(TestError::Broken { what, expected, received: self.incoming.rest().into() })
    }

    /// Checks that everything so far was whole pairs with canonical headers.
    ///
    /// # Errors
    ///
    /// It was not.
    pub fn check_form(&self) -> Result<(), TestError> {
        let Some(Malformed { expected, received }) = &self.malformed else { return Ok(()) };
        Err(TestError::Broken {
            what: format!("{} received a header that is not canonical", self.label),
            expected: expected.clone(),
            received: received.clone(),
        })
    }

    /// The error for a connection that the server should have ended.
    pub fn not_ended(&self) -> TestError {
        TestError::broken(format!("the server did not end {}'s connection", self.label))
    }

    fn ended(&self) -> String {
        format!("the server ended {}'s connection", self.label)
    }

    fn unexpected(&self, what: &str, received: &[u8]) -> TestError {
        let what = format!("{} received {what}", self.label);
        TestError::Broken { what, expected: Vec::new(), received: received.into() }
    }
}

impl Text<'_> {
    fn admits(self, text: &[u8]) -> bool {
        match self {
            Self::Exactly(exactly) => exactly == text,
            Self::Any => true,
        }
    }
}

fn wire_form(sender: &[u8], text: Text<'_>) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    match text {
        Text::Exactly(text) => encode_pair(sender, text, &mut bytes),
        Text::Any => encode_frame(sender, &mut bytes),
    }
    bytes.to_vec()
}
