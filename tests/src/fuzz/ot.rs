//! Messages of the base transfers and of their extension.

use super::tamper;
use gazelle_protocol::error::Error;
use gazelle_protocol::ot::silent::LpnSet;
use gazelle_protocol::ot::transfers::{self, Direction, Receiver, Sender, Source};
use gazelle_protocol::ot::{Choices, FieldBits, ReceiverSetup, SenderSetup};

const SESSION: &[u8; 32] = b"the session of the fuzz target..";
const TRANSFERS: usize = 300;
const DELTA: u128 = 0x1234_5678_9abc_def1;

/// One message of an honest set-up and extension is changed or replaced. The first byte chooses K
/// (its lowest two bits), the message (the next two) and whether the rest are edits of the honest
/// bytes or stand in their place. What the sender accepts must be as good as honest: the labels of
/// all transfers fit Δ.
pub fn ot_messages(data: &[u8]) {
    let Some((&head, rest)) = data.split_first() else { return };
    let field = FieldBits::ALL[usize::from(head & 3)];
    let victim = head >> 2 & 3;
    let pass = |number: u8, message: Vec<u8>| match (number == victim, head & 16) {
        (false, _) => message,
        (true, 0) => tamper(message, rest),
        (true, _) => rest.to_vec(),
    };
    let mut rng = crate::rng(head.into());

    let (receiver, offer) = ReceiverSetup::new(field, &mut rng);
    let Ok((sender, reply, _)) = SenderSetup::new(field, SESSION, DELTA, &pass(0, offer), &mut rng)
    else {
        return;
    };
    let Ok((mut receiver, corrections, _)) = receiver.finish(SESSION, &pass(1, reply)) else {
        return;
    };
    let Ok(mut sender) = sender.finish(&pass(2, corrections)) else { return };
    let choices: Vec<bool> = (0..TRANSFERS).map(|i| i % 3 == 0).collect();
    let (mut labels, mut zeros) = (vec![0; TRANSFERS], vec![0; TRANSFERS]);
    let message = receiver.extend(&Choices::from_bits(&choices), &mut labels);
    if sender.extend(&pass(3, message), &mut zeros).is_err() {
        assert!(sender.extend(&[], &mut []).is_err(), "a failed sender goes on");
        return;
    }
    for ((label, zero), &choice) in labels.iter().zip(&zeros).zip(&choices) {
        assert_eq!(label ^ zero, if choice { DELTA } else { 0 }, "an accepted label is wrong");
    }
}

/// One message of an honest direction of transfers is changed or replaced. The first byte chooses the
/// source (its lowest two bits), the message (the next three) and whether the rest are edits of the
/// honest bytes or stand in their place. What both parties accept must be as good as honest: the
/// receiver has the keys of its choices.
pub fn transfer_messages(data: &[u8]) {
    let Some((&head, rest)) = data.split_first() else { return };
    let source = match head & 3 {
        0 => Source::SoftSpoken(FieldBits::Two),
        1 => Source::SoftSpoken(FieldBits::Four),
        2 => Source::SoftSpoken(FieldBits::Eight),
        _ => Source::Silent(LpnSet::K17),
    };
    let victim = head >> 2 & 7;
    let pass = |number: u8, message: Vec<u8>| match (number == victim, head & 32) {
        (false, _) => message,
        (true, 0) => tamper(message, rest),
        (true, _) => rest.to_vec(),
    };
    if let Ok((mut sender, mut receiver)) = transfer(source, &pass) {
        let (sent, received) = (sender.take(TRANSFERS).keys(), receiver.take(TRANSFERS).keys());
        for i in 0..TRANSFERS {
            let (zero, one) = sent.pair(i);
            let chosen = if received.choices().bit(i) { one } else { zero };
            assert_eq!(received.key(i), chosen, "an accepted key is wrong");
        }
    }
}

/// A set-up and a refill, whose messages go through `pass`.
fn transfer(
    source: Source,
    pass: &impl Fn(u8, Vec<u8>) -> Vec<u8>,
) -> Result<(Sender, Receiver), Error> {
    let (rng, direction) = (&mut crate::rng(1), Direction::Up);
    let (receiver, offer) = transfers::ReceiverSetup::new(source, rng);
    let (sender, reply) =
        transfers::SenderSetup::new(source, direction, SESSION, &pass(0, offer), rng)?;
    let (mut receiver, corrections) = receiver.finish(direction, SESSION, &pass(1, reply))?;
    let mut sender = sender.finish(&pass(2, corrections))?;
    let request = receiver.request(TRANSFERS, rng)?;
    let answer = sender.answer(TRANSFERS, &pass(3, request))?;
    let challenge = receiver.challenge(TRANSFERS, &pass(4, answer))?;
    let proof = sender.prove(&pass(5, challenge))?;
    receiver.finish(&pass(6, proof))?;
    Ok((sender, receiver))
}
