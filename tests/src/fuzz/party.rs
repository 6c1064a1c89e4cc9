//! Everything that a party's state machine reads, without a channel or a thread of its own.

use std::sync::LazyLock;

use gazelle_protocol::model::Activation;
use gazelle_protocol::party::Service;
use gazelle_protocol::plan::EngineChoice;
use gazelle_protocol::session::{LinearChoice, Settings};
use gazelle_protocol::wire::{Kind, Message};

use super::tamper;
use crate::messages::{Recorded, Transcript, classify, record, serve};
use crate::parties::tiny_network;

const IMAGE: [u8; 36] = [200; 36];

/// An honest session with fixed randomness: a party that reads the same again answers the same.
struct Fixture {
    service: Service,
    transcript: Transcript,
}

static GARBLED: LazyLock<Fixture> =
    LazyLock::new(|| Fixture::new(EngineChoice::Garbled, LinearChoice::Coefficient));

/// With a clamp and rounds of maxima, on transfers from the extension.
static MASKS: LazyLock<Fixture> =
    LazyLock::new(|| Fixture::new(EngineChoice::Masks, LinearChoice::Coefficient));

/// With a hint, which the client fetches.
static HINT: LazyLock<Fixture> =
    LazyLock::new(|| Fixture::new(EngineChoice::Garbled, LinearChoice::Hint));

impl Fixture {
    fn new(activations: EngineChoice, linear: LinearChoice) -> Self {
        let network = tiny_network(Activation::Argmax);
        let settings = Settings { activations, linear, ..Settings::default() };
        let service = Service::new(network, &settings, &mut crate::rng(0));
        let service = service.expect("a small network");
        let (transcript, _) = record(&service, &IMAGE, 0);
        Self { service, transcript }
    }
}

/// The first byte's lowest bit chooses the party that reads; its other bits say what is wrong with
/// the message that the second byte numbers: left out, said twice, of another kind, replaced, or
/// changed.
pub fn party_messages(data: &[u8]) {
    mistake(&GARBLED, data);
}

/// The same in a session whose activations are by masks.
pub fn mask_messages(data: &[u8]) {
    mistake(&MASKS, data);
}

/// The same in a session whose linear maps are by a hint.
pub fn hint_messages(data: &[u8]) {
    mistake(&HINT, data);
}

fn mistake(Fixture { service, transcript }: &Fixture, data: &[u8]) {
    let Some((&[head, number], rest)) = data.split_first_chunk() else { return };
    let Transcript { from_client, from_server } = transcript;
    let mut messages = if head & 1 == 0 { from_client } else { from_server }.clone();
    let at = usize::from(number) % messages.len();
    match head >> 1 {
        0 => drop(messages.remove(at)),
        1 => messages.insert(at, messages[at].clone()),
        2 => messages[at].kind = KINDS[rest.len() % KINDS.len()],
        3 => messages[at].payload = rest.to_vec(),
        4 => messages.insert(at, Message { kind: messages[at].kind, payload: rest.to_vec() }),
        _ => messages[at].payload = tamper(std::mem::take(&mut messages[at].payload), rest),
    }
    let mut peer = Recorded(messages.into());
    // It may fail, and it may succeed: a changed mask is still a mask.
    let _ = match head & 1 {
        0 => serve(service, &mut peer),
        _ => classify(&mut peer, &IMAGE).map(drop),
    };
}

const KINDS: [Kind; 22] = [
    Kind::Hello,
    Kind::Card,
    Kind::SetUp,
    Kind::Corrections,
    Kind::Offline,
    Kind::Query,
    Kind::Answer,
    Kind::Transfers,
    Kind::Tables,
    Kind::Kept,
    Kind::Online,
    Kind::Masked,
    Kind::Labels,
    Kind::MaskSetUp,
    Kind::MaskTransfers,
    Kind::MaskOffline,
    Kind::MaskOnline,
    Kind::PublishedHint,
    Kind::FetchHint,
    Kind::HintPart,
    Kind::Bye,
    Kind::Refusal,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn fixtures() -> [&'static Fixture; 3] {
        [&*GARBLED, &*MASKS, &*HINT]
    }

    #[test]
    fn recorded_messages_are_an_honest_peer() {
        for Fixture { service, transcript: Transcript { from_client, from_server } } in fixtures() {
            serve(service, &mut Recorded(from_client.clone().into())).unwrap();
            let outcome = classify(&mut Recorded(from_server.clone().into()), &IMAGE).unwrap();
            let trace = tiny_network(Activation::Argmax).forward(&IMAGE).unwrap();
            assert_eq!(outcome.numbers(), trace.result);
        }
    }

    /// A party that does not get all its messages fails, and says so.
    #[test]
    fn no_message_may_be_missing_longer_or_of_another_kind() {
        for Fixture { service, transcript: Transcript { from_client, from_server } } in fixtures() {
            for (party, messages) in [(0, from_client), (1, from_server)] {
                let read = |messages: Vec<Message>| match party {
                    0 => serve(service, &mut Recorded(messages.into())),
                    _ => classify(&mut Recorded(messages.into()), &IMAGE).map(drop),
                };
                for at in 0..messages.len() {
                    // Clients need not fetch a hint, for they may have it.
                    if messages[at].kind != Kind::FetchHint {
                        let mut missing = messages.clone();
                        missing.remove(at);
                        assert!(read(missing).is_err(), "{party} {at}");
                    }
                    let mut other = messages.clone();
                    other[at].kind = Kind::Refusal;
                    assert!(read(other).is_err(), "{party} {at}");
                    let mut longer = messages.clone();
                    longer[at].payload.push(0);
                    assert!(read(longer).is_err(), "{party} {at}");
                }
            }
        }
    }

    #[test]
    fn every_kind_of_mistake_returns() {
        let bodies: [fn(&[u8]); 3] = [party_messages, mask_messages, hint_messages];
        for (body, Fixture { transcript, .. }) in bodies.into_iter().zip(fixtures()) {
            let Transcript { from_client, from_server } = transcript;
            for (party, messages) in [(0, from_client.len()), (1, from_server.len())] {
                for mistake in 0..6 {
                    for message in 0..messages as u8 {
                        body(&[party | mistake << 1, message, 7, 0, 0xff, 40, 0, 0x80]);
                    }
                }
            }
        }
    }
}
