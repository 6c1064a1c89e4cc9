use super::*;
use alloc::{format, vec, vec::Vec};

/// The least and the largest moduli of each class, and some between (not all of them prime: nothing
/// here needs it).
const MODULI: [u64; 13] = [
    3,
    17,
    (1 << 20) - 3,
    (1 << 30) - 35,
    (1 << 30) + 1,
    (1 << 46) + 1,
    (1 << 47) - 115,
    (1 << 49) + 1,
    (1 << 50) - 27,
    (1 << 50) + 1,
    (1 << 60) - 93,
    (1 << 61) + 1,
    (1 << 62) - 57,
];

/// Residues at the edges and between.
fn residues(kind: usize, len: usize, q: u64) -> Vec<u64> {
    let at = |i: u64| match kind {
        0 => q - 1,
        1 => (q - 1) * (i & 1),
        2 => i % 251 % q,
        3 => q / 2 + (i & 1),
        _ => i.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(kind as u64).rotate_left(29) % q,
    };
    (0..len as u64).map(at).collect()
}

/// The sums with one reduction by division for each product.
fn expected(q: u64, start: &[u64], terms: &[(&[u64], &[u64])]) -> Vec<u64> {
    let q = u128::from(q);
    let sum = |i: usize| {
        terms.iter().fold(u128::from(start[i]), |sum, (a, b)| {
            (sum + u128::from(a[i]) * u128::from(b[i]) % q) % q
        })
    };
    (0..start.len()).map(|i| sum(i) as u64).collect()
}

#[test]
fn every_backend_equals_division() {
    for backend in VectorBackend::available() {
        for q in MODULI {
            let pointwise = Pointwise::new(backend, q);
            for len in [0, 1, 3, 4, 7, 8, 9, 15, 31, 32, 33, 47, 71] {
                for (x, y) in [(0, 0), (0, 1), (1, 2), (3, 0), (4, 5), (6, 7)] {
                    let (a, b) = (residues(x, len, q), residues(y, len, q));
                    let start = residues(x, len, q);
                    let mut out = start.clone();
                    pointwise.mul_add(&mut out, &a, &b);
                    assert_eq!(out, expected(q, &start, &[(&a, &b)]), "{} {q}", backend.name());
                    pointwise.mul(&mut out, &a, &b);
                    assert_eq!(
                        out,
                        expected(q, &vec![0; len], &[(&a, &b)]),
                        "{} {q}",
                        backend.name()
                    );
                }
            }
        }
    }
}

/// Numbers of terms around those at which some class must reduce in between.
#[test]
fn sums_of_any_length_are_exact() {
    for backend in VectorBackend::available() {
        for q in MODULI {
            let pointwise = Pointwise::new(backend, q);
            for count in [0, 1, 7, 8, 9, 15, 16, 17, 33, 100, 2047, 2049, 4094, 4096, 4097] {
                for kind in [0, 6] {
                    let len = if count > 100 { 12 } else { 45 };
                    let [a, b, d] =
                        [0, 1, 2].map(|k| residues(kind + k * usize::from(kind > 0), len, q));
                    let terms = vec![(&a[..], [&b[..], &d[..]]); count];
                    let (mut x, mut y) = (a.clone(), b.clone());
                    pointwise.inner_products([&mut x, &mut y], &terms);
                    let id = format!("{} {q} {count}", backend.name());
                    let zero = vec![0; len];
                    assert_eq!(x, expected(q, &zero, &vec![(&a[..], &b[..]); count]), "{id}");
                    assert_eq!(y, expected(q, &zero, &vec![(&a[..], &d[..]); count]), "{id}");
                }
            }
        }
    }
}

/// Factors that begin anywhere in a line of the cache, all at one place or each at another.
#[test]
fn sums_of_unaligned_factors_are_exact() {
    let (len, q) = (203, (1 << 50) - 27);
    for backend in VectorBackend::available() {
        let pointwise = Pointwise::new(backend, q);
        for (offset, step) in (0..8).flat_map(|offset| [(offset, 0), (offset, 1), (offset, 3)]) {
            let buffers: Vec<_> = (0..20).map(|kind| residues(kind + 4, len + 8, q)).collect();
            let factor = |i: usize| &buffers[i][(offset + i * step) % 8..][..len];
            let pairs: Vec<_> = (0..9).map(|j| (factor(j), factor(j + 9))).collect();
            let shared: Vec<_> =
                (0..9).map(|j| (factor(j), [factor(j + 9), factor(j + 10)])).collect();
            let others: Vec<_> = (0..9).map(|j| (factor(j), factor(j + 10))).collect();

            let zero = vec![0; len];
            let (mut x, mut y, mut z) = (zero.clone(), zero.clone(), zero.clone());
            pointwise.inner_product(&mut x, &pairs);
            assert_eq!(x, expected(q, &zero, &pairs), "{} {offset} {step}", backend.name());
            pointwise.inner_products([&mut y, &mut z], &shared);
            assert_eq!(y, x, "{} {offset} {step}", backend.name());
            assert_eq!(z, expected(q, &zero, &others), "{} {offset} {step}", backend.name());
        }
    }
}

#[test]
fn every_term_is_taken_once() {
    for len in 0..=130 {
        let mut order: Vec<_> = scattered(len).collect();
        order.sort_unstable();
        assert!(order.into_iter().eq(0..len), "{len}");
    }
}

#[test]
fn sums_and_differences_are_reduced() {
    for backend in VectorBackend::available() {
        for q in MODULI {
            let pointwise = Pointwise::new(backend, q);
            for len in [0, 1, 7, 8, 9, 33] {
                for (x, y) in [(0, 0), (0, 1), (1, 2), (3, 0), (4, 5)] {
                    let (a, b) = (residues(x, len, q), residues(y, len, q));
                    let mut sum = a.clone();
                    pointwise.add_assign(&mut sum, &b);
                    let pairs = || a.iter().zip(&b);
                    let expected: Vec<u64> = pairs().map(|(a, b)| (a + b) % q).collect();
                    assert_eq!(sum, expected, "{} {q}", backend.name());
                    let mut difference = a.clone();
                    pointwise.sub_assign(&mut difference, &b);
                    let expected: Vec<u64> = pairs().map(|(a, b)| (a + q - b) % q).collect();
                    assert_eq!(difference, expected, "{} {q}", backend.name());
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "another length")]
fn lengths_must_agree() {
    Pointwise::new(VectorBackend::best(), 17).mul(&mut [0; 8], &[1; 8], &[1; 7]);
}
