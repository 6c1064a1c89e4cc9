//! The extension against its ideal functionality: t = q ⊕ c·Δ for every transfer.

use super::*;
use crate::error::{Error, PeerFault};
use gazelle_kernels::prg::Seeds;
use gazelle_kernels::{AesBackend, VectorBackend};
use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};

const SESSION: &[u8; 32] = b"a session of the extension tests";

/// Transfers of a chunk.
const CHUNK: usize = 128 * rows::CHUNK;

const SIZES: [usize; 17] = [
    0,
    1,
    7,
    127,
    128,
    129,
    255,
    1000,
    1024,
    1919,
    1920,
    1921,
    2047,
    2048,
    2049,
    4096 + 77,
    20_000,
];

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn set_up(field: FieldBits, delta: u128, rng: &mut ChaCha20Rng) -> (Receiver, Sender) {
    let (receiver, offer) = ReceiverSetup::new(field, rng);
    let (sender, reply, _) = SenderSetup::new(field, SESSION, delta, &offer, rng).unwrap();
    let (receiver, corrections, _) = receiver.finish(SESSION, &reply).unwrap();
    (receiver, sender.finish(&corrections).unwrap())
}

/// One extension of random choices; checks the correlation and returns the message and t.
fn extend(
    (receiver, sender): &mut (Receiver, Sender),
    delta: u128,
    count: usize,
    rng: &mut ChaCha20Rng,
) -> (Vec<u8>, Vec<u128>) {
    let bits: Vec<bool> = (0..count).map(|_| rng.random()).collect();
    let (mut labels, mut zeros) = (vec![0; count], vec![0; count]);
    let message = receiver.extend(&Choices::from_bits(&bits), &mut labels);
    sender.extend(&message, &mut zeros).unwrap();
    for (j, &bit) in bits.iter().enumerate() {
        let offset = if bit { delta } else { 0 };
        assert_eq!(labels[j], zeros[j] ^ offset, "transfer {j} of {count}");
    }
    (message, labels)
}

#[test]
fn the_correlation_holds_for_every_field_and_size() {
    for field in FieldBits::ALL {
        let mut rng = rng(field.bits() as u64);
        for delta in [1, u128::MAX, rng.random::<u128>() | 1] {
            let mut parties = set_up(field, delta, &mut rng);
            for count in SIZES {
                let (message, _) = extend(&mut parties, delta, count, &mut rng);
                assert_eq!(message.len(), field.message_len(count));
                let blocks = count.div_ceil(128) + 1;
                assert_eq!(message.len(), blocks * 2048 / field.bits() + 48);
            }
        }
    }
}

/// K = 1 is the extension of Ishai et al. with the base keys as seeds, written out.
#[test]
fn one_bit_fields_are_the_classic_extension() {
    let delta: u128 = rng(10).random();
    let (mut receiver, mut sender) = set_up(FieldBits::One, delta, &mut rng(11));

    // The same base transfers again, from the same randomness.
    let rng = &mut rng(11);
    let (base, offer) = base::Sender::new(rng);
    rng.random::<u128>();
    let (reply, chosen, _) = base::receive(SESSION, delta, &offer, rng).unwrap();
    let (pairs, _) = base.finish(SESSION, &reply).unwrap();

    let bits: Vec<bool> = (0..300).map(|_| rng.random()).collect();
    let choices = Choices::from_bits(&bits);
    let (mut labels, mut zeros) = ([0; 300], [0; 300]);
    let message = receiver.extend(&choices, &mut labels);
    sender.extend(&message, &mut zeros).unwrap();

    let session = u64::from_le_bytes(*SESSION.first_chunk().unwrap());
    for (i, row) in message[..128 * 4 * 16].chunks_exact(4 * 16).enumerate() {
        let stream = |seed: u128| {
            let (mut sum, mut plane) = ([0; 3], [0; 3]);
            let nonce = session.wrapping_add(i as u64);
            Seeds::new(AesBackend::PORTABLE, &[0, seed]).sums(0..2, nonce, 0, &mut sum, &mut plane);
            plane
        };
        let [g0, g1, chosen] = [pairs[i][0], pairs[i][1], chosen[i]].map(stream);
        for j in 0..300 {
            let bit = |blocks: &[u128; 3]| blocks[j / 128] >> (j % 128) & 1;
            let u = u128::from(row[j / 8] >> (j % 8) & 1);
            assert_eq!(u, bit(&g0) ^ bit(&g1) ^ u128::from(bits[j]));
            assert_eq!(labels[j] >> i & 1, bit(&g0));
            assert_eq!(zeros[j] >> i & 1, bit(&chosen) ^ (delta >> i & u));
        }
    }
}

