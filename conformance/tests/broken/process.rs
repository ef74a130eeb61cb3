//! Process: which rules' tests have to detect which defect of a server in a process of its own.

use conformance::spec::{Mode, Relay};
use conformance::suite::error::TestError;
use conformance::suite::fixture::{Conditions, Fixture};
use conformance::target::{Declared, Target};
use rustix::process::{Pid, Signal, kill_process};

use crate::server::{BrokenServer, Defect};
use crate::{Kill, Mutant, SLACK_SOUND};

pub(crate) const KILLS: &[Kill] = &[
    (
        Mutant::Process(Defect::BlocksOnFull),
        &[
            ("BPR-01", "the server accepted and delivered nothing for more than"),
            ("BPR-05", "the server accepted and delivered nothing for more than"),
        ],
    ),
    (
        Mutant::Process(Defect::ForgetsHalfPairs),
        &[("BPR-02", "received other bytes than the next message")],
    ),
    (
        Mutant::Process(Defect::DropsPairs),
        &[
            ("BPR-02", "received other bytes than the next message"),
            ("BPR-03", "the server declares that it ends stalled readers, but kept one"),
        ],
    ),
    (Mutant::Process(Defect::KeepsMuch), &[("BPR-04", "the server's memory grew by")]),
    (
        Mutant::Process(Defect::BusyLoops),
        &[
            ("BPR-06", "while it waited for a full socket"),
            ("RES-07", "while no member sent anything"),
        ],
    ),
    (Mutant::Process(Defect::DiesOfAcceptErrors), &[("RES-01", "the server has ended")]),
    (Mutant::Process(Defect::RetriesAccept), &[("RES-02", "while it had no free descriptor")]),
    (
        Mutant::Process(Defect::StopsAccepting),
        &[("RES-03", "the server relays none of cyd's messages")],
    ),
    (Mutant::Process(Defect::FatClients), &[("RES-07", "of memory for each silent member")]),
    (Mutant::Process(Defect::DiesWithoutThreads), &[("RES-08", "the server has ended")]),
    (
        Mutant::Process(Defect::ClosesSilent),
        &[
            ("HSK-08", "the server ended bob's connection"),
            ("SLO-02", "the server ended ann's connection"),
        ],
    ),
    (
        Mutant::Process(Defect::DiesOfSignals),
        &[
            ("SHD-01", "the server ended with signal: 15"),
            ("SHD-06", "ann received 0 pairs before the end of the connection"),
        ],
    ),
    (
        Mutant::Process(Defect::WaitsForClients),
        &[
            ("SHD-02", "the server did not end within the declared grace"),
            ("SHD-05", "the server did not end after more than one signal"),
        ],
    ),
    (
        Mutant::Process(Defect::StopsSilently),
        &[("SHD-06", "ann received 0 pairs before the end of the connection")],
    ),
    (
        Mutant::Process(Defect::DelaysLongMessages),
        &[("SHD-01", "received other bytes than the next message")],
    ),
    (
        Mutant::Process(Defect::ClosesStalled),
        &[("BPR-08", "did not reset the connection of a reader that never reads")],
    ),
    (
        Mutant::Process(Defect::CutsAtTheEnd),
        &[("SHD-01", "an incomplete pair before the end of the connection")],
    ),
    (Mutant::Process(Defect::SharesPort), &[("SHD-04", "on the same port did not end")]),
    (
        Mutant::Process(Defect::ChecksThenTakes),
        &[("NAM-02", "the server accepted 50 members under ")],
    ),
    (Mutant::Process(Defect::LogsRaw), &[("SEC-01", "the server's log contains an unescaped")]),
    (Mutant::Process(Defect::LogsMessages), &[("SEC-02", "the server logged")]),
    (Mutant::Process(Defect::NoWarning), &[("SEC-03", "its log has no warning")]),
];

/// A busy loop that the machine does not run uses no processor time either.
pub(crate) fn a_server_that_cannot_run_is_not_idle() {
    let instance = BrokenServer { defect: Defect::BusyLoops }.start(&[]).expect("it starts");
    let id = instance.process().and_then(|process| i32::try_from(process.id()).ok());
    let id = id.and_then(Pid::from_raw).expect("it is a process");
    let fixture = Fixture::new(
        instance,
        Conditions {
            seed: 1,
            slack: SLACK_SOUND,
            level: 2,
            asked: 2,
            relay: Relay::Others,
            mode: Mode::Base,
            declared: Declared::default(),
        },
    );
    let outcome = fixture.expect_idle_cpu("it was stopped", |_| {
        kill_process(id, Signal::STOP).expect("it is running");
        Ok(())
    });
    assert!(matches!(outcome, Err(TestError::Inconclusive(_))), "{outcome:?}");
}
