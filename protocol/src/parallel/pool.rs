//! Work that runs on while its party waits for a message.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
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
    shared: Arc<Shared<T>>,
    started: usize,
}

struct Shared<T> {
    results: Mutex<Results<T>>,
    all: Condvar,
}

struct Results<T> {
    /// In the order in which jobs end.
    done: Vec<(usize, thread::Result<T>)>,
    /// How many somebody waits for.
    wanted: Option<usize>,
}

impl<T: Send + 'static> Jobs<T> {
    pub(crate) fn new() -> Self {
        let results = Mutex::new(Results { done: Vec::new(), wanted: None });
        Self { shared: Arc::new(Shared { results, all: Condvar::new() }), started: 0 }
    }

    /// Starts a job; it runs on while its party does something else.
    pub(crate) fn start(&mut self, job: impl FnOnce() -> T + Send + 'static) {
        let (index, shared) = (self.started, Arc::clone(&self.shared));
        self.started += 1;
        rayon::spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(job));
            let mut results = shared.lock();
            results.done.push((index, result));
            if results.wanted == Some(results.done.len()) {
                shared.all.notify_one();
            }
        });
    }

    /// The results of all jobs.
    ///
    /// # Panics
    /// If a job did.
    pub(crate) fn finish(self) -> Vec<T> {
        let mut done = self.shared.wait(self.started);
        done.sort_by_key(|(index, _)| *index);
        let value = |(_, result): (_, thread::Result<T>)| {
            result.unwrap_or_else(|panic| resume_unwind(panic))
        };
        done.into_iter().map(value).collect()
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Results<T>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All results. A thread of the pool works while it waits: the pool may have no other.
    fn wait(&self, count: usize) -> Vec<(usize, thread::Result<T>)> {
        while self.lock().done.len() < count {
            match rayon::yield_now() {
                Some(rayon::Yield::Executed) => {}
                Some(rayon::Yield::Idle) => thread::yield_now(),
                None => return self.sleep(count),
            }
        }
        std::mem::take(&mut self.lock().done)
    }

    fn sleep(&self, count: usize) -> Vec<(usize, thread::Result<T>)> {
        let mut results = self.lock();
        results.wanted = Some(count);
        while results.done.len() < count {
            results = self.all.wait(results).unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::take(&mut results.done)
    }
}
