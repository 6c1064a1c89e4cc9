//! What this crate uses of rayon, on one thread.

pub(crate) fn current_num_threads() -> usize {
    1
}

/// All items combined; `identity` changes nothing.
pub(crate) fn reduce<T>(
    items: impl Iterator<Item = T>,
    identity: impl Fn() -> T,
    combine: impl Fn(T, T) -> T,
) -> T {
    items.fold(identity(), combine)
}

/// Jobs whose results come back in order.
pub(crate) struct Jobs<T>(Vec<T>);

impl<T> Jobs<T> {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    /// Does a job.
    pub(crate) fn start(&mut self, job: impl FnOnce() -> T) {
        self.0.push(job());
    }

    /// The results of all jobs.
    pub(crate) fn finish(self) -> Vec<T> {
        self.0
    }
}

/// Rayon's names for what slices and iterators do by themselves.
pub(crate) mod prelude {
    use std::slice::{Chunks, ChunksExact, ChunksExactMut, ChunksMut, Iter, IterMut};

    pub(crate) trait IntoParallelIterator: IntoIterator + Sized {
        fn into_par_iter(self) -> Self::IntoIter {
            self.into_iter()
        }
    }

    impl<T: IntoIterator> IntoParallelIterator for T {}

    pub(crate) trait ParallelIterator: Iterator + Sized {
        fn with_min_len(self, _: usize) -> Self {
            self
        }

        fn for_each_init<S>(self, init: impl Fn() -> S, mut work: impl FnMut(&mut S, Self::Item)) {
            let mut state = init();
            self.for_each(|item| work(&mut state, item));
        }
    }

    impl<T: Iterator> ParallelIterator for T {}

    pub(crate) trait ParallelSlice<T> {
        fn par_iter(&self) -> Iter<'_, T>;
        fn par_chunks(&self, size: usize) -> Chunks<'_, T>;
        fn par_chunks_exact(&self, size: usize) -> ChunksExact<'_, T>;
    }

    impl<T> ParallelSlice<T> for [T] {
        fn par_iter(&self) -> Iter<'_, T> {
            self.iter()
        }

        fn par_chunks(&self, size: usize) -> Chunks<'_, T> {
            self.chunks(size)
        }

        fn par_chunks_exact(&self, size: usize) -> ChunksExact<'_, T> {
            self.chunks_exact(size)
        }
    }

    pub(crate) trait ParallelSliceMut<T> {
        fn par_iter_mut(&mut self) -> IterMut<'_, T>;
        fn par_chunks_mut(&mut self, size: usize) -> ChunksMut<'_, T>;
        fn par_chunks_exact_mut(&mut self, size: usize) -> ChunksExactMut<'_, T>;
    }

    impl<T> ParallelSliceMut<T> for [T] {
        fn par_iter_mut(&mut self) -> IterMut<'_, T> {
            self.iter_mut()
        }

        fn par_chunks_mut(&mut self, size: usize) -> ChunksMut<'_, T> {
            self.chunks_mut(size)
        }

        fn par_chunks_exact_mut(&mut self, size: usize) -> ChunksExactMut<'_, T> {
            self.chunks_exact_mut(size)
        }
    }
}
