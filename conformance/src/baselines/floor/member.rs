//! Member: a client of the floor, with what it has sent in part and what it must still receive.

use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice, Write};
use std::ops::Range;

use bytes::{Buf, Bytes, BytesMut};
use load::wire::{split_limited_frame, split_pair};
use mio::net::TcpStream;
use protocol::FrameError;
use thiserror::Error;

/// One client.
pub(super) struct Member {
    pub(super) stream: TcpStream,
    /// Whether a part of what is relayed in this turn is its own.
    pub(super) has_sent: bool,
    /// Whether it is in the list of members to read from.
    pub(super) is_readable: bool,
    next: Next,
    /// The first bytes of a pair, or of a name, that is not complete.
    begun: Vec<u8>,
    /// The bytes that it must still receive. All members share them, so a member that lags costs no
    /// copy.
    due: VecDeque<Bytes>,
    /// How many bytes those are.
    unsent: usize,
    /// Whether its socket is full. An event reports when it is not any more.
    is_full: bool,
}

/// What it sends next.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    /// Its name, which is not relayed.
    Name,
    Pairs,
}

/// Why the connection of a member ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Gone {
    /// It closed its connection, or the connection broke.
    #[error("it has left")]
    Left,
    /// It sent bytes that are no pairs.
    #[error("{0}")]
    Wrong(FrameError),
    /// It does not read.
    #[error("it has left more than {} MiB unread", UNSENT_MAX >> 20)]
    Behind,
}

impl Member {
    pub(super) fn new(stream: TcpStream) -> Self {
        let (begun, due) = (Vec::new(), VecDeque::new());
        let (has_sent, is_readable, is_full) = (false, false, false);
        let next = Next::Name;
        Self { stream, has_sent, is_readable, next, begun, due, unsent: 0, is_full }
    }

    /// Appends to `pairs` all pairs that these bytes complete, and keeps the rest.
    pub(super) fn take_pairs(&mut self, bytes: &[u8], pairs: &mut BytesMut) -> Result<(), Gone> {
        if self.begun.is_empty() {
            let whole = whole_pairs(bytes, &mut self.next)?;
            pairs.extend_from_slice(&bytes[whole.clone()]);
            self.begun.extend_from_slice(&bytes[whole.end..]);
        } else {
            self.begun.extend_from_slice(bytes);
            let whole = whole_pairs(&self.begun, &mut self.next)?;
            pairs.extend_from_slice(&self.begun[whole.clone()]);
            self.begun.drain(..whole.end);
        }
        Ok(())
    }

    /// Adds bytes that the next [`flush`](Self::flush) sends.
    pub(super) fn push(&mut self, part: Bytes) {
        self.unsent += part.len();
        self.due.push_back(part);
    }

    /// As [`flush`](Self::flush), after an event has reported that the socket is writable.
    pub(super) fn flush_again(&mut self) -> Result<(), Gone> {
        self.is_full = false;
        self.flush()
    }

    /// Writes until everything is sent or the socket is full.
    pub(super) fn flush(&mut self) -> Result<(), Gone> {
        while !self.is_full && !self.due.is_empty() {
            match self.write() {
                Ok(taken) => self.advance(taken),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.is_full = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Gone::Left),
            }
        }
        if self.unsent > UNSENT_MAX { Err(Gone::Behind) } else { Ok(()) }
    }

    fn write(&mut self) -> std::io::Result<usize> {
        if self.due.len() == 1 {
            return self.stream.write(&self.due[0]);
        }
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        for (slice, part) in slices.iter_mut().zip(&self.due) {
            *slice = IoSlice::new(part);
        }
        self.stream.write_vectored(&slices[..self.due.len().min(SLICES_MAX)])
    }

    fn advance(&mut self, mut taken: usize) {
        self.unsent -= taken;
        while let Some(first) = self.due.front_mut() {
            if taken < first.len() {
                first.advance(taken);
                return;
            }
            taken -= first.len();
            self.due.pop_front();
        }
    }
}

/// The range of whole pairs in these bytes. If the name is still to come, they begin after it.
fn whole_pairs(bytes: &[u8], next: &mut Next) -> Result<Range<usize>, Gone> {
    let mut rest = bytes;
    if *next == Next::Name {
        let Some((_, after)) = split_limited_frame(rest, PART_MAX).map_err(Gone::Wrong)? else {
            return Ok(0..0);
        };
        (rest, *next) = (after, Next::Pairs);
    }
    let start = bytes.len() - rest.len();
    while let Some((_, after)) = split_pair(rest, PART_MAX).map_err(Gone::Wrong)? {
        rest = after;
    }
    Ok(start..bytes.len() - rest.len())
}

/// The most bytes that a member may leave unread: many times what a load has in flight.
const UNSENT_MAX: usize = 64 << 20;
/// The longest message or name.
const PART_MAX: usize = 8 << 20;
/// The most parts in one write.
const SLICES_MAX: usize = 64;
