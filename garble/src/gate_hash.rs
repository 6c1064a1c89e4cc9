//! Which hash a gate may use.
//!
//! [`HashKind::Mitccrh`] gives one key to up to 128 lanes of a gate, so the labels of a wire's lanes
//! must be unrelated. They are if the program's input labels are independent, for as long as lane j
//! of every wire depends on inputs of its own and is computed like every other lane. Two things end
//! that: a wire that is constant in all lanes, and a gather that does more than to take one of
//! several equal parts of a wire. Then every lane gets a key of its own.
//!
//! The program alone decides both; no label is looked at. A rule that read labels would let a garbler
//! that deviates choose, by the value of a wire, which hash the evaluator takes and so how long.

use std::borrow::Cow;

use crate::wire::{Form, Wire};
use crate::{Hash, HashKind};
use gazelle_kernels::label;

/// Makes wires, and chooses the hash of each gate of a program.
pub(crate) struct GateHash<'a> {
    session: &'a Hash,
    strict: Hash,
    lanes_are_unrelated: bool,
    /// Inputs and results of ANDs so far.
    sources: u64,
}

impl<'a> GateHash<'a> {
    pub(crate) fn new(session: &'a Hash) -> Self {
        let strict = match session.kind() {
            HashKind::Mitccrh => session.clone().with_kind(HashKind::MitccrhStrict),
            _ => session.clone(),
        };
        Self { session, strict, lanes_are_unrelated: true, sources: 0 }
    }

    /// A wire that is no sum of others: an input or the result of an AND.
    pub(crate) fn source<'l>(&mut self, labels: impl Into<Cow<'l, [u128]>>) -> Wire<'l> {
        let form = Form::source(self.sources);
        self.sources += 1;
        Wire::new(labels, form)
    }

    /// The sum of two wires.
    pub(crate) fn xor<'l>(&self, a: &Wire<'l>, b: &Wire<'l>) -> Wire<'l> {
        Wire::new(label::xor(self.session.backend(), a, b), a.form.xor(b.form))
    }

    /// Lane i of the result is lane `lanes[i]` of `a`.
    pub(crate) fn gather<'l>(&mut self, a: &Wire<'l>, lanes: &[u32]) -> Wire<'l> {
        let labels: Vec<u128> = lanes.iter().map(|&lane| a[lane as usize]).collect();
        let first = lanes.first().map_or(0, |&lane| lane as usize);
        self.lanes_are_unrelated &= is_part(a.len(), first, lanes);
        Wire::new(labels, a.form.shifted(first))
    }

    /// The hash for gates whose inputs have these forms.
    pub(crate) fn of(&self, inputs: &[Form]) -> &Hash {
        let varies = |form: &Form| !form.is_constant();
        if self.lanes_are_unrelated && inputs.iter().all(varies) {
            self.session
        } else {
            &self.strict
        }
    }
}

/// Whether `lanes`, which begin with `first`, are one of several equal parts of `from` lanes.
fn is_part(from: usize, first: usize, lanes: &[u32]) -> bool {
    let count = lanes.len();
    let in_order = lanes.iter().zip(first..).all(|(&lane, at)| lane as usize == at);
    count == 0 || in_order && from.is_multiple_of(count) && first.is_multiple_of(count)
}
