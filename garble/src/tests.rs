//! Every interpreter against the clear one.

use crate::*;
use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha20Rng};

const KINDS: [HashKind; 3] = [HashKind::Mitccrh, HashKind::MitccrhStrict, HashKind::FixedKey];

fn labels(rng: &mut ChaCha20Rng, count: usize) -> Vec<u128> {
    (0..count).map(|_| rng.random()).collect()
}

fn zero_labels(rng: &mut ChaCha20Rng, count: usize) -> ZeroLabels {
    ZeroLabels::new(labels(rng, count))
}

/// Garbles and evaluates; the result with S removed.
fn private(program: &Program, kind: HashKind, n: usize, a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let delta = Delta::random(&mut rng);
    let hash = Hash::new(kind, rng.random());
    let count = n * program.labels();
    let (zero_a, zero_b) = (zero_labels(&mut rng, count), zero_labels(&mut rng, count));
    let tally = program.tally(n);
    let gates = || GateCounter::new().take(tally.gates);
    let garbled = garble(program, n, &hash, &delta, gates(), &zero_a, &zero_b).unwrap();
    assert_eq!(garbled.tables.len(), tally.table_bytes);
    let b: Vec<u32> = b.iter().map(|b| b.wrapping_add(program.input_offset())).collect();
    let a = zero_a.activate(&delta, &program.input_bits(a));
    let b = zero_b.activate(&delta, &program.input_bits(&b));
    let evaluated = evaluate(program, n, &hash, gates(), &garbled.tables, &a, &b).unwrap();
    let short = &garbled.tables[1..];
    assert!(evaluate(program, n, &hash, gates(), short, &a, &b).is_err());
    match program.out_ring_bits() {
        Some(bits) => evaluated
            .iter()
            .zip(&garbled.shares)
            .map(|(e, s)| e.wrapping_sub(*s) & ring::mask(bits))
            .collect(),
        None => evaluated,
    }
}

fn signed(value: u32, bits: u32) -> i64 {
    i64::from((value << (32 - bits)) as i32 >> (32 - bits))
}

/// The program on n instances, by its definition.
fn expected(program: &Program, n: usize, a: &[u32], b: &[u32]) -> Vec<u32> {
    let bits = program.ring_bits();
    let sum = |at: usize| signed(a[at].wrapping_add(b[at]), bits);
    let instance = |i: usize| (0..program.sums()).map(|p| sum(p * n + i)).collect::<Vec<_>>();
    let instances: Vec<_> = (0..n).map(instance).collect();
    let mask = program.out_ring_bits().map_or(u32::MAX, ring::mask);
    (0..program.results())
        .flat_map(|place| instances.iter().map(move |y| result(program, place, y) as u32 & mask))
        .collect()
}

/// Result number `place` of an instance with the sums `y`.
fn result(program: &Program, place: usize, y: &[i64]) -> i64 {
    let (bits, largest) = (program.ring_bits(), || y.iter().copied().max().unwrap());
    match *program {
        Program::Relu { shift, .. } => (largest() >> shift).clamp(0, 255),
        Program::Clamp { shift, least, most, .. } => {
            // The sums must leave room for the offset; of others the wrapped ones count.
            let offset = i64::from(least) << shift;
            let moved = |y| signed((y - offset) as u32, bits) + offset;
            let largest = y.iter().map(|&y| moved(y)).max().unwrap();
            (largest >> shift).clamp(least.into(), most.into())
        }
        Program::Leaky { shift, slope, slope_shift, least, most, .. } => {
            let t = largest() >> shift;
            let t = if t < 0 { (i64::from(slope) * t) >> slope_shift } else { t };
            t.clamp(least.into(), most.into())
        }
        Program::ReluMinusTable { shift, index_shift, ref table, .. } => {
            (y[0].max(0) >> shift).min(255) - entry(y[0], index_shift, table)
        }
        Program::Odd { shift, ref table, centre, .. } => {
            let t = entry(y[0], shift, table);
            i64::from(centre) + if y[0] < 0 { -t } else { t }
        }
        Program::NonNegative { .. } => i64::from(y[0] >= 0),
        Program::Confidence { bounds, .. } => {
            let order = descending(y);
            let lead = y[order[0]] - y[order[1]];
            let reached = bounds.iter().filter(|&&bound| lead >= i64::from(bound)).count();
            [order[0], reached][place] as i64
        }
        Program::Truncate { shift, .. } => y[0] >> shift,
        Program::Sign { .. } => i64::from(y[0] < 0),
        Program::MaxPool { map, kernel, stride, .. } => pooled(y, place, map, kernel, stride),
        Program::Argmax { .. } => descending(y)[0] as i64,
        Program::TopK { .. } => descending(y)[place] as i64,
        Program::Reveal { .. } => i64::from(y[0] as u32 & ring::mask(bits)),
    }
}

