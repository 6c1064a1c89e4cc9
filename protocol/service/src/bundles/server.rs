//! A server's halves: rows of a table that several processes may share.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use gazelle_protocol::bundle::{BundleFault, BundleName, BundleStore, ServerBundle};
use gazelle_protocol::party::Service;
use ring::digest::{Context, SHA256};

use super::{StoreKey, now};
use crate::{Error, domain};

/// Where rows are kept. Whoever implements it takes on the duty of [`BundleStore::take`]: what
/// [`Table::claim`] has given out is gone for good, for all processes, before it returns.
pub trait Table: Send + Sync {
    /// Keeps a row.
    ///
    /// # Errors
    /// If the table fails.
    fn put(&self, row: &Row<'_>) -> Result<(), Error>;

    /// Takes the half of a row that has not expired at `now`, once; with the network that it is for.
    ///
    /// # Errors
    /// If the table fails; the half counts as spent.
    fn claim(&self, id: &[u8; 32], owner: &str, now: i64) -> Result<Option<Claimed>, Error>;

    /// How many rows an owner has that have not expired at `now`.
    ///
    /// # Errors
    /// If the table fails.
    fn count(&self, owner: &str, now: i64) -> Result<usize, Error>;

    /// Takes away what has expired at `now`; how many rows that were.
    ///
    /// # Errors
    /// If the table fails.
    fn sweep(&self, now: i64) -> Result<usize, Error>;
}

/// A row of the table.
pub struct Row<'a> {
    /// The bundle's.
    pub id: [u8; 32],
    /// The client that it was prepared with.
    pub owner: &'a str,
    /// The network, with its weights, that it was prepared for.
    pub network: [u8; 32],
    /// Seconds since 1970.
    pub expires: i64,
    /// The sealed half.
    pub half: &'a [u8],
}

/// What was taken out of the table.
pub struct Claimed {
    /// [`Row::network`].
    pub network: Vec<u8>,
    /// [`Row::half`].
    pub half: Vec<u8>,
}

/// What clients may keep.
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
    key: StoreKey,
    limits: Limits,
}

impl ServerStore {
    /// Keeps halves in a table, sealed with a key that is not in it.
    pub fn new(table: Box<dyn Table>, key: StoreKey, limits: Limits) -> Self {
        Self { table, key, limits }
    }

    /// Takes away what has expired; how many bundles that were.
    ///
    /// # Errors
    /// If the table fails.
    pub fn sweep(&self) -> Result<usize, Error> {
        self.table.sweep(now())
    }

    /// The bundles of one client, for a session in which it asks for one network.
    pub fn of<'a>(self: &Arc<Self>, client: &str, service: &'a Service) -> SessionStore<'a> {
        let network = hash(&[domain::NETWORK, service.digest()]);
        SessionStore { store: Arc::clone(self), service, owner: client.into(), network }
    }
}

/// The bundles of one client, in one session.
pub struct SessionStore<'a> {
    store: Arc<ServerStore>,
    service: &'a Service,
    owner: String,
    network: [u8; 32],
}

impl BundleStore for SessionStore<'_> {
    /// A table that fails now will say so at the next bundle.
    fn len(&self) -> usize {
        self.store.table.count(&self.owner, now()).unwrap_or(0)
    }

    fn most(&self) -> usize {
        self.store.limits.bundles
    }

    fn in_memory(&self) -> bool {
        false
    }

    fn put(&mut self, bundle: ServerBundle) -> io::Result<()> {
        let id = hash(&[domain::ROW, bundle.name().as_bytes()]);
        let plain = bundle.into_bytes(self.service.plan());
        let half = self.store.key.seal(plain, &self.about(&id)).map_err(io::Error::other)?;
        let lifetime = self.store.limits.lifetime.as_secs().try_into().unwrap_or(i64::MAX);
        let expires = now().saturating_add(lifetime);
        let row = Row { id, owner: &self.owner, network: self.network, expires, half: &half };
        self.store.table.put(&row).map_err(io::Error::other)
    }

    fn take(&mut self, name: &BundleName) -> io::Result<Option<ServerBundle>> {
        let id = hash(&[domain::ROW, name.as_bytes()]);
        let claimed = self.store.table.claim(&id, &self.owner, now()).map_err(io::Error::other)?;
        let Some(Claimed { network, half }) = claimed else { return Ok(None) };
        let invalid = |fault: BundleFault| io::Error::new(io::ErrorKind::InvalidData, fault);
        if network != self.network {
            return Err(invalid(BundleFault::OtherNetwork));
        }
        let plain = self.store.key.open_blob(half, &self.about(&id));
        let plain = plain.ok_or_else(|| invalid(BundleFault::Damaged))?;
        self.service.bundle_from_bytes(&plain).map(Some).map_err(invalid)
    }
}

impl SessionStore<'_> {
    fn about(&self, id: &[u8; 32]) -> Vec<u8> {
        [domain::SERVER_HALF, id, &self.network, self.owner.as_bytes()].concat()
    }
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    context.finish().as_ref().try_into().expect("a digest has 32 bytes")
}
