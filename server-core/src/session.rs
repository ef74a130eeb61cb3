//! Session: what one connection has said, turned into what the room does.

mod end;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::{Decoder, Name, to_utf8};
use tracing::{debug, info};

pub use self::end::refusal;
use crate::close::CloseReason;
use crate::room::{MemberId, Outside, Room, Said};
use crate::settings::Settings;

/// One connection's side of the conversation. It knows no socket and no clock.
///
/// The methods by kind, in the order a server calls them:
///
/// 1. [`feed`](Self::feed) takes what was read, [`end`](Self::end) that there will be no more; no lock
///    is needed;
/// 2. [`act`](Self::act), with the room held, carries out what has been said and tells what to do next;
///    [`log`](Self::log), with the room free, writes about it; [`wait_until`](Self::wait_until) tells how
///    long to wait if the room takes nothing;
/// 3. between reads, [`deadline`](Self::deadline) and [`expired`](Self::expired) tell how long a client
///    may take;
/// 4. once, in the end: [`finish`](Self::finish), deliver until the room says it is done, then
///    [`leave`](Self::leave), then [`refusal`](Self::refusal) and the connection's end.
#[derive(Debug)]
pub struct Session {
    settings: Arc<Settings>,
    peer: SocketAddr,
    decoder: Decoder,
    member: Option<MemberId>,
    name: Option<Name>,
    /// A frame that the room did not take yet.
    stash: Option<Bytes>,
    /// What this member had taken when a message was paused because of answers that wait for it.
    taken: Option<u64>,
    /// Until when a name, or the frame that has begun, must be complete, or answers read.
    deadline: Option<Instant>,
    ended: bool,
    /// When a new name was last written about.
    renamed: Option<Instant>,
    /// What `log` has yet to write.
    news: News,
}

#[derive(Debug, Default)]
struct News {
    joined: Option<Name>,
    /// The name before, if it changed and that is to be written.
    renamed: Option<Name>,
    messages: usize,
    bytes: usize,
}

/// What a connection does next.
#[derive(Debug)]
#[must_use = "the turn says what to do with the connection"]
pub enum Turn {
    /// Everything said has been carried out: read on.
    Read,
    /// The room takes nothing now: do not read, and act again when it released its waiters.
    Wait,
    /// The connection ends.
    Close(CloseReason),
}

impl Session {
    /// A connection that was accepted `now` from `peer`, and has the name timeout to say who it is.
    pub fn new(settings: Arc<Settings>, peer: SocketAddr, now: Instant) -> Self {
        Self {
            decoder: Decoder::new(settings.max_name),
            deadline: Some(now + settings.name_timeout),
            settings,
            peer,
            member: None,
            name: None,
            stash: None,
            taken: None,
            ended: false,
            renamed: None,
            news: News::default(),
        }
    }

