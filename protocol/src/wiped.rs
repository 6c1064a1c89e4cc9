//! Secret vectors that are wiped in one go.

use std::ops::{Deref, DerefMut};

use zeroize::{DefaultIsZeroes, Zeroize};

/// Values that are wiped when they are dropped, by as wide stores as there are: what `Zeroizing` does to a
/// vector goes element by element, which takes as long as a transform of the same polynomial.
///
/// [`Wiped::zeros`] begin on a line of the cache, where wide registers are loaded in half the time.
#[derive(Default)]
pub(crate) struct Wiped<T: DefaultIsZeroes> {
    all: Vec<T>,
    /// Where the values begin; the vector keeps its place.
    from: usize,
}

/// Bytes of a line of the cache.
const LINE: usize = 64;

impl<T: DefaultIsZeroes> Wiped<T> {
    /// So many zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        let mut all = vec![T::default(); len + LINE / size_of::<T>()];
        let from = all.as_ptr().align_offset(LINE).min(all.len() - len);
        all.truncate(from + len);
        Self { all, from }
    }
}

impl<T: DefaultIsZeroes> Clone for Wiped<T> {
    fn clone(&self) -> Self {
        let mut clone = Self::zeros(self.len());
        clone.copy_from_slice(self);
        clone
    }
}

impl<T: DefaultIsZeroes> From<Vec<T>> for Wiped<T> {
    fn from(values: Vec<T>) -> Self {
        Self { all: values, from: 0 }
    }
}

/// Of an iterator that knows its length, or what it leaves behind when it grows is not wiped.
impl<T: DefaultIsZeroes> FromIterator<T> for Wiped<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self { all: values.into_iter().collect(), from: 0 }
    }
}

impl<T: DefaultIsZeroes> Deref for Wiped<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.all[self.from..]
    }
}

impl<T: DefaultIsZeroes> DerefMut for Wiped<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.all[self.from..]
    }
}

impl<T: DefaultIsZeroes> Zeroize for Wiped<T> {
    fn zeroize(&mut self) {
        self.all.as_mut_slice().zeroize();
    }
}

impl<T: DefaultIsZeroes> Drop for Wiped<T> {
    fn drop(&mut self) {
        self.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_values_are_wiped() {
        let mut values: Wiped<u32> = (1..=1000).collect();
        assert!(values.iter().zip(1..).all(|(&value, i)| value == i));
        values.zeroize();
        assert_eq!(values[..], [0; 1000]);
    }

    #[test]
    fn zeros_begin_on_a_line_of_the_cache() {
        let begins = |address: usize| address.is_multiple_of(LINE);
        for len in [0, 1, 7, 100, 5000] {
            let bytes = Wiped::<u8>::zeros(len);
            let mut words = Wiped::<u64>::zeros(len);
            assert!(begins(bytes.as_ptr() as usize) && begins(words.as_ptr() as usize));
            words.iter_mut().zip(1..).for_each(|(word, i)| *word = i);
            let clone = words.clone();
            assert!(clone[..] == words[..] && begins(clone.as_ptr() as usize));
            assert!(bytes.len() == len && words.len() == len && bytes.iter().all(|&x| x == 0));
        }
    }
}
