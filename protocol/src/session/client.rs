//! The client over a channel.

use std::sync::Arc;

use rand::rngs::ChaCha20Rng;
use zeroize::Zeroizing;

use super::statistics::{Laps, LayerSeconds, Meter, Statistics};
use super::system_rng;
use crate::bundle::ClientBundle;
use crate::error::{Error, Misuse};
use crate::he::hint::HintName;
use crate::party::{ClientParty, Outcome};
use crate::plan::{NetworkPlan, Terms};
use crate::transport::{Channel, Traffic};
use crate::wire::Message;

/// A session with a server.
///
/// After an error of the peer or of the connection it is over: its secrets are wiped, and whatever
/// is called fails with [`Misuse::SessionEnded`].
pub struct Client {
    channel: Channel,
    /// None once a step has failed.
    party: Option<ClientParty>,
    plan: Arc<NetworkPlan>,
    statistics: Statistics,
    layer_seconds: Vec<LayerSeconds>,
    hints: Option<Box<dyn HintCache + Send>>,
}

/// Where a client keeps servers' hints between its sessions. They are public, and what comes back is
/// checked, so a cache may forget or spoil whatever it likes.
pub trait HintCache {
    /// The hint of this name, if it is kept.
    fn get(&mut self, name: &HintName) -> Option<Vec<u8>>;

    /// Keeps a hint.
    fn put(&mut self, name: &HintName, bytes: &[u8]);
}

impl Client {
    /// Greets the server and sets the session up.
    ///
    /// # Errors
    /// If the server is of another version or other parameters, has another model than `terms` ask
    /// for or one that costs more than they allow, breaks the protocol, or is gone.
    pub fn connect(channel: Channel, terms: &Terms) -> Result<Self, Error> {
        Self::connect_with(channel, terms, system_rng())
    }

    /// [`Client::connect`] with all of the client's randomness from `rng`.
    pub(super) fn connect_with(
        mut channel: Channel,
        terms: &Terms,
        rng: ChaCha20Rng,
    ) -> Result<Self, Error> {
        let meter = Meter::start(&channel);
        let party = channel.run(ClientParty::connect(terms, rng), |_, _| ())?;
        channel.end_setup();
        let statistics = Statistics { setup: meter.stop(&channel), ..Statistics::default() };
        let plan = Arc::clone(party.plan());
        let layer_seconds = vec![LayerSeconds::default(); plan.parts()];
        Ok(Self { channel, party: Some(party), plan, statistics, layer_seconds, hints: None })
    }

    /// Looks for the server's hint in a cache before it fetches it, and keeps it there.
    pub fn with_hints(self, cache: impl HintCache + Send + 'static) -> Self {
        Self { hints: Some(Box::new(cache)), ..self }
    }

    /// Gets the server's hint, if offline phases need it and the client does not have it yet: the first
    /// of them does that by itself. What it costs counts as set-up. `progress` is told the bytes
    /// received and expected.
    ///
    /// # Errors
    /// If the session has failed before, or the server breaks the protocol or is gone.
    pub fn get_hint(&mut self, mut progress: impl FnMut(u64, u64)) -> Result<(), Error> {
        let party = self.party.as_mut().ok_or(Misuse::SessionEnded)?;
        let Some(name) = party.needed_hint() else { return Ok(()) };
        let kept = self.hints.as_mut().and_then(|cache| cache.get(&name));
        if kept.is_some_and(|bytes| party.take_hint(bytes).is_ok()) {
            return Ok(());
        }
        let party = self.party.take().ok_or(Misuse::SessionEnded)?;
        let meter = Meter::start(&self.channel);
        self.channel.begin_phase();
        let (before, total) = (self.channel.traffic().received, self.plan.hint_fetch().received);
        let party = self.channel.run(party.fetch_hint(), |channel, _| {
            progress(channel.traffic().received - before, total);
        })?;
        self.statistics.setup += meter.stop(&self.channel);
        if let (Some(cache), Some(hint)) = (&mut self.hints, party.hint()) {
            cache.put(hint.name(), hint.as_bytes());
        }
        self.party = Some(party);
        Ok(())
    }

    /// The server's network.
    pub fn plan(&self) -> &NetworkPlan {
        &self.plan
    }

    /// What the session cost so far.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    /// Where the time went, block by block.
    pub fn layer_seconds(&self) -> &[LayerSeconds] {
        &self.layer_seconds
    }

    /// Checks that so many inferences can be prepared at once.
    ///
    /// # Errors
    /// If `count` is not 1 to [`super::MAX_BUNDLES`] or takes more memory than the terms allow, or the
    /// session has failed before.
    pub fn check_count(&self, count: usize) -> Result<(), Error> {
        self.party.as_ref().ok_or(Misuse::SessionEnded)?.check_count(count)
    }

    /// What the next offline phase costs if it prepares `count` inferences: at most
    /// [`NetworkPlan::offline`], and less if silent transfers wait from the one before.
    ///
    /// # Errors
    /// If the session has failed before.
    pub fn planned_offline(&self, count: usize) -> Result<Traffic, Error> {
        let party = self.party.as_ref().ok_or(Misuse::SessionEnded)?;
        Ok(self.plan.offline_from(&mut party.stocks(), count))
    }

