//! The server: it has the network and learns nothing.

use std::collections::BTreeMap;

use rand::{RngExt, rngs::ChaCha20Rng};
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::greeting::{Context, Greeting};
use super::plan::NetworkPlan;
use super::settings::Settings;
use super::{MAX_BUNDLES, Shares, subtract};
use crate::activation::{Chunk, Garbling, OwnLabels};
use crate::error::{Error, PeerFault};
use crate::linear::{EncodedWeights, ServerKeys, ServerShare, clear};
use crate::model::{ModelError, Network};
use crate::ot;
use crate::transport::{Channel, Kind};
use gazelle_garble::{Delta, GateCounter};
use gazelle_ntt::pack;

/// Bytes of encoded weights that a server keeps; what does not fit is encoded for every batch anew.
const WEIGHT_MEMORY: usize = 256 << 20;

/// Bytes of queries that a session multiplies with one visit of the weights.
const BATCH_MEMORY: usize = 256 << 20;

/// A network ready to serve any number of sessions; shared between their threads.
pub struct Server {
    network: Network,
    plan: NetworkPlan,
    weights: Vec<EncodedWeights>,
    /// What the client is told: settings and card.
    announcement: Vec<u8>,
}

/// What a session did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Inferences that ended.
    pub inferences: u64,
}

/// What the server keeps of one prepared inference.
#[derive(Default)]
struct Bundle {
    shares: Vec<ServerShare>,
    garblings: Vec<Garbling>,
}

/// One session's state.
struct Session<'a> {
    server: &'a Server,
    channel: &'a mut Channel,
    rng: ChaCha20Rng,
    context: Context,
    keys: ServerKeys,
    delta: Delta,
    ot: ot::Sender,
    gates: GateCounter,
    bundles: BTreeMap<u64, Bundle>,
    prepared: u64,
    served: Served,
    /// Where the shares of the last inference go, in tests.
    shares: Option<&'a mut Shares>,
}

impl Server {
    /// Plans the network and encodes its weights.
    ///
    /// # Errors
    /// If the network cannot be computed privately; the message says which layer and why.
    pub fn new(network: Network, settings: &Settings) -> Result<Self, Error> {
        let plan = NetworkPlan::new(network.card().clone(), settings)?;
        let mut memory = WEIGHT_MEMORY;
        let mut weights = Vec::with_capacity(network.blocks().len());
        for (plan, block) in plan.linear.iter().zip(network.blocks()) {
            let encoded = plan.prepare_within(&block.weights, memory)?;
            memory = memory.saturating_sub(encoded.bytes());
            weights.push(encoded);
        }
        let card = network.card().to_bytes().map_err(ModelError::from)?;
        let announcement = [&settings.to_bytes()[..], &card].concat();
        Ok(Self { network, plan, weights, announcement })
    }

    /// The plan of the network.
    pub fn plan(&self) -> &NetworkPlan {
        &self.plan
    }

    /// Serves one session to its end. All of the server's randomness comes from `rng`
    /// ([`super::system_rng`] outside tests).
    ///
    /// # Errors
    /// If the client is of another version or other parameters, breaks the protocol, or is gone. A
    /// client that broke the protocol is told so.
    pub fn serve(&self, channel: Channel, rng: ChaCha20Rng) -> Result<Served, Error> {
        self.serve_to(channel, rng, None)
    }

    /// [`Self::serve`] for tests: gives out the server's shares of the last inference, which are
    /// wiped otherwise.
    ///
    /// # Errors
    /// Those of [`Self::serve`].
    pub fn serve_with_shares(
        &self,
        channel: Channel,
        rng: ChaCha20Rng,
    ) -> Result<(Served, Shares), Error> {
        let mut shares = Shares::default();
        let served = self.serve_to(channel, rng, Some(&mut shares))?;
        Ok((served, shares))
    }

