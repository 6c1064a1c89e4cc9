//! Where a server's halves wait.

use std::collections::BTreeMap;
use std::io;

use super::{BundleName, ServerBundle};
use crate::party::MAX_BUNDLES;

/// Where a server keeps the bundles of one client until they are used.
pub trait BundleStore {
    /// How many wait.
    fn len(&self) -> usize;

    /// Whether none waits.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The most that may wait.
    fn most(&self) -> usize {
        MAX_BUNDLES
    }

    /// Whether those that wait take this program's memory, and end with it.
    fn in_memory(&self) -> bool {
        true
    }

    /// Asked before so many bundles are prepared, for stores that have a reason to refuse.
    ///
    /// # Errors
    /// The reason: a [`Denied`] for the client, inside.
    fn grant(&mut self, _count: usize) -> io::Result<()> {
        Ok(())
    }

    /// Keeps a bundle; in a store on a disk, such that it survives a crash from now on.
    ///
    /// # Errors
    /// If it cannot be stored; the client throws its half away then.
    fn put(&mut self, bundle: ServerBundle) -> io::Result<()>;

    /// The client has what was prepared so far: it has asked for something else, or ended the session.
    ///
    /// # Errors
    /// If the store fails.
    fn confirm(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Asked before so many bundles are taken for one online phase, for stores that have a reason to refuse:
    /// then none of them is spent.
    ///
    /// # Errors
    /// The reason: a [`Denied`] for the client, inside.
    fn begin(&mut self, _count: usize) -> io::Result<()> {
        Ok(())
    }

    /// Gives a bundle out, for its only use: before this returns, the bundle must be gone from the
    /// store in a way that survives a crash. None if there is no such bundle, or no longer.
    ///
    /// # Errors
    /// If the store fails; the bundle counts as spent. With a [`super::BundleFault`] or a
    /// [`Denied`], the client is told of that.
    fn take(&mut self, name: &BundleName) -> io::Result<Option<ServerBundle>>;
}

/// Why a store does not do what a client asks for, in words for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Denied(pub String);

impl From<Denied> for io::Error {
    fn from(denied: Denied) -> Self {
        Self::other(denied)
    }
}

/// Bundles in memory, which end with the program.
pub type Waiting = BTreeMap<BundleName, ServerBundle>;

impl BundleStore for Waiting {
    fn len(&self) -> usize {
        self.len()
    }

    fn put(&mut self, bundle: ServerBundle) -> io::Result<()> {
        self.insert(bundle.name(), bundle);
        Ok(())
    }

    fn take(&mut self, name: &BundleName) -> io::Result<Option<ServerBundle>> {
        Ok(self.remove(name))
    }
}
