//! Sums and choices of labels: the free XOR of two wires, and what a colour bit selects.

use alloc::vec::Vec;

use crate::backend::AesBackend;
use crate::dispatch::aes_twin;

/// `a[i] ⊕ b[i]` for each lane.
///
/// # Panics
/// If the lengths differ.
pub fn xor(backend: AesBackend, a: &[u128], b: &[u128]) -> Vec<u128> {
    assert_eq!(a.len(), b.len(), "wires of equal length");
    // SAFETY: the backend's value proves all that its twin asks for.
    unsafe { aes_twin!(backend, xor(a, b)) }
}

/// `value` if the colour bit of `label` is set, else 0; without a branch.
#[inline(always)]
pub(crate) const fn select(label: u128, value: u128) -> u128 {
    (label & 1).wrapping_neg() & value
}

mod scalar {
    use alloc::vec::Vec;

    pub(super) fn xor(a: &[u128], b: &[u128]) -> Vec<u128> {
        a.iter().zip(b).map(|(a, b)| a ^ b).collect()
    }
}

/// The compiler vectorises the scalar twin.
#[cfg(target_feature = "simd128")]
use scalar as simd128;

#[cfg(target_arch = "x86_64")]
mod x86 {
    macro_rules! labels {
        ($ops:ident, $features:literal) => {
            pub(super) mod $ops {
                use crate::aes::$ops::{self, BLOCKS, load, store};
                use alloc::vec::Vec;

                #[target_feature(enable = $features)]
                pub(crate) fn xor(a: &[u128], b: &[u128]) -> Vec<u128> {
                    let mut sum = Vec::with_capacity(a.len());
                    let ((a, last_a), (b, last_b)) = (a.as_chunks(), b.as_chunks());
                    for (a, b) in a.iter().zip(b) {
                        let mut blocks = [0; BLOCKS];
                        store(&mut blocks, $ops::xor(load(a), load(b)));
                        sum.extend_from_slice(&blocks);
                    }
                    sum.extend(last_a.iter().zip(last_b).map(|(a, b)| a ^ b));
                    sum
                }
            }
        };
    }

    labels!(xmm, "aes,ssse3,avx");
    labels!(ymm, "vaes,avx2");
    labels!(zmm, "vaes,avx512f,avx512bw");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backends_agree() {
        for n in 0..70u128 {
            let a: Vec<u128> = (0..n).map(|i| (i + 1) << 100 | i).collect();
            let b: Vec<u128> = (0..n).map(|i| (i + 3) * 0x9e37_79b9_7f4a_7c15).collect();
            let expected: Vec<u128> = a.iter().zip(&b).map(|(a, b)| a ^ b).collect();
            for backend in AesBackend::available() {
                assert_eq!(xor(backend, &a, &b), expected, "{}, {n}", backend.name());
            }
        }
    }

    #[test]
    #[should_panic = "wires of equal length"]
    fn wires_of_different_lengths_are_refused() {
        xor(AesBackend::best(), &[1], &[]);
    }
}
