//! The connection between the parties: frames with a kind and a length, counted to the byte.
//!
//! A frame is its kind (1 byte), the length of its payload (4 bytes, little-endian), the payload,
//! and, once the parties have a common key, a tag (16 bytes) that shows whether anything was
//! changed, left out, repeated or moved on the way. The receiver always knows which kinds may come
//! and how long they may be, before it allocates anything. A thread of its own writes, so that both
//! parties may send at once.
//!
//! [`Patience`] says how long a party waits for its peer, in every part of a session.

mod channel;
mod drive;
mod fault;
mod limits;
mod memory;
mod patience;
mod queue;
mod schedule;
mod seal;
mod tcp;

pub use crate::wire::Kind;
pub use channel::{Channel, Traffic};
pub use fault::TransportFault;
pub use memory::pair;
pub use patience::Patience;
pub use queue::Backlog;
pub(crate) use seal::Seal;
pub use tcp::{accept, connect, refuse};

/// Bytes of a frame before its payload: kind and length.
pub const HEADER_LEN: usize = 5;

/// Bytes of a frame after its payload, once the session's key exists.
pub const TAG_LEN: usize = 16;

/// Bytes that every frame has beside its payload, once the session's key exists.
pub const FRAME_LEN: usize = HEADER_LEN + TAG_LEN;
