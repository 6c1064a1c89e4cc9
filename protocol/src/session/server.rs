//! The server over a channel.

use std::ops::ControlFlow;
use std::sync::Arc;

use rand::rngs::ChaCha20Rng;

use super::capacity::{Capacity, Memory, Reserved};
use super::doors::Doors;
use super::statistics::Meter;
use super::system_rng;
use super::totals::{Part, Totals};
use crate::bundle::{BundleName, BundleStore, ServerBundle, Waiting};
use crate::error::{Error, Limit, PeerFault};
use crate::model::Network;
use crate::party::{Served, ServerParty, Service, Shares};
use crate::plan::{NetworkPlan, Settings};
use crate::transport::{Channel, TransportFault};
use crate::wire::{Begin, Message, Request};

/// A network ready to serve any number of sessions; shared between their threads.
pub struct Server {
    service: Service,
    capacity: Capacity,
    memory: Arc<Memory>,
    doors: Doors,
    totals: Arc<Totals>,
}

/// What a session has between two requests.
pub(super) struct State<'a> {
    pub(super) party: ServerParty<'a>,
    /// Of the bundles that wait, as far as they come from this session.
    pub(super) held: Vec<Reserved>,
    /// Of transfers that wait.
    pub(super) stock: Option<Reserved>,
    pub(super) served: Served,
}

/// What follows a request: the session goes on, or has ended.
pub(super) type Step<'a> = ControlFlow<Served, State<'a>>;

/// Ends a session that has failed; a client that can still be told is told why.
pub(super) fn tell(channel: Channel, error: &Error) {
    let why = match error {
        Error::Peer(fault) => fault.told_to_client(),
        Error::Limit(limit) => limit.to_string(),
        Error::Transport(fault @ TransportFault::Altered) => fault.to_string(),
        Error::Denied(denied) => denied.to_string(),
        Error::Bundle(fault) => fault.to_string(),
        Error::Store(_) => "the server's store of bundles fails; try again later".into(),
        _ => return,
    };
    channel.refuse(&why);
}

impl Server {
    /// Plans the network and encodes its weights.
    ///
    /// # Errors
    /// If the network cannot be computed privately; the message says which layer and why.
    pub fn new(network: Network, settings: &Settings) -> Result<Self, Error> {
        Ok(Self::of(Service::new(network, settings, &mut system_rng())?))
    }

    /// As [`Server::new`], with a hint that was made ahead and its [`Service::hint_key`].
    ///
    /// # Errors
    /// Those of [`Service::with_hint`].
    pub fn with_hint(
        network: Network,
        settings: &Settings,
        hint: Vec<u8>,
        key: &[u8],
    ) -> Result<Self, Error> {
        Ok(Self::of(Service::with_hint(network, settings, hint, key)?))
    }

    fn of(service: Service) -> Self {
        let capacity = Capacity::default();
        let memory = Memory::new(capacity.total);
        Self { service, capacity, memory, doors: Doors::default(), totals: Arc::default() }
    }

    /// Holds so much for its clients at most, instead of the default.
    pub fn with_capacity(self, capacity: Capacity) -> Self {
        Self { capacity, memory: Memory::new(capacity.total), ..self }
    }

    /// Adds what phases cost to these totals, which other servers may share.
    pub fn with_totals(self, totals: Arc<Totals>) -> Self {
        Self { totals, ..self }
    }

    /// Begins no phase any more: clients that ask for one are told that the server ends. Those that
    /// run go on.
    pub fn close(&self) {
        self.doors.close();
    }

    /// Online phases that run, until their last byte is on its way.
    pub fn online_phases(&self) -> usize {
        self.doors.online()
    }

    /// The plan of the network.
    pub fn plan(&self) -> &NetworkPlan {
        self.service.plan()
    }

    /// What all sessions share.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Serves one session to its end; bundles that are not used end with it.
    ///
    /// # Errors
    /// If the client is of another version or other parameters, breaks the protocol, asks for more
    /// than there is room for, or is gone. A client that can still be told is told.
    pub fn serve(&self, channel: Channel) -> Result<Served, Error> {
        self.serve_from(channel, &mut Waiting::default())
    }

    /// Serves one session to its end with the bundles of its client in `store`, which may outlive
    /// it: what one session prepares, another may use.
    ///
    /// # Errors
    /// Those of [`Self::serve`], or the store's.
    pub fn serve_from(
        &self,
        channel: Channel,
        store: &mut impl BundleStore,
    ) -> Result<Served, Error> {
        self.serve_with(channel, system_rng(), store, &mut Shares::default())
    }

    /// [`Server::serve_from`] with all of the server's randomness from `rng`; the server's shares of
    /// the last inference go to `shares`.
    pub(super) fn serve_with(
        &self,
        mut channel: Channel,
        rng: ChaCha20Rng,
        store: &mut impl BundleStore,
        shares: &mut Shares,
    ) -> Result<Served, Error> {
        let result = self.run(&mut channel, rng, store, shares);
        if let Err(error) = &result {
            tell(channel, error);
        }
        result
    }

