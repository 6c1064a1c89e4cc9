//! Every backend against the definition, bit by bit.

use super::*;
use alloc::vec;
use alloc::vec::Vec;

/// Blocks of the widest register, twice, and one: every tail.
const LENGTHS: core::ops::RangeInclusive<usize> = 0..=9;

/// The definition: X times the product with the higher coefficients, and so on.
fn schoolbook(a: u128, b: u128) -> u128 {
    (0..128).rev().fold(0, |product: u128, i| {
        let times_x = product << 1 ^ if product >> 127 == 1 { 0x87 } else { 0 };
        times_x ^ if b >> i & 1 == 1 { a } else { 0 }
    })
}

fn random() -> impl FnMut() -> u128 {
    let mut state = 0x0123_4567_89ab_cdefu128;
    move || {
        state = state.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1);
        state ^ state >> 64
    }
}

/// 0, all ones, every single bit, and others.
fn elements() -> Vec<u128> {
    let mut random = random();
    let mut elements = vec![0, u128::MAX, u128::MAX >> 64, u128::MAX << 64];
    elements.extend((0..128).map(|i| 1 << i));
    elements.extend((0..20).map(|_| random()));
    elements
}

#[test]
fn every_backend_multiplies_as_the_definition() {
    let elements = elements();
    for &a in &elements {
        for &b in &elements {
            let expected = schoolbook(a, b);
            for backend in AesBackend::available() {
                assert_eq!(mul(backend, a, b), expected, "{}: {a:x}·{b:x}", backend.name());
            }
        }
    }
}

/// The polynomial is irreducible: X^(2^128) = X, and X^(2^64) − X has an inverse.
#[test]
fn it_is_a_field() {
    let mul = |a, b| mul(AesBackend::best(), a, b);
    let frobenius = |times: usize| (0..times).fold(2, |x, _| mul(x, x));
    assert_eq!(frobenius(128), 2);
    let difference = frobenius(64) ^ 2;
    // The inverse is the power 2^128 − 2, the square of the power 2^127 − 1.
    let root = (0..126).fold(difference, |x, _| mul(mul(x, x), difference));
    assert_eq!(mul(mul(root, root), difference), 1);
}

#[test]
fn every_backend_makes_the_same_inner_products() {
    for n in LENGTHS.chain([15, 16, 17, 31, 33, 64, 65]) {
        for count in [0, 1, 2, 3, 4, 17, 128] {
            let mut random = random();
            let edges = |i: usize| [0, u128::MAX, 1, 1 << 127][i % 4];
            let inputs: [(Vec<u128>, Vec<u128>); 3] = [
                ((0..n).map(edges).collect(), (0..n * count).map(|i| edges(i / 3)).collect()),
                (vec![u128::MAX; n], vec![u128::MAX; n * count]),
                ((0..n).map(|_| random()).collect(), (0..n * count).map(|_| random()).collect()),
            ];
            for (factors, rows) in inputs {
                let expected: Vec<u128> = (0..count)
                    .map(|r| {
                        let row = factors.iter().zip(&rows[r * n..]);
                        row.fold(7 + r as u128, |sum, (f, x)| sum ^ schoolbook(*f, *x))
                    })
                    .collect();
                for backend in AesBackend::available() {
                    let mut sums: Vec<u128> = (0..count).map(|r| 7 + r as u128).collect();
                    inner_products(backend, &factors, &rows, &mut sums);
                    assert!(sums == expected, "{}, {count} rows of {n}", backend.name());
                }
            }
        }
    }
}

/// Every length of a last block, of a last register, around a strip and around several together, from an
/// odd address.
#[test]
fn every_backend_hashes_as_horner() {
    let mut random = random();
    let bytes: Vec<u8> = (0..34_000).map(|_| random() as u8).collect();
    let around_strips = [1007, 1008, 1009, 1023, 1024, 1025, 1040, 2047, 2048, 2500];
    let around_many = [16_383, 16_384, 16_385, 33_000];
    for key in [0, 1, u128::MAX, random()] {
        for length in (0..=150).chain(around_strips).chain(around_many) {
            let message = &bytes[1..][..length];
            let expected = message.chunks(16).fold(5, |state, bytes| {
                let mut block = [0; 16];
                block[..bytes.len()].copy_from_slice(bytes);
                schoolbook(state ^ u128::from_le_bytes(block), key)
            });
            for backend in AesBackend::available() {
                let hash = PolynomialHash::new(backend, key);
                assert_eq!(hash.update(5, message), expected, "{}, {length}", backend.name());
            }
        }
    }
}

#[test]
fn a_message_may_come_in_parts() {
    let message: Vec<u8> = (0..2000).map(|i| (i % 251) as u8).collect();
    for backend in AesBackend::available() {
        let hash = PolynomialHash::new(backend, 0x1234_5678_9abc_def0 << 50);
        let whole = hash.update(0, &message);
        for cut in [0, 16, 160, 1024, 1040, 1984] {
            let (first, second) = message.split_at(cut);
            assert_eq!(hash.update(hash.update(0, first), second), whole, "{}", backend.name());
        }
    }
}

#[test]
#[should_panic = "one row for each sum"]
fn a_missing_row_is_refused() {
    inner_products(AesBackend::PORTABLE, &[1, 2], &[3; 5], &mut [0; 3]);
}
