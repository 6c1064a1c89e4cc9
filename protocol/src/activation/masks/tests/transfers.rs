//! A layer over real transfers in both directions, stored between its phases.

use zeroize::Zeroizing;

use super::super::{MasksPlan, Preparation, PreparedLayer};
use super::*;
use crate::ot::FieldBits;
use crate::ot::transfers::{Direction, Receiver, ReceiverSetup, Sender, SenderSetup, Source};

/// The two parties of a direction.
fn connect(direction: Direction, rng: &mut ChaCha20Rng) -> (Sender, Receiver) {
    let (session, source) = (&[7; 32], Source::SoftSpoken(FieldBits::Four));
    let (receiver, offer) = ReceiverSetup::new(source, rng);
    let (sender, reply) = SenderSetup::new(source, direction, session, &offer, rng).unwrap();
    let (receiver, corrections) = receiver.finish(direction, session, &reply).unwrap();
    (sender.finish(&corrections).unwrap(), receiver)
}

#[test]
fn a_layer_over_transfers_in_both_directions() {
    let rng = &mut ChaCha20Rng::seed_from_u64(5);
    let (mut up_sender, mut up_receiver) = connect(Direction::Up, rng);
    let (mut down_sender, mut down_receiver) = connect(Direction::Down, rng);
    for (instances, least) in [(1, 0), (512, 0), (1100, -128), (77, -3)] {
        let offsets = [(-least << 8) as u32, least as u32];
        let digits = digits(&[2, 3, 3], &[3, 3, 2], &[4]);
        let plan = &MasksPlan::new(digits, 21, instances, offsets);
        let [up, down] = plan.transfers();
        up_sender.answer(up, &up_receiver.request(up, rng)).unwrap();
        down_sender.answer(down, &down_receiver.request(down, rng)).unwrap();

        let mut random = || (0..instances).map(|_| rng.random()).collect::<Vec<u32>>();
        let (a, y, r) = (random(), random(), random());
        let y: Vec<u32> =
            y.iter().map(|y| (y << 12).cast_signed() >> 12).map(|y| y as u32).collect();
        let b: Vec<u32> = y.iter().zip(&a).map(|(y, a)| y.wrapping_sub(*a)).collect();
        let (sent, received) = (up_sender.take(up), down_receiver.take(down));
        let mut client = Preparation::client(plan, &a, sent, received, rng);
        let (sent, received) = (down_sender.take(down), up_receiver.take(up));
        let mut server = Preparation::server(plan, received, sent, rng);
        for index in 0..plan.offline_messages() {
            let [from, to] = match index % 2 {
                0 => [&mut client, &mut server],
                _ => [&mut server, &mut client],
            };
            to.receive(plan, index, &from.send(plan, index)).unwrap();
        }
        let [client, server] =
            [(client, Side::Client), (server, Side::Server)].map(|(end, side)| {
                let mut bytes = Vec::new();
                end.finish(plan).encode(plan, &mut bytes);
                PreparedLayer::decode(plan, side, &mut bytes.as_slice()).unwrap()
            });
        let mut client = client.evaluate(plan, Zeroizing::new(r.clone()));
        let mut server = server.evaluate(plan, Zeroizing::new(b));
        for index in 0..4 {
            let [from, to] = match index % 2 {
                0 => [&mut server, &mut client],
                _ => [&mut client, &mut server],
            };
            to.receive(plan, index, &from.send(plan, index)).unwrap();
        }
        for (i, result) in server.finish(plan).iter().enumerate() {
            let x = (y[i].cast_signed() >> 8).clamp(least, least + 255);
            assert_eq!(mask(result.wrapping_add(r[i]), 21), mask(x as u32, 21), "of {}", y[i]);
        }
    }
}
