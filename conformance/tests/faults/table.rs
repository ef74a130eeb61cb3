//! Table: which call fails with what and when, and who may suffer.

use conformance::target::Model;
use server_core::CloseReason;

/// A call that is made to fail.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    what: &'static str,
    /// As strace takes them; a `?` goes before those that some machines do not have.
    pub(crate) calls: &'static str,
    error: &'static str,
    /// Which of a thread's calls: `3` the third, `1..5` the first five, `1+3` every third from
    /// the first.
    when: &'static str,
    pub(crate) loss: Loss,
    /// Why newcomers must be refused meanwhile.
    pub(crate) told: Option<CloseReason>,
}

/// Who may be cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    Nobody,
    /// Each time the one member whose socket it was.
    ItsOwn,
}

impl Fault {
    pub(crate) fn name(&self) -> String {
        format!("{}_{}_{}", self.what, self.error, self.when)
    }

    /// What strace is asked for.
    pub(crate) fn injection(&self) -> String {
        format!("inject={}:error={}:when={}", self.calls, self.error, self.when)
    }
}

/// Every fault of this model.
pub(crate) fn faults(model: Model) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut add = |what, calls, errors: &[&'static str], when, loss, told: Option<CloseReason>| {
        let fault = |&error| Fault { what, calls, error, when, loss, told: told.clone() };
        faults.extend(errors.iter().map(fault));
    };
    // A rest, and again: the client waits in the kernel meanwhile. The last three are one connection's.
    let machine = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];
    let connections = ["ECONNABORTED", "EINTR", "EPROTO"];
    add("accept", "accept4", &machine, "1..5", Loss::Nobody, None);
    add("accept", "accept4", &machine, "1+3", Loss::Nobody, None);
    add("accept", "accept4", &connections, "1+3", Loss::Nobody, None);
    // Whoever is interrupted reads, writes or waits again. (The first call of the main thread, and those at
    // the end, may tell of a signal, and cannot fail.)
    add("read", "recvfrom", &["EINTR"], "1+3", Loss::Nobody, None);
    add("send", "sendto,sendmsg", &["EINTR"], "2..40+3", Loss::Nobody, None);
    // The kernel has no memory for this socket, and nothing tells when it has again: its client can come
    // back, which is soon, and until then there is one less to be served.
    add("read", "recvfrom", &["ENOMEM", "ENOBUFS"], "8", Loss::ItsOwn, None);
    add("send", "sendto,sendmsg", &["ENOMEM", "ENOBUFS"], "40", Loss::ItsOwn, None);
    match model {
        Model::Threaded => {
            add("wait", "?poll,ppoll", &["EINTR"], "1+3", Loss::Nobody, None);
            add("wait", "?poll,ppoll", &["ENOMEM"], "8", Loss::ItsOwn, None);
            // Announced, and not there. (A loop that is told of a change only once would be right to wait for
            // the next one, which here never comes.)
            add("accept", "accept4", &["EAGAIN"], "1+3", Loss::Nobody, None);
            add("read", "recvfrom", &["EAGAIN"], "1+3", Loss::Nobody, None);
            add("send", "sendto,sendmsg", &["EAGAIN"], "2..40+3", Loss::Nobody, None);
            // The first few threads are the server's own.
            let told = Some(CloseReason::Exhausted);
            add("spawn", "clone3", &["EAGAIN", "ENOMEM"], "6..8", Loss::Nobody, told);
        }
        Model::Select => {
            add("wait", "?epoll_wait,epoll_pwait", &["EINTR"], "1+3", Loss::Nobody, None);
            // The first few are for the loop's own descriptors.
            let told = Some(CloseReason::Exhausted);
            add("register", "epoll_ctl", &["ENOMEM", "ENOSPC"], "4..6", Loss::Nobody, told);
        }
        Model::Async => {
            add("wait", "?epoll_wait,epoll_pwait", &["EINTR"], "1+3", Loss::Nobody, None);
            // The runtime closes such a connection before anybody could be told.
            add("register", "epoll_ctl", &["ENOMEM", "ENOSPC"], "6..8", Loss::Nobody, None);
        }
    }
    faults
}
