//! Declared: one of our servers that does not run as it declares, and the rules whose tests have to
//! detect that.

use std::thread;
use std::time::Duration;

use conformance::target::Target;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::altered::StartedBy;
use crate::{Kill, Mutant, our_server};

/// A server that runs without these flags.
pub(crate) fn ignoring_flags(ignored: &'static [&'static str]) -> impl Target {
    StartedBy(move |flags: &[String]| {
        let heard = |flag: &&String| !ignored.contains(&flag.as_str());
        our_server().start(&flags.iter().filter(heard).cloned().collect::<Vec<_>>())
    })
}

/// A server that runs with these flags, whatever the suite requests.
pub(crate) fn misdeclared(really: &'static [&'static str]) -> impl Target {
    StartedBy(move |flags: &[String]| {
        let replaced = |flag: &String| really.contains(&flag.as_str());
        // A flag and its value are a pair.
        let kept = flags.chunks(2).filter(|pair| !pair.first().is_some_and(replaced)).flatten();
        let really = really.iter().copied().map(String::from);
        our_server().start(&kept.cloned().chain(really).collect::<Vec<_>>())
    })
}

/// Like [`misdeclared`], and the server hardly runs: a server that makes no progress is not always
/// stalled.
pub(crate) fn suspended(really: &'static [&'static str]) -> impl Target {
    let server = misdeclared(really);
    StartedBy(move |flags: &[String]| {
        let instance = server.start(flags)?;
        let id = instance.process().and_then(|process| i32::try_from(process.id()).ok());
        let id = id.and_then(Pid::from_raw).expect("our servers are processes");
        let server = pidfd_open(id, PidfdFlags::empty()).expect("the server has begun");
        thread::spawn(move || {
            for (signal, time) in
                [(Signal::STOP, SUSPENDED), (Signal::CONT, RUNNING)].iter().cycle()
            {
                // Sending a signal fails when the server has ended.
                if pidfd_send_signal(&server, *signal).is_err() {
                    break;
                }
                thread::park_timeout(*time);
            }
        });
        Ok(instance)
    })
}

/// Longer than a test watches a server to find out whether it is stalled.
const SUSPENDED: Duration = Duration::from_millis(100);
const RUNNING: Duration = Duration::from_micros(500);

pub(crate) const KILLS: &[Kill] = &[
    (Mutant::IgnoresFlags(&["--console"]), &[("EXT-14", "the server sent no further pair to")]),
    (
        Mutant::Misdeclares(&["--name-timeout", "1h"]),
        &[("HSK-08", "the server did not end silent's connection")],
    ),
    (
        Mutant::Misdeclares(&["--frame-timeout", "1h"]),
        &[("SLO-02", "the server did not end header's connection")],
    ),
    (
        Mutant::Misdeclares(&["--patience", "1h"]),
        &[
            ("BPR-01", "the server accepted and delivered nothing for more than"),
            ("BPR-05", "the server accepted and delivered nothing for more than"),
            ("BPR-08", "the server accepted and delivered nothing for more than"),
            ("BPR-09", "the server did not abort a member that does not read its answers"),
        ],
    ),
    (Mutant::Misdeclares(&["--patience", "1ms"]), &[("BPR-07", "'s connection after ")]),
    (
        Mutant::Misdeclares(&["--max-clients", "100"]),
        &[("RES-09", "the server did not end late's connection")],
    ),
    (
        Mutant::Misdeclares(&["--grace", "1h"]),
        &[("SHD-02", "the server did not end within the declared grace")],
    ),
    (
        Mutant::Suspended(&["--grace", "1h"]),
        &[("SHD-02", "the server did not end within the declared grace")],
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
