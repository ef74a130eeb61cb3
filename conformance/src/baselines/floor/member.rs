//! Member: a client of the floor, what it has begun to say and what it has still to get.

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
    /// Whether a part of what is being passed on is its own.
    pub(super) has_spoken: bool,
    /// Whether it is among those that are to be read.
    pub(super) is_readable: bool,
    next: Next,
    /// A pair, or a name, that has not come in full.
    begun: Vec<u8>,
    /// What it has to get, in parts of what was said: shared by all, so that a member who is behind
    /// costs no copy.
    due: VecDeque<Bytes>,
    /// How many bytes that is.
    unsent: usize,
    /// Whether its socket is full; readiness tells when it is not any more.
    is_full: bool,
}

/// What it says next.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    /// Its name, which goes to nobody.
    Name,
    Pairs,
}

/// Why a member is a member no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Gone {
    /// It has closed its connection, or the connection is broken.
    #[error("it has left")]
    Left,
    /// What it says are no pairs.
    #[error("{0}")]
    Wrong(FrameError),
    /// It does not read.
    #[error("it has left more than {} MiB unread", UNSENT_MAX >> 20)]
    Behind,
}

impl Member {
    pub(super) fn new(stream: TcpStream) -> Self {
        let (begun, due) = (Vec::new(), VecDeque::new());
        let (has_spoken, is_readable, is_full) = (false, false, false);
        let next = Next::Name;
        Self { stream, has_spoken, is_readable, next, begun, due, unsent: 0, is_full }
    }

    /// Appends all pairs that are complete with these bytes to `said`, and keeps the rest.
    pub(super) fn take_pairs(&mut self, bytes: &[u8], said: &mut BytesMut) -> Result<(), Gone> {
        if self.begun.is_empty() {
            let whole = whole_pairs(bytes, &mut self.next)?;
            said.extend_from_slice(&bytes[whole.clone()]);
            self.begun.extend_from_slice(&bytes[whole.end..]);
        } else {
            self.begun.extend_from_slice(bytes);
            let whole = whole_pairs(&self.begun, &mut self.next)?;
            said.extend_from_slice(&self.begun[whole.clone()]);
            self.begun.drain(..whole.end);
        }
        Ok(())
    }

    /// Has it get these bytes with the next [`flush`](Self::flush).
    pub(super) fn push(&mut self, part: Bytes) {
        self.unsent += part.len();
        self.due.push_back(part);
    }

    /// As [`flush`](Self::flush), of a socket that can take more.
    pub(super) fn flush_again(&mut self) -> Result<(), Gone> {
        self.is_full = false;
        self.flush()
    }

    /// Writes until it has got everything or its socket is full.
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

/// Where in these bytes the whole pairs are: behind the name, as long as that has not been said.
fn whole_pairs(bytes: &[u8], next: &mut Next) -> Result<Range<usize>, Gone> {
    let mut rest = bytes;
    if *next == Next::Name {
        let Some((_, behind)) = split_limited_frame(rest, PART_MAX).map_err(Gone::Wrong)? else {
            return Ok(0..0);
        };
        (rest, *next) = (behind, Next::Pairs);
    }
    let start = bytes.len() - rest.len();
    while let Some((_, behind)) = split_pair(rest, PART_MAX).map_err(Gone::Wrong)? {
        rest = behind;
    }
    Ok(start..bytes.len() - rest.len())
}

/// As far as a member may fall behind: many times what a load has on its way.
const UNSENT_MAX: usize = 64 << 20;
/// The longest message or name.
const PART_MAX: usize = 8 << 20;
/// More than so many parts go in several writes.
const SLICES_MAX: usize = 64;
