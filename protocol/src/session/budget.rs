//! What a party lets a session cost: checked before anything is sent, held or computed.

use std::sync::atomic::{AtomicU64, Ordering};

use super::plan::NetworkPlan;
use super::settings::Announcement;
use crate::error::{Error, Limit, PeerFault};
use crate::model::{CardHash, ModelError};

/// What a client asks of a server, and what it lets a session cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The card that the server must have, if the client knows it.
    pub card: Option<CardHash>,
    /// Bytes of memory that the inferences of one offline phase may take.
    pub memory: u64,
    /// Bytes that may be received for one inference.
    pub download: u64,
}

impl Terms {
    /// Any server, at any cost.
    pub const NONE: Self = Self { card: None, memory: u64::MAX, download: u64::MAX };

    /// Plans the network that the server announces, if it is within the terms.
    pub(super) fn accept(&self, announcement: &[u8]) -> Result<NetworkPlan, Error> {
        let Announcement { settings, plan: theirs, card } = Announcement::from_bytes(announcement)?;
        if let Some(expected) = self.card {
            let got = card.hash().map_err(ModelError::from)?;
            if got != expected {
                return Err(PeerFault::OtherCard { expected, got }.into());
            }
        }
        let plan = NetworkPlan::new(card, &settings)?;
        if plan.digest() != theirs {
            return Err(PeerFault::Plan.into());
        }
        self.check(&plan, 1)?;
        Ok(plan)
    }

    /// Whether `count` inferences prepared together are within the terms.
    pub(super) fn check(&self, plan: &NetworkPlan, count: usize) -> Result<(), Limit> {
        let needed = plan.client_memory(count);
        if needed > self.memory {
            return Err(Limit::Memory { count, needed, allowed: self.memory });
        }
        let needed = plan.offline(1).received + plan.online().received;
        if needed > self.download {
            return Err(Limit::Download { needed, allowed: self.download });
        }
        Ok(())
    }
}

/// Any card; 4 GiB of memory, 8 GiB to receive.
impl Default for Terms {
    fn default() -> Self {
        Self { card: None, memory: 4 << 30, download: 8 << 30 }
    }
}

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
    pub(super) fn new(total: u64) -> Self {
        Self { used: AtomicU64::new(0), total }
    }

    /// Reserves `bytes` until the reservation is dropped.
    ///
    /// # Errors
    /// [`Limit::ServerMemory`] if there are not as many.
    pub(super) fn reserve(&self, bytes: u64) -> Result<Reserved<'_>, Limit> {
        let add = |used: u64| used.checked_add(bytes).filter(|&used| used <= self.total);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add) {
            Ok(_) => Ok(Reserved { memory: self, bytes }),
            Err(_) => Err(Limit::ServerMemory),
        }
    }
}

/// A part of a server's memory.
pub(super) struct Reserved<'a> {
    memory: &'a Memory,
    bytes: u64,
}

impl Drop for Reserved<'_> {
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
