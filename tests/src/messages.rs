//! Parties without channels: their messages, one by one.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use gazelle_protocol::Error;
use gazelle_protocol::bundle::{BundleStore, Waiting};
use gazelle_protocol::error::PeerFault;
use gazelle_protocol::exchange::{Exchange, Turn};
use gazelle_protocol::party::{ClientParty, Outcome, ServerParty, Service};
use gazelle_protocol::session::Terms;
use gazelle_protocol::transport::TransportFault;
use gazelle_protocol::wire::{Message, Request};
use rayon::ThreadPoolBuilder;

use crate::rng;

/// What carries messages between a party and its peer.
pub trait Carrier {
    /// Takes what the party says.
    fn send(&mut self, message: Message);

    /// What the peer says next; None if it has gone.
    fn receive(&mut self) -> Option<Message>;
}

/// A peer that says what was recorded, whatever the party says.
pub struct Recorded(pub VecDeque<Message>);

impl Carrier for Recorded {
    fn send(&mut self, _: Message) {}

    fn receive(&mut self) -> Option<Message> {
        self.0.pop_front()
    }
}

/// Everything that two parties said.
pub struct Transcript {
    /// The client's messages.
    pub from_client: Vec<Message>,
    /// The server's.
    pub from_server: Vec<Message>,
}

/// A peer in another thread; keeps what the party says.
struct Wire {
    to: Sender<Message>,
    from: Receiver<Message>,
    said: Vec<Message>,
}

impl Carrier for Wire {
    fn send(&mut self, message: Message) {
        self.said.push(message.clone());
        // The peer may have failed; this party will notice when it listens.
        let _ = self.to.send(message);
    }

    fn receive(&mut self) -> Option<Message> {
        self.from.recv().ok()
    }
}

/// One session with fixed randomness that classifies one image, each party on so many threads (0 for as
/// many as the machine has): what was said, and what came out.
///
/// # Panics
/// If either party fails.
pub fn record(service: &Service, image: &[u8], threads: usize) -> (Transcript, Outcome) {
    let pool = || ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let ((to_server, from_client), (to_client, from_server)) = (channel(), channel());
    let mut near = Wire { to: to_server, from: from_server, said: Vec::new() };
    let mut far = Wire { to: to_client, from: from_client, said: Vec::new() };
    let outcome = thread::scope(|scope| {
        scope.spawn(|| pool().install(|| serve(service, &mut far)).expect("an honest client"));
        pool().install(|| classify(&mut near, image)).expect("an honest server")
    });
    (Transcript { from_client: near.said, from_server: far.said }, outcome)
}

/// The client of a session that classifies one image.
///
/// # Errors
/// What a wrong peer causes.
pub fn classify(peer: &mut impl Carrier, image: &[u8]) -> Result<Outcome, Error> {
    let mut party = drive(ClientParty::connect(&Terms::default(), rng(1)), peer)?;
    if party.needed_hint().is_some() {
        party = drive(party.fetch_hint(), peer)?;
    }
    let (party, mut bundles) = drive(party.offline(1), peer)?;
    let (party, outcome, _) = drive(party.online(bundles.remove(0), image), peer)?;
    peer.send(party.close());
    Ok(outcome?)
}

/// The server of a session.
///
/// # Errors
/// What a wrong peer causes.
pub fn serve(service: &Service, peer: &mut impl Carrier) -> Result<(), Error> {
    let mut store = Waiting::default();
    let mut party = drive(ServerParty::accept(service, rng(0)), peer)?;
    loop {
        let (ready, request) = drive(party.request(), peer)?;
        party = match request {
            Request::Prepare(wanted) => {
                let count = wanted.count as usize;
                ServerParty::check_count(count, store.len(), store.most())?;
                let (party, bundles) = drive(ready.offline(count, 1 << 20), peer)?;
                bundles.into_iter().try_for_each(|bundle| store.put(bundle))?;
                peer.send(ServerParty::kept());
                party
            }
            Request::Begin(begin) => {
                ServerParty::check_together(service.plan(), begin.bundles.len())?;
                let take = |name| store.remove(name).ok_or(PeerFault::Bundle(*name));
                let bundles = begin.bundles.iter().map(take).collect::<Result<_, _>>()?;
                drive(ready.online(bundles), peer)?.0
            }
            Request::Hint(_) => drive(ready.send_hint(), peer)?,
            Request::Bye => return Ok(()),
        };
    }
}

/// Runs a party's part.
fn drive<T>(part: Exchange<'_, T>, peer: &mut impl Carrier) -> Result<T, Error> {
    let mut turn = part.start()?;
    loop {
        turn = match turn {
            Turn::Send(message, next) => {
                peer.send(message);
                next.go_on()?
            }
            Turn::Seal(_, next) => next.go_on()?,
            Turn::Receive(waiting) => {
                waiting.receive(peer.receive().ok_or(TransportFault::Closed)?)?
            }
            Turn::Done(result) => return Ok(result),
        };
    }
}
