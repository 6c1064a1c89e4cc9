//! Polynomials that begin on a line of the cache.

use std::ops::{Deref, DerefMut};

/// Words from a multiple of 64 bytes on. Where an allocator puts a vector changes the time of a
/// transform by a tenth, for every implementation, and from run to run.
pub(crate) struct Aligned<T> {
    words: Vec<T>,
    from: usize,
}

impl<T: Copy + Default> Aligned<T> {
    /// The words `words`.
    pub(crate) fn new(words: impl ExactSizeIterator<Item = T>) -> Self {
        let line = 64 / size_of::<T>();
        let mut all = vec![T::default(); words.len() + line];
        let from = all.as_ptr().align_offset(64);
        all.truncate(from + words.len());
        all[from..].iter_mut().zip(words).for_each(|(to, word)| *to = word);
        Self { words: all, from }
    }

    /// `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        Self::new((0..len).map(|_| T::default()))
    }
}

impl<T: Copy + Default> Clone for Aligned<T> {
    fn clone(&self) -> Self {
        Self::new(self.iter().copied())
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.words[self.from..]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.words[self.from..]
    }
}
