//! Both directions of every source against the ideal functionality.

use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::error::{Error, Misuse, PeerFault};

const SESSION: &[u8; 32] = b"a session of the transfers tests";

const SOFT_SPOKEN: [Source; 3] = [
    Source::SoftSpoken(FieldBits::Two),
    Source::SoftSpoken(FieldBits::Four),
    Source::SoftSpoken(FieldBits::Eight),
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
    let request = receiver.request(count, rng);
    assert_eq!(request.len(), sender.request_len(count));
    sender.answer(count, &request).unwrap();
    assert_eq!(sender.available(), receiver.available());
    assert!(sender.available() >= count);
}

fn assert_keys_agree(sent: Sent, received: Received) -> (SenderKeys, ReceiverKeys) {
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
    for source in SOFT_SPOKEN {
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
    let mut keys = Sent::take_from(&mut pool, 300, 5, &hash).keys().zeros().to_vec();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 300);
}

/// From equal randomness the directions, and two sessions, have no key in common.
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
    let (mut sender, mut receiver) = set_up(SOFT_SPOKEN[1], Direction::Down, rng);
    refill(&mut sender, &mut receiver, 10_000, rng);
    let keys = receiver.take(10_000).keys();
    let ones: u32 = keys.choices().blocks().iter().map(|b| b.count_ones()).sum();
    assert!((4700..5300).contains(&ones), "{ones} of 10,000");
}

#[test]
#[should_panic = "refill first"]
fn more_than_there_are_is_refused() {
    let rng = &mut rng(5);
    let (mut sender, mut receiver) = set_up(SOFT_SPOKEN[1], Direction::Down, rng);
    refill(&mut sender, &mut receiver, 10, rng);
    sender.take(11);
}

/// Parties that disagree about the direction do not get past the set-up.
#[test]
fn deviating_receiver_of_another_direction_is_refused() {
    let (source, rng) = (SOFT_SPOKEN[1], &mut rng(6));
    let (receiver, offer) = ReceiverSetup::new(source, rng);
    let (sender, reply) = SenderSetup::new(source, Direction::Up, SESSION, &offer, rng).unwrap();
    let (_, corrections) = receiver.finish(Direction::Down, SESSION, &reply).unwrap();
    let fault = sender.finish(&corrections).err();
    assert!(matches!(fault, Some(Error::Peer(PeerFault::Consistency { .. }))), "{fault:?}");
}

/// The server has choices upwards, and deviates as a client may downwards: it is caught before the
/// client has a transfer, and the direction has ended.
#[test]
fn deviating_server_with_changed_requests_ends_the_direction() {
    for source in SOFT_SPOKEN {
        for place in [0, 700, 1900] {
            let rng = &mut rng(7);
            let (mut sender, mut receiver) = set_up(source, Direction::Up, rng);
            let mut request = receiver.request(1000, rng);
            let at = place % request.len();
            request[at] ^= 1 << (rng.random::<u32>() % 8);
            let fault = sender.answer(1000, &request);
            // A byte of a row counts if Δ has one of the row's bits, which 15 of 16 have or more
            // for K = 4; the seed is one of those.
            assert!(matches!(fault, Err(Error::Peer(PeerFault::Consistency { .. }))), "{fault:?}");
            assert_eq!(sender.available(), 0);
            let request = receiver.request(2000, rng);
            let later = sender.answer(1000, &request[..sender.request_len(1000)]);
            assert!(matches!(later, Err(Error::Misuse(Misuse::SessionEnded))), "{later:?}");
        }
    }
}

#[test]
fn deviating_server_with_requests_of_another_length_is_refused() {
    let (source, rng) = (SOFT_SPOKEN[2], &mut rng(8));
    let (mut sender, mut receiver) = set_up(source, Direction::Up, rng);
    let request = receiver.request(500, rng);
    for length in [0, request.len() - 1, request.len() + 1] {
        let cut: Vec<u8> = request.iter().copied().cycle().take(length).collect();
        let fault = sender.answer(500, &cut);
        assert!(matches!(fault, Err(Error::Peer(PeerFault::Length { got, .. })) if got == length));
    }
    assert_eq!(sender.available(), 0);
}
