//! Vectors of labels.

use std::borrow::Cow;

use bytemuck::{must_cast_slice, must_cast_slice_mut};

/// A label for each lane of a wire; a program's inputs stay where they are.
pub type Labels<'a> = Cow<'a, [u128]>;

/// The sum of two wires. Compilers make vector instructions of sums of words, not of `u128`.
pub(crate) fn xor(a: &[u128], b: &[u128]) -> Vec<u128> {
    let mut sum = a.to_vec();
    let words: &mut [u64] = must_cast_slice_mut(&mut sum);
    for (word, other) in words.iter_mut().zip(must_cast_slice::<_, u64>(b)) {
        *word ^= other;
    }
    sum
}
