//! Garbling: the gate kernels, the bare AES that bounds them, whole ReLUs, and half-gates one gate at
//! a time on the crate `aes`, as libraries that interpret circuits do it.
//!
//! `garble_and/<backend>/n<instances>/<hash>` and `evaluate_and/…` count gates,
//! `aes_blocks/<backend>/n<blocks>` counts blocks under one key, `relu_garble/<backend>/n<instances>/<hash>`
//! and `relu_evaluate/…` count ReLUs of 21-bit shares (shift 8, clamped to 8 bits). One thread.

use std::hint::black_box;

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gazelle_garble::{
    ActiveLabels, Delta, GateCounter, Hash, HashKind, Program, ZeroLabels, evaluate, garble,
};
use gazelle_kernels::prg::Seeds;
use gazelle_kernels::{AesBackend, half_gates};
use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};

const SIZES: [usize; 2] = [128, 1024];

fn labels(n: usize) -> Vec<u128> {
    let mut rng = ChaCha20Rng::seed_from_u64(n as u64);
    (0..n).map(|_| rng.random()).collect()
}

fn hashes() -> impl Iterator<Item = (AesBackend, Hash)> {
    AesBackend::available().into_iter().flat_map(|backend| {
        HashKind::ALL.map(|kind| (backend, Hash::new(kind, 5).with_backend(backend)))
    })
}

fn name(backend: AesBackend, n: usize, hash: &Hash) -> BenchmarkId {
    BenchmarkId::new(backend.name(), format!("n{n}/{}", hash.kind().name()))
}

fn ands(c: &mut Criterion) {
    let delta = labels(1)[0] | 1;
    for n in SIZES {
        let (a, b) = (labels(n), labels(n + 1)[1..].to_vec());
        let (mut tables, mut out) = (vec![0; half_gates::TABLE_BYTES * n], vec![0; n]);
        let mut group = c.benchmark_group("garble_and");
        group.throughput(Throughput::Elements(n as u64));
        for (backend, hash) in hashes() {
            group.bench_function(name(backend, n, &hash), |bench| {
                bench.iter(|| {
                    half_gates::garble(&hash, 9, delta, [&a, &b], &mut tables, &mut out);
                })
            });
        }
        group.bench_function(BenchmarkId::new("per-gate", format!("n{n}/mitccrh")), |bench| {
            bench.iter(|| per_gate::garble(5, 9, delta, [&a, &b], &mut tables, &mut out))
        });
        group.finish();
        let mut group = c.benchmark_group("evaluate_and");
        group.throughput(Throughput::Elements(n as u64));
        for (backend, hash) in hashes() {
            group.bench_function(name(backend, n, &hash), |bench| {
                bench.iter(|| half_gates::evaluate(&hash, 9, [&a, &b], &tables, &mut out))
            });
        }
        group.bench_function(BenchmarkId::new("per-gate", format!("n{n}/mitccrh")), |bench| {
            bench.iter(|| per_gate::evaluate(5, 9, [&a, &b], &tables, &mut out))
        });
    }
}

/// Counter mode is AES and hardly anything else: the bound of every kernel above, 4 blocks a garbled
/// and 2 an evaluated gate.
fn blocks(c: &mut Criterion) {
    let mut group = c.benchmark_group("aes_blocks");
    let n = 1024;
    let mut out = vec![0; n];
    group.throughput(Throughput::Elements(n as u64));
    for backend in AesBackend::available() {
        let seeds = Seeds::new(backend, &[3]);
        group.bench_function(BenchmarkId::new(backend.name(), format!("n{n}")), |bench| {
            bench.iter(|| seeds.stream(0, 1, 0, black_box(&mut out)))
        });
    }
}

