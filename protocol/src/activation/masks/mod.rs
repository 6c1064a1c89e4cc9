//! The masks engine: activations from oblivious transfers, nearly all of them before the image.

mod digit;
mod evaluation;
mod gate;
mod layer;
mod level;
mod message;
mod plan;
mod plane;
mod preparation;
mod program;
mod result;
mod shape;
mod sizes;
#[cfg(test)]
mod tests;
mod transfer;

pub(crate) use layer::{Evaluation, Preparation, PreparedLayer};
pub use plan::{Cost, MasksPlan};
use plane::Plane;

/// The bits of a digit, at most.
pub(crate) const WIDEST_DIGIT: usize = digit::MAX_BITS;

/// Which of the parties this one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Side {
    /// A bit that the client has; 0 for the server.
    fn of_client(self, bit: Plane) -> Plane {
        self.choose(bit, Plane::ZERO)
    }

    /// A bit that the server has; 0 for the client.
    fn of_server(self, bit: Plane) -> Plane {
        self.choose(Plane::ZERO, bit)
    }

    fn choose(self, client: Plane, server: Plane) -> Plane {
        match self {
            Self::Client => client,
            Self::Server => server,
        }
    }
}
