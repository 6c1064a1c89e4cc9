//! The programs for shares in Z_p.

use super::*;

/// Garbles and evaluates; the result with the garbler's share removed.
fn private(program: &FieldProgram, kind: HashKind, n: usize, a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut rng = ChaCha20Rng::seed_from_u64(9);
    let delta = Delta::random(&mut rng);
    let hash = Hash::new(kind, rng.random());
    let zeros = zero_labels(&mut rng, n * program.labels());
    let bits = program.evaluator_bits(n, a).unwrap();
    let tally = program.tally(n);
    let gates = || GateCounter::new().take(tally.gates);
    let garbled = garble_field(program, n, &hash, &delta, gates(), &zeros, b).unwrap();
    assert_eq!(garbled.tables.len(), tally.table_bytes);
    let active = zeros.activate(&delta, &bits);
    let result = evaluate_field(program, n, &hash, gates(), &garbled.tables, &active).unwrap();
    let short = &garbled.tables[1..];
    assert!(evaluate_field(program, n, &hash, gates(), short, &active).is_err());
    let p = program.modulus();
    result.iter().zip(&garbled.shares).map(|(e, s)| (e + p - s) % p).collect()
}

fn check(program: &FieldProgram, n: usize, a: &[u32], b: &[u32]) {
    let p = program.modulus();
    let y = |q: usize, i: usize| {
        let sum = (a[q * n + i] + b[q * n + i]) % p;
        i64::from(sum) - if sum > p / 2 { i64::from(p) } else { 0 }
    };
    let result = |i: usize| match *program {
        FieldProgram::Relu { .. } => y(0, i).max(0),
        FieldProgram::MaxPool { window, .. } => (0..window).map(|q| y(q, i)).max().unwrap(),
    };
    let expected: Vec<u32> = (0..n).map(|i| result(i).rem_euclid(i64::from(p)) as u32).collect();
    assert_eq!(clear_field(program, n, a, b).unwrap(), expected, "{program:?} in the clear");
    for kind in KINDS {
        assert_eq!(private(program, kind, n, a, b), expected, "{program:?} with {}", kind.name());
    }
}

/// Every pair of shares in small fields.
#[test]
fn relu_is_exact_for_every_pair_of_small_shares() {
    for modulus in [3, 5, 7, 61, 67, 127] {
        let n = modulus * modulus;
        let a: Vec<u32> = (0..n).map(|i| i % modulus).collect();
        let b: Vec<u32> = (0..n).map(|i| i / modulus).collect();
        check(&FieldProgram::Relu { modulus }, n as usize, &a, &b);
    }
}

/// Every two small sums with every share, then random windows of sums that differ by less than p/2.
#[test]
fn pooling_is_exact() {
    let modulus = 7;
    let n = 4 * 4 * 7 * 7;
    let digit = |i: u32, place: u32| i / [1, 4, 16, 112][place as usize];
    let b: Vec<u32> = (0..2 * n).map(|at| digit(at % n, 2 + at / n) % 7).collect();
    // Sums from −2 to 1.
    let a = (0..2 * n).zip(&b).map(|(at, b)| (digit(at % n, at / n) % 4 + 7 - 2 + 7 - b) % 7);
    check(&FieldProgram::MaxPool { modulus, window: 2 }, n as usize, &a.collect::<Vec<_>>(), &b);

    let mut rng = ChaCha20Rng::seed_from_u64(4);
    for (modulus, window) in [(1_032_193, 4), ((1 << 31) - 1, 3), (127, 9)] {
        let n = 50;
        let b: Vec<u32> = (0..n * window).map(|_| rng.next_u32() % modulus).collect();
        let quarter = modulus / 4;
        let sum = |value: u32| (value % (2 * quarter) + modulus - quarter) % modulus;
        let a: Vec<u32> = b.iter().map(|b| (sum(rng.next_u32()) + modulus - b) % modulus).collect();
        check(&FieldProgram::MaxPool { modulus, window }, n, &a, &b);
        check(&FieldProgram::Relu { modulus }, n * window, &a, &b);
    }
}

#[test]
fn programs_cost_what_their_documentation_says() {
    let modulus = 1_032_193;
    let (n, element) = (20, 3);
    let costs = |program: FieldProgram| {
        let tally = program.tally(1);
        (tally.ands as usize, tally.table_bytes - 32 * tally.ands as usize)
    };
    assert_eq!(costs(FieldProgram::Relu { modulus }), (2 * n, (2 * n + 1) * element));
    for w in 2..6 {
        let expected = (n * w * (w - 1) + (w - 1) * (w - 2), w * (2 * n + 1) * element);
        assert_eq!(costs(FieldProgram::MaxPool { modulus, window: w }), expected);
    }
}

#[test]
fn bad_moduli_windows_and_shares_are_refused() {
    for program in [
        FieldProgram::Relu { modulus: 0 },
        FieldProgram::Relu { modulus: 8 },
        FieldProgram::Relu { modulus: (1 << 31) + 1 },
        FieldProgram::MaxPool { modulus: 7, window: 0 },
        FieldProgram::MaxPool { modulus: 7, window: 1 },
        FieldProgram::MaxPool { modulus: 7, window: 65 },
    ] {
        assert_eq!(clear_field(&program, 0, &[], &[]), Err(Error::Program), "{program:?}");
    }
    let relu = FieldProgram::Relu { modulus: 7 };
    assert_eq!(clear_field(&relu, 1, &[7], &[0]), Err(Error::Share { modulus: 7 }));
    assert!(matches!(clear_field(&relu, 1, &[1], &[]), Err(Error::InputLength { .. })));
}
