//! Circuit files: the standards' vectors through garbling, and texts that are no circuits.

mod circuits;

use gazelle_garble::{Circuit, Delta, Error, GateCounter, Hash, HashKind, ZeroLabels};
use rand::{RngExt, SeedableRng, rngs::ChaCha20Rng};

/// Output bits of instances, from input bits of each; both in the clear and through garbling.
fn run(circuit: &Circuit, inputs: &[Vec<bool>]) -> Vec<Vec<bool>> {
    let n = inputs.len();
    let bits: Vec<bool> = (0..circuit.input_bits() * n).map(|at| inputs[at % n][at / n]).collect();
    let rng = &mut ChaCha20Rng::seed_from_u64(n as u64);
    let delta = Delta::random(rng);
    let hash = Hash::new(HashKind::MitccrhStrict, rng.random());
    let zeros = ZeroLabels::new(bits.iter().map(|_| rng.random()).collect());
    let gates = || GateCounter::new().take(circuit.tally(n).gates);

    let tables = circuit.garble(n, &hash, &delta, gates(), &zeros).unwrap();
    assert_eq!(tables.len(), circuit.tally(n).table_bytes);
    let active = zeros.activate(&delta, &bits);
    let outputs = circuit.evaluate(n, &hash, gates(), &tables, &active).unwrap();
    assert_eq!(outputs, circuit.clear(n, &bits).unwrap());
    let short = circuit.evaluate(n, &hash, gates(), &tables[1..], &active);
    assert!(matches!(short, Err(Error::TablesShort { .. })));
    (0..n).map(|i| outputs.iter().skip(i).step_by(n).copied().collect()).collect()
}

fn byte_bits(bytes: impl IntoIterator<Item = u8>) -> Vec<bool> {
    bytes.into_iter().flat_map(|byte| (0..8).map(move |t| byte >> t & 1 == 1)).collect()
}

fn word_bits(words: impl IntoIterator<Item = u32>) -> Vec<bool> {
    words.into_iter().flat_map(|word| byte_bits(word.to_le_bytes())).collect()
}

fn words(bits: &[bool]) -> Vec<u32> {
    let word = |bits: &[bool]| bits.iter().rev().fold(0, |word, bit| word << 1 | u32::from(*bit));
    bits.chunks(32).map(word).collect()
}

/// Appendix B and appendix C.1 of FIPS 197, as two instances.
#[test]
fn aes_128_gives_the_standards_vectors() {
    let circuit = Circuit::parse(&circuits::aes128()).unwrap();
    assert_eq!((circuit.inputs(), circuit.outputs()), (&[128, 128][..], &[128][..]));
    let vectors: [[u128; 3]; 2] = [
        [
            0x2b7e151628aed2a6abf7158809cf4f3c,
            0x3243f6a8885a308d313198a2e0370734,
            0x3925841d02dc09fbdc118597196a0b32,
        ],
        [
            0x000102030405060708090a0b0c0d0e0f,
            0x00112233445566778899aabbccddeeff,
            0x69c4e0d86a7b0430d8cdb78070b4c55a,
        ],
    ];
    let inputs = vectors.map(|[key, plaintext, _]| {
        byte_bits(key.to_be_bytes().into_iter().chain(plaintext.to_be_bytes()))
    });
    for (output, [_, _, ciphertext]) in run(&circuit, &inputs).iter().zip(vectors) {
        assert_eq!(*output, byte_bits(ciphertext.to_be_bytes()));
    }
}

