//! A layer over real transfers in both directions, stored between its phases.

use zeroize::Zeroizing;

use super::super::layer::{Preparation, PreparedLayer};
use super::super::plan::MasksPlan;
use super::*;
use crate::ot::FieldBits;
use crate::ot::transfers::{Direction, Receiver, ReceiverSetup, Sender, SenderSetup, Source};

const SOURCE: Source = Source::SoftSpoken(FieldBits::Four);

/// The two parties of a direction.
fn connect(direction: Direction, rng: &mut ChaCha20Rng) -> (Sender, Receiver) {
    let (session, source) = (&[7; 32], SOURCE);
    let (receiver, offer) = ReceiverSetup::new(source, rng);
    let (sender, reply) = SenderSetup::new(source, direction, session, &offer, rng).unwrap();
    let (receiver, corrections) = receiver.finish(direction, session, &reply).unwrap();
    (sender.finish(&corrections).unwrap(), receiver)
}

/// Transfers of both directions.
struct Ends {
    up: (Sender, Receiver),
    down: (Sender, Receiver),
    rng: ChaCha20Rng,
}

impl Ends {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let (up, down) = (connect(Direction::Up, &mut rng), connect(Direction::Down, &mut rng));
        Self { up, down, rng }
    }

    fn random(&mut self, count: usize) -> Vec<u32> {
        (0..count).map(|_| self.rng.random()).collect()
    }

    /// Prepares a layer, and stores what both parties have of it.
    fn prepare(&mut self, plan: &MasksPlan, a: &[u32]) -> [Vec<u8>; 2] {
        let (mut client, mut server) =
            (<(Vec<_>, Vec<_>)>::default(), <(Vec<_>, Vec<_>)>::default());
        for part in plan.parts() {
            let [up, down] = part.transfers();
            refill(&mut self.up, up, &mut self.rng);
            refill(&mut self.down, down, &mut self.rng);
            client.0.extend(UpTransfers::sent(&part, self.up.0.take(up)));
            server.0.extend(UpTransfers::received(&part, self.up.1.take(up)));
            server.1.extend(DownTransfers::sent(&part, self.down.0.take(down)));
            client.1.extend(DownTransfers::received(&part, self.down.1.take(down)));
        }
        let mut client = Preparation::client(plan, a, client.0, client.1, &mut self.rng);
        let mut server = Preparation::server(plan, server.0, server.1, &mut self.rng);
        for index in 0..plan.offline_messages() {
            let [from, to] = match index % 2 {
                0 => [&mut client, &mut server],
                _ => [&mut server, &mut client],
            };
            to.receive(plan, index, &from.send(plan, index)).unwrap();
        }
        [client, server].map(|end| {
            let mut bytes = Vec::new();
            end.finish(plan).encode(plan, &mut bytes);
            bytes
        })
    }
}

/// Makes transfers of a direction.
fn refill((sender, receiver): &mut (Sender, Receiver), count: usize, rng: &mut ChaCha20Rng) {
    sender.answer(count, &receiver.request(count, rng).unwrap()).unwrap();
}

/// Evaluates a layer from what is stored: the messages, and the server's results.
fn evaluate(
    plan: &MasksPlan,
    stored: &[Vec<u8>; 2],
    b: &[u32],
    r: &[u32],
) -> ([Vec<u8>; 4], Vec<u32>) {
    let read = |side: Side| {
        PreparedLayer::decode(plan, side, &mut stored[side as usize].as_slice()).unwrap()
    };
    let mut client = read(Side::Client).evaluate(plan, Zeroizing::new(r.to_vec()));
    let mut server = read(Side::Server).evaluate(plan, Zeroizing::new(b.to_vec()));
    let messages = std::array::from_fn(|index| {
        let [from, to] = match index % 2 {
            0 => [&mut server, &mut client],
            _ => [&mut client, &mut server],
        };
        let message = from.send(plan, index);
        to.receive(plan, index, &message).unwrap();
        message
    });
    (messages, server.finish(plan))
}

/// Sums of 20 bits with their sign, and the server's shares of them.
fn sums(y: &mut [u32], a: &[u32]) -> Vec<u32> {
    y.iter_mut().for_each(|y| *y = ((*y << 12).cast_signed() >> 12).cast_unsigned());
    y.iter().zip(a).map(|(y, a)| y.wrapping_sub(*a)).collect()
}

fn plan(instances: usize, least: i32) -> MasksPlan {
    let sources = [SOURCE; 2];
    let offsets = [(-least << 8).cast_unsigned(), least.cast_unsigned()];
    MasksPlan::new(digits(&[2, 3, 3], &[3, 3, 2], &[4]), 21, instances, offsets, sources)
}

