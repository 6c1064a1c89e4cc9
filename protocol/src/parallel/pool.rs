//! Work that runs on while its party waits for a message.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;

use rayon::prelude::*;

/// All items combined, in any grouping; `identity` changes nothing.
pub(crate) fn reduce<T: Send>(
    items: impl ParallelIterator<Item = T>,
    identity: impl Fn() -> T + Sync + Send,
    combine: impl Fn(T, T) -> T + Sync + Send,
) -> T {
    items.reduce(identity, combine)
}

/// Jobs on rayon's current pool, whose results come back in order.
pub(crate) struct Jobs<T> {
    done: Sender<(usize, thread::Result<T>)>,
    results: Receiver<(usize, thread::Result<T>)>,
    started: usize,
}

impl<T: Send + 'static> Jobs<T> {
    pub(crate) fn new() -> Self {
        let (done, results) = channel();
        Self { done, results, started: 0 }
    }

    /// Starts a job; it runs on while its party does something else.
    pub(crate) fn start(&mut self, job: impl FnOnce() -> T + Send + 'static) {
        let (index, done) = (self.started, self.done.clone());
        self.started += 1;
        rayon::spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(job));
            // Nobody listens if the party failed meanwhile.
            let _ = done.send((index, result));
        });
    }

    /// The results of all jobs.
    ///
    /// # Panics
    /// If a job did.
    pub(crate) fn finish(self) -> Vec<T> {
        let mut results: Vec<(usize, T)> = Vec::with_capacity(self.started);
        while results.len() < self.started {
            let (index, result) = self.next();
            results.push((index, result.unwrap_or_else(|panic| resume_unwind(panic))));
        }
        results.sort_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// The next result. A thread of the pool works while it waits: the pool may have no other.
    fn next(&self) -> (usize, thread::Result<T>) {
        loop {
            match self.results.try_recv() {
                Ok(result) => return result,
                Err(TryRecvError::Disconnected) => unreachable!("a sender lives here"),
                Err(TryRecvError::Empty) => {}
            }
            match rayon::yield_now() {
                Some(rayon::Yield::Executed) => {}
                Some(rayon::Yield::Idle) => thread::yield_now(),
                None => return self.results.recv().expect("a sender lives here"),
            }
        }
    }
}
