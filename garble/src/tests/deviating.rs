//! A garbler that makes the tables it likes.

use super::*;
use gazelle_kernels::{half_gates, hash};

/// The labels and table of `(a ∧ b) ∧ c` on two lanes.
struct Crafted {
    delta: Delta,
    zeros: [Vec<u128>; 3],
    tables: Vec<u8>,
}

/// A table that gives lane 0 of `a ∧ b` the active label 0 if its active labels are these: it solves
/// the evaluator's equation, H(a) ⊕ c_a·G ⊕ H(b) ⊕ c_b·(E ⊕ a), for G. The second gate is garbled
/// honestly.
fn crafted(session: &Hash, rng: &mut ChaCha20Rng) -> Crafted {
    let delta = Delta::random(rng);
    let mut zeros = [labels(rng, 2), labels(rng, 2), labels(rng, 2)];
    // The active label of a true a has colour 1, that of a false b colour 0.
    zeros[0][0] &= !1;
    zeros[1][0] &= !1;
    let mut garbler = Garbler::new(session, &delta, GateCounter::new().take(8), 0);
    let [a, b, c] = zeros.clone().map(|labels| garbler.input(labels));
    let both = garbler.and(&a, &b).unwrap();
    garbler.and(&both, &c).unwrap();
    let mut tables = garbler.finish();
    let (mut first, mut second) = ([zeros[0][0] ^ delta.expose()], [zeros[1][0]]);
    hash::hash(session, 0, &mut first);
    hash::hash(session, 2, &mut second);
    tables[..16].copy_from_slice(&(first[0] ^ second[0]).to_le_bytes());
    Crafted { delta, zeros, tables }
}

/// A label of 0 on a wire that the program does not make constant changes nothing about how the
/// evaluator goes on: every gate's hash is the one that an honest garbler's tables get. Were it
/// otherwise the time of the evaluation would tell the garbler the value of a wire.
#[test]
fn deviating_server_cannot_choose_the_hash_by_a_value() {
    let rng = &mut ChaCha20Rng::seed_from_u64(5);
    let session = Hash::new(HashKind::Mitccrh, rng.random());
    let Crafted { delta, zeros, tables } = crafted(&session, rng);
    let (first, second) = tables.split_at(2 * half_gates::TABLE_BYTES);
    for value in [false, true] {
        let active = |wire: usize, value: bool| {
            let mut labels = zeros[wire].clone();
            labels[0] ^= u128::from(value) * delta.expose();
            labels
        };
        let inputs = [active(0, value), active(1, false), active(2, true)];
        let mut evaluator = Evaluator::new(&session, GateCounter::new().take(8), &tables);
        let [a, b, c] = inputs.clone().map(|labels| evaluator.input(labels));
        let both = evaluator.and(&a, &b).unwrap();
        let all = evaluator.and(&both, &c).unwrap();

        let run = |gate, inputs: [&[u128]; 2], tables: &[u8]| {
            let mut out = vec![0; 2];
            half_gates::evaluate(&session, gate, inputs, tables, &mut out);
            out
        };
        assert_eq!(*both, run(0, [&inputs[0], &inputs[1]], first));
        assert_eq!(both[0] == 0, value, "the table was crafted to tell the values apart");
        assert_eq!(*all, run(4, [&both, &inputs[2]], second), "the hash depends on a value");
    }
}

/// Active labels of 0 are as good as any: whoever sends them gets the hash of the program.
#[test]
fn deviating_server_gains_nothing_by_labels_of_zero() {
    let hash = Hash::new(HashKind::Mitccrh, 5);
    let tables = vec![7; 2 * half_gates::TABLE_BYTES];
    let mut evaluator = Evaluator::new(&hash, GateCounter::new().take(4), &tables);
    let [a, b] = [(); 2].map(|_| evaluator.input(vec![0; 2]));
    let mut expected = vec![0; 2];
    half_gates::evaluate(&hash, 0, [&a, &b], &tables, &mut expected);
    assert_eq!(*evaluator.and(&a, &b).unwrap(), expected);
    assert_eq!(expected[0] ^ expected[1], 0, "both lanes under one key");
}