    /// See [`super::hazmat::keep_shares`].
    pub(super) fn keep_shares(&mut self) {
        self.party.iter_mut().for_each(ClientParty::keep_shares);
    }

    /// Prepares `count` inferences before their images are known; the server visits its weights once
    /// for all of them. `progress` is told the bytes received and expected.
    ///
    /// # Errors
    /// If `count` is not 1 to [`super::MAX_BUNDLES`] or takes more memory than the terms allow, the
    /// session has failed before, the server breaks the protocol or is gone.
    pub fn offline(
        &mut self,
        count: usize,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Vec<ClientBundle>, Error> {
        self.check_count(count)?;
        self.get_hint(&mut progress)?;
        let total = self.planned_offline(count)?.received;
        let party = self.party.take().ok_or(Misuse::SessionEnded)?;
        let meter = Meter::start(&self.channel);
        self.channel.begin_phase();
        let before = self.channel.traffic().received;
        let mut laps = Laps::start(&mut self.layer_seconds);
        let (party, bundles) = self.channel.run(party.offline(count), |channel, expected| {
            laps.next(Some(expected));
            progress(channel.traffic().received - before, total);
        })?;
        laps.next(None);
        progress(total, total);
        self.party = Some(party);
        self.statistics.offline += meter.stop(&self.channel);
        Ok(bundles)
    }

    /// Classifies one image, whose pixels come in the order of the card's input shape. The bundle
    /// may come from another session with this server.
    ///
    /// # Errors
    /// If the image has another size, the bundle belongs to another network, the session has failed
    /// before, the server breaks the protocol or is gone; [`crate::error::PeerFault::Class`] or
    /// [`crate::error::PeerFault::Ranking`] if its tables give a class that there is none of or one
    /// twice, after which the session goes on.
    pub fn classify(&mut self, bundle: ClientBundle, image: &[u8]) -> Result<Outcome, Error> {
        self.classify_showing(bundle, image, |_, _| ())
    }

    /// [`Client::classify`]; `progress` is told the bytes received and expected.
    ///
    /// # Errors
    /// Those of [`Client::classify`].
    pub fn classify_showing(
        &mut self,
        bundle: ClientBundle,
        image: &[u8],
        progress: impl FnMut(u64, u64),
    ) -> Result<Outcome, Error> {
        self.classify_together(vec![bundle], &[image], progress)?.pop().expect("one of one image")
    }

    /// Classifies several images, each with a bundle, which go through the network together and share the
    /// round trips: at least one and at most [`NetworkPlan::most_together`]. The outcomes come in their
    /// order. `progress` is told the bytes received and expected.
    ///
    /// # Errors
    /// Those of [`Client::classify`], of which those after which the session goes on stand in the place of
    /// an outcome; [`Misuse::Images`] for another number of images or of bundles.
    pub fn classify_together(
        &mut self,
        bundles: Vec<ClientBundle>,
        images: &[impl AsRef<[u8]>],
        mut progress: impl FnMut(u64, u64),
    ) -> Result<Vec<Result<Outcome, Error>>, Error> {
        let count = images.len();
        if bundles.len() != count || !(1..=self.plan.most_together()).contains(&count) {
            return Err(Misuse::Images(count).into());
        }
        let party = self.party.as_ref().ok_or(Misuse::SessionEnded)?;
        let inferences = bundles.into_iter().zip(images).map(|(bundle, image)| {
            party.check(&bundle, image.as_ref())?;
            Ok((bundle, Zeroizing::new(image.as_ref().to_vec())))
        });
        let inferences = inferences.collect::<Result<Vec<_>, Error>>()?;
        let party = self.party.take().ok_or(Misuse::SessionEnded)?;
        let meter = Meter::start(&self.channel);
        self.channel.begin_phase();
        let mut laps = Laps::start(&mut self.layer_seconds);
        let total = self.plan.online_together(count).received;
        let before = self.channel.traffic().received;
        let part = party.online_together(inferences);
        let (party, outcomes, left) = self.channel.run(part, |channel, expected| {
            laps.next(Some(expected));
            progress(channel.traffic().received - before, total);
        })?;
        laps.next(None);
        self.party = Some(party);
        self.statistics.online += meter.stop(&self.channel);
        drop(left);
        Ok(outcomes.into_iter().map(|outcome| Ok(outcome?)).collect())
    }

    /// Ends the session politely.
    ///
    /// # Errors
    /// If the session has failed before, or the server is gone.
    pub fn close(mut self) -> Result<(), Error> {
        let Message { kind, payload } = self.party.ok_or(Misuse::SessionEnded)?.close();
        self.channel.send(kind, payload)
    }
}

#[cfg(test)]
impl Client {
    /// Sends a request that no honest client sends.
    pub(super) fn request(&mut self, kind: crate::wire::Kind, payload: Vec<u8>) {
        self.channel.send(kind, payload).expect("the server listens");
    }
}
