//! Defect: all defects of a room in memory.

/// One defect of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    Banner,
    NamesTrimmed,
    NamesCut,
    OneFramePerWrite,
    DiesOfUnnamed,
    NamesChange,
    RightJustified,
    CharactersCounted,
    JoinersLost,
    CutAt4096,
    CutAt65536,
    EmptyLost,
    PartsDropped,
    /// A frame that arrives in three parts is lost.
    ThirdPartsLost,
    Doubled,
    ThirdLost,
    Echo,
    FramesSwapped,
    DiesWithOneMember,
    ControlsLost,
    History,
    LastMessageLost,
    /// The last frame of a client is handled when the next one arrives.
    LastFrameWaits,
    /// Messages of a member that has sent few wait until it reads; members that have sent many are
    /// served first.
    BusySendersFirst,
    Reversed,
    /// Like the next two, it begins when hundreds of pairs have been sent to a client.
    ReversedUnderLoad,
    PartsInterleavedUnderLoad,
    /// Some clients receive their pending pairs sorted by sender.
    OwnOrderUnderLoad,
    PartsInterleaved,
    /// What does not fit into a client's buffer is discarded.
    ShortWrites,
    DiesOfGarbage,
    /// While one connection has not sent its name, the others are not served.
    WaitsForNames,
    /// While one connection has sent only a part of a frame, the others are not served.
    WaitsForFrames,
    /// No client is served while the server waits for names or frames of thirty-two.
    SmallPool,
    UnnamedReceive,
    /// An incomplete name is taken for a name when the connection ends.
    HalfNamesJoin,
    /// A header is relayed as it was received.
    HeadersKept,
    LenientNumbers,
    /// Each piece that arrives is decoded by itself.
    PiecesDecoded,
    DiesOfBadText,
    BadTextRelayed,
    RepairedTextCutAnywhere,
    OffendersNotClosed,
    /// Valid frames are discarded together with the malformed one after them.
    BufferDiscarded,
    /// The bytes after a malformed header are relayed.
    BytesAfterErrorRelayed,
    FragmentsRelayed,
    NamesUnchecked,
    NumbersLost,
    /// A client that breaks a rule is closed without a reason.
    RejectsSilently,
    OtherServerName,
    CommandsTaken,
    LeaversNotClosed,
    DiesOfLeavers,
    DiesOfResets,
    ResetsAtTheEnd,
    TwentyConnections,
    RestartFails,
    /// The server starts with limits that contradict each other.
    StartsAnyway,
    /// It does not start with such limits, and does not name them.
    FailsToStartSilently,
    LeaveNotifiedTwice,
    LeaveNotifiedEarly,
    JoinNotifiedLate,
    PrivateToAll,
    UnknownTargetSilent,
    SlashesKept,
    NickOnlyAnswered,
    NickUnchecked,
    NoGreeting,
    LastOfWhoLost,
    LastOfHelpLost,
    CommandsByPrefix,
    PrivateUnmarked,
    DirectFirst,
    NeverFull,
    // These begin after some time, when the conversations are over, so that only the cases detect
    // them.
    LateLeaveNotifiedTwice,
    LateReportLost,
    LatePrivateDoubled,
    LateDirectFirst,
}

impl Defect {
    /// Whether a room in memory without the defect passes the rules whose tests detect it.
    pub(crate) fn shows_in_memory(self) -> bool {
        !matches!(
            self,
            Self::TwentyConnections
                | Self::RestartFails
                | Self::StartsAnyway
                | Self::FailsToStartSilently
                | Self::NeverFull
        )
    }
}
