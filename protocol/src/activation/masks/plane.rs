//! Bits and ring elements of many lanes at once.

use std::hint::black_box;
use std::ops::{BitAnd, BitXor, BitXorAssign, Deref, DerefMut, Not};

use gazelle_kernels::VectorBackend;
use gazelle_kernels::transpose::low_rows;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Lanes of a plane: activations that are computed together.
pub(super) const LANES: usize = 512;

/// One bit of each lane. Lanes that are not in use hold anything.
#[derive(Clone, Copy, Default, Zeroize)]
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
pub(super) struct Plane(pub(super) [u64; LANES / 64]);

/// One element of Z_{2^32} of each lane; whoever sends one cuts it to the ring it stands for.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct Ring(Box<[u32; LANES]>);

impl Deref for Ring {
    type Target = [u32; LANES];

    fn deref(&self) -> &[u32; LANES] {
        &self.0
    }
}

impl DerefMut for Ring {
    fn deref_mut(&mut self) -> &mut [u32; LANES] {
        &mut self.0
    }
}

impl Plane {
    pub(super) const ZERO: Self = Self([0; LANES / 64]);
    pub(super) const ONES: Self = Self([u64::MAX; LANES / 64]);

    /// The `count` ≤ 32 low bits of every value, the lowest first; at most [`LANES`] of them.
    pub(super) fn of_bits(values: &[u32], count: usize) -> Vec<Self> {
        let (backend, mut planes) = (VectorBackend::best(), vec![Self::ZERO; count]);
        let mut columns = Zeroizing::new([0; 128]);
        let mut rows = Zeroizing::new([0; u32::BITS as usize]);
        for (block, values) in values.chunks(columns.len()).enumerate() {
            columns.iter_mut().zip(values).for_each(|(column, value)| *column = (*value).into());
            low_rows(backend, &columns, &mut rows[..count]);
            planes.iter_mut().zip(&*rows).for_each(|(plane, row)| plane.set_block(block, *row));
        }
        planes
    }

    /// Sets the bits of 128 lanes, from number 128·`block` on.
    pub(super) fn set_block(&mut self, block: usize, bits: u128) {
        let [low, high] = &mut self.0.as_chunks_mut::<2>().0[block];
        (*low, *high) = (bits as u64, (bits >> 64) as u64);
    }

    /// All ones in every lane whose bit is set, else 0.
    pub(super) fn masks(&self) -> Ring {
        let mut masks = Ring(Box::new([0; LANES]));
        let halves = self.0.iter().flat_map(|&word| [word as u32, (word >> 32) as u32]);
        let lanes = masks.0.as_chunks_mut::<32>().0.iter_mut();
        VectorBackend::best().run(
            #[inline(always)]
            || {
                for (lanes, bits) in lanes.zip(halves) {
                    for (i, mask) in lanes.iter_mut().enumerate() {
                        *mask = (bits >> i & 1).wrapping_neg();
                    }
                }
            },
        );
        // Else the compiler knows that there are two values only, and may branch on which it is.
        black_box(&mut masks);
        masks
    }

    /// `self` ? `x` : `y`.
    pub(super) fn select(self, x: Self, y: Self) -> Self {
        y ^ self & (x ^ y)
    }
}

impl BitXor for Plane {
    type Output = Self;

    fn bitxor(mut self, other: Self) -> Self {
        self ^= other;
        self
    }
}

impl BitXorAssign for Plane {
    fn bitxor_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a ^= b);
    }
}

impl BitAnd for Plane {
    type Output = Self;

    fn bitand(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a &= b);
        self
    }
}

impl Not for Plane {
    type Output = Self;

    fn not(mut self) -> Self {
        self.0.iter_mut().for_each(|a| *a = !*a);
        self
    }
}

/// The element that `lane` gives for each lane, in a loop over registers as wide as there are.
pub(super) fn ring(mut lane: impl FnMut(usize) -> u32) -> Ring {
    let mut elements = Box::new([0; LANES]);
    VectorBackend::best().run(
        #[inline(always)]
        || elements.iter_mut().enumerate().for_each(|(i, element)| *element = lane(i)),
    );
    Ring(elements)
}

/// −`value` where `mask` is all ones, `value` where it is 0.
pub(super) fn negate_if(mask: u32, value: u32) -> u32 {
    (value ^ mask).wrapping_sub(mask)
}
