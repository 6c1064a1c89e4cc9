//! An iteration against the naive one, the size of messages, every backend.

use gazelle_kernels::AesBackend;
use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};
use zeroize::Zeroizing;

use super::*;

const NAME: &[u8; 32] = b"the name of silent test transfer";
const SET: LpnSet = LpnSet::Toy;

/// A dealer's reserve: Δ, and both parties with it.
fn deal(seed: u64) -> (u128, Sender, Receiver) {
    let rng = &mut ChaCha20Rng::seed_from_u64(seed);
    let delta = rng.random::<u128>() | 1;
    let zeros: Vec<u128> = (0..SET.reserve()).map(|_| rng.random::<u128>() & !1).collect();
    let chosen = zeros.iter().map(|q| q ^ if rng.random() { delta } else { 0 }).collect();
    let sender = Sender::new(SET, NAME, delta, Zeroizing::new(zeros));
    (delta, sender, Receiver::new(SET, NAME, Zeroizing::new(chosen)))
}

/// One iteration; what the sender sends goes through `forge`. The outputs of both, and whether the
/// check passed.
fn iterate(
    sender: &mut Sender,
    receiver: &mut Receiver,
    forge: impl FnOnce(&mut [u8]),
) -> (Vec<u128>, Vec<u128>, bool) {
    let (mut v, mut w) = (vec![0; SET.outputs()], vec![0; SET.outputs()]);
    let mut message = Vec::new();
    let proof = sender.iterate(&mut v, &mut message);
    assert_eq!(message.len(), SET.corrections_len());
    forge(&mut message);
    let claim = receiver.iterate(&mut w, &message);
    let proof = proof.prove(claim.x);
    (v, w, claim.holds(&proof))
}

#[test]
fn outputs_are_correlated_in_every_iteration() {
    let (delta, mut sender, mut receiver) = deal(1);
    let mut choices = Vec::new();
    for _ in 0..5 {
        let (v, w, passed) = iterate(&mut sender, &mut receiver, |_| ());
        assert!(passed);
        for (v, w) in v.iter().zip(&w) {
            assert_eq!(v & 1, 0);
            assert_eq!(v ^ w, if w & 1 == 1 { delta } else { 0 });
            choices.push(w & 1);
        }
    }
    let ones = choices.iter().sum::<u128>() as usize;
    assert!((choices.len() * 9 / 20..choices.len() * 11 / 20).contains(&ones), "{ones} ones");
}

/// The choices are A·s ⊕ e, computed bit by bit, with one noisy output a bin, at the place that is
/// opposite to the choices of the bin's transfers.
#[test]
fn choices_are_parities_with_noise() {
    let (_, mut sender, mut receiver) = deal(2);
    let (secret, width) = (SET.secret(), 1 << SET.bin_log());
    let bits: Vec<u128> = receiver.reserve().iter().map(|block| block & 1).collect();
    let (_, w, _) = iterate(&mut sender, &mut receiver, |_| ());
    let mut parities = vec![0; SET.outputs()];
    let code = key(crate::domain::LPN_CODE, NAME, 0);
    gazelle_kernels::lpn::add_code(AesBackend::PORTABLE, code, 0, &bits[..secret], &mut parities);
    for (i, (w, parities)) in w.chunks(width).zip(parities.chunks(width)).enumerate() {
        let sides = &bits[secret + i * SET.bin_log()..][..SET.bin_log()];
        let place = (0..).zip(sides).fold(0, |place, (l, c)| place | (1 - *c as usize) << l);
        for (j, (w, parity)) in w.iter().zip(parities).enumerate() {
            assert_eq!(w & 1, parity ^ u128::from(j == place), "output {j} of bin {i}");
        }
    }
}

/// The matrix, the trees and the factors of an iteration are its own.
#[test]
fn iterations_share_no_key() {
    let labels = [crate::domain::LPN_CODE, crate::domain::LPN_TREES];
    let mut keys: Vec<u128> = (0..10)
        .flat_map(|i| labels.map(|label| key(label, NAME, i)))
        .chain(labels.map(|label| key(label, &[0; 32], 0)))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 22);
}

#[test]
fn every_backend_makes_the_same_blocks() {
    let run = |aes| {
        let (_, sender, receiver) = deal(3);
        let (mut sender, mut receiver) = (sender.with_backend(aes), receiver.with_backend(aes));
        let mut all = Vec::new();
        for _ in 0..2 {
            let (v, w, passed) = iterate(&mut sender, &mut receiver, |_| ());
            assert!(passed);
            all.extend([v, w]);
        }
        all
    };
    let expected = run(AesBackend::PORTABLE);
    for aes in AesBackend::available() {
        assert!(run(aes) == expected, "{}", aes.name());
    }
}

/// Whichever side the receiver opens, the sum is used, so every bit of a correction counts.
#[test]
fn deviating_sender_with_a_changed_correction_is_caught() {
    for at in (0..SET.corrections_len()).step_by(331).chain([0, SET.corrections_len() - 1]) {
        let (_, mut sender, mut receiver) = deal(4);
        // Of the leaves' lowest bits the sender has no say.
        let last_level = at / 16 % (SET.bin_log() - 1) == SET.bin_log() - 2;
        let bit = if at % 16 == 0 && last_level { 2 } else { 1 };
        let (.., passed) = iterate(&mut sender, &mut receiver, |m| m[at] ^= bit);
        assert!(!passed, "byte {at}");
    }
}

