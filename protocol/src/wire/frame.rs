//! What a frame adds to a message, and how traffic is counted.

/// Bytes of a frame before its payload: kind and length.
pub const HEADER_LEN: usize = 5;

/// Bytes of a frame after its payload, once the session's key exists.
pub const TAG_LEN: usize = 16;

/// Bytes that every frame has besides its payload, once the session's key exists.
pub const FRAME_LEN: usize = HEADER_LEN + TAG_LEN;

/// What a party has sent and received, headers and tags included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes sent.
    pub sent: u64,
    /// Bytes received.
    pub received: u64,
    /// How often this party sent something and then waited for the peer: round trips, for a client.
    pub rounds: u64,
}

impl Traffic {
    /// What came since `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            sent: self.sent - earlier.sent,
            received: self.received - earlier.received,
            rounds: self.rounds - earlier.rounds,
        }
    }
}
