//! The messages of the protocol, each with a type of its own: its kind, its length, its bytes.
//!
//! `docs/wire.md` describes them byte for byte. What a message carries for an engine (a query, an
//! OT-extension message, garbled tables) is bytes here, which the engine makes and reads.

/// Declares messages whose bytes an engine makes and reads.
macro_rules! bytes_of_an_engine {
    ($($(#[$doc:meta])* $name:ident, $kind:ident;)*) => {$(
        $(#[$doc])*
        pub struct $name(pub Vec<u8>);

        bytes_of_an_engine!(@payload $name, $kind);
    )*};
    (@payload $name:ident, $kind:ident) => {
        impl Payload for $name {
            const KIND: Kind = Kind::$kind;

            fn encode(self) -> Vec<u8> {
                self.0
            }

            fn decode(payload: Vec<u8>) -> Result<Self, PeerFault> {
                Ok(Self(payload))
            }
        }
    };
}

mod access;
mod expected;
mod frame;
mod hint;
mod kind;
mod phases;
mod setup;

pub use access::{Access, Proof};
pub use expected::Expected;
pub use frame::{FRAME_LEN, HEADER_LEN, TAG_LEN, Traffic};
pub use hint::{FetchHint, HintPart, PublishedHint};
pub use kind::Kind;
pub use phases::{
    Answer, Begin, Bye, Guard, Kept, Labels, MaskOffline, MaskOnline, MaskSetUp, MaskTransfers,
    Masked, Prepare, Query, Request, Tables, Transfers,
};
pub use setup::{
    Announcement, ClientSetUp, Corrections, FEATURES, Greeting, ServerSetUp, VERSIONS,
};

use crate::error::PeerFault;

/// A message as it travels: what a frame holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: Kind,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// A type of message.
pub trait Payload: Sized {
    /// The kind of its frames.
    const KIND: Kind;

    /// Its bytes.
    fn encode(self) -> Vec<u8>;

    /// Reads what [`Payload::encode`] gives. The bytes may come from anyone.
    ///
    /// # Errors
    /// If they are not a message of this type.
    fn decode(payload: Vec<u8>) -> Result<Self, PeerFault>;

    /// The message to send.
    fn into_message(self) -> Message {
        Message { kind: Self::KIND, payload: self.encode() }
    }
}