    fn serve_to(
        &self,
        mut channel: Channel,
        rng: ChaCha20Rng,
        shares: Option<&mut Shares>,
    ) -> Result<Served, Error> {
        let result = self.run(&mut channel, rng, shares);
        if let Err(Error::Peer(fault)) = &result {
            channel.refuse(&fault.to_string());
        }
        result
    }

    fn run(
        &self,
        channel: &mut Channel,
        mut rng: ChaCha20Rng,
        shares: Option<&mut Shares>,
    ) -> Result<Served, Error> {
        let ours = Greeting::new(&mut rng);
        let theirs = Greeting::receive(channel);
        // Greet in any case: a client of another version learns which one this is.
        ours.send(channel)?;
        let theirs = theirs?;
        channel.send(Kind::Card, self.announcement.clone())?;
        let Settings { field, hash, .. } = self.plan.settings;
        let context = Context::new(&theirs, &ours, &self.announcement, hash);

        let delta = Delta::random(&mut rng);
        let keys_len = ServerKeys::encoded_len(&self.plan.linear);
        let message = channel.receive(Kind::SetUp, ot::base::OFFER_LEN + keys_len)?;
        let (offer, public) = message.split_at(ot::base::OFFER_LEN);
        let (ot, reply, _link) =
            ot::SenderSetup::new(field, &context.session, delta.expose(), offer, &mut rng)?;
        channel.send(Kind::SetUp, reply)?;
        let keys = ServerKeys::from_bytes(&self.plan.linear, public)?;
        let corrections = channel.receive(Kind::Corrections, field.corrections_len())?;
        let ot = ot.finish(&corrections)?;
        let session = Session {
            server: self,
            channel,
            rng,
            context,
            keys,
            delta,
            ot,
            gates: GateCounter::new(),
            bundles: BTreeMap::new(),
            prepared: 0,
            served: Served::default(),
            shares,
        };
        session.run()
    }
}

