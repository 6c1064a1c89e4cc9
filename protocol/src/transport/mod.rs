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

pub use crate::wire::{FRAME_LEN, HEADER_LEN, Kind, TAG_LEN, Traffic};
pub use channel::{Channel, Ends};
pub use fault::TransportFault;
pub use limits::Limit;
pub use memory::pair;
pub use patience::Patience;
pub use queue::Backlog;
pub(crate) use seal::Seal;
pub use tcp::{accept, begin, connect, dial, ends, hears_refusal, refuse};
