//! Parties that deviate in the transfers of activations by masks, in whole sessions: whatever message of
//! silent ones is changed, and whatever choices of others, the session ends before the honest party has
//! sent a payload. With the check switched off it goes on, and outcomes tell bits of Δ.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rand::{SeedableRng, rngs::ChaCha20Rng};

use super::tests::{network, silent};
use super::*;
use crate::error::{Error, PeerFault};
use crate::exchange::{Exchange, Turn};
use crate::model::Activation;
use crate::ot::FieldBits;
use crate::ot::deviating::{is_unchecked, unchecked_on_this_thread};
use crate::ot::silent::LpnSet;
use crate::party::{ClientParty, ServerParty, Service};
use crate::transport::TransportFault;
use crate::wire::{Kind, Message};

/// One party's end of a connection without tags, as a peer has it that knows the keys.
struct Wire {
    to: Sender<Message>,
    from: Receiver<Message>,
    /// Which of the messages of transfers that it sends is changed.
    changed: Option<usize>,
    /// The group of rows in which the choices of the next request for transfers are turned round.
    group: Option<usize>,
    /// The lengths of those that it has sent.
    transfers: Vec<usize>,
    /// Payloads of activations that it has sent.
    payloads: usize,
}

impl Wire {
    fn drive<T>(&mut self, part: Exchange<'_, T>) -> Result<T, Error> {
        let mut turn = part.start()?;
        loop {
            turn = match turn {
                Turn::Send(message, next) => {
                    self.send(message);
                    next.go_on()?
                }
                Turn::Seal(_, next) => next.go_on()?,
                Turn::Receive(waiting) => {
                    waiting.receive(self.from.recv().map_err(|_| TransportFault::Closed)?)?
                }
                Turn::Done(result) => return Ok(result),
            };
        }
    }

    fn send(&mut self, mut message: Message) {
        if message.kind == Kind::MaskTransfers {
            if self.changed == Some(self.transfers.len()) {
                *message.payload.last_mut().unwrap() ^= 1;
            }
            if let Some(group) = self.group.take() {
                for stretch in message.payload.chunks_exact_mut(ROW * (128 / FIELD.bits())) {
                    stretch[ROW * group..][..ROW].iter_mut().for_each(|choices| *choices ^= 0xff);
                }
            }
            self.transfers.push(message.payload.len());
        }
        self.payloads += usize::from(message.kind == Kind::MaskOffline);
        // The peer may have ended.
        let _ = self.to.send(message);
    }

    /// The connection ends with the party.
    fn end(self, result: Result<(), Error>) -> End {
        End { error: result.err(), transfers: self.transfers, payloads: self.payloads }
    }
}

/// The ends of a connection; which messages of either party are changed.
fn wires(changed: [Option<usize>; 2]) -> [Wire; 2] {
    let ((to_server, from_client), (to_client, from_server)) = (channel(), channel());
    let wire =
        |to, from, changed| Wire { to, from, changed, group: None, transfers: vec![], payloads: 0 };
    [wire(to_server, from_server, changed[0]), wire(to_client, from_client, changed[1])]
}

/// How a party ended, and what it sent.
struct End {
    error: Option<Error>,
    transfers: Vec<usize>,
    payloads: usize,
}

/// An offline phase in which one party changes a message of transfers: the ends of client and server.
fn offline(changed: [Option<usize>; 2]) -> [End; 2] {
    let network = network(Activation::Argmax, &mut ChaCha20Rng::seed_from_u64(20));
    let service = Service::new(network, &silent(LpnSet::Toy), &mut system_rng()).unwrap();
    let [near, far] = wires(changed);
    thread::scope(|scope| {
        let service = &service;
        let server = scope.spawn(move || {
            let mut wire = far;
            let result = (|| {
                let party = wire.drive(ServerParty::accept(service, system_rng()))?;
                let (party, _) = wire.drive(party.request())?;
                wire.drive(party.offline(1, 1 << 20))?;
                wire.send(ServerParty::kept());
                Ok(())
            })();
            wire.end(result)
        });
        let mut wire = near;
        let result = (|| {
            let party = wire.drive(ClientParty::connect(&Terms::NONE, system_rng()))?;
            wire.drive(party.offline(1)).map(drop)
        })();
        [wire.end(result), server.join().unwrap()]
    })
}

/// Changes every message of transfers of one party in turn.
fn deviate(deviating: usize) {
    let honest = offline([None; 2]);
    assert!(honest.iter().all(|end| end.error.is_none() && end.payloads > 0));
    let lengths = &honest[deviating].transfers;
    assert!(lengths.len() >= 4, "request, answer, challenge and proof: {lengths:?}");
    for (number, &len) in lengths.iter().enumerate() {
        let mut changed = [None; 2];
        changed[deviating] = Some(number);
        let ends = offline(changed);
        let victim = &ends[1 - deviating];
        // A challenge is uniform, and none is wrong: who changes its own cannot use what it gets.
        if number == lengths.len() - 2 {
            let error = &ends[deviating].error;
            let caught = matches!(error, Some(Error::Peer(PeerFault::Consistency { .. })));
            assert!(caught, "message {number} of {len} bytes: {error:?}");
            continue;
        }
        let caught = matches!(victim.error, Some(Error::Peer(PeerFault::Consistency { .. })));
        assert!(caught, "message {number} of {len} bytes: {:?}", victim.error);
        assert_eq!(victim.payloads, 0, "message {number} of {len} bytes");
    }
}

