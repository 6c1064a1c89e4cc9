//! Correlated trees of seeds: two blocks whose sum is Δ grow to 2^d leaves whose sum is Δ.
//!
//! The half-tree of Guo, Yang, Wang, Zhang, Xie, Liu, Zhao ("Half-Tree: Halving the Cost of Tree
//! Expansion in COT and DPF", EUROCRYPT 2023, section 4). The children of a node x are H(x) and
//! x ⊕ H(x), with H(x) = π(σ(x)) ⊕ σ(x) and π AES under a key of the tree's own, so every level has
//! the sum Δ. Who knows the sum of one side of every level, the side away from a path, knows every
//! node but those of the path, and of the leaf there the sum with Δ.
//!
//! Leaf x is reached by the sides x₀, x₁, … of its bits, the lowest one first: the left children of a
//! level are its first half.

mod one_hot;
mod scalar;
#[cfg(target_feature = "simd128")]
mod simd128;
#[cfg(target_arch = "x86_64")]
mod x86;

use crate::backend::AesBackend;
use crate::dispatch::aes_twin;

/// Grows a tree of 2^d leaves from the two nodes `first` and `first` ⊕ Δ below its root.
///
/// `sums` gets the sum of the left children of each level from the second on, d − 1 of them, and
/// `leaves` the leaves, their lowest bits cleared. `key` is public and of this tree alone. No branch
/// and no address depends on a node.
///
/// # Panics
/// Unless there are 2^d leaves and d − 1 sums, with d ≥ 1.
pub fn grow(
    backend: AesBackend,
    key: u128,
    first: u128,
    delta: u128,
    sums: &mut [u128],
    leaves: &mut [u128],
) {
    check_depth(sums.len() + 1, leaves.len());
    // SAFETY: the backend's value proves all that its twin asks for.
    unsafe { aes_twin!(backend, grow(key, [first, first ^ delta], sums, leaves)) }
}

/// Grows the tree of [`grow`] but for the path to leaf `point`.
///
/// `opened` has the sum of one side of each level, d of them: on level l that of the left children
/// if bit l of `point` is 1, else that of the right ones. `leaves` gets the leaves of [`grow`], of
/// leaf `point` the sum with Δ (of which the lowest bit is 1). No branch and no address depends on
/// `point` or a node.
///
/// # Panics
/// Unless there are 2^d leaves and d sums, with d ≥ 1, and `point` is a leaf.
pub fn grow_punctured(
    backend: AesBackend,
    key: u128,
    point: usize,
    opened: &[u128],
    leaves: &mut [u128],
) {
    check_depth(opened.len(), leaves.len());
    // SAFETY: the backend's value proves all that its twin asks for.
    unsafe { aes_twin!(backend, grow_punctured(key, point, opened, leaves)) }
}

/// Element `place`, or 0 if there is none; no branch and no address depends on `place`.
pub fn select(backend: AesBackend, elements: &[u128], place: usize) -> u128 {
    // SAFETY: the backend's value proves all that its twin asks for.
    unsafe { aes_twin!(backend, select(elements, place)) }
}

fn check_depth(depth: usize, leaves: usize) {
    assert!(depth >= 1, "a tree has a level");
    assert_eq!(leaves, 1 << depth, "2^d leaves for d levels");
}

#[cfg(test)]
mod tests;
