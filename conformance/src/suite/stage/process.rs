//! Process: what a test sees of the server as a process, and does to it.

use std::time::Duration;

use load::measure::{Usage, is_waiting};

use super::Stage;
use crate::process::{ServerProcess, User};
use crate::suite::blame::Fault;

impl Stage {
    /// The server's process.
    ///
    /// # Errors
    ///
    /// It is not one of the suite's own: the test does not apply.
    pub fn process(&self) -> Result<&ServerProcess, Fault> {
        let reason = "only a server that the suite has started can be looked into";
        self.instance.process().ok_or_else(|| Fault::Inapplicable(reason.into()))
    }

    /// Types at the server's console.
    ///
    /// # Errors
    ///
    /// It is not a process of the suite's own, or it does not read its standard input.
    pub fn type_at_console(&self, text: &str) -> Result<(), Fault> {
        self.process()?.type_in(text).map_err(|error| {
            Fault::broken(format!("the server does not take what is typed at it: {error}"))
        })
    }

    /// What the server's process uses now.
    ///
    /// # Errors
    ///
    /// It has ended, which breaks whatever rule is tested; or it is not the suite's own, or the system does
    /// not tell: the test does not apply.
    pub fn usage(&self) -> Result<Usage, Fault> {
        let process = self.process()?;
        if let Some(status) = process.wait(Duration::ZERO) {
            return Err(Fault::broken(format!("the server has ended ({status})")));
        }
        let reason = "this system does not tell what a process uses";
        Usage::of(process.id()).ok_or_else(|| Fault::Inapplicable(reason.into()))
    }

    /// Whether the server may be on the point of doing something: it runs, or would if it were its turn. One
    /// that cannot be looked into never is.
    pub fn is_server_busy(&self) -> bool {
        let id = self.instance.process().map(ServerProcess::id);
        id.and_then(is_waiting).is_some_and(|waits| !waits)
    }

    /// Demands that the server spends next to no processor time in a second in which it has nothing to do;
    /// `wait` waits for that long.
    ///
    /// # Errors
    ///
    /// It spends more, that of the wait, or as [`usage`](Self::usage).
    pub fn expect_rest(
        &self,
        when: &str,
        mut wait: impl FnMut(Duration) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut spent = Duration::ZERO;
        // On a busy machine it may have had something left to do in the first.
        for _ in 0..2 {
            let before = self.usage()?.cpu();
            wait(QUIET)?;
            spent = self.usage()?.cpu().saturating_sub(before);
            if spent <= REST_CPU_MAX {
                return Ok(());
            }
        }
        let (spent, quiet) = (spent.as_millis(), QUIET.as_millis());
        Err(Fault::broken(format!("the server spent {spent} ms of {quiet} ms while {when}")))
    }

    /// Finds out, before anybody joins, whether the server can be ended and started again.
    ///
    /// # Errors
    ///
    /// It cannot: the test does not apply.
    pub fn require_restart(&self) -> Result<(), Fault> {
        let obstacle = self.instance.restart_obstacle();
        obstacle.map_or(Ok(()), |reason| Err(Fault::Inapplicable(reason.into())))
    }

    /// Ends the server and starts it again at the same place.
    ///
    /// # Errors
    ///
    /// It does not come up again.
    pub fn restart(&mut self) -> Result<(), Fault> {
        self.witness = None;
        self.instance.restart().map_err(|error| Fault::broken(error.to_string()))
    }

    /// As [`restart`](Self::restart), for this user.
    ///
    /// # Errors
    ///
    /// It cannot run as that user: the test does not apply. Or it does not come up again.
    pub fn restart_as(&mut self, user: User) -> Result<(), Fault> {
        self.witness = None;
        let restarted = self.instance.restart_as(user);
        restarted.map_err(|error| Fault::Inapplicable(error.to_string()))
    }

    /// A second server of the same kind, started on the port of the first.
    ///
    /// # Errors
    ///
    /// It cannot be started: the test does not apply.
    pub fn start_beside(&self) -> Result<ServerProcess, Fault> {
        self.instance.start_beside().map_err(|error| Fault::Inapplicable(error.to_string()))
    }
}

const QUIET: Duration = Duration::from_secs(1);
/// Three in a hundred: a timer now and then, and no loop that polls.
const REST_CPU_MAX: Duration = Duration::from_millis(30);
