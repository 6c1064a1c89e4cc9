//! What an argument chooses from, by name.

use clap::ValueEnum;
use gazelle_protocol::{
    he::hint::Exactness,
    ot::silent::LpnSet,
    plan::{EngineChoice, LinearChoice, TransferSource},
    session::{Delivery, HashKind, Policy},
};

/// A bundled network.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum NetworkName {
    /// Ten kinds of clothing, 28 × 28 grey pixels
    #[default]
    FashionMnist,
    /// The same by ResNet-20, slower and more often right
    #[value(name = "resnet20")]
    ResNet20,
    /// The same by a small MobileNetV2
    #[value(name = "mobilenet")]
    MobileNet,
    /// Chest X-rays with pneumonia or without, 28 × 28 grey pixels; a demonstration, no diagnosis
    Pneumonia,
}

/// What clients learn.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum RevealName {
    /// What the model's card says
    #[default]
    Card,
    /// The class alone
    Class,
    /// The values of all classes, which tell more about the weights
    Values,
}

impl From<RevealName> for Policy {
    fn from(name: RevealName) -> Self {
        match name {
            RevealName::Card => Self::Card,
            RevealName::Class => Self::Class,
            RevealName::Values => Self::Values,
        }
    }
}

impl RevealName {
    /// As the command line spells it.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().expect("no name is hidden").get_name().into()
    }
}

/// The garbling's hashes by the names that benches use.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum HashName {
    /// One AES key for up to 128 instances of a gate
    #[default]
    Mitccrh,
    /// An AES key for every instance
    MitccrhStrict,
    /// One AES key for the session, the classic
    FixedKey,
}

impl From<HashName> for HashKind {
    fn from(name: HashName) -> Self {
        match name {
            HashName::Mitccrh => Self::Mitccrh,
            HashName::MitccrhStrict => Self::MitccrhStrict,
            HashName::FixedKey => Self::FixedKey,
        }
    }
}

/// What computes activations.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum EngineName {
    /// For each activation whichever is expected to take the least time on the link
    #[default]
    Auto,
    /// Garbled circuits: one round trip a layer
    Garbled,
    /// Alternating masks: far fewer bytes, two round trips a layer
    Masks,
}

impl EngineName {
    /// As the command line spells it.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().expect("no name is hidden").get_name().into()
    }
}

impl From<EngineName> for EngineChoice {
    fn from(name: EngineName) -> Self {
        match name {
            EngineName::Auto => Self::Cheapest,
            EngineName::Garbled => Self::Garbled,
            EngineName::Masks => Self::Masks,
        }
    }
}

/// What computes linear maps.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LinearName {
    /// For each map whichever is expected to take the least time on the link
    Auto,
    /// Encrypted questions and answers: nothing is published
    Coefficient,
    /// One-time messages against a hint: a file made of the weights that every client gets and may keep
    Hint,
}

impl LinearName {
    /// As the command line spells it.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().expect("no name is hidden").get_name().into()
    }
}

impl From<LinearName> for LinearChoice {
    fn from(name: LinearName) -> Self {
        match name {
            LinearName::Auto => Self::Cheapest,
            LinearName::Coefficient => Self::Coefficient,
            LinearName::Hint => Self::Hint,
        }
    }
}

/// When results of linear maps with a hint may be wrong.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum ErrorsName {
    /// Each with a probability of at most 2^-98
    #[default]
    Negligible,
    /// Never, for a larger hint and larger messages
    Never,
}

impl ErrorsName {
    /// As the command line spells it.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().expect("no name is hidden").get_name().into()
    }
}

impl From<ErrorsName> for Exactness {
    fn from(name: ErrorsName) -> Self {
        match name {
            ErrorsName::Negligible => Self::Overwhelming,
            ErrorsName::Never => Self::Always,
        }
    }
}

/// Where activations by masks take their transfers from.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum TransfersName {
    /// Silent ones where they send less and the link is not too fast
    #[default]
    Auto,
    /// From SoftSpoken extension: learning parity with noise is not assumed to be hard
    #[value(name = "softspoken")]
    SoftSpoken,
    /// Silent ones: learning parity with noise is assumed to be hard
    Silent,
}

impl TransfersName {
    /// Its name as an argument.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::SoftSpoken => "softspoken",
            Self::Silent => "silent",
        }
    }
}

impl From<TransfersName> for TransferSource {
    fn from(name: TransfersName) -> Self {
        match name {
            TransfersName::Auto => Self::Auto,
            TransfersName::SoftSpoken => Self::SoftSpoken,
            TransfersName::Silent => Self::Silent(LpnSet::default()),
        }
    }
}

/// When garbled tables go to clients.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum TablesName {
    /// Before the image is known; clients keep them
    Ahead,
    /// As they are used; nobody keeps them
    Streamed,
}

impl From<TablesName> for Delivery {
    fn from(name: TablesName) -> Self {
        match name {
            TablesName::Ahead => Self::Ahead,
            TablesName::Streamed => Self::Streamed,
        }
    }
}
