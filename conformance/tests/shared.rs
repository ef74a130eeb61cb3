//! A server that others use, too: no row leaves a client behind in it, however the row ends.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use conformance::spec::{Rule, rules};
use conformance::suite::{Plan, Verdict, is_tested, run_row};
use conformance::target::{
    Evidence, Medium, MemoryRoom, NotStarted, Origin, Received, Subject, Target, Wire,
};

#[test]
fn rows_that_end_well_see_their_clients_off() {
    let room = SharedRoom::new("others");
    for rule in rows() {
        let verdict = run_row(&rule, &room, PLAN).verdict;
        let well = !matches!(verdict, Verdict::Fail(_) | Verdict::Inconclusive(_));
        assert!(well, "{}: {verdict:?}", rule.id);
        assert_eq!(0, room.left_behind.take(), "clients left behind by {}", rule.id);
    }
}

#[test]
fn rows_that_fail_see_their_clients_off() {
    let room = SharedRoom::new("everyone");
    let mut failed = 0;
    for rule in rows() {
        failed += u32::from(matches!(run_row(&rule, &room, PLAN).verdict, Verdict::Fail(_)));
        assert_eq!(0, room.left_behind.take(), "clients left behind by {}", rule.id);
    }
    assert!(failed > 10, "only {failed} rows see that the sender hears itself");
}

/// Those with a test; not that of eleven hundred clients, which no room in memory is made for.
fn rows() -> impl Iterator<Item = Rule> {
    rules().into_iter().filter(|rule| is_tested(rule) && rule.id != "RES-04")
}

/// A room in memory that says of itself that others use it, and counts who is left behind in it.
struct SharedRoom {
    relay: &'static str,
    left_behind: Rc<Cell<u32>>,
}

impl SharedRoom {
    fn new(relay: &'static str) -> Self {
        Self { relay, left_behind: Rc::default() }
    }
}

impl Subject for SharedRoom {
    fn start(&self, flags: &[String]) -> Result<Box<dyn Target>, NotStarted> {
        if !flags.is_empty() {
            return Err(NotStarted::Inapplicable("it runs already"));
        }
        let room = MemoryRoom.start(&["--relay".into(), self.relay.into()])?;
        Ok(Box::new(SharedTarget { room, left_behind: Rc::clone(&self.left_behind) }))
    }

    fn origin(&self) -> Origin {
        Origin::Foreign
    }

    fn rerun(&self, id: &str, seed: u64) -> String {
        format!("rerun {id} {seed}")
    }
}

struct SharedTarget {
    room: Box<dyn Target>,
    left_behind: Rc<Cell<u32>>,
}

impl Target for SharedTarget {
    fn connect(&self) -> io::Result<Box<dyn Wire>> {
        let left_behind = Rc::clone(&self.left_behind);
        let wire = self.room.connect()?;
        Ok(Box::new(Watched { wire, spoke: false, left: false, ended: false, left_behind }))
    }

    fn medium(&self) -> Medium {
        Medium::Shared
    }
}

/// A connection whose manners are watched: who has spoken has to leave, and to wait for the end.
struct Watched {
    wire: Box<dyn Wire>,
    spoke: bool,
    left: bool,
    ended: bool,
    left_behind: Rc<Cell<u32>>,
}

impl Wire for Watched {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.spoke = true;
        self.wire.send(bytes)
    }

    fn receive(&mut self, most: usize, within: Duration) -> Received {
        let received = self.wire.receive(most, within);
        self.ended |= matches!(received, Received::Eof | Received::Reset);
        received
    }

    fn half_close(&mut self) -> io::Result<()> {
        self.left = true;
        self.wire.half_close()
    }

    fn reset(&mut self) {
        (self.left, self.ended) = (true, true);
        self.wire.reset();
    }

    fn await_read(&mut self, within: Duration) -> Evidence {
        self.wire.await_read(within)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.spoke && !(self.left && self.ended) {
            self.left_behind.set(self.left_behind.get() + 1);
        }
    }
}

/// Short deadlines: nothing here has to be waited for.
const PLAN: Plan = Plan { seed: 1, slack: 0.1, level: 1 };
