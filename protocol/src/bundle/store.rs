//! Where a server's halves wait.

use std::collections::BTreeMap;
use std::io;

use super::{BundleName, ServerBundle};

/// Where a server keeps the bundles of one client until they are used.
pub trait BundleStore {
    /// How many wait.
    fn len(&self) -> usize;

    /// Whether none waits.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keeps a bundle.
    ///
    /// # Errors
    /// If it cannot be stored; the client will not find it then.
    fn put(&mut self, bundle: ServerBundle) -> io::Result<()>;

    /// Gives a bundle out, for its only use: before this returns, the bundle must be gone from the
    /// store in a way that survives a crash. None if there is no such bundle, or no longer.
    ///
    /// # Errors
    /// If the store fails; the bundle counts as spent.
    fn take(&mut self, name: &BundleName) -> io::Result<Option<ServerBundle>>;
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
