//! Wires of garbled programs.

use std::borrow::Cow;
use std::ops::Deref;

/// A label for each lane of a wire: the zero labels under [`crate::Garbler`], the active ones under
/// [`crate::Evaluator`], whose `input` methods make the wires of a program's inputs. It dereferences
/// to the labels.
#[derive(Clone)]
pub struct Wire<'a> {
    labels: Cow<'a, [u128]>,
    /// What the program makes of this wire, whatever the labels are.
    pub(crate) form: Form,
}

impl<'a> Wire<'a> {
    pub(crate) fn new(labels: impl Into<Cow<'a, [u128]>>, form: Form) -> Self {
        Self { labels: labels.into(), form }
    }
}

impl Deref for Wire<'_> {
    type Target = [u128];

    fn deref(&self) -> &[u128] {
        &self.labels
    }
}

/// The fingerprint of a wire as a sum of sources, which are inputs and results of ANDs: each source
/// has a number, lane j of it that number times X^j, and XOR adds. This is lane 0's sum, so that of
/// a wire which is constant is 0, whatever way it came to be. Numbers are polynomials over GF(2)
/// modulo X^w − 1 for each of the [`WIDTHS`], where X^j rotates.
///
/// The program alone decides it, and both parties have the same. A wire that is not constant has 0
/// with a probability of about 2^-61, or if it adds lanes of one source that are a multiple of
/// 190,747 apart: that costs time and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form([u64; 3]);

/// Primes, so that only rotations by multiples of their product do nothing.
const WIDTHS: [u32; 3] = [61, 59, 53];

impl Form {
    /// Of the source with this number.
    pub(crate) fn source(number: u64) -> Self {
        // The output function of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): a bijection.
        let x = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let x = x ^ x >> 31;
        Self(WIDTHS.map(|width| x & mask(width)))
    }

    pub(crate) fn xor(self, other: Self) -> Self {
        Self([0, 1, 2].map(|i| self.0[i] ^ other.0[i]))
    }

    /// Of the wire whose lane 0 is this one's lane `lane`.
    pub(crate) fn shifted(self, lane: usize) -> Self {
        Self([0, 1, 2].map(|i| {
            let (x, width) = (self.0[i], WIDTHS[i]);
            let by = (lane % width as usize) as u32;
            (x << by | x >> (width - by)) & mask(width)
        }))
    }

    /// Whether the wire is the same constant in all lanes, whatever the inputs are.
    pub(crate) fn is_constant(self) -> bool {
        self.0 == [0; 3]
    }
}

const fn mask(width: u32) -> u64 {
    u64::MAX >> (u64::BITS - width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_sources_are_constant_only_if_they_cancel() {
        let [a, b] = [Form::source(0), Form::source(1)];
        assert!(a.xor(b).xor(a).xor(b).is_constant());
        assert!(!a.xor(b).is_constant());
        for lane in [1, 53, 59, 61, 128, 512, 53 * 59, 59 * 61, 30_000] {
            // Parts of a sum are sums of parts, and parts of parts are parts.
            let [sum, parts] = [a.xor(b).shifted(lane), a.shifted(lane).xor(b.shifted(lane))];
            assert!(sum.xor(parts).is_constant());
            assert!(a.shifted(lane).shifted(32).xor(a.shifted(lane + 32)).is_constant());
            assert!(!a.shifted(lane).xor(a).is_constant(), "{lane}");
        }
    }
}
