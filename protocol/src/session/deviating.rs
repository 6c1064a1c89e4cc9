//! Parties that deviate in silent transfers, in whole offline phases: whatever message of them is
//! changed, the session ends before the honest party has sent a payload.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rand::{SeedableRng, rngs::ChaCha20Rng};

use super::tests::{network, silent};
use super::*;
use crate::error::{Error, PeerFault};
use crate::exchange::{Exchange, Turn};
use crate::model::Activation;
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
            self.transfers.push(message.payload.len());
        }
        self.payloads += usize::from(message.kind == Kind::MaskOffline);
        // The peer may have ended.
        let _ = self.to.send(message);
    }
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
    let ((to_server, from_client), (to_client, from_server)) = (channel(), channel());
    let wire = |to, from, changed| Wire { to, from, changed, transfers: vec![], payloads: 0 };
    let near = wire(to_server, from_server, changed[0]);
    let far = wire(to_client, from_client, changed[1]);
    let end = |wire: Wire, result: Result<(), Error>| End {
        error: result.err(),
        transfers: wire.transfers,
        payloads: wire.payloads,
    };
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
            end(wire, result)
        });
        let mut wire = near;
        let result = (|| {
            let party = wire.drive(ClientParty::connect(&Terms::NONE, system_rng()))?;
            wire.drive(party.offline(1)).map(drop)
        })();
        [end(wire, result), server.join().unwrap()]
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
