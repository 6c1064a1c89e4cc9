//! Sums of labels: the free XOR of two wires.

#[cfg(target_arch = "x86_64")]
use crate::aes;
use crate::backend::{AesBackend, AesIsa};
use alloc::vec::Vec;

/// `a[i] ⊕ b[i]` for each lane.
///
/// # Panics
/// If the lengths differ.
pub fn xor(backend: AesBackend, a: &[u128], b: &[u128]) -> Vec<u128> {
    assert_eq!(a.len(), b.len(), "wires of equal length");
    match backend.isa() {
        AesIsa::Portable => a.iter().zip(b).map(|(a, b)| a ^ b).collect(),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the backend's value proves AES-NI, SSSE3 and AVX.
        AesIsa::AesNi => unsafe { xmm(a, b) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the backend's value proves VAES and AVX2.
        AesIsa::Vaes256 => unsafe { ymm(a, b) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the backend's value proves VAES and AVX-512 F and BW.
        AesIsa::Vaes512 => unsafe { zmm(a, b) },
        #[cfg(not(target_arch = "x86_64"))]
        _ => a.iter().zip(b).map(|(a, b)| a ^ b).collect(),
    }
}

#[cfg(target_arch = "x86_64")]
macro_rules! xor {
    ($ops:ident, $features:literal) => {
        #[target_feature(enable = $features)]
        fn $ops(a: &[u128], b: &[u128]) -> Vec<u128> {
            use aes::$ops::{BLOCKS, load, store, xor};
            let mut sum = Vec::with_capacity(a.len());
            let ((a, last_a), (b, last_b)) = (a.as_chunks(), b.as_chunks());
            for (a, b) in a.iter().zip(b) {
                let mut blocks = [0; BLOCKS];
                store(&mut blocks, xor(load(a), load(b)));
                sum.extend_from_slice(&blocks);
            }
            sum.extend(last_a.iter().zip(last_b).map(|(a, b)| a ^ b));
            sum
        }
    };
}

#[cfg(target_arch = "x86_64")]
xor!(xmm, "aes,ssse3,avx");
#[cfg(target_arch = "x86_64")]
xor!(ymm, "vaes,avx2");
#[cfg(target_arch = "x86_64")]
xor!(zmm, "vaes,avx512f,avx512bw");

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
