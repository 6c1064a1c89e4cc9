//! A server's halves, and what its clients have used: a table that several processes may share.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use gazelle_protocol::bundle::{
    BundleFault, BundleName, BundleStore, Denied, ServerBundle, Waiting,
};
use gazelle_protocol::party::{MAX_BUNDLES, Service};
use gazelle_protocol::transport::Traffic;
use ring::digest::{Context, SHA256};

use super::table::{Amount, Charge, Claimed, Quota, Row, Table, Usage};
use super::{StoreKey, now};
use crate::{Client, Error, domain};

/// Seconds of a day.
const DAY: i64 = 24 * 3600;

/// Seconds for which a bundle is kept if nobody knows whether the client has its half: one that is cut
/// off while it prepares has not used up its room for a week.
const UNCONFIRMED: i64 = 3600;

/// What clients may keep, as far as nothing else is said of one.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bundles of one client.
    pub bundles: usize,
    /// How long a bundle is kept.
    pub lifetime: Duration,
}

/// The halves of all clients of a server.
pub struct ServerStore {
    table: Box<dyn Table>,
    /// None if bundles end with their sessions.
    key: Option<StoreKey>,
    limits: Limits,
    inferences: AtomicU64,
    prepared: AtomicU64,
}

impl ServerStore {
    /// Keeps halves in a table, sealed with a key that is not in it.
    pub fn new(table: Box<dyn Table>, key: StoreKey, limits: Limits) -> Self {
        let (inferences, prepared) = Default::default();
        Self { table, key: Some(key), limits, inferences, prepared }
    }

    /// Keeps halves in memory as long as their sessions last, and in a table what clients have used.
    pub fn of_sessions(table: Box<dyn Table>, limits: Limits) -> Self {
        let (inferences, prepared) = Default::default();
        Self { table, key: None, limits, inferences, prepared }
    }

    /// Whether bundles outlive their sessions.
    pub fn keeps(&self) -> bool {
        self.key.is_some()
    }

    /// Takes away what has expired; how many bundles that were.
    ///
    /// # Errors
    /// If the table fails.
    pub fn sweep(&self) -> Result<usize, Error> {
        self.table.sweep(now())
    }

    /// Online phases that have begun, and inferences that were prepared, since this store was opened.
    pub fn counts(&self) -> (u64, u64) {
        (self.inferences.load(Relaxed), self.prepared.load(Relaxed))
    }

    /// Bundles that wait in the table, if any do and it can be read.
    pub fn waiting(&self) -> Option<usize> {
        self.key.as_ref().and_then(|_| self.table.count(None, now()).ok())
    }

    /// What clients with a quota have used today and ever, as far as the table can be read.
    pub fn usage(&self) -> Vec<Usage> {
        self.table.usage(now().div_euclid(DAY)).unwrap_or_default()
    }

    /// The bundles of one client, for a session in which it asks for one network.
    pub fn of<'a>(self: &Arc<Self>, client: &Client, service: &'a Service) -> SessionStore<'a> {
        let network = hash(&[domain::NETWORK, service.digest()]);
        let (store, client) = (Arc::clone(self), client.clone());
        SessionStore { store, service, client, network, held: Held::default() }
    }
}

/// The bundles of one client, in one session.
pub struct SessionStore<'a> {
    store: Arc<ServerStore>,
    service: &'a Service,
    client: Client,
    network: [u8; 32],
    held: Held,
}

/// What a session has prepared.
#[derive(Default)]
pub struct Held {
    /// What ends with the session.
    waiting: Waiting,
    /// Ids of rows of which the client may not have its half.
    unconfirmed: Vec<[u8; 32]>,
}

impl SessionStore<'_> {
    /// What the session has prepared, for when it goes on.
    pub fn into_held(self) -> Held {
        self.held
    }

    /// With what [`SessionStore::into_held`] gave.
    pub fn with_held(self, held: Held) -> Self {
        Self { held, ..self }
    }

    /// When a bundle that is kept from now on expires.
    fn expires(&self) -> i64 {
        let lifetime = self.store.limits.lifetime.as_secs().try_into().unwrap_or(i64::MAX);
        now().saturating_add(lifetime)
    }
}

