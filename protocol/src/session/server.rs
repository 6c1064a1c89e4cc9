//! The server over a channel.

use rand::rngs::ChaCha20Rng;

use super::capacity::{Capacity, Memory, Reserved};
use super::doors::Doors;
use super::system_rng;
use crate::bundle::{BundleStore, ServerBundle, Waiting};
use crate::error::{Error, Limit, PeerFault};
use crate::model::Network;
use crate::party::{Served, ServerParty, Service, Shares};
use crate::plan::{NetworkPlan, Settings};
use crate::transport::{Channel, TransportFault};
use crate::wire::Request;

/// A network ready to serve any number of sessions; shared between their threads.
pub struct Server {
    service: Service,
    capacity: Capacity,
    memory: Memory,
    doors: Doors,
}

impl Server {
    /// Plans the network and encodes its weights.
    ///
    /// # Errors
    /// If the network cannot be computed privately; the message says which layer and why.
    pub fn new(network: Network, settings: &Settings) -> Result<Self, Error> {
        let capacity = Capacity::default();
        let memory = Memory::new(capacity.total);
        let (service, doors) = (Service::new(network, settings)?, Doors::default());
        Ok(Self { service, capacity, memory, doors })
    }

    /// Holds so much for its clients at most, instead of the default.
    pub fn with_capacity(self, capacity: Capacity) -> Self {
        Self { capacity, memory: Memory::new(capacity.total), ..self }
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
        match &result {
            Err(Error::Peer(fault)) => {
                channel.refuse(&format!("this client broke the protocol: {fault}"));
            }
            Err(Error::Limit(limit)) => channel.refuse(&limit.to_string()),
            Err(Error::Transport(fault @ TransportFault::Altered)) => {
                channel.refuse(&fault.to_string());
            }
            Err(Error::Denied(denied)) => channel.refuse(&denied.to_string()),
            Err(Error::Bundle(fault)) => channel.refuse(&fault.to_string()),
            Err(Error::Store(_)) => {
                channel.refuse("the server's store of bundles fails; try again later");
            }
            _ => {}
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
        let mut served = Served::default();
        // Of the bundles that wait, as far as they come from this session.
        let mut held = Vec::new();
        // Of transfers that wait.
        let mut stock = None;
        let mut party = channel.run(ServerParty::accept(&self.service, rng), |_, _| ())?;
        channel.end_setup();
        loop {
            // What lies on a disk waits without a connection.
            let waits = store.in_memory() && !store.is_empty();
            let (ready, request) = channel.run_request(party.request(), waits)?;
            party = match request {
                Request::Prepare(wanted) => {
                    let count = wanted.count as usize;
                    if stock.is_none() {
                        stock = Some(self.memory.reserve(self.plan().stock_memory())?);
                    }
                    let (party, bundles) = self.prepare(channel, ready, count, store, &mut held)?;
                    bundles.into_iter().try_for_each(|bundle| store.put(bundle))?;
                    party
                }
                Request::Begin(begin) => {
                    let _online = self.doors.begin_online()?;
                    let bundle = store.take(&begin.bundle)?;
                    let bundle = bundle.ok_or(PeerFault::Bundle(begin.bundle))?;
                    let (party, shares) = channel.run(ready.online(bundle), |_, _| ())?;
                    channel.wait_for_writing();
                    held.pop();
                    served.inferences += 1;
                    *last = shares;
                    party
                }
                Request::Bye => return Ok(served),
            };
        }
    }

    /// Prepares `count` inferences for a client whose others wait in `store`, within the server's
    /// capacity; the memory that they keep goes to `held`, if the store is in memory.
    fn prepare<'a>(
        &'a self,
        channel: &mut Channel,
        party: ServerParty<'a>,
        count: usize,
        store: &mut impl BundleStore,
        held: &mut Vec<Reserved<'a>>,
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

    /// Bytes that a client's queries may take beside so many prepared inferences.
    fn room_beside(&self, inferences: usize) -> Result<u64, Limit> {
        let allowed = self.capacity.client;
        let plan = self.plan();
        let taken = plan.stock_memory() + inferences as u64 * plan.server_memory();
        allowed.checked_sub(taken).ok_or(Limit::ClientMemory { allowed })
    }
}
