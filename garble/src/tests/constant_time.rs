//! No branch and no address of the interpreters depends on a label, on Δ or on a share; see
//! `gazelle_valgrind`.

use std::hint::black_box;

use super::*;
use gazelle_valgrind::{
    SecretRng, assert_constant_time, assert_reported, make_public, make_secret,
};

/// So many that keys change in the middle of a wire.
const INSTANCES: usize = 130;

#[test]
fn interpreters_take_constant_time() {
    assert_constant_time("tests::constant_time::programs_on_secret_labels");
    assert_constant_time("tests::constant_time::field_programs_on_secret_shares");
    assert_constant_time("tests::constant_time::circuit_on_secret_labels");
}

/// The test's own test.
#[test]
fn a_branch_on_a_secret_is_seen() {
    assert_reported("tests::constant_time::branch_on_an_active_label");
    assert_reported("tests::constant_time::branch_on_a_share");
}

#[test]
#[ignore = "runs under valgrind"]
fn programs_on_secret_labels() {
    for program in programs() {
        for kind in KINDS {
            black_box(garble_and_evaluate(&program, kind));
        }
    }
}

#[test]
#[ignore = "runs under valgrind, which reports it"]
fn branch_on_a_share() {
    branch(garble_and_evaluate(&programs()[0], HashKind::Mitccrh)[3].into());
}

fn programs() -> Vec<Program> {
    let (ring_bits, out_ring_bits, shift) = (9, 11, 2);
    let pool =
        |kernel, stride| Program::MaxPool { ring_bits, map: [3, 4], kernel, stride, out_ring_bits };
    let mut programs = programs_of_one_sum(ring_bits, shift, out_ring_bits);
    programs.extend([
        Program::Relu { ring_bits, shift, window: 4, out_ring_bits },
        pool([1, 4], [1, 4]),
        pool([2, 2], [1, 2]),
        Program::Argmax { ring_bits, classes: 3 },
        Program::TopK { ring_bits, classes: 4, places: 2 },
        Program::Confidence { ring_bits, classes: 3, bounds: [1, 9, 100] },
        leaky_pool(ring_bits, shift, 2, out_ring_bits),
    ]);
    programs.extend(functions_of_one_sum(ring_bits, shift, out_ring_bits));
    programs
}

/// What both parties have of a program's results. Tables are sent, so public.
fn garble_and_evaluate(program: &Program, kind: HashKind) -> Vec<u32> {
    let (rng, n) = (&mut SecretRng::from_public_seed(9), INSTANCES);
    let (delta, hash) = (Delta::random(rng), Hash::new(kind, 5));
    let count = n * program.labels();
    let [a, b] = [(); 2].map(|_| ZeroLabels::new(secret_labels(rng, count)));
    let gates = || GateCounter::new().take(program.tally(n).gates);
    let mut garbled = garble(program, n, &hash, &delta, gates(), &a, &b).unwrap();
    make_public(&mut garbled.tables);
    let [a, b] = [&a, &b].map(|zeros| ActiveLabels::new(zeros.expose()));
    let mut results = evaluate(program, n, &hash, gates(), &garbled.tables, &a, &b).unwrap();
    results.extend(garbled.shares);
    results
}

/// Behind [`garble_field`], which compares shares with p before it begins.
#[test]
#[ignore = "runs under valgrind"]
fn field_programs_on_secret_shares() {
    let (modulus, n) = (1_032_193, INSTANCES);
    for program in [FieldProgram::Relu { modulus }, FieldProgram::MaxPool { modulus, window: 3 }] {
        let rng = &mut SecretRng::from_public_seed(9);
        let (delta, hash) = (Delta::random(rng), Hash::new(HashKind::Mitccrh, 5));
        let zeros = ZeroLabels::new(secret_labels(rng, n * program.labels()));
        let mut shares: Vec<u32> = (0..(n * program.sums()) as u32).map(|i| i * 99).collect();
        make_secret(&mut shares);
        let gates = || GateCounter::new().take(program.tally(n).gates);
        let mut garbler = Garbler::new(&hash, &delta, gates(), 0);
        black_box(program.garble(&mut garbler, n, &zeros, &shares).unwrap());
        let mut tables = garbler.finish();
        make_public(&mut tables);
        let active = ActiveLabels::new(zeros.expose());
        black_box(evaluate_field(&program, n, &hash, gates(), &tables, &active).unwrap());
    }
}

/// With a constant wire and every kind of gate.
#[test]
#[ignore = "runs under valgrind"]
fn circuit_on_secret_labels() {
    let text = "4 6\n1 2\n1 1\n\n2 1 0 1 2 AND\n1 1 1 3 EQ\n2 1 2 3 4 AND\n1 1 4 5 INV\n";
    let circuit = Circuit::parse(text).unwrap();
    let (rng, n) = (&mut SecretRng::from_public_seed(9), INSTANCES);
    let (delta, hash) = (Delta::random(rng), Hash::new(HashKind::Mitccrh, 5));
    let zeros = ZeroLabels::new(secret_labels(rng, n * circuit.input_bits()));
    let gates = || GateCounter::new().take(circuit.tally(n).gates);
    let mut tables = circuit.garble(n, &hash, &delta, gates(), &zeros).unwrap();
    make_public(&mut tables);
    let active = ActiveLabels::new(zeros.expose());
    black_box(circuit.evaluate(n, &hash, gates(), &tables, &active).unwrap());
}

#[test]
#[ignore = "runs under valgrind, which reports it"]
fn branch_on_an_active_label() {
    let rng = &mut SecretRng::from_public_seed(9);
    let (hash, tables) = (Hash::new(HashKind::Mitccrh, 5), vec![0; 64]);
    let mut evaluator = Evaluator::new(&hash, GateCounter::new().take(4), &tables);
    let [a, b] = [(); 2].map(|_| evaluator.input(secret_labels(rng, 2)));
    branch(evaluator.and(&a, &b).unwrap()[1]);
}

fn branch(secret: u128) {
    if black_box(secret) & 1 == 1 {
        black_box(secret);
    }
}

fn secret_labels(rng: &mut SecretRng, count: usize) -> Vec<u128> {
    (0..count).map(|_| rng.random()).collect()
}
