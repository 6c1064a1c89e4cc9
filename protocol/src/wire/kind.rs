//! The kinds of message.

/// The kinds of message. Each belongs to one direction and one step of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Both: who speaks, which versions, which parameters.
    Hello = 1,
    /// Client, before its greeting: which model it asks for, and who it is.
    Access = 20,
    /// Server: the settings, the plan's digest and the model card.
    Card = 2,
    /// Client: the base OTs' offer and the public keys. Server: the base OTs' reply.
    SetUp = 3,
    /// Client: the OT extension's corrections.
    Corrections = 4,
    /// Client: begins an offline phase.
    Offline = 5,
    /// Client: encrypted masks of one block's input.
    Query = 6,
    /// Server: re-randomised results of one block's linear map.
    Answer = 7,
    /// For the guard bits of one block's results. Client: OT extension. Server: corrections.
    Guard = 15,
    /// Client: OT extension, for one chunk of an activation.
    Transfers = 8,
    /// Server: garbled tables of one chunk.
    Tables = 9,
    /// Server: it has kept its halves of what an offline phase has prepared.
    Kept = 24,
    /// Client: begins an online phase with the name of its bundle.
    Online = 10,
    /// Client: a masked tensor.
    Masked = 11,
    /// Server: the active labels of one chunk.
    Labels = 12,
    /// Both: sets up the transfers that activations by masks use.
    MaskSetUp = 16,
    /// Both: makes transfers for activations by masks.
    MaskTransfers = 17,
    /// Both: prepares one activation by masks.
    MaskOffline = 18,
    /// Both: evaluates one activation by masks.
    MaskOnline = 19,
    /// Server: the name of its hint.
    PublishedHint = 21,
    /// Client: asks for the hint.
    FetchHint = 22,
    /// Server: a part of the hint.
    HintPart = 23,
    /// Client: ends the session.
    Bye = 13,
    /// Either: why it ends the session, in words.
    Refusal = 14,
}

impl Kind {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hello => "greeting",
            Self::Access => "request for access",
            Self::Card => "model card",
            Self::SetUp => "set-up message",
            Self::Corrections => "OT-extension corrections",
            Self::Offline => "request for an offline phase",
            Self::Query => "query",
            Self::Answer => "answer",
            Self::Guard => "message for guard bits",
            Self::Transfers => "OT-extension message",
            Self::Tables => "garbled tables",
            Self::Kept => "word that bundles are kept",
            Self::Online => "request for an online phase",
            Self::Masked => "masked tensor",
            Self::Labels => "labels",
            Self::MaskSetUp => "set-up of transfers",
            Self::MaskTransfers => "message of transfers",
            Self::MaskOffline => "message to prepare masks",
            Self::MaskOnline => "message under masks",
            Self::PublishedHint => "name of a hint",
            Self::FetchHint => "request for a hint",
            Self::HintPart => "part of a hint",
            Self::Bye => "farewell",
            Self::Refusal => "refusal",
        }
    }
}