/// The entry of a table for |y|, or for −1 − y of a negative y.
fn entry(y: i64, shift: u32, table: &[u8]) -> i64 {
    let magnitude = if y < 0 { -1 - y } else { y };
    i64::from(table[(magnitude as usize >> shift).min(table.len() - 1)])
}

/// The places in order, a stable sort keeping equal sums in the order of their indices.
fn descending(y: &[i64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..y.len()).collect();
    order.sort_by_key(|&p| -y[p]);
    order
}

/// The largest value of the window of this number.
fn pooled(y: &[i64], place: usize, map: [usize; 2], kernel: [usize; 2], stride: [usize; 2]) -> i64 {
    let columns = (map[1] - kernel[1]) / stride[1] + 1;
    let corner = [place / columns * stride[0], place % columns * stride[1]];
    let cell = |at: usize| {
        let [u, v] = [at / kernel[1], at % kernel[1]];
        y[(corner[0] + u) * map[1] + corner[1] + v]
    };
    (0..kernel[0] * kernel[1]).map(cell).max().unwrap()
}

fn check(program: &Program, n: usize, a: &[u32], b: &[u32]) {
    let expected = expected(program, n, a, b);
    assert_eq!(clear(program, n, a, b).unwrap(), expected, "{program:?} in the clear");
    for kind in KINDS {
        assert_eq!(private(program, kind, n, a, b), expected, "{program:?} with {}", kind.name());
    }
}

/// Every kind of program with one sum.
fn programs_of_one_sum(ring_bits: u32, shift: u32, out_ring_bits: u32) -> Vec<Program> {
    let largest = u32::MAX >> (33 - ring_bits);
    let bounds = [1, 5, 6, 7, largest / 3 + 1, largest - 1, largest, u32::MAX >> 1];
    let clip = |bound: u32| Program::Clamp {
        ring_bits,
        shift,
        window: 1,
        least: 0,
        most: bound.max(1) as i32,
        out_ring_bits,
    };
    bounds
        .map(clip)
        .into_iter()
        .chain([
            Program::Relu { ring_bits, shift, window: 1, out_ring_bits },
            Program::Truncate { ring_bits, shift, out_ring_bits },
            Program::Sign { ring_bits, out_ring_bits },
            Program::Reveal { ring_bits },
        ])
        .collect()
}

#[test]
fn programs_are_exact_for_every_pair_of_small_shares() {
    for ring_bits in 2..=7 {
        let size = 1u32 << ring_bits;
        let a: Vec<u32> = (0..size * size).map(|i| i % size).collect();
        let b: Vec<u32> = (0..size * size).map(|i| i / size).collect();
        for shift in 0..=ring_bits - 2 {
            let out_ring_bits = 1 + (5 * ring_bits + 7 * shift) % 32;
            for program in programs_of_one_sum(ring_bits, shift, out_ring_bits) {
                check(&program, a.len(), &a, &b);
            }
        }
    }
}

/// The largest of a window under a slope of 3/4 below 0.
fn leaky_pool(ring_bits: u32, shift: u32, window: usize, out_ring_bits: u32) -> Program {
    let (slope, slope_shift, least, most) = (3, 2, -2, 2);
    Program::Leaky { ring_bits, shift, window, slope, slope_shift, least, most, out_ring_bits }
}

