//! Deliver: moves every member's cursor, each in its own task.

use std::sync::{Arc, MutexGuard, OnceLock};
use std::time::Instant;

use server_core::{CloseReason, MemberId, Offer, Release, Room, Session, socket};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::yield_now;

use crate::{Server, State};

/// How a member's task is reached.
#[derive(Debug, Default)]
pub(crate) struct Contact {
    /// Which member it is, once it has joined.
    member: OnceLock<MemberId>,
    /// There is something for this member alone, or it is no member any more.
    pub(crate) news: Notify,
}

impl Contact {
    /// Starts the delivery once the connection has joined.
    pub(crate) fn open(&self, member: Option<MemberId>) {
        if member.is_some_and(|member| self.member.set(member).is_ok()) {
            self.news.notify_one();
        }
    }
}

/// Tells those members' tasks that have something for themselves alone, and every member's task if there
/// is something new for all; each delivers it to its own client.
pub(crate) fn deliver(server: &Server, mut state: MutexGuard<'_, State>) {
    while let Some(contact) = next_told(&mut state.room) {
        contact.news.notify_one();
    }
    let head = state.room.head();
    drop(state);
    server.head.send_if_modified(|known| {
        let grown = head > *known;
        *known = head.max(*known);
        grown
    });
}

fn next_told(room: &mut Room<Arc<Contact>>) -> Option<&Arc<Contact>> {
    let member = room.next_told()?;
    room.handle(member)
}

/// Delivers for as long as the member is one.
pub(crate) async fn deliver_loop(
    server: &Server,
    stream: &TcpStream,
    contact: &Contact,
) -> CloseReason {
    let member = loop {
        contact.news.notified().await;
        if let Some(member) = contact.member.get() {
            break *member;
        }
    };
    let mut head = server.head.subscribe();
    loop {
        if let Err(reason) = deliver_to(server, stream, contact, member).await {
            return reason;
        }
        tokio::select! {
            // An error would mean that the sender is gone, and it is the server's.
            changed = head.changed() => changed.unwrap_or_default(),
            () = contact.news.notified() => {}
        }
    }
}

/// Delivers until a member that finishes has all that is for it.
pub(crate) async fn deliver_to_the_end(
    server: &Server,
    stream: &TcpStream,
    session: &Session,
    contact: &Contact,
) {
    let Some(member) = session.member() else { return };
    let mut head = server.head.subscribe();
    while deliver_to(server, stream, contact, member).await.is_ok()
        && !session.is_done(&server.lock().room)
    {
        tokio::select! {
            changed = head.changed() => changed.unwrap_or_default(),
            () = contact.news.notified() => {}
        }
    }
}

/// Offers one member what comes next for it until it has everything. The task yields while the socket
/// is full, and after each offer that was not the last.
async fn deliver_to(
    server: &Server,
    stream: &TcpStream,
    contact: &Contact,
    member: MemberId,
) -> Result<(), CloseReason> {
    loop {
        match offer(server, stream, member)? {
            Offered::Last => return Ok(()),
            Offered::More => yield_now().await,
            Offered::Full => tokio::select! {
                writable = stream.writable() => writable?,
                () = contact.news.notified() => {}
            },
        }
    }
}

enum Offered {
    Last,
    More,
    Full,
}

/// Makes one offer, with the room free meanwhile.
fn offer(server: &Server, stream: &TcpStream, member: MemberId) -> Result<Offered, CloseReason> {
    let mut offer = Offer::default();
    {
        let mut state = server.lock();
        if state.room.pull(member, &mut offer, Instant::now()).is_none() {
            let gone = state.room.name(member).is_none();
            return if gone { Err(state.room.why_gone(member)) } else { Ok(Offered::Last) };
        }
    }
    let sent = stream.try_io(Interest::WRITABLE, || socket::offer(stream, &offer));
    let mut state = server.lock();
    let release = state.room.offered(member, &offer, sent);
    server.wake(release);
    let outcome = if state.room.name(member).is_none() {
        Err(state.room.why_gone(member))
    } else if state.room.is_full(member) {
        Ok(Offered::Full)
    } else if state.room.is_behind(member) {
        Ok(Offered::More)
    } else {
        Ok(Offered::Last)
    };
    if release == Release::Waiters {
        // At the end of this member the others may be told that it has left.
        deliver(server, state);
    }
    outcome
}