#[test]
fn deviating_server_masks_gains_nothing_from_changed_silent_transfers() {
    deviate(1);
}

#[test]
fn deviating_client_masks_gains_nothing_from_changed_silent_transfers() {
    deviate(0);
}

/// K of the extension: groups of so many rows have choices of their own.
const FIELD: FieldBits = FieldBits::Two;

/// Bytes of a group's row in a whole stretch of a request, of 16 blocks.
const ROW: usize = 16 * 16;

/// Groups that are tried, each in two inferences: of four offsets of two bits one is 0.
const TRIED: usize = 8;

const IMAGE: [u8; 198] = [90; 198];

/// The groups of a session's inferences.
fn groups() -> impl Iterator<Item = usize> {
    (0..2 * TRIED).map(|inference| inference % TRIED)
}

/// The server of a session; it turns its choices round if it deviates.
fn serve(service: &Service, mut wire: Wire, deviates: bool) -> End {
    let result = (|| {
        let rng = ChaCha20Rng::seed_from_u64(24);
        let mut party = wire.drive(ServerParty::accept(service, rng))?;
        for group in groups() {
            wire.group = Some(group).filter(|_| deviates);
            let (ready, _) = wire.drive(party.request())?;
            let (ready, mut bundles) = wire.drive(ready.offline(1, 1 << 20))?;
            wire.send(ServerParty::kept());
            let (ready, _) = wire.drive(ready.request())?;
            party = wire.drive(ready.online(vec![bundles.remove(0)]))?.0;
        }
        Ok(())
    })();
    wire.end(result)
}

/// Its client, and whether each outcome was the one that is expected.
fn classify(mut wire: Wire, expected: &[i32], deviates: bool) -> (End, Vec<bool>) {
    let mut outcomes = Vec::new();
    let result = (|| {
        let rng = ChaCha20Rng::seed_from_u64(23);
        let mut party = wire.drive(ClientParty::connect(&Terms::NONE, rng))?;
        for group in groups() {
            wire.group = Some(group).filter(|_| deviates);
            let (ready, mut bundles) = wire.drive(party.offline(1))?;
            let (ready, outcome, _) = wire.drive(ready.online(bundles.remove(0), &IMAGE))?;
            outcomes.push(outcome.is_ok_and(|outcome| outcome.numbers() == expected));
            party = ready;
        }
        Ok(())
    })();
    (wire.end(result), outcomes)
}

/// Inferences of a session in which party number `deviating` turns round its choices in one group of the
/// rows of its first request, group after group and then all once more: whether each outcome was
/// right, as far as the session came, and the other party's end.
fn inferences(deviating: usize) -> (Vec<bool>, End) {
    let network = network(Activation::Logits, &mut ChaCha20Rng::seed_from_u64(22));
    let expected = network.forward(&IMAGE).unwrap().result;
    let transfers = TransferSource::SoftSpoken;
    let settings = Settings { field: FIELD, transfers, ..silent(LpnSet::Toy) };
    let service = &Service::new(network, &settings, &mut system_rng()).unwrap();
    let [near, far] = wires([None; 2]);
    let unchecked = is_unchecked();
    thread::scope(|scope| {
        let server = scope.spawn(move || match unchecked {
            true => unchecked_on_this_thread(|| serve(service, far, deviating == 1)),
            false => serve(service, far, deviating == 1),
        });
        let (client, outcomes) = classify(near, &expected, deviating == 0);
        let server = server.join().unwrap();
        (outcomes, if deviating == 0 { server } else { client })
    })
}

/// As built the first request ends the session. Without the check outcomes are right where the group's bits of
/// Δ are 0, and the other party goes on: its Δ is told bit by bit to whoever hears of them.
fn turn_choices_round(deviating: usize) {
    let (outcomes, End { error, payloads, .. }) = inferences(deviating);
    assert!(matches!(error, Some(Error::Peer(PeerFault::Consistency { .. }))), "{error:?}");
    assert_eq!((outcomes, payloads), (vec![], 0));
    let (outcomes, End { error, .. }) = unchecked_on_this_thread(|| inferences(deviating));
    assert!(error.is_none(), "{error:?}");
    let (once, again) = outcomes.split_at(TRIED);
    assert_eq!(once, again, "the outcomes of a group depend on Δ alone");
    assert!(once.contains(&true) && once.contains(&false), "{once:?}");
}

#[test]
fn deviating_server_masks_reads_delta_of_outcomes_where_nothing_is_checked() {
    turn_choices_round(1);
}

#[test]
fn deviating_client_masks_reads_delta_of_outcomes_where_nothing_is_checked() {
    turn_choices_round(0);
}

/// A client that does not assume that learning parity with noise is hard ends before its set-up.
#[test]
fn silent_transfers_are_refused_by_clients_that_forbid_them() {
    let network = network(Activation::Argmax, &mut ChaCha20Rng::seed_from_u64(21));
    let terms = Terms { lpn: false, ..Terms::NONE };
    let plan = |settings: &Settings| NetworkPlan::new(network.card().clone(), settings).unwrap();
    let refused = terms.accept(&plan(&silent(LpnSet::K18)).announcement());
    assert!(matches!(refused.err(), Some(Error::Limit(crate::error::Limit::Lpn))));
    let transfers = TransferSource::SoftSpoken;
    let settings = Settings { transfers, ..silent(LpnSet::K18) };
    assert!(terms.accept(&plan(&settings).announcement()).is_ok());
}
