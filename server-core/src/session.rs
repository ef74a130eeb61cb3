//! Session: the server's side of one connection: bytes in, calls to the room out.
//!
//! ```text
//!            a whole first frame         EOF, a broken rule, a deadline, the shutdown
//!  unnamed ──────────────────────► member ──────────────────────────────► draining ──► closed
//!     │                            │    ▲                                                ▲
//!     │                      Wait  ▼    │  the room accepts messages again               │
//!     │                           waiting                                                │
//!     └──── EOF, a broken rule, the name timeout, the shutdown ──────────────────────────┘
//! ```

mod activity;
mod deadline;
mod end;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use protocol::{Decoder, Name, parse_header, to_utf8};

use self::activity::{Activity, Rename};
pub use self::end::rejection;
use crate::close::CloseReason;
use crate::foreign::Foreign;
use crate::room::{JoinError, MemberId, Room, Said};
use crate::settings::Settings;

/// One connection, from its first byte to its close reason. It contains no socket and no clock.
///
/// The methods by kind, in the order in which a server calls them:
///
/// 1. [`feed`](Self::feed) takes bytes that were read, [`feed_eof`](Self::feed_eof) the end of the stream.
///    Neither needs the room.
/// 2. [`process_input`](Self::process_input), with the room locked, turns whole frames into calls to the
///    room and says what to do next. [`log_activity`](Self::log_activity), with the room unlocked, logs
///    what happened. [`wait_until`](Self::wait_until) says how long to wait after [`Next::Wait`].
/// 3. Between reads, [`deadline`](Self::deadline) and [`expired`](Self::expired) limit how long the client
///    may take.
/// 4. Once, at the end: [`drain`](Self::drain); delivery goes on until [`is_drained`](Self::is_drained);
///    then [`leave`](Self::leave), [`rejection`](Self::rejection) and the close.
#[derive(Debug)]
pub struct Session {
    settings: Arc<Settings>,
    peer: SocketAddr,
    decoder: Decoder,
    /// `None` until the client has sent its name.
    joined: Option<Joined>,
    /// A frame that the room has not accepted yet.
    stash: Option<Box<Stash>>,
    /// Until when the client must complete its name, complete the frame that it has begun, or read its
    /// answers.
    deadline: Option<Instant>,
    /// Whether the client sent EOF.
    eof: bool,
    activity: Activity,
    /// Whether the client has sent text that is not valid UTF-8.
    repaired: bool,
    /// `None` while the member has the name that it joined with.
    rename: Option<Box<Rename>>,
}

/// The member that this connection is.
#[derive(Debug)]
struct Joined {
    member: MemberId,
    name: Name,
}

#[derive(Debug)]
struct Stash {
    frame: Bytes,
    /// If the frame waits for the member's own answers: the bytes that the member's socket had taken then.
    written: Option<u64>,
}

/// What a connection does next.
#[derive(Debug)]
#[must_use = "it says what to do with the connection"]
pub enum Next {
    /// All input was processed: read more.
    Read,
    /// The room accepts nothing now: do not read, and process the input again when waiters are woken.
    Wait,
    /// The connection ends.
    Close(CloseReason),
}

impl Session {
    /// The session of a connection that was accepted `now` from `peer`. The name timeout starts.
    pub fn new(settings: Arc<Settings>, peer: SocketAddr, now: Instant) -> Self {
        Self {
            decoder: Decoder::new(settings.max_name),
            deadline: Some(now + settings.name_timeout),
            settings,
            peer,
            joined: None,
            stash: None,
            eof: false,
            repaired: false,
            activity: Activity::default(),
            rename: None,
        }
    }

