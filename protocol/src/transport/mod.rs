//! The connection between the parties: frames with a kind and a length, counted to the byte.
//!
//! A frame is its kind (1 byte), the length of its payload (4 bytes, little-endian) and the
//! payload. The receiver always knows which kinds may come and how long they may be, before it
//! allocates anything. A thread of its own writes, so that both parties may send at once.

mod channel;
mod fault;
mod limits;
mod memory;
mod schedule;
mod tcp;

pub use channel::{Backlog, Channel, Traffic};
pub use fault::TransportFault;
pub use memory::pair;
pub use tcp::{accept, connect, refuse};

/// The kinds of frame. Each belongs to one direction and one step of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Both: who speaks, which version, which parameters.
    Hello = 1,
    /// Server: the model card.
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
    /// Client: begins an online phase with the number of its bundle.
    Online = 10,
    /// Client: a masked tensor.
    Masked = 11,
    /// Server: the active labels of one chunk.
    Labels = 12,
    /// Client: ends the session.
    Bye = 13,
    /// Either: why it ends the session, in words.
    Refusal = 14,
}
