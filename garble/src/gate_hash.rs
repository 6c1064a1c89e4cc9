//! Which hash a gate may use.
//!
//! [`HashKind::Mitccrh`] gives one key to up to 128 lanes of a gate, so the labels of a wire's lanes
//! must be unrelated. They are if the program's input labels are independent, for as long as lane j
//! of every wire depends on inputs of its own and is computed like every other lane. Two things end
//! that, and both parties see them: a wire that is constant in all lanes, and a gather that does
//! more than to take one of several equal parts of a wire. Then every lane gets a key of its own.

use crate::{Hash, HashKind};
use gazelle_kernels::label;

/// Chooses the hash of each gate of a program.
pub(crate) struct GateHash<'a> {
    session: &'a Hash,
    strict: Hash,
    lanes_are_unrelated: bool,
}

impl<'a> GateHash<'a> {
    pub(crate) fn new(session: &'a Hash) -> Self {
        let strict = match session.kind() {
            HashKind::Mitccrh => session.clone().with_kind(HashKind::MitccrhStrict),
            _ => session.clone(),
        };
        Self { session, strict, lanes_are_unrelated: true }
    }

    /// Takes notice of a gather from a wire of `from` lanes.
    pub(crate) fn gather(&mut self, from: usize, lanes: &[u32]) {
        let count = lanes.len();
        let first = lanes.first().map_or(0, |&lane| lane as usize);
        let part = lanes.iter().zip(first..).all(|(&lane, at)| lane as usize == at);
        self.lanes_are_unrelated &=
            count == 0 || part && from.is_multiple_of(count) && first.is_multiple_of(count);
    }

    /// The hash for `wires`. The labels of constant wires are 0 or `delta`, which is 0 to the
    /// evaluator.
    pub(crate) fn of(&self, wires: &[&[u128]], delta: u128) -> &Hash {
        let varies = |wire: &&[u128]| wire.first().is_none_or(|&x| x != 0 && x != delta);
        if self.lanes_are_unrelated && wires.iter().all(varies) {
            self.session
        } else {
            &self.strict
        }
    }

    /// The sum of two wires.
    pub(crate) fn xor(&self, a: &[u128], b: &[u128]) -> Vec<u128> {
        label::xor(self.session.backend(), a, b)
    }
}
