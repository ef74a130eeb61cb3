//! Table: how many system calls a message may cost, and how many it was seen to cost.
//!
//! Seen is the range of thirty runs on two cores, ten of them beside two programs that never rested.

use conformance::target::Model;
use libtest_mimic::Failed;

use crate::record::Calls;

/// A way to talk, and what a message of it may cost.
pub(crate) struct Work {
    name: &'static str,
    /// The most messages that any listener may have still to hear.
    pub(crate) in_flight: u64,
    bounds: [Bound; 4],
}

/// How many calls of a kind a message may cost, in each server.
struct Bound {
    kind: Kind,
    least: f64,
    /// Threaded, select, async.
    most: [f64; 3],
}

/// Every call is of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// To a client.
    Sends,
    /// From a client.
    Receives,
    /// Until something is ready.
    Waits,
    /// Wake-ups, locks, timers, memory and whatever else there is.
    Others,
}

/// One message at a time: a send per delivery, and what it takes to learn of the next message.
pub(crate) const ALONE: Work = Work {
    name: "one message in flight",
    in_flight: 1,
    bounds: [
        // Seen: 100, in every run.
        Bound { kind: Kind::Sends, least: 100.0, most: [100.0; 3] },
        // Seen: 1, in every run.
        Bound { kind: Kind::Receives, least: 1.0, most: [1.0; 3] },
        // Seen: 0.995 to 1.005, and 4 in select and async, which look for what clients say after every 32 members.
        Bound { kind: Kind::Waits, least: 0.0, most: [1.0, 4.0, 4.0] },
        // Seen: 0 to 0.02.
        Bound { kind: Kind::Others, least: 0.0, most: [0.0; 3] },
    ],
};

/// Many at a time: every send, every read and every wake-up carries whatever has come in meanwhile. What
/// that is depends on who runs when, so the bounds are wide, but far below those of one at a time.
pub(crate) const TOGETHER: Work = Work {
    name: "64 messages in flight",
    in_flight: 64,
    bounds: [
        // Seen: 3 to 8.1, 2 to 4, 2.7 to 3.5. Were there less than 1.6, somebody would lack something.
        Bound { kind: Kind::Sends, least: 1.6, most: [25.0; 3] },
        // Seen: 0.065 to 0.105.
        Bound { kind: Kind::Receives, least: 0.0, most: [0.5; 3] },
        // Seen: 0.02 to 0.11.
        Bound { kind: Kind::Waits, least: 0.0, most: [0.5; 3] },
        // Seen: 0 to 0.09.
        Bound { kind: Kind::Others, least: 0.0, most: [0.5; 3] },
    ],
};

impl Work {
    /// Compares what so many messages cost with the table.
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
                     calls in all {messages} messages: {calls:?}"
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

#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^53")]
fn float(count: usize) -> f64 {
    count as f64
}

/// Clients that get every message, all but its speaker.
pub(crate) const LISTENERS: usize = 100;

/// What happens now and then, per message.
const SLACK: f64 = 0.1;
