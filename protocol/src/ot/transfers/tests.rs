//! Both directions of every source against the ideal functionality.

use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::error::{Error, Misuse, PeerFault};

const SESSION: &[u8; 32] = b"a session of the transfers tests";

const SOURCES: [Source; 4] = [
    Source::SoftSpoken(FieldBits::Two),
    Source::SoftSpoken(FieldBits::Four),
    Source::SoftSpoken(FieldBits::Eight),
    Source::Silent(LpnSet::Toy),
];

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn set_up(source: Source, direction: Direction, rng: &mut ChaCha20Rng) -> (Sender, Receiver) {
    let (receiver, offer) = ReceiverSetup::new(source, rng);
    let (sender, reply) = SenderSetup::new(source, direction, SESSION, &offer, rng).unwrap();
    let (receiver, corrections) = receiver.finish(direction, SESSION, &reply).unwrap();
    (sender.finish(&corrections).unwrap(), receiver)
}

fn refill(sender: &mut Sender, receiver: &mut Receiver, count: usize, rng: &mut ChaCha20Rng) {
    let lengths = sender.lengths(count);
    assert_eq!(receiver.lengths(count), lengths);
    let request = receiver.request(count, rng).unwrap();
    let answer = sender.answer(count, &request).unwrap();
    let challenge = receiver.challenge(count, &answer).unwrap();
    let proof = sender.prove(&challenge).unwrap();
    receiver.finish(&proof).unwrap();
    let sent = (request.len(), answer.len(), challenge.len(), proof.len());
    assert_eq!(sent, (lengths.request, lengths.answer, lengths.challenge, lengths.proof));
    assert_eq!(sender.available(), receiver.available());
    assert!(sender.available() >= count);
}

fn assert_keys_agree(sent: Sent<'_>, received: Received<'_>) -> (SenderKeys, ReceiverKeys) {
    let (sent, received) = (sent.keys(), received.keys());
    assert_eq!((sent.len(), received.choices().len()), (received.len(), received.len()));
    for i in 0..sent.len() {
        let (zero, one) = sent.pair(i);
        let (chosen, other) = if received.choices().bit(i) { (one, zero) } else { (zero, one) };
        assert_eq!(received.key(i), chosen, "transfer {i}");
        assert_ne!(chosen, other);
    }
    (sent, received)
}

#[test]
fn the_chosen_keys_arrive_both_ways() {
    for source in SOURCES {
        for direction in Direction::ALL {
            let rng = &mut rng(1);
            let (mut sender, mut receiver) = set_up(source, direction, rng);
            for (count, used) in [(1, 1), (300, 130), (0, 0), (170, 170), (5000, 4999), (1, 1)] {
                refill(&mut sender, &mut receiver, count, rng);
                assert_keys_agree(sender.take(used), receiver.take(used));
            }
        }
    }
}

/// A batch that is cut has the keys of one that is not: a tweak is a transfer's number.
#[test]
fn parts_have_the_keys_of_the_whole() {
    let run = |cuts: &[usize]| {
        let rng = &mut rng(2);
        let (mut sender, mut receiver) =
            set_up(Source::SoftSpoken(FieldBits::Four), Direction::Up, rng);
        refill(&mut sender, &mut receiver, 10_000, rng);
        let (mut sent, mut received) = (sender.take(9000), receiver.take(9000));
        let mut keys = Vec::new();
        for &count in cuts {
            let (s, r) = assert_keys_agree(sent.take(count), received.take(count));
            keys.extend(s.zeros().iter().chain(s.ones()).chain(r.keys()).copied());
        }
        keys.sort_unstable();
        keys
    };
    let whole = run(&[9000]);
    assert_eq!(run(&[1, 127, 128, 4097, 4647]), whole);
    // Each K⁰, K¹ and K^c, which is one of the two: no other key comes twice.
    let mut different = whole.clone();
    different.dedup();
    assert_eq!(different.len(), 2 * 9000);
}

/// The tweak of a transfer is its own: equal blocks in two places have unrelated keys.
#[test]
fn equal_blocks_have_different_keys() {
    let hash = key_hash(&Direction::Up.name(SESSION));
    let mut pool = batch::Pool::new();
    pool.grow(300).fill(1 << 77);
    let mut keys = Sent::take_from(&mut pool, 300, &5, &hash).keys().zeros().to_vec();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 300);
}

