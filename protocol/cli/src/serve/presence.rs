//! How many sessions each client has.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Sessions by the clients' names.
#[derive(Default)]
pub(super) struct Presence(Mutex<HashMap<String, usize>>);

impl Presence {
    /// No code that holds the lock panics, so a poisoned state is as good as any.
    fn sessions(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session of a client, if it has fewer than `most`.
    pub(super) fn enter(self: &Arc<Self>, client: &str, most: Option<usize>) -> Option<Present> {
        let mut sessions = self.sessions();
        let own = sessions.entry(client.into()).or_default();
        if most.is_some_and(|most| *own >= most) {
            return None;
        }
        *own += 1;
        Some(Present { presence: Arc::clone(self), client: client.into() })
    }
}

/// A session, until it is dropped.
pub(super) struct Present {
    presence: Arc<Presence>,
    client: String,
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut sessions = self.presence.sessions();
        if let Some(own) = sessions.get_mut(&self.client) {
            *own -= 1;
            if *own == 0 {
                sessions.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_a_client_may_have() {
        let presence = Arc::new(Presence::default());
        let one = presence.enter("alice", Some(2)).unwrap();
        let _two = presence.enter("alice", Some(2)).unwrap();
        assert!(presence.enter("alice", Some(2)).is_none());
        assert!(
            presence.enter("bob", Some(2)).is_some() && presence.enter("alice", None).is_some()
        );
        drop(one);
        assert!(presence.enter("alice", Some(2)).is_some());
        assert_eq!(presence.sessions().len(), 1);
    }
}