#[test]
fn a_layer_over_transfers_in_both_directions() {
    let mut ends = Ends::new(5);
    for (instances, least) in [(1, 0), (512, 0), (1100, -128), (77, -3)] {
        let plan = &plan(instances, least);
        let [a, mut y, r] = [0; 3].map(|_| ends.random(instances));
        let b = sums(&mut y, &a);
        let stored = ends.prepare(plan, &a);
        for (i, result) in evaluate(plan, &stored, &b, &r).1.iter().enumerate() {
            let x = (y[i].cast_signed() >> 8).clamp(least, least + 255).cast_unsigned();
            assert_eq!(mask(result.wrapping_add(r[i]), 21), mask(x, 21), "of {}", y[i]);
        }
    }
}

/// Bit `lane` of the first plane of a message.
fn bit(message: &[u8], plane: usize, lane: usize) -> u32 {
    u32::from(message[plane * LANES / 8 + lane / 8] >> (lane % 8) & 1)
}

/// The lowest digit, of two bits, that a message opens in a lane.
fn digit(message: &[u8], lane: usize) -> u32 {
    bit(message, 0, lane) | bit(message, 1, lane) << 1
}

/// What the types forbid, and what it would cost: a preparation used for two images gives the client
/// the differences of the server's digits, and the server whether a clamp changed.
#[test]
fn a_preparation_used_twice_tells_both_parties_what_they_must_not_know() {
    let (mut ends, plan) = (Ends::new(6), &plan(LANES, 0));
    let [a, mut y, mut z, r] = [0; 4].map(|_| ends.random(LANES));
    let (b, c) = (sums(&mut y, &a), sums(&mut z, &a));
    let [once, again] = [0; 2].map(|_| ends.prepare(plan, &a));
    // In how many lanes the messages tell it right.
    let told = |first: &[Vec<u8>; 2], second: &[Vec<u8>; 2]| {
        let ([s1, .., c2], _) = evaluate(plan, first, &b, &r);
        let ([t1, .., d2], _) = evaluate(plan, second, &c, &r);
        let clamped = |y: u32| !(0..1 << 16).contains(&y.cast_signed());
        let difference = |i: &usize| {
            digit(&s1, *i).wrapping_sub(digit(&t1, *i)) & 3 == b[*i].wrapping_sub(c[*i]) & 3
        };
        let clamp = |i: &usize| {
            (bit(&c2, 0, *i) ^ bit(&d2, 0, *i) == 1) == (clamped(y[*i]) != clamped(z[*i]))
        };
        [(0..LANES).filter(difference).count(), (0..LANES).filter(clamp).count()]
    };
    assert_eq!(told(&once, &once), [LANES; 2]);
    let [differences, clamps] = told(&once, &again);
    assert!((64..192).contains(&differences), "{differences} of 512, a quarter by chance");
    assert!((192..320).contains(&clamps), "{clamps} of 512, a half by chance");
}

/// A server whose choices differ from one group of rows to another would learn bits of the client's
/// offset: its request is refused before there is a payload.
#[test]
fn deviating_server_masks_with_two_choices_in_one_transfer_are_refused() {
    let mut ends = Ends::new(7);
    let [up, _] = plan(100, 0).transfers();
    let (sender, receiver) = &mut ends.up;
    let mut request = receiver.request(up, &mut ends.rng).unwrap();
    request[0] ^= 1;
    assert!(sender.answer(up, &request).is_err());
    assert_eq!(sender.available(), 0);
}

/// The same from a client.
#[test]
fn deviating_client_masks_with_two_choices_in_one_transfer_are_refused() {
    let mut ends = Ends::new(8);
    let [_, down] = plan(100, 0).transfers();
    let (sender, receiver) = &mut ends.down;
    let mut request = receiver.request(down, &mut ends.rng).unwrap();
    request[16] ^= 0x80;
    assert!(sender.answer(down, &request).is_err());
    assert_eq!(sender.available(), 0);
}

/// Messages of a wrong length, and bits after the last lane, are errors and nothing else.
#[test]
fn malformed_messages_are_refused() {
    let (mut ends, plan) = (Ends::new(9), &plan(13, 0));
    let a = ends.random(13);
    let stored = ends.prepare(plan, &a);
    let read = || PreparedLayer::decode(plan, Side::Client, &mut stored[0].as_slice()).unwrap();
    let len = plan.online_len(0);
    for wrong in [vec![], vec![0; len - 1], vec![0; len + 1], vec![0xff; len]] {
        let mut evaluation = read().evaluate(plan, Zeroizing::new(vec![0; 13]));
        assert!(evaluation.receive(plan, 0, &wrong).is_err(), "{} bytes", wrong.len());
    }
    let mut damaged = stored[0].clone();
    damaged[1] |= 0x80;
    assert!(PreparedLayer::decode(plan, Side::Client, &mut damaged.as_slice()).is_none());
    damaged.truncate(20);
    assert!(PreparedLayer::decode(plan, Side::Client, &mut damaged.as_slice()).is_none());
}