/// Memory is used again, moved or not, and nothing that was given away stays in it.
#[test]
fn the_pool_keeps_order_and_forgets() {
    let hash = key_hash(&Direction::Up.name(SESSION));
    let (mut pool, mut written, mut taken) = (batch::Pool::new(), 0u128, 0u128);
    let steps = [(10, 3), (0, 7), (12, 1), (5, 16), (3, 0), (9, 9), (8, 11), (1, 1), (40, 20)];
    for (grown, used) in steps {
        for block in pool.grow(grown + 2) {
            *block = written << 1;
            written += 1;
        }
        pool.cut(2);
        written -= 2;
        let keys = Sent::take_from(&mut pool, used, &5, &hash).keys();
        let mut expected: Vec<u128> = (taken..taken + used as u128).map(|i| i << 1).collect();
        gazelle_kernels::hash::hash(&hash, taken as u64, &mut expected);
        assert_eq!(keys.zeros(), expected);
        taken += used as u128;
        assert_eq!(pool.len() as u128, written - taken);
        assert_eq!(pool.stale(), 0, "blocks outside of what is left");
    }
}

/// From equal randomness the directions have no key in common.
#[test]
fn directions_are_separate() {
    let source = Source::SoftSpoken(FieldBits::Two);
    let keys = |direction| {
        let rng = &mut rng(3);
        let (mut sender, mut receiver) = set_up(source, direction, rng);
        refill(&mut sender, &mut receiver, 200, rng);
        assert_keys_agree(sender.take(200), receiver.take(200)).0.zeros().to_vec()
    };
    let (up, down) = (keys(Direction::Up), keys(Direction::Down));
    assert!(up.iter().all(|key| !down.contains(key)));
    assert_ne!(Direction::Up.name(SESSION), Direction::Up.name(&[0; 32]));
}

#[test]
fn choices_are_balanced() {
    let rng = &mut rng(4);
    let (mut sender, mut receiver) = set_up(SOURCES[1], Direction::Down, rng);
    refill(&mut sender, &mut receiver, 10_000, rng);
    let keys = receiver.take(10_000).keys();
    let ones: u32 = keys.choices().blocks().iter().map(|b| b.count_ones()).sum();
    assert!((4700..5300).contains(&ones), "{ones} of 10,000");
}

#[test]
#[should_panic = "refill first"]
fn more_than_there_are_is_refused() {
    let rng = &mut rng(5);
    let (mut sender, mut receiver) = set_up(SOURCES[1], Direction::Down, rng);
    refill(&mut sender, &mut receiver, 10, rng);
    drop(sender.take(11));
}

/// Parties that disagree about the direction do not get past the set-up.
#[test]
fn deviating_receiver_of_another_direction_is_refused() {
    let (source, rng) = (SOURCES[1], &mut rng(6));
    let (receiver, offer) = ReceiverSetup::new(source, rng);
    let (sender, reply) = SenderSetup::new(source, Direction::Up, SESSION, &offer, rng).unwrap();
    let (_, corrections) = receiver.finish(Direction::Down, SESSION, &reply).unwrap();
    let fault = sender.finish(&corrections).err();
    assert!(matches!(fault, Some(Error::Peer(PeerFault::Consistency { .. }))), "{fault:?}");
}

/// The server has choices upwards, and deviates as a client may downwards: it is caught before the
/// client has a transfer, and the direction has ended. (A byte of a row counts if Δ has one of the
/// group's bits, as that of the seed has.)
#[test]
fn deviating_server_with_a_changed_request_ends_the_direction() {
    for source in SOURCES {
        for place in [0, 700, 1900] {
            let rng = &mut rng(7);
            let (mut sender, mut receiver) = set_up(source, Direction::Up, rng);
            let mut request = receiver.request(1000, rng).unwrap();
            let at = place % request.len();
            request[at] ^= 1 << (rng.random::<u32>() % 8);
            let fault = sender.answer(1000, &request);
            assert!(matches!(fault, Err(Error::Peer(PeerFault::Consistency { .. }))), "{fault:?}");
            assert_eq!(sender.available(), 0);
            let later = sender.answer(1000, &request);
            assert!(matches!(later, Err(Error::Misuse(Misuse::SessionEnded))), "{later:?}");
        }
    }
}

#[test]
fn deviating_server_with_a_request_of_another_length_is_refused() {
    for source in [SOURCES[2], SOURCES[3]] {
        let rng = &mut rng(8);
        let (mut sender, mut receiver) = set_up(source, Direction::Up, rng);
        let request = receiver.request(500, rng).unwrap();
        for length in [0, request.len() - 1, request.len() + 1] {
            let cut: Vec<u8> = request.iter().copied().cycle().take(length).collect();
            let fault = sender.answer(500, &cut);
            assert!(
                matches!(fault, Err(Error::Peer(PeerFault::Length { got, .. })) if got == length)
            );
        }
        assert_eq!(sender.available(), 0);
    }
}

