//! A room in memory behind a wire with one defect.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use bytes::BytesMut;
use conformance::declared::Declared;
use conformance::memory::MemoryRoom;
use conformance::target::{Medium, NotStarted, Origin, Received, Settled, Subject, Target, Wire};
use protocol::{Decoder, PairDecoder, encode_frame};

use crate::spoil::{arrange, encoded, said, spoilt};

/// What is wrong with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    Banner,
    NamesTrimmed,
    NamesCut,
    OneFramePerWrite,
    DiesOfUnnamed,
    NamesChange,
    RightJustified,
    CharactersCounted,
    JoinersLost,
    CutAt4096,
    EmptyLost,
    PartsDropped,
    Doubled,
    ThirdLost,
    Echo,
    FramesSwapped,
    DiesAlone,
    ControlsLost,
    History,
    LastWordsLost,
    Reversed,
    PartsInterleaved,
    DiesOfGarbage,
    LeaversStay,
    DiesOfLeavers,
    ResetsAtTheEnd,
    FewPlaces,
    StaysDown,
    LeaveToldTwice,
    LeaveToldEarly,
    JoinToldLate,
    PrivateToAll,
    UnknownTargetSilent,
    SlashesKept,
    NickOnlyAnswered,
    NickUnchecked,
    NobodyGreeted,
    LastOfWhoLost,
    LastOfHelpLost,
    CommandsByPrefix,
    PrivateUnmarked,
    AsidesFirst,
    TakesEverything,
    // These begin after a while, when the conversations are over: the cases have to see them.
    LateLeaveToldTwice,
    LateReportLost,
    LatePrivateDoubled,
    LateAsidesFirst,
}

impl Defect {
    /// Whether a room in memory can pass the rows that see it.
    pub(crate) fn shows_in_memory(self) -> bool {
        !matches!(self, Self::FewPlaces | Self::StaysDown | Self::TakesEverything)
    }
}

pub(crate) struct BrokenRoom {
    pub(crate) defect: Defect,
}

impl Subject for BrokenRoom {
    fn start(&self, flags: &[String]) -> Result<Box<dyn Target>, NotStarted> {
        let room = MemoryRoom.start(flags)?;
        Ok(Box::new(BrokenTarget { room, defect: self.defect, common: Rc::default() }))
    }

    fn origin(&self) -> Origin {
        Origin::Ours
    }

    fn declared(&self, flags: &[String]) -> Declared {
        MemoryRoom.declared(flags)
    }

    fn rerun(&self, id: &str, seed: u64) -> String {
        format!("rerun {id} {seed}")
    }
}

struct BrokenTarget {
    room: Box<dyn Target>,
    defect: Defect,
    common: Rc<RefCell<Common>>,
}

/// What the connections of a broken server share.
#[derive(Default)]
struct Common {
    connections: usize,
    members: usize,
    /// Somebody has left.
    left: bool,
    dead: bool,
    /// Everything said so far, as pairs.
    history: Vec<u8>,
}

impl Target for BrokenTarget {
    fn connect(&self) -> io::Result<Box<dyn Wire>> {
        let mut common = self.common.borrow_mut();
        common.connections += 1;
        if common.dead || (self.defect == Defect::FewPlaces && common.connections > 20) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let mut ready = VecDeque::new();
        if self.defect == Defect::Banner {
            ready.extend(encoded(b"server", b"welcome"));
        }
        Ok(Box::new(BrokenWire {
            room: self.room.connect()?,
            defect: self.defect,
            common: Rc::clone(&self.common),
            ready,
            pairs: PairDecoder::new(1 << 20),
            pairs_seen: 0,
            frames: Decoder::new(1 << 20),
            name: None,
            unsent: None,
        }))
    }

    fn medium(&self) -> Medium {
        // So that cases which take sockets are tried, too; what they see here is what counts.
        Medium::Process
    }

    fn restart_obstacle(&self) -> Option<&'static str> {
        None
    }

    fn restart(&mut self) -> Result<(), NotStarted> {
        assert_eq!(Defect::StaysDown, self.defect, "no other defect is about restarting");
        Err(NotStarted::Failed("address already in use".into()))
    }
}

struct BrokenWire {
    room: Box<dyn Wire>,
    defect: Defect,
    common: Rc<RefCell<Common>>,
    /// What the client receives next.
    ready: VecDeque<u8>,
    pairs: PairDecoder,
    pairs_seen: usize,
    frames: Decoder,
    name: Option<Vec<u8>>,
    /// The latest frame, while it may turn out to be the last.
    unsent: Option<Vec<u8>>,
}

