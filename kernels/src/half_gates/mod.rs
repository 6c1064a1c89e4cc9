//! Half-gates over many instances of one AND gate (Zahur, Rosulek, Evans, EUROCRYPT 2015).
//!
//! A label's lowest bit is its colour; Δ is odd. A table of n instances has 32·n bytes: the
//! generator's half-gates of all instances, then the evaluator's, 16 bytes each, little-endian.

pub mod scalar;
#[cfg(target_feature = "simd128")]
mod simd128;
#[cfg(target_arch = "x86_64")]
mod x86;

use crate::dispatch::aes_twin;
use crate::hash::Hash;

/// Bytes of the table of one instance.
pub const TABLE_BYTES: usize = 32;

/// Garbles `c = a ∧ b` for each instance from the zero labels of `a` and `b`: writes the zero labels
/// of `c` to `out` and the table to `tables`. Uses the tweaks `tweak..tweak + 2·instances`, the
/// first half for `a`; numbers wrap at 2^64. No instruction and no address depends on a label.
///
/// # Panics
/// If `a`, `b` and `out` have different lengths or `tables` does not have 32 bytes an instance.
pub fn garble(
    h: &Hash,
    tweak: u64,
    delta: u128,
    [a, b]: [&[u128]; 2],
    tables: &mut [u8],
    out: &mut [u128],
) {
    check(a, b, tables, out);
    // SAFETY: the backend's value proves all that its twin asks for.
    unsafe { aes_twin!(h.backend(), garble(h, tweak, delta, [a, b], tables, out)) }
}

/// Evaluates `c = a ∧ b` for each instance from the active labels and the table; the tweaks are
/// those of [`garble`]. No instruction and no address depends on a label.
///
/// # Panics
/// If `a`, `b` and `out` have different lengths or `tables` does not have 32 bytes an instance.
pub fn evaluate(h: &Hash, tweak: u64, [a, b]: [&[u128]; 2], tables: &[u8], out: &mut [u128]) {
    check(a, b, tables, out);
    // SAFETY: the backend's value proves all that its twin asks for.
    unsafe { aes_twin!(h.backend(), evaluate(h, tweak, [a, b], tables, out)) }
}

fn check(a: &[u128], b: &[u128], tables: &[u8], out: &[u128]) {
    assert!(a.len() == b.len() && a.len() == out.len(), "wires of equal length");
    assert_eq!(tables.len(), TABLE_BYTES * a.len(), "32 bytes an instance");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::AesBackend;
    use crate::hash::HashKind;
    use alloc::vec;
    use alloc::vec::Vec;

    fn labels(n: usize, seed: u128) -> Vec<u128> {
        let step = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
        (0..n as u128).map(|i| (seed + i + 1).wrapping_mul(step)).collect()
    }

    /// Every backend against the scalar twin: every tail, the borders of keys and of groups, the
    /// wrap of the tweak.
    #[test]
    fn backends_agree() {
        let delta = 0x8000_0000_0000_0001_0123_4567_89ab_cdef;
        let sizes = (0..70).chain([127, 128, 129, 255, 511, 512, 513, 640, 1024, 1100]);
        for n in sizes {
            for kind in HashKind::ALL {
                for tweak in [0, 77, u64::MAX - 200] {
                    let h = Hash::new(kind, 99 << 64 | 5);
                    let (a, b) = (labels(n, 1), labels(n, 1 << 70));
                    let (mut tables, mut out) = (vec![0; 32 * n], vec![0; n]);
                    scalar::garble(&h, tweak, delta, [&a, &b], &mut tables, &mut out);
                    let mut active = vec![0; n];
                    scalar::evaluate(&h, tweak, [&a, &b], &tables, &mut active);
                    for backend in AesBackend::available() {
                        let name = backend.name();
                        let (mut t, mut o) = (vec![1; 32 * n], vec![2; n]);
                        let h = h.clone().with_backend(backend);
                        garble(&h, tweak, delta, [&a, &b], &mut t, &mut o);
                        assert!(t == tables && o == out, "{name}, {kind:?}, garble {n}");
                        evaluate(&h, tweak, [&a, &b], &tables, &mut o);
                        assert!(o == active, "{name}, {kind:?}, evaluate {n}");
                    }
                }
            }
        }
    }

    /// All colours and values of both inputs: the active label of the output stands for a ∧ b.
    #[test]
    fn an_and_is_an_and() {
        let delta = 0xfeed_0000_0000_0000_0000_0000_0000_0001;
        for kind in HashKind::ALL {
            let h = Hash::new(kind, 7);
            for case in 0..16u128 {
                let [a, b] =
                    [labels(1, 5)[0] & !1 | case & 1, labels(1, 9)[0] & !1 | case >> 1 & 1];
                let (x, y) = (case >> 2 & 1, case >> 3 & 1);
                let (mut tables, mut zero, mut active) = ([0; 32], [0], [0]);
                scalar::garble(&h, 3, delta, [&[a], &[b]], &mut tables, &mut zero);
                let inputs: [&[u128]; 2] = [&[a ^ (x * delta)], &[b ^ (y * delta)]];
                scalar::evaluate(&h, 3, inputs, &tables, &mut active);
                assert_eq!(active[0], zero[0] ^ ((x & y) * delta), "{kind:?}, case {case}");
            }
        }
    }
}
