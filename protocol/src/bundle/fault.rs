//! What can be wrong with a stored bundle.

/// A stored bundle that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleFault {
    /// The bytes are no bundle of this party.
    #[error("this is no bundle of this party; check the file's name")]
    NotABundle,
    /// The bundle was stored by another release.
    #[error("the bundle has format {got}, this program reads {expected}; prepare a new one")]
    Version {
        /// The bundle's.
        got: u8,
        /// This program's.
        expected: u8,
    },
    /// The bundle was made for other weights, another card or other settings.
    #[error("the bundle was prepared for another network; prepare a new one")]
    OtherNetwork,
    /// The bundle is cut off or goes on too long.
    #[error("the bundle has {got} bytes instead of {expected}; prepare a new one")]
    Length {
        /// Its length in bytes.
        got: usize,
        /// The only length that a bundle of this network has.
        expected: usize,
    },
    /// A value in it is none.
    #[error("the bundle is damaged; prepare a new one")]
    Damaged,
}
