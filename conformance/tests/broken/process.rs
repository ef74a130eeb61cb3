//! Which rows have to see which defect of a server in a process of its own.

use crate::server::Defect;
use crate::{Kill, Mutant};

pub(crate) const KILLS: &[Kill] = &[
    (
        Mutant::Process(Defect::BlocksOnFull),
        &[("BPR-01", "the room stood still"), ("BPR-05", "the room stood still")],
    ),
    (
        Mutant::Process(Defect::ForgetsHalfPairs),
        &[("BPR-02", "did not receive what was said next")],
    ),
    (
        Mutant::Process(Defect::DropsPairs),
        &[
            ("BPR-02", "did not receive what was said next"),
            ("BPR-03", "is declared to be ended, and is not"),
        ],
    ),
    (Mutant::Process(Defect::KeepsMuch), &[("BPR-04", "the server's memory grew by")]),
    (
        Mutant::Process(Defect::BusyLoops),
        &[("BPR-06", "while it waited for a full socket"), ("RES-07", "while nobody spoke")],
    ),
    (Mutant::Process(Defect::DiesOfAcceptErrors), &[("RES-01", "the server has ended")]),
    (Mutant::Process(Defect::RetriesAccept), &[("RES-02", "while it had no descriptors")]),
    (Mutant::Process(Defect::StopsAccepting), &[("RES-03", "nothing that cyd says is relayed")]),
    (Mutant::Process(Defect::FatClients), &[("RES-07", "each silent member costs")]),
    (Mutant::Process(Defect::DiesWithoutThreads), &[("RES-08", "the server has ended")]),
    (
        Mutant::Process(Defect::ClosesSilent),
        &[("HSK-08", "was closed"), ("SLO-02", "ann was closed")],
    ),
    (
        Mutant::Process(Defect::DiesOfSignals),
        &[("SHD-01", "the server ended with signal: 15"), ("SHD-06", "ann received 0 pairs")],
    ),
    (
        Mutant::Process(Defect::WaitsForClients),
        &[
            ("SHD-02", "the server has not ended in the declared time"),
            ("SHD-05", "the server goes on after more than one signal"),
        ],
    ),
    (Mutant::Process(Defect::StopsSilently), &[("SHD-06", "ann received 0 pairs")]),
    (
        Mutant::Process(Defect::DelaysLongMessages),
        &[("SHD-01", "did not receive what was said next")],
    ),
    (Mutant::Process(Defect::ClosesStalled), &[("BPR-08", "is not cut off")]),
    (Mutant::Process(Defect::CutsAtTheEnd), &[("SHD-01", "a torn pair before its end")]),
    (Mutant::Process(Defect::SharesPort), &[("SHD-04", "on the same port does not end")]),
    (Mutant::Process(Defect::ChecksThenTakes), &[("NAM-02", "50 members have ")]),
    (Mutant::Process(Defect::LogsRaw), &[("SEC-01", "the log holds a raw")]),
    (Mutant::Process(Defect::LogsMessages), &[("SEC-02", "the server logged")]),
    (Mutant::Process(Defect::NoWarning), &[("SEC-03", "nothing in the log warns")]),
];