/// Both parties of silent transfers in the middle of a refill, and the sender's answer.
fn answered(rng: &mut ChaCha20Rng) -> (Sender, Receiver, Vec<u8>) {
    let (mut sender, mut receiver) = set_up(SOURCES[3], Direction::Down, rng);
    let request = receiver.request(2000, rng).unwrap();
    let answer = sender.answer(2000, &request).unwrap();
    (sender, receiver, answer)
}

/// A client that receives silent transfers goes on with none of them if one is wrong.
#[test]
fn deviating_server_with_changed_silent_transfers_ends_the_direction() {
    for at in [1, 2000, 7000] {
        let rng = &mut rng(9);
        let (mut sender, mut receiver, mut answer) = answered(rng);
        answer[at] ^= 4;
        let proof = sender.prove(&receiver.challenge(2000, &answer).unwrap()).unwrap();
        let fault = receiver.finish(&proof);
        assert!(matches!(fault, Err(Error::Peer(PeerFault::Consistency { .. }))), "{fault:?}");
        assert_eq!(receiver.available(), 0);
        let later = receiver.request(1, rng);
        assert!(matches!(later, Err(Error::Misuse(Misuse::SessionEnded))), "{later:?}");
    }
}

#[test]
fn deviating_server_with_silent_transfers_of_another_length_ends_the_direction() {
    let length_of = |answer: &Vec<u8>| [0, answer.len() - 1, answer.len() + 1, 2 * answer.len()];
    for i in 0..4 {
        let rng = &mut rng(10);
        let (_, mut receiver, answer) = answered(rng);
        let cut: Vec<u8> = answer.iter().copied().cycle().take(length_of(&answer)[i]).collect();
        let fault = receiver.challenge(2000, &cut);
        assert!(matches!(fault, Err(Error::Peer(PeerFault::Length { .. }))), "{fault:?}");
        let later = receiver.challenge(2000, &answer);
        assert!(matches!(later, Err(Error::Misuse(Misuse::SessionEnded))), "{later:?}");
    }
}

#[test]
fn deviating_server_with_a_changed_proof_ends_the_direction() {
    for length in [95, 96, 97] {
        let rng = &mut rng(11);
        let (mut sender, mut receiver, answer) = answered(rng);
        let mut proof = sender.prove(&receiver.challenge(2000, &answer).unwrap()).unwrap();
        assert_eq!(proof.len(), 96);
        proof.resize(length, 0);
        proof[40] ^= u8::from(length == 96);
        assert!(matches!(receiver.finish(&proof), Err(Error::Peer(_))));
        assert!(matches!(receiver.finish(&proof), Err(Error::Misuse(Misuse::SessionEnded))));
    }
}

#[test]
fn deviating_client_with_a_challenge_of_another_length_is_refused() {
    let rng = &mut rng(12);
    let (mut sender, mut receiver, answer) = answered(rng);
    let mut challenge = receiver.challenge(2000, &answer).unwrap();
    challenge.pop();
    let fault = sender.prove(&challenge);
    assert!(matches!(fault, Err(Error::Peer(PeerFault::Length { .. }))), "{fault:?}");
}

#[test]
#[should_panic = "proof must come first"]
fn transfers_are_not_used_before_the_proof() {
    let rng = &mut rng(13);
    let (_, mut receiver, answer) = answered(rng);
    receiver.challenge(2000, &answer).unwrap();
    drop(receiver.take(1));
}

/// One iteration of each set that is offered, at its size.
#[test]
fn millions_of_silent_transfers_arrive() {
    for set in LpnSet::ALL {
        let rng = &mut rng(14);
        let (mut sender, mut receiver) = set_up(Source::Silent(set), Direction::Up, rng);
        refill(&mut sender, &mut receiver, 1, rng);
        assert_eq!(sender.available(), set.usable());
        assert_keys_agree(sender.take(set.usable()), receiver.take(set.usable()));
        assert_eq!(sender.lengths(1).request, 0);
    }
}

#[test]
fn the_frugal_source_sends_less() {
    let frugal = |transfers| Source::frugal(transfers, FieldBits::Eight);
    assert_eq!(frugal(1000), Source::SoftSpoken(FieldBits::Eight));
    assert_eq!(frugal(1_000_000), Source::Silent(LpnSet::K18));
    assert_eq!(frugal(u64::MAX), Source::Silent(LpnSet::K18));
    // 737,484 bytes for up to 2,121,018 transfers.
    assert_eq!(Source::frugal(184_371, FieldBits::Four), Source::SoftSpoken(FieldBits::Four));
    assert_eq!(Source::frugal(184_372, FieldBits::Four), Source::Silent(LpnSet::K18));
}
