//! Every interpreter against the clear one.

use crate::*;
use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha20Rng};

const KINDS: [HashKind; 3] = [HashKind::Mitccrh, HashKind::MitccrhStrict, HashKind::FixedKey];

fn labels(rng: &mut ChaCha20Rng, count: usize) -> Vec<u128> {
    (0..count).map(|_| rng.random()).collect()
}

fn active(zero: &[u128], values: &[u32], delta: &Delta) -> Vec<u128> {
    let lanes = values.len().max(1);
    zero.iter()
        .enumerate()
        .map(|(at, zero)| {
            zero ^ (u128::from(values[at % lanes] >> (at / lanes) & 1) * delta.expose())
        })
        .collect()
}

/// Garbles and evaluates; the result with S removed.
fn private(program: &Program, kind: HashKind, n: usize, a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let delta = Delta::random(&mut rng);
    let hash = Hash::new(kind, rng.random());
    let count = n * program.labels();
    let (zero_a, zero_b) = (labels(&mut rng, count), labels(&mut rng, count));
    let tally = program.tally(n);
    let gates = || GateCounter::new().take(tally.gates);
    let garbled = garble(program, n, &hash, &delta, gates(), &zero_a, &zero_b).unwrap();
    assert_eq!(garbled.tables.len(), tally.table_bytes);
    let (a, b) = (active(&zero_a, a, &delta), active(&zero_b, b, &delta));
    let evaluated = evaluate(program, n, &hash, gates(), &garbled.tables, &a, &b).unwrap();
    let short = &garbled.tables[1..];
    assert!(evaluate(program, n, &hash, gates(), short, &a, &b).is_err());
    match *program {
        Program::Relu { out_ring_bits, .. } => evaluated
            .iter()
            .zip(&garbled.shares)
            .map(|(e, s)| e.wrapping_sub(*s) & ring::mask(out_ring_bits))
            .collect(),
        _ => evaluated,
    }
}

fn signed(value: u32, bits: u32) -> i64 {
    i64::from((value << (32 - bits)) as i32 >> (32 - bits))
}

#[test]
fn relu_is_exact_for_every_pair_of_small_shares() {
    for (ring_bits, shift, window) in [(5, 0, 1), (6, 2, 1), (7, 1, 1)] {
        let size = 1u32 << ring_bits;
        let a: Vec<u32> = (0..size * size).map(|i| i % size).collect();
        let b: Vec<u32> = (0..size * size).map(|i| i / size).collect();
        let program = Program::Relu { ring_bits, shift, window, out_ring_bits: 9 };
        let expected: Vec<u32> = a
            .iter()
            .zip(&b)
            .map(|(a, b)| (signed(a.wrapping_add(*b), ring_bits).max(0) >> shift).min(255) as u32)
            .collect();
        assert_eq!(clear(&program, a.len(), &a, &b).unwrap(), expected);
        for kind in KINDS {
            assert_eq!(private(&program, kind, a.len(), &a, &b), expected);
        }
    }
}

#[test]
fn pooled_relu_argmax_and_reveal_are_exact_on_random_sums() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for (ring_bits, shift, sums) in [(21, 9, 4), (18, 0, 9), (32, 12, 2), (12, 3, 1)] {
        let n = 37;
        let mask = ring::mask(ring_bits);
        let mut values = || -> Vec<u32> { (0..n * sums).map(|_| rng.next_u32() & mask).collect() };
        let (a, b) = (values(), values());
        let y = |p: usize, i: usize| signed(a[p * n + i].wrapping_add(b[p * n + i]), ring_bits);
        let relu = Program::Relu { ring_bits, shift, window: sums, out_ring_bits: 23 };
        let expected: Vec<u32> = (0..n)
            .map(|i| ((0..sums).map(|p| y(p, i)).max().unwrap().max(0) >> shift).min(255) as u32)
            .collect();
        let argmax = Program::Argmax { ring_bits, classes: sums };
        let indices: Vec<u32> =
            (0..n).map(|i| (0..sums).rev().max_by_key(|&p| y(p, i)).unwrap() as u32).collect();
        for kind in KINDS {
            assert_eq!(private(&relu, kind, n, &a, &b), expected);
            assert_eq!(private(&argmax, kind, n, &a, &b), indices);
        }
        let reveal = Program::Reveal { ring_bits };
        let plain: Vec<u32> = a.iter().zip(&b).map(|(a, b)| a.wrapping_add(*b) & mask).collect();
        assert_eq!(private(&reveal, HashKind::Mitccrh, n * sums, &a, &b), plain);
    }
}

#[test]
fn an_activation_costs_what_the_protocol_promises() {
    let relu = Program::Relu { ring_bits: 21, shift: 9, window: 1, out_ring_bits: 21 };
    assert_eq!(relu.tally(1).ands, 23);
    assert!(relu.tally(1).table_bytes <= 840, "{}", relu.tally(1).table_bytes);
    let pool = Program::Relu { ring_bits: 21, shift: 9, window: 4, out_ring_bits: 21 };
    assert!(pool.tally(1).table_bytes <= 5_300, "{}", pool.tally(1).table_bytes);
}

/// Lanes that share a label (constants, repeated lanes) must not share a key: the difference of two
/// such half-gates would be that of the other wire's zero labels.
#[test]
fn related_lanes_have_keys_of_their_own() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let delta = Delta::random(&mut rng);
    for kind in KINDS {
        let hash = Hash::new(kind, rng.random());
        let a = labels(&mut rng, 4);
        let run = |lanes: Option<&[u32]>, input: &[u128]| {
            let gates = || GateCounter::new().take(8);
            let mut garbler = Garbler::new(&hash, &delta, gates(), 0);
            let mut wire = Labels::from(input.to_vec());
            let b = match lanes {
                Some(lanes) => garbler.gather(&wire, lanes),
                None => garbler.xor(&wire, &wire),
            };
            let b = garbler.not(&b);
            wire.to_mut().rotate_left(1);
            let zero = garbler.and(&wire, &b).unwrap();
            let tables = garbler.finish();
            let mut evaluator = Evaluator::new(&hash, gates(), &tables);
            let active = Labels::from(input.to_vec());
            let b = match lanes {
                Some(lanes) => evaluator.gather(&active, lanes),
                None => evaluator.xor(&active, &active),
            };
            let out = evaluator.and(&wire, &b).unwrap();
            // Inputs are false and b is inverted: x = 0 and b = 1.
            assert_eq!(out, zero, "{kind:?}");
            let half = |i: usize| *tables.as_chunks::<16>().0.get(4 + i).unwrap();
            let difference = u128::from_le_bytes(half(0)) ^ u128::from_le_bytes(half(1));
            assert_ne!(difference, wire[0] ^ wire[1], "{kind:?}, {lanes:?}");
        };
        run(None, &a);
        run(Some(&[2, 2, 3, 3]), &a);
        run(Some(&[0, 1, 2, 3]), &a);
    }
}
