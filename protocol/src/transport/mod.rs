//! The connection between the parties: frames with a kind and a length, counted to the byte.
//!
//! [`crate::frames`] says what a frame is. The receiver always knows which kinds may come and how long
//! they may be, before it allocates anything. A thread of its own writes, so that both parties may send
//! at once.
//!
//! [`Patience`] says how long a party waits for its peer, in every part of a session.

mod channel;
mod drive;
mod limits;
mod memory;
mod patience;
mod queue;
mod schedule;
mod tcp;

pub use crate::frames::TransportFault;
pub use crate::wire::{FRAME_LEN, HEADER_LEN, Kind, TAG_LEN, Traffic};
pub use channel::{Channel, Ends};
pub use limits::Limit;
pub use memory::pair;
pub use patience::Patience;
pub use queue::Backlog;
pub use tcp::{accept, begin, connect, dial, ends, hears_refusal, refuse};
