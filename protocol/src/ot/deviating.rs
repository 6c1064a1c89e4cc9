//! Receivers that deviate, to learn bits of Δ. A garbler's client is such a receiver.

use std::cell::Cell;

use gazelle_kernels::AesBackend;
use gazelle_kernels::gf128;
use rand::rngs::ChaCha20Rng;
use rand::{Rng, RngExt, SeedableRng};

use super::*;
use crate::error::{Error, Misuse, PeerFault};

thread_local! {
    static UNCHECKED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `part` with the check of requests switched off on this thread.
pub(crate) fn unchecked_on_this_thread<T>(part: impl FnOnce() -> T) -> T {
    let before = UNCHECKED.replace(true);
    let result = part();
    UNCHECKED.set(before);
    result
}

/// Whether the check is switched off.
pub(crate) fn is_unchecked() -> bool {
    UNCHECKED.get()
}

const SESSION: &[u8; 32] = b"a session with a deviating party";

/// Transfers of a message; one chunk.
const COUNT: usize = 300;

/// Blocks of a message, with the one that hides the choices.
const BLOCKS: usize = 4;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn set_up(field: FieldBits, delta: u128, rng: &mut ChaCha20Rng) -> (Receiver, Sender) {
    let (receiver, offer) = ReceiverSetup::new(field, rng);
    let (sender, reply, _) = SenderSetup::new(field, SESSION, delta, &offer, rng).unwrap();
    let (receiver, corrections, _) = receiver.finish(SESSION, &reply).unwrap();
    (receiver, sender.finish(&corrections).unwrap())
}

/// An honest message, its choices all 0, and its labels.
fn honest(receiver: &mut Receiver) -> (Vec<u8>, [u128; COUNT]) {
    let mut labels = [0; COUNT];
    (receiver.extend(&Choices::from_bits(&[false; COUNT]), &mut labels), labels)
}

/// Changes the choice of a transfer in one group's row d.
fn flip(field: FieldBits, message: &mut [u8], group: usize, transfer: usize) {
    assert_eq!(message.len(), field.message_len(COUNT));
    message[16 * BLOCKS * group + transfer / 8] ^= 1 << (transfer % 8);
}

/// A message with other choices in some transfers of some groups, and the check that holds if Δ is
/// `guess` in these groups.
fn guessing(receiver: &mut Receiver, flips: &[(usize, usize)], guess: u128) -> Vec<u8> {
    let field = receiver.rows.field();
    let (first, choices) = receiver.begin(&Choices::from_bits(&[false; COUNT]));
    let mut message = receiver.correct(first, &choices);
    let check = message.len();
    message.resize(field.message_len(COUNT), 0);
    for &(group, transfer) in flips {
        flip(field, &mut message, group, transfer);
    }
    let challenge = receiver.rows.challenge(first, &message[..check]);
    let mut sums = challenge.sums(receiver.matrix.of_blocks(BLOCKS));
    for &(group, transfer) in flips {
        let factor = challenge.factor(transfer / 128);
        let error = gf128::mul(AesBackend::PORTABLE, factor, 1 << (transfer % 128));
        for b in field.bits() * group..field.bits() * (group + 1) {
            sums[b] ^= if guess >> b & 1 == 1 { error } else { 0 };
        }
    }
    message[check..][..16].copy_from_slice(&challenge.sum(&choices).to_le_bytes());
    message[check + 16..].copy_from_slice(&challenge.digest(&sums));
    message
}

/// The sender's answer to a message must be a fault, without a label, and the end of the session.
fn assert_ends(receiver: &mut Receiver, mut sender: Sender, message: &[u8]) {
    let mut zeros = [0; COUNT];
    let fault = sender.extend(message, &mut zeros);
    assert!(matches!(fault, Err(Error::Peer(PeerFault::Consistency { .. }))), "{fault:?}");
    assert_eq!(zeros, [0; COUNT], "labels of a message that failed");
    let (message, _) = honest(receiver);
    let later = sender.extend(&message, &mut zeros);
    assert!(matches!(later, Err(Error::Misuse(Misuse::SessionEnded))), "{later:?}");
}

/// What the check is for. Transfer g has another choice in group g; the sender's label is then the
/// receiver's plus Δ's bits of the group. By garbled tables the receiver can tell which of the 2^K
/// candidates it is, so one message gives all of Δ.
#[test]
fn deviating_client_reads_delta_where_nothing_is_checked() {
    for field in FieldBits::ALL {
        let delta = rng(1).random::<u128>() | 1;
        let (mut receiver, mut sender) = set_up(field, delta, &mut rng(2));
        let (mut message, labels) = honest(&mut receiver);
        for group in 0..field.groups() {
            flip(field, &mut message, group, group);
        }
        let mut zeros = [0; COUNT];
        let unchecked = sender.correlation.as_mut().unwrap();
        unchecked.correct(0, &message[..message.len() - check::LEN]);
        unchecked.labels(&mut zeros);
        let found = (0..field.groups()).fold(0, |found, group| {
            let bits = |x: usize| (x as u128) << (group * field.bits());
            let is_zero_label = |&x: &usize| labels[group] ^ bits(x) == zeros[group];
            found | bits((0..field.size()).find(is_zero_label).expect("a candidate"))
        });
        assert_eq!(found, delta);

        // The same message meets the check.
        let (mut receiver, sender) = set_up(field, delta, &mut rng(2));
        honest(&mut receiver);
        assert_ends(&mut receiver, sender, &message);
    }
}

/// All bits of every group's Δ are 1, so a receiver that guesses nothing (as if they were 0) never
/// passes, whatever row it changes.
#[test]
fn deviating_client_with_one_flipped_bit_ends_the_session() {
    for field in FieldBits::ALL {
        for (group, transfer) in [(0, 0), (field.groups() - 1, 299), (5, 128), (3, 511)] {
            let (mut receiver, sender) = set_up(field, u128::MAX, &mut rng(3));
            let message = guessing(&mut receiver, &[(group, transfer)], 0);
            assert_ends(&mut receiver, sender, &message);
        }
    }
}

/// Of the 2^K guesses of a group's bits one passes; the others end the session.
#[test]
fn deviating_client_passes_by_guessing_a_group() {
    for field in [FieldBits::One, FieldBits::Two, FieldBits::Four] {
        let delta = rng(4).random::<u128>() | 1;
        let (group, shift) = (7, 7 * field.bits());
        let passes = (0..field.size() as u128).filter(|guess| {
            let (mut receiver, mut sender) = set_up(field, delta, &mut rng(5));
            let flips = [(group, 3), (group, 200)];
            let message = guessing(&mut receiver, &flips, guess << shift);
            let passed = sender.extend(&message, &mut [0; COUNT]).is_ok();
            // Whoever guessed right goes on, whoever did not never does.
            let (later, _) = honest(&mut receiver);
            assert_eq!(sender.extend(&later, &mut [0; COUNT]).is_ok(), passed);
            passed
        });
        let passes: Vec<u128> = passes.collect();
        assert_eq!(passes, [delta >> shift & (field.size() as u128 - 1)], "{field:?}");
    }
}

/// Two groups cost the guess of both.
#[test]
fn deviating_client_must_guess_every_group_that_it_changes() {
    let (field, delta) = (FieldBits::Two, 0b01_10);
    for guess in 0..16 {
        let (mut receiver, mut sender) = set_up(field, delta, &mut rng(6));
        let message = guessing(&mut receiver, &[(0, 9), (1, 140)], guess);
        assert_eq!(sender.extend(&message, &mut [0; COUNT]).is_ok(), guess == delta, "{guess}");
    }
}

/// Every byte of x and of the digest counts, and so does every bit of the rows.
#[test]
fn deviating_client_with_a_changed_check_ends_the_session() {
    for field in FieldBits::ALL {
        let len = field.message_len(COUNT);
        for at in (len - check::LEN..len).step_by(5).chain([0, 100]) {
            let (mut receiver, sender) = set_up(field, u128::MAX, &mut rng(7));
            let (mut message, _) = honest(&mut receiver);
            message[at] ^= 0x10;
            assert_ends(&mut receiver, sender, &message);
        }
    }
}

#[test]
fn deviating_client_with_arbitrary_bytes_ends_the_session() {
    for field in FieldBits::ALL {
        let (mut receiver, sender) = set_up(field, 3, &mut rng(8));
        let mut message = vec![0; field.message_len(COUNT)];
        rng(9).fill_bytes(&mut message);
        assert_ends(&mut receiver, sender, &message);
    }
}

/// A message is good once, in its place and in its session.
#[test]
fn deviating_client_with_a_replayed_message_ends_the_session() {
    let field = FieldBits::Four;
    let (mut receiver, mut sender) = set_up(field, u128::MAX, &mut rng(10));
    let (message, _) = honest(&mut receiver);
    sender.extend(&message, &mut [0; COUNT]).unwrap();
    assert_ends(&mut receiver, sender, &message);

    let (mut receiver, sender) = set_up(field, u128::MAX, &mut rng(11));
    honest(&mut receiver);
    let (second, _) = honest(&mut receiver);
    assert_ends(&mut receiver, sender, &second);

    let (mut stranger, _) = set_up(field, u128::MAX, &mut rng(12));
    let (_, sender) = set_up(field, u128::MAX, &mut rng(13));
    let (message, _) = honest(&mut stranger);
    assert_ends(&mut stranger, sender, &message);
}

#[test]
fn deviating_client_with_a_message_of_another_length_ends_the_session() {
    let field = FieldBits::Four;
    let expected = field.message_len(COUNT);
    for length in [0, expected - 1, expected + 1, 2 * expected, expected - check::LEN] {
        let (mut receiver, mut sender) = set_up(field, 1, &mut rng(14));
        let (message, _) = honest(&mut receiver);
        let cut: Vec<u8> = message.iter().copied().cycle().take(length).collect();
        let fault = sender.extend(&cut, &mut [0; COUNT]);
        assert!(matches!(fault, Err(Error::Peer(PeerFault::Length { got, .. })) if got == length));
        let later = sender.extend(&message, &mut [0; COUNT]);
        assert!(matches!(later, Err(Error::Misuse(Misuse::SessionEnded))));
    }
}

/// The sender's set-up with Δ, and corrections that `forge` has changed: whether it goes on.
fn accepts(field: FieldBits, delta: u128, forge: impl Fn(&mut [u8])) -> bool {
    let rng = &mut rng(15);
    let (receiver, offer) = ReceiverSetup::new(field, rng);
    let (sender, reply, _) = SenderSetup::new(field, SESSION, delta, &offer, rng).unwrap();
    let (_, mut corrections, _) = receiver.finish(SESSION, &reply).unwrap();
    forge(&mut corrections);
    match sender.finish(&corrections) {
        Ok(_) => true,
        Err(Error::Peer(PeerFault::Consistency { .. })) => false,
        Err(error) => panic!("{error}"),
    }
}

/// One half of a level's correction is wrong: half of all Δ open it and end the session, the others
/// never see it. That is a guess of the bit, which is what it tells.
#[test]
fn deviating_client_with_a_forged_level_guesses_a_bit() {
    for field in [FieldBits::Two, FieldBits::Four, FieldBits::Eight] {
        for level in 0..field.bits() - 1 {
            for half in 0..2 {
                let forge = |corrections: &mut [u8]| corrections[32 * level + 16 * half] ^= 1;
                // The tree's levels go from the group's second highest bit down.
                let bit = field.bits() - 2 - level;
                for delta in [0, 1 << bit, u128::MAX, u128::MAX ^ 1 << bit] {
                    let opened = (delta >> bit & 1) as usize == half;
                    assert_eq!(accepts(field, delta, forge), !opened, "{field:?}, {level}");
                }
            }
        }
    }
}

#[test]
fn deviating_client_with_a_forged_tree_check_ends_the_session() {
    for field in FieldBits::ALL {
        let check = 32 * field.groups() + check::DIGEST_LEN;
        for back in [1, 32, 33, 64, check] {
            let forge = |corrections: &mut [u8]| corrections[corrections.len() - back] ^= 4;
            assert!(!accepts(field, u128::MAX, forge), "{field:?}, {back}");
        }
        assert!(accepts(field, u128::MAX, |_| ()));
    }
}
