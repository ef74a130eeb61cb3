//! One of our servers that runs otherwise than it declares, and which rows have to see that.

use std::thread;
use std::time::Duration;

use conformance::target::Subject;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::altered::StartedBy;
use crate::{Kill, Mutant, our_server};

/// It runs without these flags.
pub(crate) fn ignoring_flags(ignored: &'static [&'static str]) -> impl Subject {
    StartedBy(move |flags: &[String]| {
        let heard = |flag: &&String| !ignored.contains(&flag.as_str());
        our_server().start(&flags.iter().filter(heard).cloned().collect::<Vec<_>>())
    })
}

/// Whatever it is asked for, it runs with these flags.
pub(crate) fn misdeclared(really: &'static [&'static str]) -> impl Subject {
    StartedBy(move |flags: &[String]| {
        let replaced = |flag: &String| really.contains(&flag.as_str());
        // A flag and its value go together.
        let kept = flags.chunks(2).filter(|pair| !pair.first().is_some_and(replaced)).flatten();
        let really = really.iter().copied().map(String::from);
        our_server().start(&kept.cloned().chain(really).collect::<Vec<_>>())
    })
}

/// As [`misdeclared`], and it hardly gets to run: what does not move is not always stuck.
pub(crate) fn suspended(really: &'static [&'static str]) -> impl Subject {
    let server = misdeclared(really);
    StartedBy(move |flags: &[String]| {
        let target = server.start(flags)?;
        let id = target.process().and_then(|process| i32::try_from(process.id()).ok());
        let id = id.and_then(Pid::from_raw).expect("our servers are processes");
        let server = pidfd_open(id, PidfdFlags::empty()).expect("the server has begun");
        thread::spawn(move || {
            for (signal, time) in
                [(Signal::STOP, SUSPENDED), (Signal::CONT, RUNNING)].iter().cycle()
            {
                // It has ended once it cannot be reached.
                if pidfd_send_signal(&server, *signal).is_err() {
                    break;
                }
                thread::park_timeout(*time);
            }
        });
        Ok(target)
    })
}

/// Longer than a test looks at a server to find out whether it is stuck.
const SUSPENDED: Duration = Duration::from_millis(100);
const RUNNING: Duration = Duration::from_micros(500);

pub(crate) const KILLS: &[Kill] = &[
    (Mutant::IgnoresFlags(&["--console"]), &[("EXT-14", "received nothing more for")]),
    (Mutant::Misdeclares(&["--name-timeout", "1h"]), &[("HSK-08", "silent is not closed")]),
    (Mutant::Misdeclares(&["--frame-timeout", "1h"]), &[("SLO-02", "header is not closed")]),
    (
        Mutant::Misdeclares(&["--patience", "1h"]),
        &[
            ("BPR-01", "the room stood still"),
            ("BPR-05", "the room stood still"),
            ("BPR-08", "the room stood still"),
            ("BPR-09", "a member that does not read its answers is waited for"),
        ],
    ),
    (Mutant::Misdeclares(&["--patience", "1ms"]), &[("BPR-07", "was closed after")]),
    (Mutant::Misdeclares(&["--max-clients", "100"]), &[("RES-09", "late is not closed")]),
    (
        Mutant::Misdeclares(&["--grace", "1h"]),
        &[("SHD-02", "the server has not ended in the declared time")],
    ),
    (
        Mutant::Suspended(&["--grace", "1h"]),
        &[("SHD-02", "the server has not ended in the declared time")],
    ),
    (Mutant::Misdeclares(&["--max-message", "1KiB"]), &[("LIM-02", "at `ann is refused`")]),
    (
        Mutant::Misdeclares(&["--max-name", "128"]),
        &[("LIM-02", "at `cyd is refused`"), ("LIM-03", "at `ann is refused`")],
    ),
    (
        Mutant::Misdeclares(&["--relay", "others"]),
        &[("RLY-10", "at `ann < ann: hello`"), ("RLY-11", "at `ann < ann: hello`")],
    ),
];