/// Every pair of shares of two sums at once.
#[test]
fn orders_are_exact_for_all_small_shares() {
    let (ring_bits, n) = (3, 1 << 12);
    let shares = |first: u32| -> Vec<u32> {
        (0..2 * n).map(|at: u32| (at % n) >> (first + at / n * 6) & 7).collect()
    };
    let (a, b) = (shares(0), shares(3));
    let (kernel, stride, out_ring_bits) = ([1, 2], [1, 1], 4);
    for program in [
        Program::TopK { ring_bits, classes: 2, places: 2 },
        Program::Argmax { ring_bits, classes: 2 },
        Program::Relu { ring_bits, shift: 0, window: 2, out_ring_bits },
        Program::Clamp { ring_bits, shift: 0, window: 2, least: 0, most: 2, out_ring_bits },
        Program::Clamp { ring_bits, shift: 0, window: 2, least: -2, most: 1, out_ring_bits },
        leaky_pool(ring_bits, 0, 2, out_ring_bits),
        Program::Confidence { ring_bits, classes: 2, bounds: [0, 3, 7] },
        Program::MaxPool { ring_bits, map: [1, 2], kernel, stride, out_ring_bits },
    ] {
        check(&program, n as usize, &a, &b);
    }
}

/// Every tuple of sums, the shares being random: ties included.
#[test]
fn orders_are_exact_for_every_tuple_of_small_sums() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let (ring_bits, sums) = (3u32, 4usize);
    let n = 1 << (ring_bits as usize * sums);
    let b: Vec<u32> = (0..n * sums).map(|_| rng.next_u32() & ring::mask(ring_bits)).collect();
    let sum = |at: usize| ((at % n) >> (at / n * ring_bits as usize)) as u32;
    let a: Vec<u32> =
        (0..n * sums).map(|at| sum(at).wrapping_sub(b[at]) & ring::mask(ring_bits)).collect();
    for places in 1..=sums {
        check(&Program::TopK { ring_bits, classes: sums, places }, n, &a, &b);
    }
    for bounds in [[0, 0, 0], [1, 2, 2], [3, 5, 7], [1, 8, u32::MAX]] {
        check(&Program::Confidence { ring_bits, classes: sums, bounds }, n, &a, &b);
    }
    check(&Program::Argmax { ring_bits, classes: sums }, n, &a, &b);
    check(&leaky_pool(ring_bits, 0, sums, 5), n, &a, &b);
    check(&Program::Relu { ring_bits, shift: 1, window: sums, out_ring_bits: 5 }, n, &a, &b);
    let (kernel, stride, out_ring_bits) = ([1, 2], [1, 1], 2);
    let pool = Program::MaxPool { ring_bits, map: [2, 2], kernel, stride, out_ring_bits };
    check(&pool, n, &a, &b);
}

#[test]
fn programs_are_exact_on_wide_random_sums() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for (ring_bits, shift, sums) in [(21, 9, 4), (18, 0, 9), (32, 12, 2), (32, 0, 3), (12, 3, 1)] {
        let n = 37;
        let mask = ring::mask(ring_bits);
        let mut values =
            |count| -> Vec<u32> { (0..count).map(|_| rng.next_u32() & mask).collect() };
        let (a, b) = (values(n * sums), values(n * sums));
        for out_ring_bits in [23, 32] {
            let relu = Program::Relu { ring_bits, shift, window: sums, out_ring_bits };
            check(&relu, n, &a, &b);
            check(&leaky_pool(ring_bits, shift, sums, out_ring_bits), n, &a, &b);
            let (window, least, most) = (sums, -128, 127);
            let pool = Program::Clamp { ring_bits, shift, window, least, most, out_ring_bits };
            check(&pool, n, &a, &b);
            for program in programs_of_one_sum(ring_bits, shift, out_ring_bits) {
                check(&program, n * sums, &a, &b);
            }
        }
        check(&Program::Argmax { ring_bits, classes: sums }, n, &a, &b);
        check(&Program::TopK { ring_bits, classes: sums, places: sums.div_ceil(2) }, n, &a, &b);
        if sums > 1 {
            let bounds = [1 << (ring_bits - 3), 1 << (ring_bits - 2), 3 << (ring_bits - 2)];
            check(&Program::Confidence { ring_bits, classes: sums, bounds }, n, &a, &b);
        }
        // Overlapping windows over a map, rows and columns left out at its end.
        let pool = Program::MaxPool {
            ring_bits,
            map: [6, 5],
            kernel: [3, 2],
            stride: [2, 1],
            out_ring_bits: 24,
        };
        let (a, b) = (values(3 * pool.sums()), values(3 * pool.sums()));
        check(&pool, 3, &a, &b);
    }
}

