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
    DiesAlone,
    ControlsLost,
    History,
    LastWordsLost,
    /// The last frame of a client is handled when its next one comes.
    LastFrameWaits,
    /// The few words of one who says little wait until it listens: those who flood come first.
    FloodsFirst,
    Reversed,
    /// Like the next two only once hundreds of pairs have gone to a client: a flood.
    ReversedInFloods,
    PartsInterleavedInFloods,
    /// Some clients get what has gathered for them sender by sender.
    OwnOrderInFloods,
    PartsInterleaved,
    /// What does not fit into a client's buffer is forgotten.
    ShortWrites,
    DiesOfGarbage,
    /// Nobody is served while somebody has not said its name.
    WaitsForNames,
    /// Nobody is served while somebody has begun a frame and not completed it.
    WaitsForFrames,
    /// Thirty-two clients may be waited for at a time: then nobody is served.
    PoolRunsOut,
    UnnamedHear,
    /// A half-said name is taken for one when its connection ends.
    GhostsStay,
    /// A header is relayed as it was spelled.
    HeadersKept,
    LenientNumbers,
    /// Every piece that arrives is decoded by itself.
    PiecesDecoded,
    DiesOfBadText,
    BadTextRelayed,
    RepairedTextCutAnywhere,
    OffendersStay,
    /// Good frames are dropped with the bad one behind them.
    BufferDiscarded,
    /// What stands behind a malformed header is relayed.
    RestRelayed,
    FragmentsRelayed,
    NamesUnchecked,
    NumbersLost,
    /// Whoever breaks a rule is closed without a word.
    RefusesSilently,
    OtherSpokesman,
    CommandsTaken,
    LeaversStay,
    DiesOfLeavers,
    DiesOfResets,
    ResetsAtTheEnd,
    FewPlaces,
    StaysDown,
    /// It starts with limits that do not agree.
    StartsAnyway,
    /// It does not start then, and does not say why.
    StaysDownSilently,
    LeaveToldTwice,
    LeaveToldEarly,
    JoinToldLate,
    PrivateToAll,
    UnknownTargetSilent,
    SlashesKept,
    NickOnlyAnswered,
    NickUnchecked,
    NobodyGreeted,
    LastOfWhoLost,
    LastOfHelpLost,
    CommandsByPrefix,
    PrivateUnmarked,
    AsidesFirst,
    TakesEverything,
    // These begin after a while, when the conversations are over: the cases have to see them.
    LateLeaveToldTwice,
    LateReportLost,
    LatePrivateDoubled,
    LateAsidesFirst,
}

impl Defect {
    /// Whether a room in memory can pass the rows that see it.
    pub(crate) fn shows_in_memory(self) -> bool {
        !matches!(
            self,
            Self::FewPlaces
                | Self::StaysDown
                | Self::StartsAnyway
                | Self::StaysDownSilently
                | Self::TakesEverything
        )
    }
}