impl Wire for BrokenWire {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.defect {
            // Bytes that are no whole frame yet go through as they are.
            Defect::PartsDropped | Defect::OneFramePerWrite => self.frames = Decoder::new(1 << 20),
            _ => {}
        }
        self.frames.feed(bytes);
        let mut sent = 0;
        loop {
            match self.frames.next_frame() {
                Ok(Some(frame)) => {
                    if self.defect != Defect::OneFramePerWrite || sent == 0 {
                        self.say(&frame)?;
                    }
                    sent += 1;
                }
                Ok(None) => return Ok(()),
                Err(_) => {
                    self.common.borrow_mut().dead |= self.defect == Defect::DiesOfGarbage;
                    return self.room.send(b"malformed!");
                }
            }
        }
    }

    fn receive(&mut self, most: usize, within: Duration) -> Received {
        if self.common.borrow().dead {
            return Received::Eof;
        }
        self.flush().expect("a room in memory takes everything");
        let received = self.room.receive(1 << 20, within);
        if let Received::Bytes(bytes) = &received {
            self.pairs.feed(bytes);
            self.spoil();
        }
        match most.min(self.ready.len()) {
            0 => received_nothing(self.defect, received),
            count => Received::Bytes(self.ready.drain(..count).collect()),
        }
    }

    fn half_close(&mut self) -> io::Result<()> {
        if self.name.is_none() && self.defect == Defect::DiesOfUnnamed {
            self.common.borrow_mut().dead = true;
        }
        self.common.borrow_mut().left = true;
        match self.defect {
            Defect::LeaversStay => self.room.send(b""),
            Defect::LastWordsLost => {
                self.unsent = None;
                self.room.half_close()
            }
            _ => self.room.half_close(),
        }
    }

    fn reset(&mut self) {
        self.room.reset();
    }

    fn settle(&mut self, within: Duration) -> Settled {
        self.room.settle(within)
    }
}

impl BrokenWire {
    /// Hands one frame of the client's to the room.
    fn say(&mut self, payload: &[u8]) -> io::Result<()> {
        self.flush()?;
        let mut frame = BytesMut::new();
        encode_frame(payload, &mut frame);
        let Some(name) = self.name.clone() else {
            self.name = Some(payload.to_vec());
            self.common.borrow_mut().members += 1;
            if self.defect == Defect::History {
                self.ready.extend(&self.common.borrow().history);
            }
            return self.room.send(&frame);
        };
        let mut common = self.common.borrow_mut();
        common.dead |= self.defect == Defect::DiesAlone && common.members == 1;
        common.dead |= self.defect == Defect::DiesOfLeavers && common.left;
        if !payload.starts_with(b"~") {
            common.history.extend(encoded(&name, payload));
        }
        match self.defect {
            Defect::Echo => self.ready.extend(encoded(&name, payload)),
            Defect::LastWordsLost if !payload.starts_with(b"~") => {
                self.unsent = Some(frame.to_vec());
                return Ok(());
            }
            Defect::NamesChange if payload == b"cyd" => return Ok(()),
            Defect::NickOnlyAnswered if payload.starts_with(b"/nick ") => {
                let answer = [b"you are now ", &payload[6..]].concat();
                self.ready.extend(encoded(b"server", &answer));
                return Ok(());
            }
            _ => {}
        }
        drop(common);
        self.send_frame(&said(self.defect, payload))
    }

    fn send_frame(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut frame = BytesMut::new();
        encode_frame(payload, &mut frame);
        self.room.send(&frame)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unsent.take().map_or(Ok(()), |frame| self.room.send(&frame))
    }

    /// Passes on what the room sent, with the defect.
    fn spoil(&mut self) {
        let mut batch = Vec::new();
        while let Ok(Some(pair)) = self.pairs.next_pair() {
            self.pairs_seen += 1;
            batch.push(spoilt(self.defect, &pair, self.pairs_seen));
        }
        arrange(self.defect, &mut batch);
        if let (Defect::PartsInterleaved, [first, second, ..]) = (self.defect, &mut batch[..]) {
            // The name frames of both, then the messages of both.
            let parts =
                (first.split_off(13.min(first.len())), second.split_off(13.min(second.len())));
            second.extend(parts.0);
            second.extend(parts.1);
        }
        self.ready.extend(batch.concat());
    }
}

/// What a receive without bytes for the client amounts to.
fn received_nothing(defect: Defect, received: Received) -> Received {
    match received {
        Received::Bytes(_) => Received::Silence,
        Received::Eof if defect == Defect::ResetsAtTheEnd => Received::Reset,
        other => other,
    }
}
