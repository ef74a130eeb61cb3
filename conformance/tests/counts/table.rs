//! Table: the allowed and the measured number of system calls per message.
//!
//! "Measured" is the range of thirty runs on two cores; in ten of them, two other programs used all
//! the time they got.

use conformance::target::Model;
use libtest_mimic::Failed;

use crate::record::Calls;

/// A load, and the allowed calls per message.
pub(crate) struct Work {
    name: &'static str,
    /// The largest number of messages that a listener may not have received yet.
    pub(crate) in_flight: u64,
    bounds: [Bound; 4],
}

/// The allowed calls of one kind per message.
struct Bound {
    kind: Kind,
    least: f64,
    /// For threaded, select and async.
    most: [f64; 3],
}

/// The kinds of calls. Each call is of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Writes to a client.
    Sends,
    /// Reads from a client.
    Receives,
    /// Waits for readiness.
    Waits,
    /// All other calls: wake-ups, locks, timers, memory.
    Others,
}

/// One message in flight: a send per delivery, and the calls that receive the next message.
pub(crate) const ALONE: Work = Work {
    name: "one message in flight",
    in_flight: 1,
    bounds: [
        // Measured: 100 in every run.
        Bound { kind: Kind::Sends, least: 100.0, most: [100.0; 3] },
        // Measured: 1 in every run.
        Bound { kind: Kind::Receives, least: 1.0, most: [1.0; 3] },
        // Measured: 0.995 to 1.005; 4 in select and async, which look for input after every 32
        // members.
        Bound { kind: Kind::Waits, least: 0.0, most: [1.0, 4.0, 4.0] },
        // Measured: 0 to 0.02.
        Bound { kind: Kind::Others, least: 0.0, most: [0.0; 3] },
    ],
};

/// Many messages in flight: each send, read and wake-up coalesces all messages that have arrived.
/// How many these are depends on the scheduler, so the bounds are wide, but far below those of one
/// message in flight.
pub(crate) const TOGETHER: Work = Work {
    name: "64 messages in flight",
    in_flight: 64,
    bounds: [
        // Measured: 3 to 8.1, 2 to 4, 2.7 to 3.5. With fewer than 1.6, a listener would miss a
        // message.
        Bound { kind: Kind::Sends, least: 1.6, most: [25.0; 3] },
        // Measured: 0.065 to 0.105.
        Bound { kind: Kind::Receives, least: 0.0, most: [0.5; 3] },
        // Measured: 0.02 to 0.11.
        Bound { kind: Kind::Waits, least: 0.0, most: [0.5; 3] },
        // Measured: 0 to 0.09.
        Bound { kind: Kind::Others, least: 0.0, most: [0.5; 3] },
    ],
};

impl Work {
    /// Compares the calls for this number of messages with the bounds.
    pub(crate) fn check(&self, model: Model, calls: &Calls, messages: usize) -> Result<(), Failed> {
        for bound in &self.bounds {
            let of_kind = calls.iter().filter(|(name, _)| Kind::of(name) == bound.kind);
            let each = float(of_kind.map(|(_, count)| count).sum()) / float(messages);
            let least = (bound.least - SLACK).max(0.0);
            let most = bound.most[model as usize] + SLACK;
            if !(least..=most).contains(&each) {
                let (name, kind) = (self.name, bound.kind);
                return Err(format!(
                    "{name}: {least} to {most} {kind:?} per message expected, got {each}; \
                     calls for all {messages} messages: {calls:?}"
                )
                .into());
            }
        }
        Ok(())
    }
}

impl Kind {
    fn of(call: &str) -> Self {
        match call {
            "sendto" | "sendmsg" | "sendmmsg" => Self::Sends,
            "recvfrom" | "recvmsg" | "recvmmsg" => Self::Receives,
            "poll" | "ppoll" | "select" | "pselect6" | "epoll_wait" | "epoll_pwait" => Self::Waits,
            _ => Self::Others,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "all counts here are far below 2^53")]
fn float(count: usize) -> f64 {
    count as f64
}

/// Clients that receive every message: all but the speaker.
pub(crate) const LISTENERS: usize = 100;

/// For calls that are made only now and then, per message.
const SLACK: f64 = 0.1;
