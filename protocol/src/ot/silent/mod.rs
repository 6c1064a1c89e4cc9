//! Silent transfers: millions of correlated transfers from some kilobytes, by learning parity with
//! noise.
//!
//! Yang, Weng, Lan, Zhang, Wang, "Ferret: Fast Extension for Correlated OT with Small
//! Communication" (CCS 2020), with regular noise, a local code, and the trees of Guo et al.,
//! "Half-Tree" (EUROCRYPT 2023). An iteration turns a *reserve* of transfers, at first from the
//! checked extension, into more: a new reserve, and those that are used. With t bins of 2^d outputs
//! and 2^m secret bits the reserve has 2^m for the table, d for each bin's tree and 128 for the check.
//!
//! 1. *Trees.* The sender grows a tree for each bin from q of the bin's first transfer, so that every
//!    level sums to Δ ([`gazelle_kernels::ggm`]), and sends the sum of the left nodes of each later
//!    level plus q of that level's transfer. With its q ⊕ c·Δ the receiver has the sum of the left
//!    nodes, or of the right ones if c is 1, so all nodes but those on the path of the opposite sides.
//!    The leaves are v and w with w = v ⊕ e·Δ, where e is 1 at one place of each bin: the noise.
//! 2. *Check.* See `check`: the sender proves that what it sent is that, for this e.
//! 3. *Code.* Each output is its leaf plus ten entries of the table ([`gazelle_kernels::lpn`]), under
//!    a public key that is of this iteration alone. The relation is linear, so it holds for outputs;
//!    choices are A·s ⊕ e with the choices s of the table.
//!
//! The lowest bit of a receiver's block is its choice: the sender clears that of every block, and the
//! receiver sets it, to the choice, 0 or 1 as the place in the tree says, whatever the sender sent.
//! So a sender has no influence on the distribution of the noise.
//!
//! A receiver sends nothing in an iteration but 16 bytes for the check, which are uniform.

mod check;
mod receiver;
mod sender;
mod sets;
#[cfg(test)]
mod tests;

pub use sets::LpnSet;

pub(super) use check::{CHALLENGE_LEN, PROOF_LEN};
pub(super) use receiver::{Claim, Receiver};
pub(super) use sender::{Proof, Sender};

use sha2::{Digest, Sha256};

/// A public key under `label` for an iteration.
fn key(label: &[u8], name: &[u8; 32], iteration: u64) -> u128 {
    let hash = Sha256::new()
        .chain_update(label)
        .chain_update(name)
        .chain_update(iteration.to_le_bytes())
        .finalize();
    u128::from_le_bytes(*hash.first_chunk().expect("SHA-256 gives 32 bytes"))
}

/// Fewer trees than this are not worth another thread.
const MIN_TREES: usize = 8;

/// The transfers of a reserve, cut by their use.
struct Reserve<'a> {
    table: &'a [u128],
    /// d for each tree.
    trees: &'a [u128],
    masks: &'a [u128],
}

impl<'a> Reserve<'a> {
    fn of(set: LpnSet, blocks: &'a [u128]) -> Self {
        assert_eq!(blocks.len(), set.reserve(), "a whole reserve");
        let (table, blocks) = blocks.split_at(set.secret());
        let (trees, masks) = blocks.split_at(set.bins() * set.bin_log());
        Self { table, trees, masks }
    }
}
