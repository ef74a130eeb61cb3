//! Everything that can be wrong with a server whose defect is in memory.

/// What is wrong with a server.
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
    /// A frame that comes in three parts is lost.
    ThirdPartsLost,
    Doubled,
    ThirdLost,
    Echo,
    FramesSwapped,
    DiesWithOneMember,
    ControlsLost,
    History,
    LastMessageLost,
    /// The last frame of a client is handled when its next one comes.
    LastFrameWaits,
    /// The few words of one who says little wait until it listens: those who flood come first.
    BusySendersFirst,
    Reversed,
    /// Like the next two only once hundreds of pairs have gone to a client: a flood.
    ReversedUnderLoad,
    PartsInterleavedUnderLoad,
    /// Some clients get what has gathered for them sender by sender.
    OwnOrderUnderLoad,
    PartsInterleaved,
    /// What does not fit into a client's buffer is forgotten.
    ShortWrites,
    DiesOfGarbage,
    /// Nobody is served while somebody has not said its name.
    WaitsForNames,
    /// Nobody is served while somebody has begun a frame and not completed it.
    WaitsForFrames,
    /// Thirty-two clients may be waited for at a time: then nobody is served.
    SmallPool,
    UnnamedReceive,
    /// A half-said name is taken for one when its connection ends.
    HalfNamesJoin,
    /// A header is relayed as it was spelled.
    HeadersKept,
    LenientNumbers,
    /// Every piece that arrives is decoded by itself.
    PiecesDecoded,
    DiesOfBadText,
    BadTextRelayed,
    RepairedTextCutAnywhere,
    OffendersNotClosed,
    /// Good frames are dropped with the bad one behind them.
    BufferDiscarded,
    /// What stands behind a malformed header is relayed.
    BytesAfterErrorRelayed,
    FragmentsRelayed,
    NamesUnchecked,
    NumbersLost,
    /// Whoever breaks a rule is closed without a word.
    RejectsSilently,
    OtherServerName,
    CommandsTaken,
    LeaversNotClosed,
    DiesOfLeavers,
    DiesOfResets,
    ResetsAtTheEnd,
    TwentyConnections,
    RestartFails,
    /// It starts with limits that do not agree.
    StartsAnyway,
    /// It does not start then, and does not say why.
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
    // These begin after a while, when the conversations are over: the cases have to see them.
    LateLeaveNotifiedTwice,
    LateReportLost,
    LatePrivateDoubled,
    LateDirectFirst,
}

impl Defect {
    /// Whether a room in memory can pass the rows that see it.
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