/// The one-block and two-block messages of the examples to FIPS 180.
#[test]
fn sha_256_gives_the_standards_vectors() {
    let circuit = Circuit::parse(&circuits::sha256_block()).unwrap();
    let blocks = |message: &[u8]| -> Vec<Vec<u32>> {
        let mut padded = message.to_vec();
        padded.push(0x80);
        padded.resize((message.len() + 9).next_multiple_of(64) - 8, 0);
        padded.extend((8 * message.len() as u64).to_be_bytes());
        let word = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
        padded.chunks(64).map(|block| block.chunks(4).map(word).collect()).collect()
    };
    let compress = |state: &[u32], block: &[u32]| {
        let input = word_bits(block.iter().chain(state).copied());
        words(&run(&circuit, &[input])[0])
    };
    let digest = |message: &[u8]| {
        let first = circuits::initial_state();
        blocks(message).iter().fold(first, |state, block| compress(&state, block))
    };
    assert_eq!(
        digest(b"abc"),
        [
            0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223, 0xb00361a3, 0x96177a9c, 0xb410ff61,
            0xf20015ad,
        ]
    );
    assert_eq!(
        digest(b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
        [
            0x248d6a61, 0xd20638b8, 0xe5c02693, 0x0c3e6039, 0xa33ce459, 0x64ff2167, 0xf6ecedd4,
            0x19db06c1,
        ]
    );
}

#[test]
fn every_kind_of_gate_computes_its_function() {
    let text = "8 13\n2 2 2\n1 7\n\n2 1 0 1 6 XOR\n1 1 1 4 EQ\n1 1 0 5 INV\n1 1 2 9 EQW\n\
                4 2 0 1 2 3 7 8 MAND\n2 1 4 9 10 AND\n2 1 8 8 11 XOR\n1 1 0 12 EQ\n";
    let circuit = Circuit::parse(text).unwrap();
    let inputs: Vec<Vec<bool>> =
        (0..16).map(|x| (0..4).map(|t| x >> t & 1 == 1).collect()).collect();
    for (x, y) in inputs.iter().zip(run(&circuit, &inputs)) {
        let expected = [x[0] ^ x[1], x[0] & x[2], x[1] & x[3], x[2], x[2], false, false];
        assert_eq!(y, expected);
    }
    assert!(circuit.clear(0, &[]).unwrap().is_empty());
}

#[test]
fn texts_that_are_no_circuits_are_refused() {
    let header = "1 3\n1 2\n1 1\n";
    for (text, line) in [
        (String::new(), 0),
        ("1".into(), 1),
        ("1 3 5\n".into(), 1),
        ("1 -3\n".into(), 1),
        ("1 3\n1 2\n".into(), 2),
        ("1 3\n2 1\n1 1\n2 1 0 1 2 AND\n".into(), 2),
        ("0 0\n0\n0\n".into(), 1),
        ("0 99999999\n1 1\n1 1\n".into(), 1),
        ("1 3\n4294967295 1 1\n".into(), 2),
        ("1 3\n2 4294967295 4294967295\n".into(), 2),
        ("0 1\n1 1\n1 2\n".into(), 1),
        (format!("{header}2 1 0 1 2 NAND"), 4),
        (format!("{header}2 1 0 1 2"), 4),
        (format!("{header}2 1 0 1 2 AND 3"), 4),
        (format!("{header}2 1 0 2 2 AND"), 4),
        (format!("{header}2 1 0 1 1 AND"), 4),
        (format!("{header}2 1 0 1 3 AND"), 4),
        (format!("{header}2 1 0 4294967295 2 AND"), 4),
        (format!("{header}1 1 0 2 AND"), 4),
        (format!("{header}1 1 2 2 EQ"), 4),
        (format!("{header}4294967295 4294967295 0 MAND"), 4),
        (header.into(), 3),
        (format!("{header}2 1 0 1 2 AND\n2 1 0 1 2 AND"), 5),
        ("2 4\n1 2\n1 1\n2 1 0 1 2 AND\n0 0 MAND\n".into(), 1),
    ] {
        match Circuit::parse(&text) {
            Err(Error::Circuit { line: found, .. }) => assert_eq!(found, line, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

/// The format of the first collections of circuits differs in its header alone.
#[test]
fn the_older_format_is_named() {
    for text in
        ["3 5\n1 1 1\n\n2 1 0 1 2 AND\n1 1 2 3 INV\n1 1 3 4 INV\n", "1 5\n2 2 1\n2 1 0 3 4 XOR"]
    {
        let fault = Circuit::parse(text).unwrap_err().to_string();
        assert!(
            fault.starts_with("line 2 of the circuit: this is the older Bristol format"),
            "{fault}"
        );
    }
    let newer = Circuit::parse("1 3\n2 1 1\n1 1\n\n2 1 0 1 2 AND\n").unwrap();
    assert_eq!(newer.input_bits(), 2);
}