fn relus(c: &mut Criterion) {
    let n = 512;
    let program = Program::Relu { ring_bits: 21, shift: 8, window: 1, out_ring_bits: 21 };
    let delta = Delta::random(&mut ChaCha20Rng::seed_from_u64(1));
    let labels = [labels(21 * n), labels(21 * n + 1)[1..].to_vec()];
    let [a, b] = labels.clone().map(ZeroLabels::new);
    let gates = || GateCounter::new().take(program.tally(n).gates);
    for (backend, hash) in hashes() {
        let run = || garble(&program, n, &hash, &delta, gates(), &a, &b);
        let mut group = c.benchmark_group("relu_garble");
        group.throughput(Throughput::Elements(n as u64));
        group.bench_function(name(backend, n, &hash), |bench| bench.iter(run));
        group.finish();
        let tables = run().expect("as many labels as the program takes").tables;
        let [a, b] = labels.each_ref().map(|labels| ActiveLabels::new(&labels[..]));
        let mut group = c.benchmark_group("relu_evaluate");
        group.throughput(Throughput::Elements(n as u64));
        group.bench_function(name(backend, n, &hash), |bench| {
            bench.iter(|| evaluate(&program, n, &hash, gates(), &tables, &a, &b))
        });
    }
}

/// The baseline: one gate after another, its keys scheduled on the spot, its four (or two) blocks in
/// flight together.
mod per_gate {
    use super::*;

    fn ciphers(key: u128, tweaks: [u64; 2]) -> [Aes128; 2] {
        tweaks.map(|tweak| Aes128::new(&(key ^ u128::from(tweak)).to_le_bytes().into()))
    }

    fn sigma(x: u128) -> u128 {
        let (left, right) = ((x >> 64) as u64, x as u64);
        u128::from(left ^ right) << 64 | u128::from(left)
    }

    fn hash<const N: usize>(cipher: &Aes128, labels: [u128; N]) -> [u128; N] {
        let whitened = labels.map(sigma);
        let mut blocks = whitened.map(|x| x.to_le_bytes().into());
        cipher.encrypt_blocks(&mut blocks);
        std::array::from_fn(|i| u128::from_le_bytes(blocks[i].into()) ^ whitened[i])
    }

    fn select(label: u128, value: u128) -> u128 {
        (label & 1).wrapping_neg() & value
    }

    pub(super) fn garble(
        key: u128,
        tweak: u64,
        delta: u128,
        [a, b]: [&[u128]; 2],
        tables: &mut [u8],
        out: &mut [u128],
    ) {
        let rows = tables.as_chunks_mut::<32>().0;
        for (i, (table, out)) in rows.iter_mut().zip(out).enumerate() {
            let tweak = tweak + 2 * i as u64;
            let [left, right] = ciphers(key, [tweak, tweak + 1]);
            let [a0, a1] = hash(&left, [a[i], a[i] ^ delta]);
            let [b0, b1] = hash(&right, [b[i], b[i] ^ delta]);
            let generator = a0 ^ a1 ^ select(b[i], delta);
            let evaluator = b0 ^ b1 ^ a[i];
            table[..16].copy_from_slice(&generator.to_le_bytes());
            table[16..].copy_from_slice(&evaluator.to_le_bytes());
            *out = a0 ^ select(a[i], generator) ^ b0 ^ select(b[i], b0 ^ b1);
        }
    }

    pub(super) fn evaluate(
        key: u128,
        tweak: u64,
        [a, b]: [&[u128]; 2],
        tables: &[u8],
        out: &mut [u128],
    ) {
        let halves = tables.as_chunks::<16>().0.as_chunks::<2>().0;
        for (i, ([generator, evaluator], out)) in halves.iter().zip(out).enumerate() {
            let tweak = tweak + 2 * i as u64;
            let [left, right] = ciphers(key, [tweak, tweak + 1]);
            let ([ha], [hb]) = (hash(&left, [a[i]]), hash(&right, [b[i]]));
            let generator = u128::from_le_bytes(*generator);
            let evaluator = u128::from_le_bytes(*evaluator);
            *out = ha ^ select(a[i], generator) ^ hb ^ select(b[i], evaluator ^ a[i]);
        }
    }
}

criterion_group!(garbling, blocks, ands, relus);
criterion_main!(garbling);
