//! Table: the calls that fail, with which error and when, and the members that may lose their
//! connection.

use conformance::target::Model;
use server_core::CloseReason;

/// An injected fault.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    what: &'static str,
    /// In strace's notation; a `?` marks calls that some machines do not have.
    pub(crate) calls: &'static str,
    error: &'static str,
    /// Which of a thread's calls fail: `3` the third, `1..5` the first five, `1+3` every third from
    /// the first.
    when: &'static str,
    pub(crate) loss: Loss,
    /// The reason for which newcomers must be rejected meanwhile.
    pub(crate) rejection: Option<CloseReason>,
}

/// The members that may lose their connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    None,
    /// With each fault, the member whose socket it was.
    OneMember,
}

impl Fault {
    pub(crate) fn name(&self) -> String {
        format!("{}_{}_{}", self.what, self.error, self.when)
    }

    /// The argument for strace.
    pub(crate) fn injection(&self) -> String {
        format!("inject={}:error={}:when={}", self.calls, self.error, self.when)
    }
}

/// The faults for this model.
pub(crate) fn faults(model: Model) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut add =
        |what, calls, errors: &[&'static str], when, loss, rejection: Option<CloseReason>| {
            let fault =
                |&error| Fault { what, calls, error, when, loss, rejection: rejection.clone() };
            faults.extend(errors.iter().map(fault));
        };
    // The server pauses and accepts again; meanwhile the client waits in the kernel. The last three
    // errors concern one connection only.
    let machine = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];
    let connections = ["ECONNABORTED", "EINTR", "EPROTO"];
    add("accept", "accept4", &machine, "1..5", Loss::None, None);
    add("accept", "accept4", &machine, "1+3", Loss::None, None);
    add("accept", "accept4", &connections, "1+3", Loss::None, None);
    // An interrupted call is repeated. (The first call of the main thread, and those at the end,
    // may be interrupted by a real signal, so they do not fail.)
    add("read", "recvfrom", &["EINTR"], "1+3", Loss::None, None);
    add("send", "sendto,sendmsg", &["EINTR"], "2..40+3", Loss::None, None);
    // The kernel has no memory for this socket, and does not report when it has: the server ends
    // the connection, and the client can connect again.
    add("read", "recvfrom", &["ENOMEM", "ENOBUFS"], "8", Loss::OneMember, None);
    add("send", "sendto,sendmsg", &["ENOMEM", "ENOBUFS"], "40", Loss::OneMember, None);
    match model {
        Model::Threaded => {
            add("wait", "?poll,ppoll", &["EINTR"], "1+3", Loss::None, None);
            add("wait", "?poll,ppoll", &["ENOMEM"], "8", Loss::OneMember, None);
            // Readiness was reported, but the call would block. (Not for an edge-triggered loop,
            // which would rightly wait for the next report, which never comes here.)
            add("accept", "accept4", &["EAGAIN"], "1+3", Loss::None, None);
            add("read", "recvfrom", &["EAGAIN"], "1+3", Loss::None, None);
            add("send", "sendto,sendmsg", &["EAGAIN"], "2..40+3", Loss::None, None);
            // The first few threads are the server's own.
            let rejection = Some(CloseReason::Exhausted);
            add("spawn", "clone3", &["EAGAIN", "ENOMEM"], "6..8", Loss::None, rejection);
        }
        Model::Select => {
            add("wait", "?epoll_wait,epoll_pwait", &["EINTR"], "1+3", Loss::None, None);
            // The first few are for the loop's own descriptors.
            let rejection = Some(CloseReason::Exhausted);
            add("register", "epoll_ctl", &["ENOMEM", "ENOSPC"], "4..6", Loss::None, rejection);
        }
        Model::Async => {
            add("wait", "?epoll_wait,epoll_pwait", &["EINTR"], "1+3", Loss::None, None);
            // The runtime closes such a connection before the server can send a reason.
            add("register", "epoll_ctl", &["ENOMEM", "ENOSPC"], "6..8", Loss::None, None);
        }
    }
    faults
}
