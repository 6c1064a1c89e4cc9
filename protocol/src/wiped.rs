//! Secret vectors that are wiped in one go.

use std::ops::{Deref, DerefMut};

use zeroize::{DefaultIsZeroes, Zeroize};

/// Values that are wiped when they are dropped, by as wide stores as there are: what `Zeroizing` does to a
/// vector goes element by element, which takes as long as a transform of the same polynomial.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wiped<T: DefaultIsZeroes>(Vec<T>);

impl<T: DefaultIsZeroes> Wiped<T> {
    /// So many zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        Self(vec![T::default(); len])
    }
}

impl<T: DefaultIsZeroes> From<Vec<T>> for Wiped<T> {
    fn from(values: Vec<T>) -> Self {
        Self(values)
    }
}

/// Of an iterator that knows its length, or what it leaves behind when it grows is not wiped.
impl<T: DefaultIsZeroes> FromIterator<T> for Wiped<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl<T: DefaultIsZeroes> Deref for Wiped<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: DefaultIsZeroes> DerefMut for Wiped<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T: DefaultIsZeroes> Zeroize for Wiped<T> {
    fn zeroize(&mut self) {
        self.0.as_mut_slice().zeroize();
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
}
