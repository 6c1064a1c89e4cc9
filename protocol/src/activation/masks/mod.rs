//! The masks engine: exact clamps from oblivious transfers, nearly all of it before the image.
//!
//! ```text
//!            client                                             server
//! offline    products with the bits of a, in transfers  ──▶
//!            whose choices make the server's masks      ◀──     the same the other way; corrections
//!            the next bit of every digit, …             ──▶     …
//! online                                                ◀──     b less its masks; masked sums of digits
//!            level 2: products, masked again            ──▶
//!                                                       ◀──     level 3: products, masked again
//!            the result's bits; its share, less r       ──▶
//! ```
//!
//! for shares a + b of the sums. The server ends with f(a + b) − r, the client with nothing. Max pooling
//! is more such layers: rounds of maxima of two.
//!
//! `program` has the logic, `gate` compiles it; `digit`, `level` and `result` run it on 512 lanes at
//! a time, `layer` on all lanes of a layer, and `node` the layers of an activation. Both parties run the same code on their shares of every bit: what one party writes to a
//! message the other one reads, and a third run by nobody counts. `docs/masks.md` has the protocol, why
//! its result is right, and what it hides.

mod digit;
mod evaluation;
mod gate;
mod layer;
mod level;
mod message;
mod node;
mod part;
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

pub use layer::{Evaluation, Preparation, PreparedLayer};
pub use node::NodePlan;
pub(crate) use node::{NodeEvaluation, NodePreparation, PreparedNode};
pub use part::Part;
pub use plan::{Cost, MasksPlan};
use plane::Plane;
pub use preparation::{DownTransfers, UpTransfers};

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
