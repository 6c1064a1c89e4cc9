//! Garbled tables.

use super::tamper;
use gazelle_garble::{
    Delta, Error, FieldProgram, GateCounter, Hash, HashKind, Program, ZeroLabels, clear,
    clear_field, evaluate, evaluate_field, garble, garble_field,
};
use rand::{Rng, RngExt};

/// An activation program of random shape is garbled; its tables are changed, replaced or left, and
/// evaluated. Left alone, the result is that of the program in the clear. Five bytes choose the
/// program; the rest are the tables' changes.
pub fn garbled_tables(data: &[u8]) {
    let [kind, ring_bits, shift, sums, instances, rest @ ..] = data else { return };
    let ring_bits = 9 + u32::from(ring_bits % 24);
    let shift = u32::from(*shift) % (ring_bits - 8);
    let sums = 1 + usize::from(sums % 5);
    let out_ring_bits = 8 + ring_bits % 25;
    let program = match (kind & 3, kind >> 5) {
        (0, places) if places > 3 => {
            Program::TopK { ring_bits, classes: sums, places: sums.min(places.into()) }
        }
        (0, _) => Program::Argmax { ring_bits, classes: sums },
        (1, 0..3) => Program::Reveal { ring_bits },
        (1, 3) => Program::Sign { ring_bits, out_ring_bits },
        (1, 4) => Program::Truncate { ring_bits, shift, out_ring_bits },
        (1, _) => Program::MaxPool {
            ring_bits,
            map: [sums + 1, 3],
            kernel: [2, 2],
            stride: [1, usize::from(kind >> 5) - 4],
            out_ring_bits,
        },
        (2, bits) if bits > 3 => {
            let (window, least) = (sums, -(shift as i32 & 1) * 128);
            let most = i32::MAX >> (bits * 4);
            Program::Clamp { ring_bits, shift, window, least, most, out_ring_bits }
        }
        (2, chosen) => function(chosen, ring_bits, shift, sums, out_ring_bits),
        _ => Program::Relu { ring_bits, shift, window: sums, out_ring_bits },
    };
    let hash_kind = match kind >> 2 & 3 {
        0 => HashKind::MitccrhStrict,
        1 => HashKind::FixedKey,
        _ => HashKind::Mitccrh,
    };
    let changed = |tables: &[u8]| match kind & 16 {
        0 => tamper(tables.to_vec(), rest),
        _ => rest.to_vec(),
    };
    let instances = 1 + usize::from(instances % 9);
    match (kind & 3, kind >> 5) {
        (3, window) if window > 3 => {
            let modulus = ((1 << (ring_bits - 2)) - 1 - u32::from(window)) | 1;
            let pool = FieldProgram::MaxPool { modulus, window: usize::from(window) - 2 };
            let program = if sums > 2 { pool } else { FieldProgram::Relu { modulus } };
            run_field(&program, instances, hash_kind, changed);
        }
        _ => run(&program, instances, hash_kind, changed),
    }
}

/// A function or a head of the remaining kinds; shift ≤ ring_bits − 9.
fn function(chosen: u8, ring_bits: u32, shift: u32, sums: usize, out_ring_bits: u32) -> Program {
    let table = |bits| (0..1u32 << bits).map(|x| (x * 89 + shift) as u8).collect();
    match chosen {
        0 => {
            let (slope, slope_shift, least, most) = (shift * 7 + 1, 8, -128, 127);
            let window = sums;
            Program::Leaky {
                ring_bits,
                shift,
                window,
                slope,
                slope_shift,
                least,
                most,
                out_ring_bits,
            }
        }
        1 => {
            let (index_shift, table) = (shift + sums as u32 % 3, table(6));
            Program::ReluMinusTable { ring_bits, shift, index_shift, table, out_ring_bits }
        }
        2 => Program::Odd { ring_bits, shift, table: table(5), centre: 128, out_ring_bits },
        _ if sums < 2 => Program::NonNegative { ring_bits },
        _ => {
            let bounds = [1 << shift, 2 << shift, 4 << shift];
            Program::Confidence { ring_bits, classes: sums, bounds }
        }
    }
}

