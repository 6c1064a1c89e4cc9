//! Calls that can never work.

use crate::he::hint::HintFault;

/// A call that can never work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// The session ended with an earlier error and its secrets are gone.
    #[error("this session ended with an earlier error; start a new one")]
    SessionEnded,
    /// A bundle was prepared for another network or under other settings.
    #[error("this bundle was prepared for another network; use it there")]
    OtherNetwork,
    /// The maps of an offline phase need the server's hint, which was not fetched.
    #[error("the server's hint is needed to prepare inferences; fetch it first")]
    Hint,
    /// A hint that was made ahead is not that of the network, its settings or its key.
    #[error("{0}")]
    HintFile(#[from] HintFault),
    /// An offline phase prepares nothing, or more than may wait.
    #[error("{0} inferences cannot be prepared: use those that wait, at most {most} may", most = crate::party::MAX_BUNDLES)]
    Bundles(usize),
    /// No image, or more than may go through the network together.
    #[error("{0} images cannot be classified together")]
    Images(usize),
    /// K of the oblivious-transfer extension is not one that exists.
    #[error("the OT extension's field bits are {0}; choose 1, 2, 4 or 8")]
    FieldBits(u8),
    /// A homomorphic parameter set is not secure or not usable.
    #[error("homomorphic parameters refused: {0}")]
    Parameters(String),
    /// A linear layer's geometry is impossible, or its results would not be exact under the
    /// parameters at hand.
    #[error("linear layer refused: {0}")]
    Layer(String),
    /// Weights are outside of what their card promises, and the noise bound would not hold.
    #[error("the weights break their card's promise: {0}")]
    Weights(String),
    /// The policy wants the class alone of a head that tells none.
    #[error("the model's head tells no class: choose the policy of its card, or its values")]
    Policy,
    /// The text of a card's hash is not one.
    #[error("`{0}` is no card's hash: give the 64 digits that `serve` and `inspect` print")]
    CardHash(String),
    /// The description of a link is not one.
    #[error(
        "`{0}` is no link: give `lan`, `wan` or BANDWIDTH,ROUNDTRIP as in `100mbit,80ms` or `20mbit/100mbit,30ms`"
    )]
    Link(String),
    /// An argument does not have as many values as its layer.
    #[error("{what}: {got} values instead of {expected}")]
    Values {
        /// Which argument.
        what: &'static str,
        /// How many values the layer has.
        expected: usize,
        /// How many were given.
        got: usize,
    },
}

impl Misuse {
    /// Checks that an argument has exactly `expected` values.
    pub(crate) fn check_values<T>(
        what: &'static str,
        values: &[T],
        expected: usize,
    ) -> Result<(), Self> {
        match values.len() {
            got if got == expected => Ok(()),
            got => Err(Self::Values { what, expected, got }),
        }
    }
}