    /// Takes what was read: at most [`READ_CHUNK`](crate::READ_CHUNK) bytes at a time.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.decoder.feed(bytes);
    }

    /// Takes note that the client has said its last (SPEC CLS-06).
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Carries out what has been said, in order: the first frame joins, every later one is a message.
    /// `handle` is how the server reaches this connection.
    pub fn act<H: Clone>(&mut self, room: &mut Room<H>, handle: &H, now: Instant) -> Turn {
        self.carry_out(room, handle, now).unwrap_or_else(Turn::Close)
    }

    fn carry_out<H: Clone>(
        &mut self,
        room: &mut Room<H>,
        handle: &H,
        now: Instant,
    ) -> Result<Turn, CloseReason> {
        loop {
            let Some(member) = self.member else {
                let Some(name) = self.next_name()? else { break };
                match self.join(room, handle, &name, now) {
                    Ok(()) => continue,
                    Err(Outside::Refused(reason)) => return Err(reason),
                    Err(Outside::Paused) => {
                        // It has said who it is: what it waits for is not its own doing.
                        (self.stash, self.deadline) = (Some(name), None);
                        return Ok(Turn::Wait);
                    }
                }
            };
            let Some(text) = self.next_message(now)? else { break };
            match room.hear(member, &text, now) {
                said @ (Said::Appended | Said::Renamed) => {
                    (self.deadline, self.taken) = (None, None);
                    self.news.said(text.len());
                    if said == Said::Renamed {
                        self.note_rename(room.name(member).cloned(), now);
                    }
                }
                Said::Paused => {
                    self.pause(text, room, now);
                    return Ok(Turn::Wait);
                }
                Said::Closed => return Err(room.why_gone(member)),
            }
        }
        if self.ended { Err(self.last_words()) } else { Ok(Turn::Read) }
    }

    /// Keeps a message that the room did not take. If that is not because of the room but because of
    /// answers that this member does not read, it is waited for no longer than for others (SPEC BPR-09);
    /// the time begins anew whenever it has read some.
    fn pause<H: Clone>(&mut self, text: Bytes, room: &Room<H>, now: Instant) {
        self.stash = Some(text);
        if room.is_paused() {
            return;
        }
        let taken = self.member.map_or(0, |member| room.taken(member));
        if self.taken.is_none_or(|before| taken > before) {
            self.deadline = Some(now + self.settings.patience);
        }
        self.taken = Some(taken);
    }

    fn join<H: Clone>(
        &mut self,
        room: &mut Room<H>,
        handle: &H,
        name: &[u8],
        now: Instant,
    ) -> Result<(), Outside> {
        let name = Name::new(name).map_err(|error| Outside::Refused(error.into()))?;
        let member = room.join(&name, handle.clone(), now)?;
        self.name = room.name(member).cloned();
        self.member = Some(member);
        self.decoder.set_limit(self.settings.max_message);
        self.deadline = None;
        self.news.joined.clone_from(&self.name);
        Ok(())
    }

    /// Takes note of a new name. However often a client changes it, the log has one line a second about it
    /// (SPEC SEC-02), and its end is written with its last name.
    fn note_rename(&mut self, name: Option<Name>, now: Instant) {
        let before = std::mem::replace(&mut self.name, name);
        if self.renamed.is_none_or(|renamed| now - renamed >= RENAMES_APART) {
            self.renamed = Some(now);
            self.news.renamed = before;
        }
    }

    /// The name that waits, or the one that is complete.
    fn next_name(&mut self) -> Result<Option<Bytes>, CloseReason> {
        let stashed = self.stash.take();
        Ok(if stashed.is_some() { stashed } else { self.decoder.next_frame()? })
    }

    /// The message that waits, or the next one that is complete, as text.
    fn next_message(&mut self, now: Instant) -> Result<Option<Bytes>, CloseReason> {
        if let Some(text) = self.stash.take() {
            return Ok(Some(text));
        }
        let frame = self.decoder.next_frame()?;
        if frame.is_some() || !self.decoder.is_mid_frame() {
            self.deadline = None;
        } else if self.deadline.is_none() {
            self.deadline = Some(now + self.settings.frame_timeout);
        }
        Ok(frame.map(|frame| to_utf8(frame, self.settings.max_message)))
    }

    /// Why a connection ends that the client has closed.
    fn last_words(&self) -> CloseReason {
        if self.member.is_none() {
            CloseReason::LeftUnnamed
        } else if self.decoder.is_mid_frame() {
            CloseReason::LeftMidFrame
        } else {
            CloseReason::Left
        }
    }

    /// Writes to the log what [`act`](Self::act) has done since the last time.
    pub fn log(&mut self) {
        let News { joined, renamed, messages, bytes } = std::mem::take(&mut self.news);
        if let Some(name) = joined {
            info!(peer = %self.peer, name = ?name.as_str(), "joined");
        }
        if let Some(before) = renamed {
            info!(peer = %self.peer, name = ?self.name(), before = ?before.as_str(), "renamed");
        }
        if messages > 0 {
            debug!(peer = %self.peer, messages, bytes, "said");
        }
    }

    /// Until when the client must have said its name, completed the frame it has begun, or, after
    /// [`Turn::Wait`], read the answers that wait for it.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Why the connection ends if that time has passed (SPEC HSK-08, SLO-02).
    pub fn expired(&self, now: Instant) -> Option<CloseReason> {
        let late = self.deadline.is_some_and(|deadline| deadline <= now);
        let reason = match (self.member, &self.stash) {
            (None, _) => CloseReason::NameTimeout,
            (_, None) => CloseReason::FrameTimeout,
            (_, Some(_)) => CloseReason::TooSlow,
        };
        late.then_some(reason)
    }

    /// After [`Turn::Wait`]: until when to wait for the room, `stop` at most; `None` is for as long as it
    /// takes.
    ///
    /// # Errors
    ///
    /// Why not any longer: answers are not read, or the time to stop has come.
    pub fn wait_until(
        &self,
        stop: Option<Instant>,
        now: Instant,
    ) -> Result<Option<Instant>, CloseReason> {
        if let Some(reason) = self.expired(now) {
            return Err(reason);
        }
        if stop.is_some_and(|stop| stop <= now) {
            return Err(CloseReason::Shutdown);
        }
        Ok(stop.into_iter().chain(self.deadline).min())
    }

    /// The member this connection is; `None` before it has said its name.
    pub fn member(&self) -> Option<MemberId> {
        self.member
    }

    fn name(&self) -> &str {
        self.name.as_ref().map_or("", Name::as_str)
    }
}

impl News {
    fn said(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes;
    }
}

/// Between two lines about new names of one member.
const RENAMES_APART: Duration = Duration::from_secs(1);