impl Session<'_> {
    fn run(mut self) -> Result<Served, Error> {
        loop {
            let expected = [(Kind::Offline, 4), (Kind::Online, 8), (Kind::Bye, 0)];
            match self.channel.receive_any(&expected)? {
                (Kind::Offline, count) => {
                    PeerFault::check_length("request for an offline phase", &count, 4)?;
                    self.offline(count.try_into().map_or(0, u32::from_le_bytes) as usize)?;
                }
                (Kind::Online, number) => {
                    PeerFault::check_length("request for an online phase", &number, 8)?;
                    let number = number.try_into().map_or(u64::MAX, u64::from_le_bytes);
                    let bundle = self.bundles.remove(&number).ok_or(PeerFault::Bundle(number))?;
                    self.online(bundle)?;
                    self.served.inferences += 1;
                }
                _ => return Ok(self.served),
            }
        }
    }

    /// Prepares `count` inferences, block by block.
    fn offline(&mut self, count: usize) -> Result<(), Error> {
        let waiting = self.bundles.len().saturating_add(count);
        if count == 0 || waiting > MAX_BUNDLES {
            return Err(PeerFault::Bundles(waiting).into());
        }
        let server = self.server;
        let mut bundles: Vec<_> = (0..count).map(|_| Bundle::default()).collect();
        for (plan, weights) in server.plan.linear.iter().zip(&server.weights) {
            let at_once = (BATCH_MEMORY / plan.cost().query_bytes).max(1);
            for bundles in bundles.chunks_mut(at_once) {
                let receive = |_| self.channel.receive(Kind::Query, plan.cost().query_bytes);
                let queries = (0..bundles.len()).map(receive).collect::<Result<Vec<_>, _>>()?;
                let queries: Vec<&[u8]> = queries.iter().map(Vec::as_slice).collect();
                let key = self.keys.of(plan);
                let answers = plan.apply_batch(&queries, weights, key, &mut self.rng)?;
                for (bundle, (answer, share)) in bundles.iter_mut().zip(answers) {
                    self.channel.send(Kind::Answer, answer)?;
                    bundle.shares.push(share);
                }
            }
        }
        for block in 0..server.plan.layers.len() {
            for bundle in &mut bundles {
                bundle.garblings.push(self.garble(block)?);
            }
        }
        for bundle in bundles {
            self.bundles.insert(self.prepared, bundle);
            self.prepared += 1;
        }
        Ok(())
    }

    /// Garbles the activation of a block, a few chunks at a time: transfers come in and tables go
    /// out in order, garbling itself runs in parallel.
    fn garble(&mut self, block: usize) -> Result<Garbling, Error> {
        let plan = &self.server.plan.activations[block];
        let own = OwnLabels::new(self.rng.random(), &self.context.session, self.gates.peek());
        let mut shares = Vec::new();
        let mut chunks = plan.chunks().peekable();
        while chunks.peek().is_some() {
            let mut pending = Vec::new();
            for chunk in chunks.by_ref().take(4 * rayon::current_num_threads()) {
                let gates = self.gates.take(plan.program().tally(chunk.instances.len()).gates);
                let len = plan.transfer_bytes(&chunk, self.server.plan.settings.field);
                let message = self.channel.receive(Kind::Transfers, len)?;
                pending.push(plan.receive_transfers(chunk, gates, &mut self.ot, &message)?);
            }
            let garbled: Vec<_> = pending
                .into_par_iter()
                .map(|pending| plan.garble(&own, pending, &self.context.hash, &self.delta))
                .collect();
            for (tables, chunk_shares) in garbled {
                self.channel.send(Kind::Tables, tables)?;
                shares.extend(chunk_shares);
            }
        }
        Ok(Garbling::new(own, shares))
    }

    fn online(&mut self, bundle: Bundle) -> Result<(), Error> {
        let server = self.server;
        let mut kept: Option<Garbling> = None;
        if let Some(shares) = &mut self.shares {
            **shares = Shares::default();
        }
        let parts = bundle.shares.into_iter().zip(bundle.garblings);
        for (block, (share, garbling)) in parts.enumerate() {
            let layer = &server.plan.layers[block];
            let ring_bits = layer.block.ring_bits();
            let bytes = self.channel.receive(Kind::Masked, server.plan.masked_len(block))?;
            let mut x = Zeroizing::new(vec![0; layer.input.len()]);
            pack::unpack_u32(&bytes, ring_bits, &mut x)
                .map_err(|_| PeerFault::Padding { message: "masked tensor" })?;
            if let Some(garbling) = kept.take() {
                subtract(&mut x, garbling.shares(), ring_bits);
            }
            let pooled = Zeroizing::new(server.plan.pool(block, &x));
            let secret = &server.network.blocks()[block];
            let mut sums = Zeroizing::new(clear::apply(
                &layer.block.linear,
                layer.pooled,
                &secret.weights,
                &secret.bias,
                &pooled,
                ring_bits,
            ));
            share.add_to(&mut sums);
            self.send_labels(block, &garbling, &sums)?;
            kept = Some(garbling);
            if let Some(shares) = &mut self.shares {
                shares.inputs.push(x.to_vec());
                shares.sums.push(sums.to_vec());
            }
        }
        Ok(())
    }

    /// Sends the active labels of the server's shares of a block's sums.
    fn send_labels(
        &mut self,
        block: usize,
        garbling: &Garbling,
        sums: &[u32],
    ) -> Result<(), Error> {
        let plan = &self.server.plan.activations[block];
        let chunks: Vec<Chunk> = plan.chunks().collect();
        for group in chunks.chunks(4 * rayon::current_num_threads()) {
            let labels: Vec<_> = group
                .par_iter()
                .map(|chunk| garbling.labels(plan, chunk, &self.delta, sums))
                .collect();
            for labels in labels {
                self.channel.send(Kind::Labels, labels)?;
            }
        }
        Ok(())
    }
}