    /// Takes bytes that were read: at most [`READ_CHUNK`](crate::READ_CHUNK) at a time.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.decoder.feed(bytes);
    }

    /// Records that the client sent EOF (SPEC CLS-06).
    pub fn feed_eof(&mut self) {
        self.eof = true;
    }

    /// Processes the whole frames that were fed, in order: the first one is the name, every later one a
    /// message. `handle` is how the server reaches this connection.
    // A function of its own, so that the code after it does not run deeper in a thread's stack: that would cost a
    // page of memory per client.
    #[inline(never)]
    pub fn process_input<H: Clone>(
        &mut self,
        room: &mut Room<H>,
        handle: &H,
        now: Instant,
    ) -> Next {
        self.process_frames(room, handle, now).unwrap_or_else(Next::Close)
    }

    fn process_frames<H: Clone>(
        &mut self,
        room: &mut Room<H>,
        handle: &H,
        now: Instant,
    ) -> Result<Next, CloseReason> {
        loop {
            let Some(member) = self.member() else {
                let Some(name) = self.next_name()? else { break };
                match self.join(room, handle, &name, now) {
                    Ok(()) => continue,
                    Err(JoinError::Refused(reason)) => return Err(reason),
                    Err(JoinError::Paused) => {
                        // The client has sent its name. The wait is not its fault.
                        self.stash = Some(Box::new(Stash { frame: name, written: None }));
                        self.deadline = None;
                        return Ok(Next::Wait);
                    }
                }
            };
            match self.next_message(member, room, now)? {
                None => break,
                Some(Said::Appended) => {}
                Some(Said::Renamed) => self.record_rename(room.name(member), now),
                Some(Said::Paused) => return Ok(Next::Wait),
                Some(Said::Closed) => return Err(room.close_reason(member)),
            }
        }
        if self.eof { Err(self.eof_reason()) } else { Ok(Next::Read) }
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
        // The room may have given it a numbered name.
        let name = room.name(member).cloned().unwrap_or(name);
        self.joined = Some(Joined { member, name });
        self.decoder.set_limit(self.settings.max_message);
        self.deadline = None;
        self.activity.joined = true;
        Ok(())
    }

    /// The name in the stash, or the next whole frame.
    fn next_name(&mut self) -> Result<Option<Bytes>, CloseReason> {
        if let Some(stash) = self.stash.take() {
            return Ok(Some(stash.frame));
        }
        let first_bytes = self.decoder.buffered();
        if parse_header(first_bytes).is_err()
            && let Some(foreign) = Foreign::recognise(first_bytes)
        {
            return Err(CloseReason::Foreign(foreign));
        }
        Ok(self.decoder.next_frame()?)
    }

    /// Gives the room the message in the stash, or the next whole frame as text. What the room does not
    /// accept is stashed.
    fn next_message<H: Clone>(
        &mut self,
        member: MemberId,
        room: &mut Room<H>,
        now: Instant,
    ) -> Result<Option<Said>, CloseReason> {
        if let Some(stash) = self.stash.take() {
            let said = room.hear(member, &stash.frame, now);
            self.record_message(said, stash.frame.len());
            if said == Said::Paused {
                self.pause(*stash, room, now);
            }
            return Ok(Some(said));
        }
        let limit = self.settings.max_message;
        let heard = self.decoder.read_frame(|frame| {
            let text = to_utf8(frame, limit);
            let is_repaired = matches!(text, Cow::Owned(_));
            let said = room.hear(member, text.as_bytes(), now);
            (said != Said::Paused).then_some((said, text.len(), is_repaired))
        })?;
        if heard.is_some() || !self.decoder.is_mid_frame() {
            self.deadline = None;
        } else if self.deadline.is_none() {
            self.deadline = Some(now + self.settings.frame_timeout);
        }
        match heard {
            None => Ok(None),
            Some(Some((said, bytes, is_repaired))) => {
                self.record_message(said, bytes);
                if is_repaired {
                    self.record_repair();
                }
                Ok(Some(said))
            }
            Some(None) => {
                self.stash_next(room, now)?;
                Ok(Some(Said::Paused))
            }
        }
    }

    fn record_message(&mut self, said: Said, bytes: usize) {
        if matches!(said, Said::Appended | Said::Renamed) {
            self.deadline = None;
            self.activity.said(bytes);
        }
    }

    /// Stashes the decoder's next frame, which the room did not accept.
    fn stash_next<H: Clone>(&mut self, room: &Room<H>, now: Instant) -> Result<(), CloseReason> {
        let Some(frame) = self.decoder.next_frame()? else { return Ok(()) };
        let text = match to_utf8(&frame, self.settings.max_message) {
            // Valid text is not copied.
            Cow::Borrowed(_) => None,
            Cow::Owned(text) => Some(Bytes::from(text)),
        };
        if text.is_some() {
            self.record_repair();
        }
        self.pause(Stash { frame: text.unwrap_or(frame), written: None }, room, now);
        Ok(())
    }

    /// Stashes a message that the room did not accept. If the room is not paused, answers wait for this
    /// member, and it has the room's patience to read them (SPEC BPR-09). The time starts anew whenever its
    /// socket takes some of them.
    fn pause<H: Clone>(&mut self, mut stash: Stash, room: &Room<H>, now: Instant) {
        if !room.is_paused() {
            let written = self.member().map_or(0, |member| room.written(member));
            if stash.written.is_none_or(|before| written > before) {
                self.deadline = Some(now + self.settings.patience);
            }
            stash.written = Some(written);
        }
        self.stash = Some(Box::new(stash));
    }

    /// Why a connection ends whose client sent EOF.
    fn eof_reason(&self) -> CloseReason {
        if self.joined.is_none() {
            CloseReason::LeftUnnamed
        } else if self.decoder.is_mid_frame() {
            CloseReason::LeftMidFrame
        } else {
            CloseReason::Left
        }
    }

    /// The member that this connection is; `None` until the client has sent its name.
    pub fn member(&self) -> Option<MemberId> {
        self.joined.as_ref().map(|joined| joined.member)
    }
}
