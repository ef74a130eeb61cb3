//! The input: any bytes, read as a sequence of operations.

use protocol::header;
use server_core::Relay;

use crate::op::{Op, frame};
use crate::trial::{Terms, WINDOW_MIN, run};

/// The body of the fuzz target: a trial with the operations that the input encodes.
pub(crate) fn check(input: &[u8]) {
    let mut input = Input(input);
    if let Some(terms) = input.terms() {
        run(terms, input);
    }
}

/// The rest of an input, which is not read yet.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    /// The kind of the room comes first. Most windows are small, and soon full.
    fn terms(&mut self) -> Option<Terms> {
        let relays = [Relay::Others, Relay::Everyone, Relay::Sender];
        let kind = self.number()?;
        let (relay, extensions) = (relays[kind % relays.len()], kind / relays.len() % 2 == 1);
        let number = self.number()?;
        let window = WINDOW_MIN + number * number / 16;
        Some(Terms { relay, extensions, window })
    }

    /// One operation: a byte for its kind and its member, then its other parameters.
    fn op(&mut self) -> Option<Op> {
        let first = self.number()?;
        let who = first / KINDS;
        Some(match first % KINDS {
            0 => Op::Join { name: who % 4 },
            1 => Op::Say { who, length: self.number()? },
            2 => Op::Notify { who, length: self.number()? },
            3 => Op::NextBatch { who },
            4 => Op::Take { who, bytes: 2 * self.number()? },
            5 => Op::Take { who, bytes: usize::MAX },
            6 => Op::Drain { who },
            7 => Op::Reject { who },
            8 => Op::Abort { who },
            9 => Op::Leave { who },
            10 => Op::Wait { millis: self.number()? as u64 },
            11 => Op::Close,
            12 => Op::Connect,
            13 => Op::Feed { who, bytes: self.bytes(16)?.into() },
            14 => Op::Feed { who, bytes: frame(self.bytes(64)?) },
            15 => Op::Feed { who, bytes: frame(&b"abcdefgh"[who % 8..]) },
            16 => Op::Feed { who, bytes: frame(&vec![b'x'; self.number()?]) },
            17 => Op::Feed { who, bytes: header(self.number()?).into() },
            18 => Op::Feed { who, bytes: frame(self.command()?.as_bytes()) },
            19 => Op::Eof { who },
            20 => Op::Reset { who },
            21 => Op::Nick { who, name: self.number()? % 4 },
            22 => Op::Msg { who, to: self.number()?, length: self.number()? },
            23 => Op::Ask { who, what: who % 4 },
            24 => Op::NextDirect,
            _ => Op::Unblock { who },
        })
    }

    /// A command for a room with extensions, with one of a few names.
    fn command(&mut self) -> Option<String> {
        let number = self.number()?;
        let name = ["a", "b", "abc", "defgh", "ann", "Bob", "server"][number / 8 % 7];
        Some(match number % 8 {
            0 => "/who".into(),
            1 => "/help".into(),
            2 | 3 => format!("/nick {name}"),
            4 | 5 => format!("/msg {name} {number}"),
            6 => format!("/{name}"),
            _ => format!("//{name}"),
        })
    }

    fn number(&mut self) -> Option<usize> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte.into())
    }

    /// Fewer than `end` bytes: the first byte is the number of those that follow.
    fn bytes(&mut self, end: usize) -> Option<&[u8]> {
        let count = self.number()? % end;
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }
}

impl Iterator for Input<'_> {
    type Item = Op;

    fn next(&mut self) -> Option<Op> {
        self.op()
    }
}

/// The number of kinds of operation that an input can encode.
const KINDS: usize = 26;
