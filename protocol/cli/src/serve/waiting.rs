//! Connections on which nothing passes: one thread watches all of them.

use super::session::{Stage, Visitor};
use mio::{Events, Interest, Poll, Registry, Token, unix::SourceFd};
use std::{
    collections::HashMap,
    io::{self, ErrorKind},
    os::fd::AsRawFd,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How often it is looked whose time is over.
const TICK: Duration = Duration::from_secs(1);

/// Connections that are told of together.
const EVENTS: usize = 256;

/// A client from which nothing has come yet, or that has nothing to ask for.
pub(super) struct Parked {
    pub(super) visitor: Visitor,
    pub(super) stage: Stage,
}

/// All of them.
pub(super) struct Waiting {
    poll: Mutex<Poll>,
    registry: Registry,
    parked: Mutex<Room>,
}

#[derive(Default)]
struct Room {
    next: usize,
    places: HashMap<Token, Parked>,
}

impl Waiting {
    pub(super) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        Ok(Self { poll: Mutex::new(poll), registry, parked: Mutex::default() })
    }

    /// No code that holds the lock panics, so a poisoned state is as good as any.
    fn room(&self) -> MutexGuard<'_, Room> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches a connection from now on; gives it back if the system cannot.
    pub(super) fn park(&self, parked: Parked) -> Result<(), Box<Parked>> {
        let mut room = self.room();
        let token = Token(room.next);
        room.next = room.next.wrapping_add(1);
        let Some(stream) = parked.stage.stream() else { return Err(parked.into()) };
        let watched =
            self.registry.register(&mut SourceFd(&stream.as_raw_fd()), token, Interest::READABLE);
        if watched.is_err() {
            return Err(parked.into());
        }
        // Whoever is told of the event waits for the lock.
        room.places.insert(token, parked);
        Ok(())
    }

    fn take(&self, token: Token) -> Option<Parked> {
        let parked = self.room().places.remove(&token)?;
        if let Some(stream) = parked.stage.stream() {
            // It fails if the system has lost the connection, which whoever reads it will notice.
            let _ = self.registry.deregister(&mut SourceFd(&stream.as_raw_fd()));
        }
        Some(parked)
    }

    /// Those whose time is over.
    fn late(&self) -> Vec<Token> {
        let (room, now) = (self.room(), Instant::now());
        let is_late = |parked: &Parked| parked.stage.deadline().is_some_and(|at| at <= now);
        room.places.iter().filter(|(_, parked)| is_late(parked)).map(|(&token, _)| token).collect()
    }

    /// Watches for ever. Gives `wake` those that have said something or have gone, and `end` those
    /// whose time is over.
    pub(super) fn watch(&self, wake: impl Fn(Parked), end: impl Fn(Parked)) -> io::Error {
        let mut poll = self.poll.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut events, mut next) = (Events::with_capacity(EVENTS), Instant::now() + TICK);
        loop {
            match poll.poll(&mut events, Some(next.saturating_duration_since(Instant::now()))) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return error,
                _ => {}
            }
            events.iter().filter_map(|event| self.take(event.token())).for_each(&wake);
            if Instant::now() >= next {
                self.late().into_iter().filter_map(|token| self.take(token)).for_each(&end);
                next = Instant::now() + TICK;
            }
        }
    }
}