/// The attack that the check is for. A correction of the last level is off by ε, and the sender takes
/// for its leaves those that the receiver has if the noise of bin 0 is at `guess`, or at the other
/// child of the same node. Where it guessed right, nothing is wrong with any output; else the check
/// fails. Of 16 guesses one passes: it learns what it guessed.
#[test]
fn deviating_sender_guesses_a_place() {
    let (d, half, error) = (SET.bin_log(), 1 << (SET.bin_log() - 1), 0xe0);
    let (_, _, receiver) = deal(5);
    let bits = &receiver.reserve()[SET.secret()..][..d];
    let place = (0..).zip(bits).fold(0, |place, (l, q)| place | (!*q as usize & 1) << l);
    for guess in 0..half {
        let (delta, sender, mut receiver) = deal(5);
        let (mut v, mut w) = (vec![0; SET.outputs()], vec![0; SET.outputs()]);
        let mut corrections = vec![0; SET.corrections_len()];
        sender.grow(&mut v, &mut corrections);
        corrections[16 * (d - 2)] ^= error;
        v[guess] ^= u128::from(error);
        v[guess + half] ^= u128::from(error);
        let factors = check::Factors::new(AesBackend::best(), SET, NAME, 0, &corrections);
        let sum = sender.encode(&factors, &mut v);
        let claim = receiver.iterate(&mut w, &corrections);
        let proof = factors.proof(sum, claim.x, delta);
        let passed = claim.holds(&proof);
        assert_eq!(passed, guess == place % half, "{guess}");
        let fits = v.iter().zip(&w).all(|(v, w)| v ^ w == if w & 1 == 1 { delta } else { 0 });
        assert_eq!(fits, passed, "{guess}");
    }
}

#[test]
fn deviating_sender_with_a_changed_proof_is_caught() {
    for at in 0..PROOF_LEN {
        let (_, mut sender, mut receiver) = deal(6);
        let (mut v, mut w) = (vec![0; SET.outputs()], vec![0; SET.outputs()]);
        let mut message = Vec::new();
        let proof = sender.iterate(&mut v, &mut message);
        let claim = receiver.iterate(&mut w, &message);
        let mut proof = proof.prove(claim.x);
        proof[at] ^= 64;
        assert!(!claim.holds(&proof));
    }
}

/// The corrections and the proof of another iteration are none of this one.
#[test]
fn deviating_sender_with_a_replayed_iteration_is_caught() {
    let (_, mut sender, mut receiver) = deal(7);
    let (mut v, mut w) = (vec![0; SET.outputs()], vec![0; SET.outputs()]);
    let mut first = Vec::new();
    let proof = sender.iterate(&mut v, &mut first);
    let claim = receiver.iterate(&mut w, &first);
    let proof = proof.prove(claim.x);
    assert!(claim.holds(&proof));
    let (.., passed) =
        iterate(&mut sender, &mut receiver, |message| message.copy_from_slice(&first));
    assert!(!passed);
}

/// A receiver that sends another x learns nothing by it but that the proof is another one.
#[test]
fn deviating_receiver_with_another_challenge_gets_another_proof() {
    let run = |change: u128| {
        let (_, mut sender, mut receiver) = deal(8);
        let (mut v, mut w) = (vec![0; SET.outputs()], vec![0; SET.outputs()]);
        let mut message = Vec::new();
        let proof = sender.iterate(&mut v, &mut message);
        let claim = receiver.iterate(&mut w, &message);
        proof.prove(claim.x ^ change)
    };
    let honest = run(0);
    assert!((0..128).all(|bit| run(1 << bit) != honest));
}

/// Each bit of x is hidden by a choice that is used for nothing else.
#[test]
fn x_is_masked_by_choices_of_its_own() {
    let run = |mask: usize| {
        let (delta, mut sender, mut receiver) = deal(9);
        let place = SET.reserve() - sets::MASKS + mask;
        receiver.reserve_mut()[place] ^= delta;
        let (mut v, mut w) = (vec![0; SET.outputs()], vec![0; SET.outputs()]);
        let mut message = Vec::new();
        sender.iterate(&mut v, &mut message);
        receiver.iterate(&mut w, &message).x
    };
    let first = run(0);
    // One mask's choice flips one bit of x.
    for mask in 1..sets::MASKS {
        assert_eq!(run(mask) ^ first, 1 << mask | 1);
    }
}

#[test]
fn the_sets_have_the_sizes_of_the_documentation() {
    let sizes = |set: LpnSet| (set.outputs(), set.reserve(), set.usable(), set.corrections_len());
    assert_eq!(sizes(LpnSet::K17), (1_638_400, 147_200, 1_491_200, 230_400));
    assert_eq!(sizes(LpnSet::K18), (2_396_160, 275_142, 2_121_018, 187_200));
}
