//! Process: which rules' tests have to detect which defect of a server in a process of its own.

use crate::server::Defect;
use crate::{Kill, Mutant};

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