#[test]
fn numbers_out_of_range_are_refused() {
    let relu = |ring_bits, shift, window, out_ring_bits| Program::Relu {
        ring_bits,
        shift,
        window,
        out_ring_bits,
    };
    let (ring_bits, shift, window, out_ring_bits) = (8, 0, 1, 8);
    let clamp =
        |least, most| Program::Clamp { ring_bits, shift, window, least, most, out_ring_bits };
    let leaky = |slope, slope_shift| {
        let (least, most) = (-8, 8);
        Program::Leaky { ring_bits, shift, window, slope, slope_shift, least, most, out_ring_bits }
    };
    let odd = |table: &[u8]| {
        let (table, centre) = (table.to_vec(), 0);
        Program::Odd { ring_bits, shift, table, centre, out_ring_bits }
    };
    let pool = |kernel, stride| Program::MaxPool {
        ring_bits: 8,
        map: [4, 4],
        kernel,
        stride,
        out_ring_bits: 8,
    };
    for program in [
        relu(0, 0, 1, 8),
        relu(33, 0, 1, 8),
        relu(8, 7, 1, 8),
        relu(8, u32::MAX, 1, 8),
        relu(8, 0, 0, 8),
        relu(8, 0, 1, 0),
        relu(8, 0, 1, 33),
        clamp(0, 0),
        clamp(1, 2),
        clamp(-2, -1),
        clamp(i32::MIN, 0),
        leaky(3, 1),
        leaky(1, 8),
        leaky(1, u32::MAX),
        odd(&[1]),
        odd(&[1, 2, 3]),
        odd(&[0; 256]),
        Program::Confidence { ring_bits: 8, classes: 1, bounds: [1, 2, 3] },
        Program::Confidence { ring_bits: 8, classes: 2, bounds: [1, 3, 2] },
        Program::Truncate { ring_bits: 8, shift: 8, out_ring_bits: 8 },
        Program::Argmax { ring_bits: 8, classes: 0 },
        Program::TopK { ring_bits: 8, classes: 3, places: 4 },
        Program::TopK { ring_bits: 8, classes: 3, places: 0 },
        pool([5, 1], [1, 1]),
        pool([0, 1], [1, 1]),
        pool([2, 2], [0, 1]),
    ] {
        assert_eq!(clear(&program, 0, &[], &[]), Err(Error::Program), "{program:?}");
    }
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
            let wire = garbler.input(input);
            let b = match lanes {
                Some(lanes) => garbler.gather(&wire, lanes),
                None => garbler.xor(&wire, &wire),
            };
            let b = garbler.not(&b);
            let mut rotated = input.to_vec();
            rotated.rotate_left(1);
            let other = garbler.input(rotated.clone());
            let zero = garbler.and(&other, &b).unwrap();
            let tables = garbler.finish();
            let mut evaluator = Evaluator::new(&hash, gates(), &tables);
            let active = evaluator.input(input);
            let b = match lanes {
                Some(lanes) => evaluator.gather(&active, lanes),
                None => evaluator.xor(&active, &active),
            };
            let other = evaluator.input(rotated);
            let out = evaluator.and(&other, &b).unwrap();
            // Inputs are false and b is inverted: x = 0 and b = 1.
            assert_eq!(*out, *zero, "{kind:?}");
            let half = |i: usize| *tables.as_chunks::<16>().0.get(4 + i).unwrap();
            let difference = u128::from_le_bytes(half(0)) ^ u128::from_le_bytes(half(1));
            assert_ne!(difference, other[0] ^ other[1], "{kind:?}, {lanes:?}");
        };
        run(None, &a);
        run(Some(&[2, 2, 3, 3]), &a);
        run(Some(&[0, 1, 2, 3]), &a);
    }
}

use functions::functions_of_one_sum;

mod constant_time;
mod deviating;
mod field;
mod functions;
mod known_answers;
mod tally;
