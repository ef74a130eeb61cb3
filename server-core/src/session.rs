//! Session: what one connection has said, turned into what the room does.

mod activity;
mod end;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use protocol::{Decoder, Name, to_utf8};

use self::activity::{Activity, Rename};
pub use self::end::rejection;
use crate::close::CloseReason;
use crate::room::{JoinError, MemberId, Room, Said};
use crate::settings::Settings;

/// One connection's side of the conversation. It knows no socket and no clock.
///
/// The methods by kind, in the order a server calls them:
///
/// 1. [`feed`](Self::feed) takes what was read, [`end`](Self::feed_eof) that there will be no more; no lock
///    is needed;
/// 2. [`act`](Self::process_input), with the room held, carries out what has been said and tells what to do next;
///    [`log`](Self::log_activity), with the room free, writes about it; [`wait_until`](Self::wait_until) tells how
///    long to wait if the room takes nothing;
/// 3. between reads, [`deadline`](Self::deadline) and [`expired`](Self::expired) tell how long a client
///    may take;
/// 4. once, in the end: [`finish`](Self::drain), deliver until the room says it is done, then
///    [`leave`](Self::leave), then [`rejection`](Self::rejection) and the connection's end.
#[derive(Debug)]
pub struct Session {
    settings: Arc<Settings>,
    peer: SocketAddr,
    decoder: Decoder,
    /// `None` before it has said its name.
    joined: Option<Joined>,
    /// A frame that the room did not take yet.
    stash: Option<Box<Stash>>,
    /// Until when a name, or the frame that has begun, must be complete, or answers read.
    deadline: Option<Instant>,
    ended: bool,
    /// Whether `log` has yet to write that it joined.
    newly_joined: bool,
    /// `None` as long as it has the name that it joined with.
    rename: Option<Box<Rename>>,
    /// What it has said that `log` has yet to write about.
    activity: Activity,
}

/// The member that a connection is.
#[derive(Debug)]
struct Joined {
    member: MemberId,
    name: Name,
}

