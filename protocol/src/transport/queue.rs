//! The frames that wait to be written.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{HEADER_LEN, TransportFault};
use crate::frames::Seal;

/// How many bytes may wait to be written.
///
/// A client's are unlimited: it sends all it has to say before it listens, while the server already
/// answers. A server's are limited, so that a slow link does not fill its memory; it may block in
/// sending because its client always comes to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backlog {
    /// Sending never blocks.
    Unlimited,
    /// Sending blocks while so many bytes wait.
    Bytes(usize),
}

impl Backlog {
    /// A server's.
    pub const SERVER: Self = Self::Bytes(16 << 20);

    fn has_room(self, waiting: usize) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Bytes(most) => waiting < most,
        }
    }
}

/// A frame that waits to be written.
pub(super) struct Frame {
    pub(super) queued: Instant,
    pub(super) header: [u8; HEADER_LEN],
    pub(super) payload: Vec<u8>,
}

/// What the writing thread does next.
pub(super) enum Item {
    /// Writes a frame.
    Frame(Frame),
    /// Tags the frames that follow.
    Seal(Box<Seal>),
    /// Ends; another thread will go on.
    Rest,
}

/// The way from the party to its writing thread.
pub(super) struct Queue {
    backlog: Backlog,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    /// Bytes of payloads that are not written yet.
    waiting: usize,
    /// Bytes that the connection has taken in all.
    written: u64,
    /// No frame will follow.
    closed: bool,
    /// The connection is to be given up at this time.
    deadline: Option<Instant>,
    /// How the writing thread ended, if it has.
    end: Option<Result<(), TransportFault>>,
}

impl Queue {
    pub(super) fn new(backlog: Backlog) -> Self {
        Self { backlog, state: Mutex::default(), changed: Condvar::new() }
    }

    /// No code that holds the lock panics, so a poisoned state is as good as any.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an item once there is room; false if the writing thread has ended.
    pub(super) fn push(&self, item: Item) -> bool {
        let full = |state: &mut State| state.end.is_none() && !self.backlog.has_room(state.waiting);
        let mut state =
            self.changed.wait_while(self.state(), full).unwrap_or_else(PoisonError::into_inner);
        if state.end.is_some() {
            return false;
        }
        if let Item::Frame(frame) = &item {
            state.waiting += frame.payload.len();
        }
        state.items.push_back(item);
        self.changed.notify_all();
        true
    }

    /// The next item, once there is one; none if the queue is closed and empty.
    pub(super) fn pop(&self) -> Option<Item> {
        let empty = |state: &mut State| state.items.is_empty() && !state.closed;
        let state = self.changed.wait_while(self.state(), empty);
        state.unwrap_or_else(PoisonError::into_inner).items.pop_front()
    }

    /// The connection has taken `bytes`.
    pub(super) fn progress(&self, bytes: usize) {
        self.state().written += bytes as u64;
    }

    /// A frame with a payload of so many bytes is written.
    pub(super) fn done(&self, payload: usize) {
        self.state().waiting -= payload;
        self.changed.notify_all();
    }

    /// Waits until everything is written, or the writing thread has ended.
    pub(super) fn wait_until_empty(&self) {
        let busy = |state: &mut State| state.end.is_none() && state.waiting > 0;
        // What a panic elsewhere left is waited for no longer.
        drop(self.changed.wait_while(self.state(), busy));
    }

    /// Gives back the memory of items that were written.
    pub(super) fn shrink(&self) {
        self.state().items.shrink_to_fit();
    }

    /// Bytes that the connection has taken so far.
    pub(super) fn written(&self) -> u64 {
        self.state().written
    }

    pub(super) fn set_deadline(&self, deadline: Option<Instant>) {
        self.state().deadline = deadline;
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.state().deadline
    }

    /// No frame will follow.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// The writing thread ends: nobody waits for it any longer.
    pub(super) fn end(&self, result: Result<(), TransportFault>) {
        let mut state = self.state();
        state.end = Some(result);
        state.items.clear();
        self.changed.notify_all();
    }

    /// Waits until the writing thread has ended, for `time` at most; whether it has.
    pub(super) fn ended_within(&self, time: Duration) -> bool {
        let running = |state: &mut State| state.end.is_none();
        let waited = self.changed.wait_timeout_while(self.state(), time, running);
        waited.unwrap_or_else(PoisonError::into_inner).0.end.is_some()
    }

    /// Why the writing thread failed, if it did.
    pub(super) fn fault(&self) -> Option<TransportFault> {
        let mut state = self.state();
        std::mem::replace(state.end.as_mut()?, Ok(())).err()
    }
}
