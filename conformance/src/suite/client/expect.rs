//! What a client expects: one thing at a time, within a bound, and nothing before it.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use protocol::{Pair, encode_frame, encode_pair};
use server_core::RESERVED;

use super::{Client, End, Progress, encoded};
use crate::suite::error::TestError;
use crate::suite::pairs::Malformed;

/// The next thing in a client's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// A pair.
    Pair(Pair),
    /// The end.
    Ended(End),
    /// Nothing within the time given.
    Silence,
}

/// Text that a pair should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text<'a> {
    /// These bytes.
    Exactly(&'a [u8]),
    /// Whatever the server likes to say.
    Any,
}

impl Client {
    /// Waits for the next pair, which must be this one.
    ///
    /// # Errors
    ///
    /// Something else comes, or nothing in time.
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
                let what = format!("{} received another pair than expected", self.label);
                Err(TestError::Broken { what, expected: wanted, received: encoded(&pair) })
            }
            Next::Ended(_) => {
                let what = format!("{} was closed before it received a pair", self.label);
                Err(TestError::Broken {
                    what,
                    expected: wanted,
                    received: self.incoming.rest().into(),
                })
            }
            Next::Silence => {
                let what = format!(
                    "{} received nothing more for {:.1} s",
                    self.label,
                    within.as_secs_f64()
                );
                Err(TestError::Broken {
                    what,
                    expected: wanted,
                    received: self.incoming.rest().into(),
                })
            }
        }
    }

    /// Waits for the end of the stream, before which nothing may come.
    ///
    /// # Errors
    ///
    /// A pair comes, or a part of one, or the stream stays open.
    pub fn expect_end(&mut self, within: Duration) -> Result<End, TestError> {
        match self.next(within)? {
            Next::Ended(end) if self.incoming.rest().is_empty() => Ok(end),
            Next::Ended(_) => {
                Err(self.unexpected("a torn pair before its end", self.incoming.rest()))
            }
            Next::Pair(pair) => Err(self.unexpected("a pair before its end", &encoded(&pair))),
            Next::Silence => Err(TestError::broken(format!("{} is not closed", self.label))),
        }
    }

    /// Waits for the end of the connection, and one pair before it that may say why, in which case it is
    /// the server's own. Who has to be told why is the business of one rule alone (SPEC CLS-08).
    ///
    /// # Errors
    ///
    /// Something else comes, or the connection stays open.
    pub fn expect_refusal(&mut self, within: Duration) -> Result<End, TestError> {
        if let Next::Pair(pair) = self.next(within)? {
            self.check_refusal(&pair)?;
            return self.expect_end(within);
        }
        self.expect_end(Duration::ZERO)
    }

    /// A pair that comes before an end must be the server's own, saying why (SPEC CLS-08).
    ///
    /// # Errors
    ///
    /// It has another sender.
    pub fn check_refusal(&self, pair: &Pair) -> Result<(), TestError> {
        if pair.sender == RESERVED.as_bytes() {
            return Ok(());
        }
        Err(self.unexpected("a pair that is no refusal before its end", &encoded(pair)))
    }

    /// Looks without waiting: nothing at all may have come.
    ///
    /// # Errors
    ///
    /// Something has.
    pub fn expect_nothing_yet(&mut self) -> Result<(), TestError> {
        if let Next::Pair(pair) = self.next(Duration::ZERO)? {
            return Err(self.unexpected("a pair that is not its due", &encoded(&pair)));
        }
        match self.incoming.rest() {
            [] => Ok(()),
            rest => Err(self.unexpected("bytes that are not its due", rest)),
        }
    }

    /// Waits for that long, in which nothing may come.
    ///
    /// # Errors
    ///
    /// Something does, or the stream ends.
    pub fn expect_nothing_within(&mut self, within: Duration) -> Result<(), TestError> {
        match self.next(within)? {
            Next::Silence => Ok(()),
            Next::Pair(pair) => Err(self.unexpected("a pair that is not its due", &encoded(&pair))),
            Next::Ended(_) => Err(TestError::broken(format!("{} was closed", self.label))),
        }
    }

    /// The next thing that is not the harness's own.
    ///
    /// # Errors
    ///
    /// The stream is not made of whole pairs.
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

    /// Waits for one of the harness's own tokens; every other pair before it is an error.
    ///
    /// # Errors
    ///
    /// Something else comes first, or the token does not come in time.
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
                return Err(self.unexpected("a pair that is not its due", &encoded(&pair)));
            }
        }
        self.check_form()?;
        let what = match self.end {
            Some(_) => format!("{} was closed", self.label),
            None => format!("{} does not receive what others say", self.label),
        };
        let expected = token.as_bytes().to_vec();
        Err(TestError::Broken { what, expected, received: self.incoming.rest().into() })
    }

    /// Whether everything so far was whole pairs.
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