fn run_field(
    program: &FieldProgram,
    instances: usize,
    kind: HashKind,
    change: impl Fn(&[u8]) -> Vec<u8>,
) {
    let rng = &mut crate::rng(instances as u64);
    let hash = Hash::new(kind, rng.random());
    let delta = Delta::random(rng);
    let p = program.modulus();
    let mut shares = || -> Vec<u32> {
        (0..instances * program.sums()).map(|_| rng.random_range(0..p)).collect()
    };
    let (a, b) = (shares(), shares());
    let zeros = zero_labels(rng, instances * program.labels());
    let bits = program.evaluator_bits(instances, &a).expect("the right lengths");
    let gates = || GateCounter::new().take(program.tally(instances).gates);

    let garbled = garble_field(program, instances, &hash, &delta, gates(), &zeros, &b)
        .expect("as many labels as the program takes");
    let (tables, active) = (change(&garbled.tables), zeros.activate(&delta, &bits));
    let result = evaluate_field(program, instances, &hash, gates(), &tables, &active);
    assert_eq!(result.is_err(), tables.len() != garbled.tables.len());
    if tables == garbled.tables {
        let parties = result.expect("honest tables").into_iter().zip(&garbled.shares);
        let values: Vec<u32> = parties.map(|(e, s)| (e + p - s) % p).collect();
        assert_eq!(values, clear_field(program, instances, &a, &b).expect("the right lengths"));
    }
}

fn run(program: &Program, instances: usize, kind: HashKind, change: impl Fn(&[u8]) -> Vec<u8>) {
    let rng = &mut crate::rng(instances as u64);
    let hash = Hash::new(kind, rng.random());
    let delta = Delta::random(rng);
    let lanes = instances * program.sums();
    let mask = u32::MAX >> (32 - program.ring_bits());
    let mut shares = || -> Vec<u32> { (0..lanes).map(|_| rng.random::<u32>() & mask).collect() };
    let (a, b) = (shares(), shares());
    let mut zeros = || zero_labels(rng, instances * program.labels());
    let (a_zeros, b_zeros) = (zeros(), zeros());
    let gates = || GateCounter::new().take(program.tally(instances).gates);

    let garbled = garble(program, instances, &hash, &delta, gates(), &a_zeros, &b_zeros)
        .expect("as many labels as the program takes");
    let tables = change(&garbled.tables);
    let moved: Vec<u32> = b.iter().map(|b| b.wrapping_add(program.input_offset())).collect();
    let a_labels = a_zeros.activate(&delta, &program.input_bits(&a));
    let b_labels = b_zeros.activate(&delta, &program.input_bits(&moved));
    let result = evaluate(program, instances, &hash, gates(), &tables, &a_labels, &b_labels);
    assert_eq!(
        matches!(result, Err(Error::TablesShort { .. } | Error::TablesLong { .. })),
        tables.len() != garbled.tables.len(),
        "tables of another length are refused, and no others"
    );
    if tables == garbled.tables {
        let values = unmask(program, &result.expect("honest tables"), &garbled.shares);
        assert_eq!(values, clear(program, instances, &a, &b).expect("the right lengths"));
    }
}

fn zero_labels(rng: &mut impl Rng, count: usize) -> ZeroLabels {
    ZeroLabels::new((0..count).map(|_| rng.random()).collect())
}

/// Takes the garbler's shares from the evaluator's.
fn unmask(program: &Program, values: &[u32], shares: &[u32]) -> Vec<u32> {
    let Some(out_ring_bits) = program.out_ring_bits() else { return values.to_vec() };
    let mask = u32::MAX >> (32 - out_ring_bits);
    values.iter().zip(shares).map(|(v, s)| v.wrapping_sub(*s) & mask).collect()
}