#[test]
fn slow_links_take_fewer_bytes() {
    assert_eq!(FieldBits::for_link(100_000_000), FieldBits::Eight);
    assert_eq!(FieldBits::for_link(3_000_000_000), FieldBits::Four);
    assert_eq!(FieldBits::for_link(u64::MAX), FieldBits::Two);
    assert_eq!(FieldBits::default(), FieldBits::Four);
}

#[test]
fn no_two_transfers_repeat() {
    for field in FieldBits::ALL {
        let mut rng = rng(20);
        let mut parties = set_up(field, 1, &mut rng);
        let mut labels = Vec::new();
        for count in [128, 1, CHUNK, 300, 300] {
            labels.extend(extend(&mut parties, 1, count, &mut rng).1);
        }
        let total = labels.len();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), total, "{field:?}");
    }
}

#[test]
fn equal_choices_twice_give_other_messages() {
    let mut rng = rng(21);
    let (mut receiver, _) = set_up(FieldBits::Four, 1, &mut rng);
    let choices = Choices::from_bits(&[true; 128]);
    let first = receiver.extend(&choices, &mut [0; 128]);
    let second = receiver.extend(&choices, &mut [0; 128]);
    let row = |message: &[u8], g: usize| message[16 * g..16 * (g + 1)].to_vec();
    for g in 0..2 * 32 {
        assert_ne!(row(&first, g), row(&second, g));
    }
}

#[test]
fn messages_do_not_depend_on_threads() {
    let count = 11 * CHUNK;
    let choices: Vec<bool> = (0..count).map(|i| i % 3 == 0).collect();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (mut receiver, mut sender) = set_up(FieldBits::Four, 1, &mut rng(22));
        let (mut labels, mut zeros) = (vec![0; count], vec![0; count]);
        pool.install(|| {
            let message = receiver.extend(&Choices::from_bits(&choices), &mut labels);
            sender.extend(&message, &mut zeros).unwrap();
            (message, labels, zeros)
        })
    };
    assert!(run(1) == run(8));
}

/// What hides the choices is new in every message and every session.
#[test]
fn sums_of_choices_are_hidden() {
    let choices = Choices::from_bits(&[false; 300]);
    let mut sums: Vec<u128> = (0..4)
        .flat_map(|seed| {
            let (mut receiver, _) = set_up(FieldBits::Four, 1, &mut rng(seed));
            [(); 4].map(|()| {
                let message = receiver.extend(&choices, &mut [0; 300]);
                u128::from_le_bytes(*message[message.len() - 48..].first_chunk().unwrap())
            })
        })
        .collect();
    sums.sort_unstable();
    sums.dedup();
    assert_eq!(sums.len(), 16);
}

#[test]
fn every_backend_makes_the_same_bytes() {
    let choices = Choices::from_bits(&[true; CHUNK + 200]);
    for field in FieldBits::ALL {
        let run = |aes, vector| {
            let rng = &mut rng(27);
            let (receiver, offer) = ReceiverSetup::new(field, rng);
            let (sender, reply, _) = SenderSetup::new(field, SESSION, 5, &offer, rng).unwrap();
            let receiver = receiver.with_backends(aes, vector);
            let (mut receiver, corrections, _) = receiver.finish(SESSION, &reply).unwrap();
            let mut sender = sender.with_backends(aes, vector).finish(&corrections).unwrap();
            let (mut labels, mut zeros) = (vec![0; CHUNK + 200], vec![0; CHUNK + 200]);
            let message = receiver.extend(&choices, &mut labels);
            sender.extend(&message, &mut zeros).unwrap();
            (corrections, message, labels, zeros)
        };
        let expected = run(AesBackend::PORTABLE, VectorBackend::SCALAR);
        for aes in AesBackend::available() {
            for vector in VectorBackend::available() {
                assert!(run(aes, vector) == expected, "{}, {}", aes.name(), vector.name());
            }
        }
    }
}

#[test]
fn corrections_of_another_length_are_rejected() {
    let mut rng = rng(25);
    for field in FieldBits::ALL {
        let (receiver, offer) = ReceiverSetup::new(field, &mut rng);
        let (sender, reply, _) = SenderSetup::new(field, SESSION, 1, &offer, &mut rng).unwrap();
        let (_, mut corrections, _) = receiver.finish(SESSION, &reply).unwrap();
        assert_eq!(corrections.len(), field.corrections_len());
        corrections.push(0);
        assert!(matches!(sender.finish(&corrections), Err(Error::Peer(PeerFault::Length { .. }))));
    }
}

#[test]
fn only_four_fields_exist() {
    for k in 0..=u8::MAX {
        let field = FieldBits::try_from(k);
        assert_eq!(field.is_ok(), [1, 2, 4, 8].contains(&k));
        assert!(field.is_err() || field == Ok(FieldBits::ALL[k.trailing_zeros() as usize]));
    }
}