#[derive(Debug)]
struct Stash {
    frame: Bytes,
    /// What this member had taken when the frame was paused because of answers that wait for it.
    taken: Option<u64>,
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
            joined: None,
            stash: None,
            ended: false,
            newly_joined: false,
            rename: None,
            activity: Activity::default(),
        }
    }

    /// Takes what was read: at most [`READ_CHUNK`](crate::READ_CHUNK) bytes at a time.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.decoder.feed(bytes);
    }

    /// Takes note that the client has said its last (SPEC CLS-06).
    pub fn feed_eof(&mut self) {
        self.ended = true;
    }

    /// Carries out what has been said, in order: the first frame joins, every later one is a message.
    /// `handle` is how the server reaches this connection.
    // Kept out of the function that calls it, so that what comes behind it lies no deeper in a thread's stack: that
    // is a page for each client.
    #[inline(never)]
    pub fn process_input<H: Clone>(
        &mut self,
        room: &mut Room<H>,
        handle: &H,
        now: Instant,
    ) -> Turn {
        self.process_frames(room, handle, now).unwrap_or_else(Turn::Close)
    }

    fn process_frames<H: Clone>(
        &mut self,
        room: &mut Room<H>,
        handle: &H,
        now: Instant,
    ) -> Result<Turn, CloseReason> {
        loop {
            let Some(member) = self.member() else {
                let Some(name) = self.next_name()? else { break };
                match self.join(room, handle, &name, now) {
                    Ok(()) => continue,
                    Err(JoinError::Refused(reason)) => return Err(reason),
                    Err(JoinError::Paused) => {
                        // It has said who it is: what it waits for is not its own doing.
                        self.stash = Some(Box::new(Stash { frame: name, taken: None }));
                        self.deadline = None;
                        return Ok(Turn::Wait);
                    }
                }
            };
            match self.say_next(member, room, now)? {
                None => break,
                Some(Said::Appended) => {}
                Some(Said::Renamed) => self.note_rename(room.name(member), now),
                Some(Said::Paused) => return Ok(Turn::Wait),
                Some(Said::Closed) => return Err(room.close_reason(member)),
            }
        }
        if self.ended { Err(self.eof_reason()) } else { Ok(Turn::Read) }
    }

    /// Keeps a message that the room did not take. If that is not because of the room but because of
    /// answers that this member does not read, it is waited for no longer than for others (SPEC BPR-09);
    /// the time begins anew whenever it has read some.
    fn pause<H: Clone>(&mut self, mut stash: Stash, room: &Room<H>, now: Instant) {
        if !room.is_paused() {
            let taken = self.member().map_or(0, |member| room.written(member));
            if stash.taken.is_none_or(|before| taken > before) {
                self.deadline = Some(now + self.settings.patience);
            }
            stash.taken = Some(taken);
        }
        self.stash = Some(Box::new(stash));
    }

    fn join<H: Clone>(
        &mut self,
        room: &mut Room<H>,
        handle: &H,
        name: &[u8],
        now: Instant,
    ) -> Result<(), JoinError> {
        let name = Name::new(name).map_err(|error| JoinError::Refused(error.into()))?;
        let member = room.join(&name, handle.clone(), now)?;
        // It may have got a number.
        let name = room.name(member).cloned().unwrap_or(name);
        self.joined = Some(Joined { member, name });
        self.decoder.set_limit(self.settings.max_message);
        self.deadline = None;
        self.newly_joined = true;
        Ok(())
    }

    /// The name that waits, or the one that is complete.
    fn next_name(&mut self) -> Result<Option<Bytes>, CloseReason> {
        match self.stash.take() {
            Some(stash) => Ok(Some(stash.frame)),
            None => Ok(self.decoder.next_frame()?),
        }
    }

    /// Says the message that waits, or the next one that is complete, as text; keeps it if the room does not take it.
    fn say_next<H: Clone>(
        &mut self,
        member: MemberId,
        room: &mut Room<H>,
        now: Instant,
    ) -> Result<Option<Said>, CloseReason> {
        if let Some(stash) = self.stash.take() {
            let said = room.hear(member, &stash.frame, now);
            self.note_said(said, stash.frame.len());
            if said == Said::Paused {
                self.pause(*stash, room, now);
            }
            return Ok(Some(said));
        }
        let limit = self.settings.max_message;
        let heard = self.decoder.read_frame(|frame| {
            let text = to_utf8(frame, limit);
            let said = room.hear(member, text.as_bytes(), now);
            (said != Said::Paused).then_some((said, text.len()))
        })?;
        if heard.is_some() || !self.decoder.is_mid_frame() {
            self.deadline = None;
        } else if self.deadline.is_none() {
            self.deadline = Some(now + self.settings.frame_timeout);
        }
        match heard {
            None => Ok(None),
            Some(Some((said, bytes))) => {
                self.note_said(said, bytes);
                Ok(Some(said))
            }
            Some(None) => {
                self.keep_next(room, now)?;
                Ok(Some(Said::Paused))
            }
        }
    }

    fn note_said(&mut self, said: Said, bytes: usize) {
        if matches!(said, Said::Appended | Said::Renamed) {
            self.deadline = None;
            self.activity.said(bytes);
        }
    }

    /// Takes the next message out of the decoder, because the room did not take it.
    fn keep_next<H: Clone>(&mut self, room: &Room<H>, now: Instant) -> Result<(), CloseReason> {
        let Some(frame) = self.decoder.next_frame()? else { return Ok(()) };
        let text = match to_utf8(&frame, self.settings.max_message) {
            // What was valid is not copied.
            Cow::Borrowed(_) => None,
            Cow::Owned(text) => Some(Bytes::from(text)),
        };
        self.pause(Stash { frame: text.unwrap_or(frame), taken: None }, room, now);
        Ok(())
    }

    /// Why a connection ends that the client has closed.
    fn eof_reason(&self) -> CloseReason {
        if self.joined.is_none() {
            CloseReason::LeftUnnamed
        } else if self.decoder.is_mid_frame() {
            CloseReason::LeftMidFrame
        } else {
            CloseReason::Left
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
        let reason = match (self.member(), &self.stash) {
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
        self.joined.as_ref().map(|joined| joined.member)
    }
}
