//! Wire: one connection to a room in memory, with a defect.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use conformance::target::{Evidence, Received, Wire};
use protocol::{Decoder, PairDecoder};

use crate::corrupt::{
    corrupt_input, corrupt_pair, encoded, frame, header_if_odd, is_malformed, reorder,
};
use crate::defect::Defect;
use crate::extended::{reinterpret, reorder_notices};
use crate::room::Common;

pub(crate) struct BrokenWire {
    room: Box<dyn Wire>,
    defect: Defect,
    id: usize,
    common: Rc<RefCell<Common>>,
    /// The bytes that the client receives next.
    ready: VecDeque<u8>,
    pairs: PairDecoder,
    pairs_seen: usize,
    frames: Decoder,
    /// Writes since the last whole frame.
    parts: usize,
    name: Option<Vec<u8>>,
    said: usize,
    /// Bytes of the history that were sent before this connection, or that it has received.
    history_seen: usize,
    /// The latest frame, held back because it may be the last one.
    unsent: Option<Vec<u8>>,
}

impl BrokenWire {
    pub(crate) fn new(
        room: Box<dyn Wire>,
        defect: Defect,
        id: usize,
        common: &Rc<RefCell<Common>>,
    ) -> Self {
        let mut ready = VecDeque::new();
        if defect == Defect::Banner {
            ready.extend(encoded(b"server", b"welcome"));
        }
        Self {
            room,
            defect,
            id,
            common: Rc::clone(common),
            ready,
            pairs: PairDecoder::new(1 << 20),
            pairs_seen: 0,
            frames: Decoder::new(1 << 20),
            parts: 0,
            name: None,
            said: 0,
            history_seen: 0,
            unsent: None,
        }
    }
}

impl Wire for BrokenWire {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let bytes = corrupt_input(self.defect, bytes);
        self.parts += 1;
        match self.defect {
            // A new decoder loses the bytes of an incomplete frame.
            Defect::PartsDropped | Defect::OneFramePerWrite => self.frames = Decoder::new(1 << 20),
            Defect::ThirdPartsLost if self.parts == 3 => self.frames = Decoder::new(1 << 20),
            Defect::BufferDiscarded if is_malformed(&bytes) => return self.room.send(MALFORMED),
            // These defects are in the answers only. The room itself applies its limits to the
            // input.
            Defect::RejectsSilently | Defect::ResetsAtTheEnd => return self.room.send(&bytes),
            Defect::HeadersKept => self.common.borrow_mut().header = header_if_odd(&bytes),
            _ => {}
        }
        self.frames.feed(&bytes);
        let outcome = self.pass_frames();
        let mut common = self.common.borrow_mut();
        if self.frames.is_mid_frame() {
            common.mid_frame.insert(self.id);
        } else {
            common.mid_frame.remove(&self.id);
        }
        outcome
    }

    fn receive(&mut self, most: usize, within: Duration) -> Received {
        if self.common.borrow().dead {
            return Received::Eof;
        }
        if self.common.borrow().is_blocked(self.defect, self.id) {
            return Received::Silence;
        }
        if self.defect != Defect::LastFrameWaits {
            self.flush().expect("a room in memory accepts every write");
        }
        let received = self.room.receive(1 << 20, within);
        if let Received::Bytes(bytes) = &received {
            self.pairs.feed(bytes);
            self.corrupt_batch();
        }
        if self.defect == Defect::UnnamedReceive && self.name.is_none() {
            self.ready.extend(&self.common.borrow().history[self.history_seen..]);
            self.history_seen = self.common.borrow().history.len();
        }
        match most.min(self.ready.len()) {
            0 => received_nothing(self.defect, received),
            count => Received::Bytes(self.ready.drain(..count).collect()),
        }
    }

    fn half_close(&mut self) -> io::Result<()> {
        let unnamed = self.name.is_none();
        self.common.borrow_mut().dead |= unnamed && self.defect == Defect::DiesOfUnnamed;
        let mid_frame = self.frames.is_mid_frame();
        self.leave();
        match self.defect {
            Defect::LeaversNotClosed => return Ok(()),
            Defect::HalfNamesJoin if unnamed && mid_frame => return self.room.send(&frame(b"cy")),
            Defect::FragmentsRelayed if mid_frame => self.room.send(&frame(b"fragment"))?,
            Defect::LastMessageLost => self.unsent = None,
            _ => {}
        }
        self.room.half_close()
    }

    fn reset(&mut self) {
        self.leave();
        self.common.borrow_mut().dead |= self.defect == Defect::DiesOfResets;
        self.room.reset();
    }

    fn await_read(&mut self, within: Duration) -> Evidence {
        self.room.await_read(within)
    }
}

