//! No branch and no address depends on a label, on Δ, on a seed, on a choice bit, on an element of
//! GF(2^128), on a node of a tree or on the leaf that a punctured one lacks.
//!
//! Valgrind sees the backends `scalar`, `avx2` and `aesni`; the wider ones are the same text but
//! for the transposition's AVX-512 twin, whose loops run over lengths alone.

#![cfg(feature = "std")]

use std::hint::black_box;

use gazelle_kernels::gf128::{PolynomialHash, inner_products};
use gazelle_kernels::hash::{self, Hash, HashKind};
use gazelle_kernels::prg::Seeds;
use gazelle_kernels::transpose::transpose128;
use gazelle_kernels::{AesBackend, VectorBackend, ggm, half_gates, lpn};
use gazelle_valgrind::{assert_constant_time, assert_reported, make_public, make_secret};

#[test]
fn kernels_are_constant_time() {
    for test in [
        "garbling_of_secret_labels",
        "streams_of_secret_seeds",
        "transposed_secrets",
        "products_of_secrets",
        "trees_of_secrets",
        "code_of_secrets",
    ] {
        assert_constant_time(test);
    }
}

/// The test's own test.
#[test]
fn a_branch_on_a_secret_is_seen() {
    assert_reported("branch_on_a_label");
    assert_reported("address_from_a_column");
    assert_reported("branch_on_a_product");
    assert_reported("branch_on_a_leaf");
}

#[test]
#[ignore = "runs under valgrind"]
fn garbling_of_secret_labels() {
    for backend in AesBackend::available() {
        for kind in HashKind::ALL {
            for n in [1, 3, 16, 64, 131, 300] {
                garble(&Hash::new(kind, 5).with_backend(backend), n);
            }
        }
    }
}

/// Garbles, evaluates and hashes secret labels.
fn garble(h: &Hash, n: usize) {
    let (a, b, delta) = (secret(n), secret(n), secret(1)[0]);
    let (mut tables, mut out) = (vec![0; half_gates::TABLE_BYTES * n], vec![0; n]);
    half_gates::garble(h, 9, delta, [&a, &b], &mut tables, &mut out);
    // The tables are sent, labels stay secret.
    make_public(&mut tables);
    half_gates::evaluate(h, 9, [&a, &b], &tables, &mut out);
    let (mut zeros, mut ones) = (vec![0; n], vec![0; n]);
    hash::hash_colours(h, 9, delta, &a, [&mut zeros, &mut ones]);
    hash::hash(h, 9, &mut out);
    black_box((tables, out, zeros, ones));
}

#[test]
#[ignore = "runs under valgrind"]
fn streams_of_secret_seeds() {
    for backend in AesBackend::available() {
        for k in [1, 2, 4, 8] {
            let seeds = Seeds::new(backend, &secret(1 << k));
            for len in [1, 4, 7, 16] {
                let (mut sum, mut planes) = (vec![0; len], vec![0; k * len]);
                seeds.sums(0..1 << k, 3, u64::MAX - 2, &mut sum, &mut planes);
                seeds.stream(1, 3, u64::MAX - 2, &mut sum);
                black_box((sum, planes));
            }
        }
    }
}

#[test]
#[ignore = "runs under valgrind"]
fn transposed_secrets() {
    for backend in VectorBackend::available() {
        for width in [1, 2, 3, 16] {
            black_box(transposed(backend, width));
        }
    }
}

#[test]
#[ignore = "runs under valgrind"]
fn products_of_secrets() {
    for backend in AesBackend::available() {
        for n in [1, 2, 16, 67] {
            let (factors, rows, mut sums) = (secret(n), secret(3 * n), secret(3));
            inner_products(backend, &factors, &rows, &mut sums);
            let message: Vec<u8> = rows.iter().flat_map(|row| row.to_le_bytes()).collect();
            let hash = PolynomialHash::new(backend, sums[0]);
            black_box(hash.update(sums[1], &message[3..]));
        }
    }
}

#[test]
#[ignore = "runs under valgrind"]
fn trees_of_secrets() {
    for backend in AesBackend::available() {
        for depth in [1, 2, 6, 7, 9] {
            black_box(punctured(backend, depth));
            let (mut sums, mut leaves) = (vec![0; depth - 1], vec![0; 1 << depth]);
            let first = secret(2);
            ggm::grow(backend, 5, first[0], first[1], &mut sums, &mut leaves);
            black_box((sums, leaves));
        }
    }
}

/// The leaves of a tree punctured at a secret place, and what stands there.
fn punctured(backend: AesBackend, depth: usize) -> (Vec<u128>, u128) {
    let (point, opened, mut leaves) = (secret(1), secret(depth), vec![0; 1 << depth]);
    let point = point[0] as usize & (leaves.len() - 1);
    ggm::grow_punctured(backend, 5, point, &opened, &mut leaves);
    let leaf = ggm::select(backend, &leaves, point);
    (leaves, leaf)
}

#[test]
#[ignore = "runs under valgrind"]
fn code_of_secrets() {
    for backend in AesBackend::available() {
        let (table, mut out) = (secret(512), secret(150));
        lpn::add_code(backend, 5, 8, &table, &mut out);
        black_box(out);
    }
}

#[test]
#[ignore = "runs under valgrind, which reports it"]
fn branch_on_a_leaf() {
    let (leaves, _) = punctured(AesBackend::best(), 7);
    if black_box(leaves[77]) & 2 == 2 {
        black_box(leaves);
    }
}

#[test]
#[ignore = "runs under valgrind, which reports it"]
fn branch_on_a_product() {
    let product = PolynomialHash::new(AesBackend::best(), secret(1)[0]).update(0, &[1; 40]);
    if black_box(product) & 1 == 1 {
        black_box(product);
    }
}

#[test]
#[ignore = "runs under valgrind, which reports it"]
fn branch_on_a_label() {
    let label = secret(1);
    if black_box(label[0]) & 1 == 1 {
        black_box(&label);
    }
}

/// Secrecy goes through a kernel.
#[test]
#[ignore = "runs under valgrind, which reports it"]
fn address_from_a_column() {
    let columns = transposed(VectorBackend::best(), 1);
    black_box([0, 1][black_box(columns[5]) as usize & 1]);
}

fn transposed(backend: VectorBackend, width: usize) -> Vec<u128> {
    let (rows, mut columns) = (secret(128 * width), vec![0; 128 * width]);
    transpose128(backend, &rows, &mut columns);
    columns
}

fn secret(n: usize) -> Vec<u128> {
    let mut labels: Vec<u128> = (1..=n as u128).map(|i| i << 77 | i).collect();
    make_secret(&mut labels);
    labels
}
