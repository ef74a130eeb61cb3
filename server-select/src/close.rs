//! Close: the end of a connection: drain, leave, close, linger.

use std::time::Instant;

use server_core::socket::{self, Discarded};
use server_core::{CloseReason, Ending};

use crate::Server;
use crate::connection::Phase;

impl Server {
    /// Ends a connection. Its member is served what it is owed, then its name is free, then the
    /// client sees the end.
    pub(crate) fn drain(&mut self, place: usize, reason: CloseReason) {
        // This is the beginning; `leave` goes on.
        let until = self.shutdown.serve_until(&self.settings, &reason, Instant::now());
        let connection = &mut self.connections[place];
        let wake = connection.session.drain(&mut self.room, &reason);
        connection.phase = Phase::Draining(Box::new(reason));
        self.set_timer(place, Some(until));
        self.wake(wake);
        // There may be nothing to wait for.
        self.waiting.push(place);
        self.may_resume = true;
    }

    /// Goes on when the member is drained, or its time is up.
    pub(crate) fn leave(&mut self, place: usize) {
        let connection = &mut self.connections[place];
        let Phase::Draining(reason) = &mut connection.phase else { return };
        let wake = connection.session.leave(&mut self.room, reason);
        connection.session.log_end(reason);
        self.wake(wake);
        self.close(place);
    }

    /// Closes the connection in the way that its reason demands.
    fn close(&mut self, place: usize) {
        let connection = &mut self.connections[place];
        let Phase::Draining(reason) = &connection.phase else { return };
        match reason.ending() {
            Ending::Plain => socket::half_close(&connection.stream),
            Ending::Abort => socket::reset_on_close(&connection.stream),
            Ending::Refusal => {
                socket::reject(&connection.stream, connection.session.rejection(reason));
                return self.start_lingering(place, Phase::Lingering);
            }
        }
        self.remove(place);
    }

    /// Lets a rejected client read the reason.
    pub(crate) fn start_lingering(&mut self, place: usize, phase: Phase) {
        let until = self.shutdown.linger_until(&self.settings, Instant::now());
        self.connections[place].phase = phase;
        self.set_timer(place, Some(until));
        self.ready.push(place);
    }

    /// Reads on for a moment: closing with unread bytes would reset the connection, and the client would lose
    /// the reason.
    pub(crate) fn linger(&mut self, place: usize) {
        match socket::discard_input(&self.connections[place].stream) {
            Ok(Discarded::Eof) => self.remove(place),
            Ok(Discarded::Partly) => self.ready.push(place),
            // The poll reports later input.
            Err(_) => {}
        }
    }

    /// Ends a wait whose deadline is over.
    pub(crate) fn time_out(&mut self, place: usize, now: Instant) {
        let connection = &mut self.connections[place];
        match &mut connection.phase {
            Phase::Reading | Phase::Paused => match connection.session.expired(now) {
                Some(reason) => self.drain(place, reason),
                None => self.set_timer(place, None),
            },
            Phase::Draining(reason) => {
                **reason = CloseReason::TooSlow;
                self.leave(place);
            }
            Phase::Lingering | Phase::Rejected => self.remove(place),
        }
    }

    fn remove(&mut self, place: usize) {
        self.set_timer(place, None);
        let connection = self.connections.remove(place);
        self.lingering -= usize::from(connection.phase == Phase::Rejected);
    }
}
