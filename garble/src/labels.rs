//! The labels of a program's inputs, apart by what they are.

use std::borrow::Cow;
use std::ops::Deref;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::Delta;

/// The garbler's labels of 0, one for each input bit of each lane: bit plane after bit plane, each
/// lane after lane. With Δ they tell what every active label means, so they are secret.
pub struct ZeroLabels(Vec<u128>);

impl ZeroLabels {
    /// Labels that were drawn uniformly and independently of each other.
    pub fn new(labels: Vec<u128>) -> Self {
        Self(labels)
    }

    /// What the sender of correlated transfers has: q, where the receiver has q ⊕ c·Δ for its choice
    /// c. The transfers' offset must be the garbling's Δ.
    pub fn from_correlation(q: Vec<u128>) -> Self {
        Self(q)
    }

    /// The active labels of `bits`, which are in the order of the labels.
    ///
    /// # Panics
    /// If the bits are not as many as the labels.
    pub fn activate(mut self, delta: &Delta, bits: &[bool]) -> ActiveLabels<'static> {
        assert_eq!(bits.len(), self.0.len(), "a bit for each label");
        for (label, bit) in self.0.iter_mut().zip(bits) {
            *label ^= u128::from(*bit).wrapping_neg() & delta.expose();
        }
        ActiveLabels(Cow::Owned(std::mem::take(&mut self.0)))
    }

    /// The labels themselves, for who garbles with an interpreter of its own.
    pub fn expose(&self) -> &[u128] {
        &self.0
    }
}

impl Drop for ZeroLabels {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

impl ZeroizeOnDrop for ZeroLabels {}

/// The evaluator's labels, one for each input bit of each lane: bit plane after bit plane, each lane
/// after lane. Each is the zero label or that plus Δ, as the bit is, and does not tell which. They
/// dereference to the labels; those that are owned are wiped when they go.
pub struct ActiveLabels<'a>(Cow<'a, [u128]>);

impl<'a> ActiveLabels<'a> {
    /// Labels that the garbler sent, or stored ones.
    pub fn new(labels: impl Into<Cow<'a, [u128]>>) -> Self {
        Self(labels.into())
    }
}

impl ActiveLabels<'static> {
    /// What the receiver of correlated transfers has: q ⊕ c·Δ, for its bits c as choices; see
    /// [`ZeroLabels::from_correlation`].
    pub fn from_correlation(t: Vec<u128>) -> Self {
        Self(Cow::Owned(t))
    }
}

impl Deref for ActiveLabels<'_> {
    type Target = [u128];

    fn deref(&self) -> &[u128] {
        &self.0
    }
}

impl Drop for ActiveLabels<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(labels) = &mut self.0 {
            wipe(labels);
        }
    }
}

impl ZeroizeOnDrop for ActiveLabels<'_> {}

/// Wipes in bulk, as a slice: a `Vec` would be wiped label by label, which takes longer.
fn wipe(labels: &mut [u128]) {
    labels.zeroize();
}
