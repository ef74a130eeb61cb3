//! One of our servers that runs otherwise than it declares, and which rows have to see that.

use std::thread;
use std::time::Duration;

use conformance::target::Target;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::altered::Altered;
use crate::{Kill, Mutant, our_server};

/// It runs without these flags.
pub(crate) fn deaf(to: &'static [&'static str]) -> impl Target {
    Altered(move |flags: &[String]| {
        let heard = |flag: &&String| !to.contains(&flag.as_str());
        our_server().start(&flags.iter().filter(heard).cloned().collect::<Vec<_>>())
    })
}

/// Whatever it is asked for, it runs with these flags.
pub(crate) fn misdeclared(really: &'static [&'static str]) -> impl Target {
    Altered(move |flags: &[String]| {
        let replaced = |flag: &String| really.contains(&flag.as_str());
        // A flag and its value go together.
        let kept = flags.chunks(2).filter(|pair| !pair.first().is_some_and(replaced)).flatten();
        let really = really.iter().copied().map(String::from);
        our_server().start(&kept.cloned().chain(really).collect::<Vec<_>>())
    })
}

/// As [`misdeclared`], and it hardly gets to run: what does not move is not always stuck.
pub(crate) fn halted(really: &'static [&'static str]) -> impl Target {
    let server = misdeclared(really);
    Altered(move |flags: &[String]| {
        let instance = server.start(flags)?;
        let id = instance.process().and_then(|process| i32::try_from(process.id()).ok());
        let id = id.and_then(Pid::from_raw).expect("our servers are processes");
        let server = pidfd_open(id, PidfdFlags::empty()).expect("the server has begun");
        thread::spawn(move || {
            for (signal, time) in [(Signal::STOP, HALTED), (Signal::CONT, RUNNING)].iter().cycle() {
                // It has ended once it cannot be reached.
                if pidfd_send_signal(&server, *signal).is_err() {
                    break;
                }
                thread::park_timeout(*time);
            }
        });
        Ok(instance)
    })
}

/// Longer than a test looks at a server to find out whether it is stuck.
const HALTED: Duration = Duration::from_millis(100);
const RUNNING: Duration = Duration::from_micros(500);

pub(crate) const KILLS: &[Kill] = &[
    (Mutant::Deaf(&["--console"]), &[("EXT-14", "received nothing more for")]),
    (Mutant::Declares(&["--name-timeout", "1h"]), &[("HSK-08", "silent is not closed")]),
    (Mutant::Declares(&["--frame-timeout", "1h"]), &[("SLO-02", "header is not closed")]),
    (
        Mutant::Declares(&["--patience", "1h"]),
        &[
            ("BPR-01", "the room stood still"),
            ("BPR-05", "the room stood still"),
            ("BPR-08", "the room stood still"),
            ("BPR-09", "a member that does not read its answers is waited for"),
        ],
    ),
    (Mutant::Declares(&["--patience", "1ms"]), &[("BPR-07", "was closed after")]),
    (Mutant::Declares(&["--max-clients", "100"]), &[("RES-09", "late is not closed")]),
    (
        Mutant::Declares(&["--grace", "1h"]),
        &[("SHD-02", "the server has not ended in the declared time")],
    ),
    (
        Mutant::Halted(&["--grace", "1h"]),
        &[("SHD-02", "the server has not ended in the declared time")],
    ),
    (Mutant::Declares(&["--max-message", "1KiB"]), &[("LIM-02", "at `ann is refused`")]),
    (
        Mutant::Declares(&["--max-name", "128"]),
        &[("LIM-02", "at `cyd is refused`"), ("LIM-03", "at `ann is refused`")],
    ),
    (
        Mutant::Declares(&["--relay", "others"]),
        &[("RLY-10", "at `ann < ann: hello`"), ("RLY-11", "at `ann < ann: hello`")],
    ),
];
