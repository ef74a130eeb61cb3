//! Shared: on a server that others use as well, no row abandons a client, however the row ends.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use conformance::spec::{Rule, rules};
use conformance::suite::{Plan, Verdict, is_tested, run_row};
use conformance::target::{
    Evidence, Instance, Medium, MemoryRoom, NotStarted, Origin, Received, Target, Wire,
};

#[test]
fn rows_that_pass_end_all_their_connections() {
    let room = SharedRoom::new("others");
    for rule in rows() {
        let verdict = run_row(&rule, &room, PLAN).verdict;
        let passes = !matches!(verdict, Verdict::Fail(_) | Verdict::Inconclusive(_));
        assert!(passes, "{}: {verdict:?}", rule.id);
        assert_eq!(0, room.abandoned.take(), "clients abandoned by {}", rule.id);
    }
}

#[test]
fn rows_that_fail_end_all_their_connections() {
    let room = SharedRoom::new("everyone");
    let mut failed = 0;
    for rule in rows() {
        failed += u32::from(matches!(run_row(&rule, &room, PLAN).verdict, Verdict::Fail(_)));
        assert_eq!(0, room.abandoned.take(), "clients abandoned by {}", rule.id);
    }
    assert!(failed > 10, "only {failed} rows notice that the sender receives its own messages");
}

/// The rules with a test, except the one with eleven hundred clients, for which the room in memory
/// is not made.
fn rows() -> impl Iterator<Item = Rule> {
    rules().into_iter().filter(|rule| is_tested(rule) && rule.id != "RES-04")
}

/// A room in memory that declares itself shared, and counts the clients that are abandoned in it.
struct SharedRoom {
    relay: &'static str,
    abandoned: Rc<Cell<u32>>,
}

impl SharedRoom {
    fn new(relay: &'static str) -> Self {
        Self { relay, abandoned: Rc::default() }
    }
}

impl Target for SharedRoom {
    fn start(&self, flags: &[String]) -> Result<Box<dyn Instance>, NotStarted> {
        if !flags.is_empty() {
            return Err(NotStarted::Inapplicable(
                "it runs already, so its flags cannot be changed",
            ));
        }
        let room = MemoryRoom.start(&["--relay".into(), self.relay.into()])?;
        Ok(Box::new(SharedInstance { room, abandoned: Rc::clone(&self.abandoned) }))
    }

    fn origin(&self) -> Origin {
        Origin::Foreign
    }

    fn rerun(&self, id: &str, seed: u64) -> String {
        format!("rerun {id} {seed}")
    }
}

struct SharedInstance {
    room: Box<dyn Instance>,
    abandoned: Rc<Cell<u32>>,
}

impl Instance for SharedInstance {
    fn connect(&self) -> io::Result<Box<dyn Wire>> {
        let abandoned = Rc::clone(&self.abandoned);
        let wire = self.room.connect()?;
        Ok(Box::new(Observed { wire, has_sent: false, has_left: false, ended: false, abandoned }))
    }

    fn medium(&self) -> Medium {
        Medium::Shared
    }
}

/// A connection that observes its client: one that has sent must half-close or reset, and wait for
/// the end.
struct Observed {
    wire: Box<dyn Wire>,
    has_sent: bool,
    has_left: bool,
    ended: bool,
    abandoned: Rc<Cell<u32>>,
}

impl Wire for Observed {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.has_sent = true;
        self.wire.send(bytes)
    }

    fn receive(&mut self, most: usize, within: Duration) -> Received {
        let received = self.wire.receive(most, within);
        self.ended |= matches!(received, Received::Eof | Received::Reset);
        received
    }

    fn half_close(&mut self) -> io::Result<()> {
        self.has_left = true;
        self.wire.half_close()
    }

    fn reset(&mut self) {
        (self.has_left, self.ended) = (true, true);
        self.wire.reset();
    }

    fn await_read(&mut self, within: Duration) -> Evidence {
        self.wire.await_read(within)
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        if self.has_sent && !(self.has_left && self.ended) {
            self.abandoned.set(self.abandoned.get() + 1);
        }
    }
}

/// With short deadlines, because a room in memory answers at once.
const PLAN: Plan = Plan { seed: 1, slack: 0.1, level: 1 };
