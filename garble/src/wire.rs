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
/// has a number in GF(2^64), lane j of it that number times X^j, and XOR adds. This is lane 0's sum,
/// so a wire that is constant has 0, whatever way it came to be; another wire has 0 with
/// probability 2^-64, which costs time and no more.
///
/// The program alone decides it, and both parties have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form(u64);

impl Form {
    /// Of the source with this number.
    pub(crate) fn source(number: u64) -> Self {
        // The output function of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): a bijection.
        let x = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self(x ^ x >> 31)
    }

    pub(crate) fn xor(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }

    /// Of the wire whose lane 0 is this one's lane `lane`, given [`power`] of it.
    pub(crate) fn shifted(self, power: u64) -> Self {
        Self(times(self.0, power))
    }

    /// Whether the wire is the same constant in all lanes, whatever the inputs are.
    pub(crate) fn is_constant(self) -> bool {
        self.0 == 0
    }
}

/// X^lane in GF(2^64).
pub(crate) fn power(lane: usize) -> u64 {
    let bits = (0..usize::BITS - lane.leading_zeros()).rev();
    bits.fold(1, |power, bit| {
        let square = times(power, power);
        if lane >> bit & 1 == 1 { times(square, 2) } else { square }
    })
}

/// The product modulo X^64 + X^4 + X^3 + X + 1, which is primitive.
fn times(a: u64, b: u64) -> u64 {
    let (mut multiple, mut product) = (a, 0);
    for bit in 0..64 {
        product ^= multiple & (b >> bit & 1).wrapping_neg();
        multiple = multiple << 1 ^ 0b11011 & (multiple >> 63).wrapping_neg();
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_multiply() {
        assert_eq!(power(0), 1);
        assert_eq!(power(65), 0b11011 << 1);
        for (a, b) in [(1, 63), (100, 28), (511, 513), (30_000, 2_768)] {
            assert_eq!(times(power(a), power(b)), power(a + b));
        }
    }

    #[test]
    fn sums_of_sources_are_constant_only_if_they_cancel() {
        let [a, b] = [Form::source(0), Form::source(1)];
        let part = |form: Form, lane| form.shifted(power(lane));
        assert!(a.xor(b).xor(a).xor(b).is_constant());
        assert!(!a.xor(b).is_constant());
        // Parts of a sum are sums of parts, and parts of parts are parts.
        assert!(part(a.xor(b), 128).xor(part(a, 128)).xor(part(b, 128)).is_constant());
        assert!(part(part(a, 64), 32).xor(part(a, 96)).is_constant());
        assert!(!part(a, 128).xor(a).is_constant());
    }
}
