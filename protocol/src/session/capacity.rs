//! What a server lets its clients cost: checked before anything is held or computed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Limit;

/// What a server holds for its clients at most, its weights and what waits to be sent not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Bytes of one client's queries and prepared inferences. One query fits in any case.
    pub client: u64,
    /// Bytes of all clients' together.
    pub total: u64,
}

/// 512 MiB for a client, 4 GiB in all.
impl Default for Capacity {
    fn default() -> Self {
        Self { client: 512 << 20, total: 4 << 30 }
    }
}

/// The memory of all sessions of a server.
pub(super) struct Memory {
    used: AtomicU64,
    total: u64,
}

impl Memory {
    pub(super) fn new(total: u64) -> Arc<Self> {
        Arc::new(Self { used: AtomicU64::new(0), total })
    }

    /// Reserves `bytes` until the reservation is dropped.
    ///
    /// # Errors
    /// [`Limit::ServerMemory`] if there are not as many.
    pub(super) fn reserve(self: &Arc<Self>, bytes: u64) -> Result<Reserved, Limit> {
        let add = |used: u64| used.checked_add(bytes).filter(|&used| used <= self.total);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add) {
            Ok(_) => Ok(Reserved { memory: Arc::clone(self), bytes }),
            Err(_) => Err(Limit::ServerMemory),
        }
    }
}

/// A part of a server's memory.
pub(super) struct Reserved {
    memory: Arc<Memory>,
    bytes: u64,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back() {
        let memory = Memory::new(10);
        let six = memory.reserve(6).unwrap();
        assert_eq!(memory.reserve(5).err(), Some(Limit::ServerMemory));
        let four = memory.reserve(4).unwrap();
        drop(six);
        assert!(memory.reserve(6).is_ok());
        assert_eq!(memory.reserve(7).err(), Some(Limit::ServerMemory));
        assert_eq!(memory.reserve(u64::MAX).err(), Some(Limit::ServerMemory));
        drop(four);
        assert!(memory.reserve(10).is_ok());
    }
}
