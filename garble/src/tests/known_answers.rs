//! Tables keep their bytes.

use super::*;

/// FNV-1a, 64 bits.
fn digest(bytes: impl IntoIterator<Item = u8>) -> u64 {
    let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// Of the tables and shares of every kind of program, with 300 instances so that keys change in the
/// middle of a wire.
fn garbled_by(kind: HashKind) -> u64 {
    let rng = &mut ChaCha20Rng::seed_from_u64(11);
    let delta = Delta::random(rng);
    let hash = Hash::new(kind, rng.random());
    let (ring_bits, out_ring_bits, n) = (9, 11, 300);
    let pool =
        |kernel, stride| Program::MaxPool { ring_bits, map: [3, 4], kernel, stride, out_ring_bits };
    let mut programs = programs_of_one_sum(ring_bits, 2, out_ring_bits);
    programs.extend([
        Program::Relu { ring_bits, shift: 2, window: 4, out_ring_bits },
        pool([1, 4], [1, 4]),
        pool([2, 2], [1, 2]),
        Program::Argmax { ring_bits, classes: 5 },
        Program::TopK { ring_bits, classes: 5, places: 3 },
    ]);
    let mut bytes = Vec::new();
    for program in programs {
        let count = n * program.labels();
        let (a, b) = (zero_labels(rng, count), zero_labels(rng, count));
        let gates = GateCounter::new().take(program.tally(n).gates);
        let garbled = garble(&program, n, &hash, &delta, gates, &a, &b).unwrap();
        bytes.extend(garbled.tables);
        bytes.extend(garbled.shares.iter().flat_map(|share| share.to_le_bytes()));
    }
    let modulus = 1_032_193;
    for program in [FieldProgram::Relu { modulus }, FieldProgram::MaxPool { modulus, window: 3 }] {
        let zeros = zero_labels(rng, n * program.labels());
        let shares: Vec<u32> = (0..n * program.sums()).map(|_| rng.next_u32() % modulus).collect();
        let gates = GateCounter::new().take(program.tally(n).gates);
        let garbled = garble_field(&program, n, &hash, &delta, gates, &zeros, &shares).unwrap();
        bytes.extend(garbled.tables);
        bytes.extend(garbled.shares.iter().flat_map(|share| share.to_le_bytes()));
    }
    digest(bytes)
}

#[test]
fn tables_keep_their_bytes() {
    assert_eq!(
        KINDS.map(garbled_by),
        [0xbff1_aa9e_10b9_f2e0, 0x9e66_3e8a_0887_7d60, 0x823a_2127_1f45_9e5d]
    );
}