impl BundleStore for SessionStore<'_> {
    /// A table that fails now will say so at the next bundle.
    fn len(&self) -> usize {
        match self.store.key {
            Some(_) => self.store.table.count(Some(&self.client.name), now()).unwrap_or(0),
            None => self.held.waiting.len(),
        }
    }

    fn most(&self) -> usize {
        let own = self.client.bundles.unwrap_or(usize::MAX);
        own.min(if self.store.keeps() { self.store.limits.bundles } else { MAX_BUNDLES })
    }

    fn in_memory(&self) -> bool {
        !self.store.keeps()
    }

    fn grant(&mut self, count: usize) -> io::Result<()> {
        let (waiting, most) = (self.len(), self.most());
        if waiting.saturating_add(count) > most {
            let why = format!("you may keep {most} prepared inferences, and {waiting} wait");
            return Err(Denied(why).into());
        }
        self.charge(0, self.service.plan().offline(count))
    }

    fn put(&mut self, bundle: ServerBundle) -> io::Result<()> {
        self.store.prepared.fetch_add(1, Relaxed);
        let Some(key) = &self.store.key else {
            return self.held.waiting.put(bundle);
        };
        let id = hash(&[domain::ROW, bundle.name().as_bytes()]);
        let plain = bundle.into_bytes(self.service.plan());
        let half = key.seal(plain, &self.about(&id)).map_err(io::Error::other)?;
        let expires = self.expires().min(now().saturating_add(UNCONFIRMED));
        let (owner, network) = (&self.client.name, self.network);
        let row = Row { id, owner, network, expires, half: &half };
        self.store.table.put(&row).map_err(io::Error::other)?;
        self.held.unconfirmed.push(id);
        Ok(())
    }

    fn confirm(&mut self) -> io::Result<()> {
        if self.held.unconfirmed.is_empty() {
            return Ok(());
        }
        let ids = std::mem::take(&mut self.held.unconfirmed);
        self.store.table.keep(&ids, self.expires()).map_err(io::Error::other)
    }

    fn begin(&mut self, count: usize) -> io::Result<()> {
        let inferences = count.try_into().unwrap_or(u32::MAX);
        self.charge(inferences, self.service.plan().online_together(count))
    }

    fn take(&mut self, name: &BundleName) -> io::Result<Option<ServerBundle>> {
        self.store.inferences.fetch_add(1, Relaxed);
        let Some(key) = &self.store.key else {
            return BundleStore::take(&mut self.held.waiting, name);
        };
        let id = hash(&[domain::ROW, name.as_bytes()]);
        self.held.unconfirmed.retain(|other| *other != id);
        let claimed = self.store.table.claim(&id, &self.client.name, now());
        let Some(Claimed { network, half }) = claimed.map_err(io::Error::other)? else {
            return Ok(None);
        };
        let invalid = |fault: BundleFault| io::Error::new(io::ErrorKind::InvalidData, fault);
        if network != self.network {
            return Err(invalid(BundleFault::OtherNetwork));
        }
        let plain = key.open_blob(half, &self.about(&id));
        let plain = plain.ok_or_else(|| invalid(BundleFault::Damaged))?;
        self.service.bundle_from_bytes(&plain).map(Some).map_err(invalid)
    }
}

impl SessionStore<'_> {
    /// What is sealed with a half.
    fn about(&self, id: &[u8; 32]) -> Vec<u8> {
        [domain::SERVER_HALF, id, &self.network, self.client.name.as_bytes()].concat()
    }

    /// Charges the client for inferences that begin and for what will pass, or says why not and when it
    /// may come back.
    fn charge(&self, inferences: u32, traffic: Traffic) -> io::Result<()> {
        let Client { inferences_per_day, inferences: total, bytes_per_day, .. } = self.client;
        let quota = Quota { day: inferences_per_day, total, bytes: bytes_per_day };
        if quota.is_none() {
            return Ok(());
        }
        let amount = Amount { inferences, bytes: traffic.sent + traffic.received };
        let (now, name) = (now(), &self.client.name);
        let charge = self.store.table.charge(name, now.div_euclid(DAY), quota, amount);
        let over = match charge.map_err(io::Error::other)? {
            Charge::Granted => return Ok(()),
            Charge::DayOver { left } => {
                let of = format!("{} inferences a day", quota.day.unwrap_or(0));
                used_up(inferences, left, &of)
            }
            Charge::BytesOver => format!(
                "this would take {} bytes, more than what is left of your quota of {} a day",
                amount.bytes,
                quota.bytes.unwrap_or(0)
            ),
            Charge::AllUsed { left } => {
                let of = format!("{} inferences", quota.total.unwrap_or(0));
                let why = used_up(inferences, left, &of);
                return Err(Denied(format!("{why}; ask the server's operator for more")).into());
            }
        };
        let minutes = (DAY - now.rem_euclid(DAY)).div_euclid(60) + 1;
        let (hours, minutes) = (minutes / 60, minutes % 60);
        let when = format!("come back at 00:00 UTC, in {hours} h {minutes} min");
        Err(Denied(format!("{over}; {when}")).into())
    }
}

/// Why a quota of so many inferences does not admit as many as are asked for.
fn used_up(asked: u32, left: u64, quota: &str) -> String {
    match left {
        0 => format!("your quota of {quota} is used up"),
        _ => {
            format!("you ask for {asked} inferences, and {left} are left of your quota of {quota}")
        }
    }
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    context.finish().as_ref().try_into().expect("a digest has 32 bytes")
}