impl BrokenWire {
    /// Passes every whole frame to the room.
    fn pass_frames(&mut self) -> io::Result<()> {
        let mut sent = 0;
        loop {
            match self.frames.next_frame() {
                Ok(Some(frame)) => {
                    self.parts = 0;
                    if self.defect != Defect::OneFramePerWrite || sent == 0 {
                        self.pass_message(&frame)?;
                    }
                    sent += 1;
                }
                Ok(None) => return Ok(()),
                Err(_) => return self.pass_malformed(),
            }
        }
    }

    /// Handles a malformed frame.
    fn pass_malformed(&mut self) -> io::Result<()> {
        match self.defect {
            Defect::OffendersNotClosed => return Ok(()),
            Defect::BytesAfterErrorRelayed => self.room.send(&frame(b"again"))?,
            Defect::DiesOfGarbage => self.common.borrow_mut().dead = true,
            _ => {}
        }
        self.room.send(MALFORMED)
    }

    /// Passes one frame of the client to the room.
    fn pass_message(&mut self, payload: &[u8]) -> io::Result<()> {
        self.flush()?;
        if std::str::from_utf8(payload).is_err() && self.defect == Defect::DiesOfBadText {
            self.common.borrow_mut().dead = true;
        }
        let Some(name) = self.name.clone() else { return self.pass_name(payload) };
        let mut common = self.common.borrow_mut();
        common.dead |= self.defect == Defect::DiesWithOneMember && common.members == 1;
        common.dead |= self.defect == Defect::DiesOfLeavers && common.left;
        common.last = payload.to_vec();
        self.said += 1;
        let is_token = payload.starts_with(b"~");
        let waits =
            !is_token && (self.defect != Defect::BusySendersFirst || self.said < FEW_MESSAGES);
        if !is_token {
            common.history.extend(encoded(&name, payload));
        }
        match self.defect {
            Defect::Echo => self.ready.extend(encoded(&name, payload)),
            Defect::BusySendersFirst | Defect::LastMessageLost | Defect::LastFrameWaits
                if waits =>
            {
                self.unsent = Some(frame(payload));
                return Ok(());
            }
            Defect::NamesChange if payload == b"cyd" => return Ok(()),
            Defect::NickOnlyAnswered if payload.starts_with(b"/nick ") => {
                let answer = [b"you are now ", &payload[6..]].concat();
                self.ready.extend(encoded(b"server", &answer));
                return Ok(());
            }
            Defect::CommandsTaken if payload.starts_with(b"/") => {
                self.ready.extend(encoded(b"server", b"there is no such command"));
                return Ok(());
            }
            _ => {}
        }
        drop(common);
        self.room.send(&frame(&reinterpret(self.defect, payload)))
    }

    fn pass_name(&mut self, name: &[u8]) -> io::Result<()> {
        self.name = Some(name.to_vec());
        let mut common = self.common.borrow_mut();
        common.unnamed.remove(&self.id);
        common.members += 1;
        if self.defect == Defect::History {
            self.ready.extend(&common.history);
        }
        let bad =
            protocol::Name::new(name).is_err() || name.to_ascii_lowercase().ends_with(b"rver");
        let name = if bad && self.defect == Defect::NamesUnchecked { b"guest" } else { name };
        self.room.send(&frame(name))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unsent.take().map_or(Ok(()), |frame| self.room.send(&frame))
    }

    /// Records that the client has left, in whatever way.
    fn leave(&mut self) {
        let mut common = self.common.borrow_mut();
        common.left = true;
        common.unnamed.remove(&self.id);
        common.mid_frame.remove(&self.id);
    }

    /// Takes the pairs that the room sent, and applies the defect.
    fn corrupt_batch(&mut self) {
        let mut batch = Vec::new();
        while let Ok(Some(pair)) = self.pairs.next_pair() {
            self.pairs_seen += 1;
            batch.push(corrupt_pair(self.defect, &pair, self.pairs_seen, &self.common.borrow()));
        }
        reorder_notices(self.defect, &mut batch);
        reorder(self.defect, &mut batch, self.pairs_seen, self.id);
        self.ready.extend(batch.concat());
        if self.defect == Defect::ShortWrites {
            self.ready.truncate(BUFFER_BYTES);
        }
    }
}

/// The result of a receive that has no bytes for the client.
fn received_nothing(defect: Defect, received: Received) -> Received {
    match received {
        Received::Bytes(_) => Received::Silence,
        Received::Eof if defect == Defect::ResetsAtTheEnd => Received::Reset,
        other => other,
    }
}

/// What the room receives instead of a malformed frame.
const MALFORMED: &[u8] = b"malformed!";
const BUFFER_BYTES: usize = 8192;
const FEW_MESSAGES: usize = 20;
