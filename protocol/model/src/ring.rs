//! The ring that shares live in.

/// The ring Z_{2^k} of additive shares, 1 ≤ k ≤ 32. Its elements are the `u32` below 2^k.
///
/// Everything here is masks and wrapping arithmetic, without a branch or an index on the values:
/// constant time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ring {
    bits: u32,
}

impl Ring {
    /// Z_{2^bits}.
    ///
    /// # Panics
    ///
    /// If `bits` is 0 or over 32.
    pub const fn new(bits: u32) -> Self {
        assert!(0 < bits && bits <= u32::BITS, "a ring has 1 to 32 bits");
        Self { bits }
    }

    /// k, the bits of an element.
    pub const fn bits(self) -> u32 {
        self.bits
    }

    /// The largest element, 2^k − 1.
    pub const fn mask(self) -> u32 {
        u32::MAX >> (u32::BITS - self.bits)
    }

    /// `x` mod 2^k.
    pub const fn reduce(self, x: u32) -> u32 {
        x & self.mask()
    }

    /// a + b.
    pub const fn add(self, a: u32, b: u32) -> u32 {
        self.reduce(a.wrapping_add(b))
    }

    /// a − b.
    pub const fn sub(self, a: u32, b: u32) -> u32 {
        self.reduce(a.wrapping_sub(b))
    }

    /// The element that stands for the integer `y`.
    pub const fn element(self, y: i32) -> u32 {
        self.reduce(y as u32)
    }

    /// The integer in −2^(k−1)..2^(k−1) that `x` stands for.
    pub const fn integer(self, x: u32) -> i32 {
        let unused = u32::BITS - self.bits;
        (x << unused) as i32 >> unused
    }

    /// Reduces every value.
    pub fn reduce_all(self, values: &mut [u32]) {
        values.iter_mut().for_each(|x| *x = self.reduce(*x));
    }

    /// x + y, value by value, in `x`.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn add_all(self, x: &mut [u32], y: &[u32]) {
        assert_eq!(x.len(), y.len(), "tensors of one shape");
        x.iter_mut().zip(y).for_each(|(x, &y)| *x = self.add(*x, y));
    }

    /// x − y, value by value, in `x`.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn sub_all(self, x: &mut [u32], y: &[u32]) {
        assert_eq!(x.len(), y.len(), "tensors of one shape");
        x.iter_mut().zip(y).for_each(|(x, &y)| *x = self.sub(*x, y));
    }
}

#[cfg(test)]
mod tests {
    use super::Ring;

    #[test]
    fn every_width_wraps_at_its_own_end() {
        for bits in 1..=32 {
            let ring = Ring::new(bits);
            let top = (1u64 << bits) - 1;
            assert_eq!(u64::from(ring.mask()), top);
            assert_eq!((ring.add(ring.mask(), 1), ring.sub(0, 1)), (0, ring.mask()));
            assert_eq!(ring.reduce(u32::MAX), ring.mask());
            let half = 1i64 << (bits - 1);
            for y in [-half, -half + 1, -1, 0, half - 1] {
                assert_eq!(i64::from(ring.integer(ring.element(y as i32))), y, "{bits} bits");
            }
        }
    }

    #[test]
    fn tensors_are_added_and_subtracted_value_by_value() {
        let ring = Ring::new(9);
        let mut x = [0, 1, 511, 300];
        ring.sub_all(&mut x, &[1, 1, 0, 301]);
        assert_eq!(x, [511, 0, 511, 511]);
        ring.add_all(&mut x, &[1, 511, 2, 1]);
        assert_eq!(x, [0, 511, 1, 0]);
        let mut x = [512, u32::MAX, 5, 1 << 31];
        ring.reduce_all(&mut x);
        assert_eq!(x, [0, 511, 5, 0]);
    }

    #[test]
    #[should_panic(expected = "1 to 32 bits")]
    fn a_ring_of_one_element_is_none() {
        Ring::new(0);
    }
}