    fn run(
        &self,
        channel: &mut Channel,
        rng: ChaCha20Rng,
        store: &mut impl BundleStore,
        last: &mut Shares,
    ) -> Result<Served, Error> {
        let mut state = self.set_up(channel, rng)?;
        loop {
            match self.step(channel, state, store, last)? {
                Step::Continue(next) => state = next,
                Step::Break(served) => return Ok(served),
            }
        }
    }

    pub(super) fn set_up<'a>(
        &'a self,
        channel: &mut Channel,
        rng: ChaCha20Rng,
    ) -> Result<State<'a>, Error> {
        let meter = Meter::start(channel);
        let party = channel.run(ServerParty::accept(&self.service, rng), |_, _| ())?;
        channel.end_setup();
        self.totals.add(Part::SetUp, &meter, channel);
        Ok(State { party, held: Vec::new(), stock: None, served: Served::default() })
    }

    /// Whether a client may take its time: what lies on a disk waits without a connection.
    pub(super) fn waits(store: &impl BundleStore) -> bool {
        store.in_memory() && !store.is_empty()
    }

    /// Does what the client asks for next.
    pub(super) fn step<'a>(
        &'a self,
        channel: &mut Channel,
        state: State<'a>,
        store: &mut impl BundleStore,
        last: &mut Shares,
    ) -> Result<Step<'a>, Error> {
        let State { party, mut held, mut stock, mut served } = state;
        let mut meter = Meter::start(channel);
        let (ready, request) = channel.run_request(party.request(), Self::waits(store))?;
        meter.restart();
        let party = match request {
            Request::Prepare(wanted) => {
                let count = wanted.count as usize;
                store.confirm()?;
                if stock.is_none() {
                    stock = Some(self.memory.reserve(self.plan().stock_memory())?);
                }
                let (party, bundles) = self.prepare(channel, ready, count, store, &mut held)?;
                bundles.into_iter().try_for_each(|bundle| store.put(bundle))?;
                let Message { kind, payload } = ServerParty::kept();
                channel.send(kind, payload)?;
                self.totals.add(Part::Offline, &meter, channel);
                party
            }
            Request::Begin(begin) => {
                let _online = self.doors.begin_online()?;
                let (bundles, _loaded) = self.take(&begin, store)?;
                let count = bundles.len();
                let (party, shares) = channel.run(ready.online(bundles), |_, _| ())?;
                channel.wait_for_writing();
                self.totals.add(Part::Online, &meter, channel);
                held.truncate(held.len().saturating_sub(count));
                served.inferences += count as u64;
                shares.into_iter().last().into_iter().for_each(|shares| *last = shares);
                party
            }
            Request::Hint(_) => channel.run(ready.send_hint(), |_, _| ())?,
            Request::Bye => {
                store.confirm()?;
                return Ok(Step::Break(served));
            }
        };
        Ok(Step::Continue(State { party, held, stock, served }))
    }

    /// The bundles of an online phase, and the memory that they take from now on, if none was reserved for
    /// them before.
    fn take(
        &self,
        begin: &Begin,
        store: &mut impl BundleStore,
    ) -> Result<(Vec<ServerBundle>, Option<Reserved>), Error> {
        let count = begin.bundles.len();
        ServerParty::check_together(self.plan(), count)?;
        let loaded = match store.in_memory() {
            true => None,
            false => Some(self.memory.reserve(count as u64 * self.plan().server_memory())?),
        };
        store.begin(count)?;
        let take = |name: &BundleName| Ok((*name, store.take(name)?));
        let taken: Vec<_> = begin.bundles.iter().map(take).collect::<Result<_, Error>>()?;
        store.confirm()?;
        let bundle = |(name, bundle): (_, Option<_>)| bundle.ok_or(PeerFault::Bundle(name).into());
        Ok((taken.into_iter().map(bundle).collect::<Result<_, Error>>()?, loaded))
    }

    /// Prepares `count` inferences for a client whose others wait in `store`, within the server's
    /// capacity; the memory that they keep goes to `held`, if the store is in memory.
    fn prepare<'a>(
        &'a self,
        channel: &mut Channel,
        party: ServerParty<'a>,
        count: usize,
        store: &mut impl BundleStore,
        held: &mut Vec<Reserved>,
    ) -> Result<(ServerParty<'a>, Vec<ServerBundle>), Error> {
        self.doors.check()?;
        store.grant(count)?;
        let waiting = store.len();
        ServerParty::check_count(count, waiting, store.most())?;
        let beside = if store.in_memory() { waiting } else { 0 };
        let room = self.room_beside(beside + count)?;
        let mut meanwhile = Vec::new();
        let kept = if store.in_memory() { held } else { &mut meanwhile };
        for _ in 0..count {
            kept.push(self.memory.reserve(self.plan().server_memory())?);
        }
        let queries = ServerParty::query_memory(self.plan(), count, room);
        let _queries = self.memory.reserve(queries)?;
        channel.run(party.offline(count, room), |_, _| ())
    }

    /// Bytes that a client's queries may take besides so many prepared inferences.
    fn room_beside(&self, inferences: usize) -> Result<u64, Limit> {
        let allowed = self.capacity.client;
        let plan = self.plan();
        let taken = plan.stock_memory() + inferences as u64 * plan.server_memory();
        allowed.checked_sub(taken).ok_or(Limit::ClientMemory { allowed })
    }
}
