//! Bits and ring elements of many lanes at once.
//!
//! A plane is a register where registers are widest. The steps of a program run inside
//! [`VectorBackend::run`] (`layer`) and are inlined there with all that they do on lanes.

use std::hint::black_box;
use std::ops::{BitAnd, BitXor, BitXorAssign, Deref, DerefMut, Not};

use gazelle_kernels::VectorBackend;
use gazelle_kernels::transpose::low_rows;
use zeroize::{DefaultIsZeroes, Zeroize, ZeroizeOnDrop, Zeroizing};

/// Lanes of a plane: activations that are computed together.
pub(super) const LANES: usize = 512;

/// One bit of each lane. Lanes that are not in use hold anything.
#[derive(Clone, Copy, Default)]
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
pub(super) struct Plane(pub(super) [u64; LANES / 64]);

impl DefaultIsZeroes for Plane {}

/// Some planes; wiped when dropped.
#[derive(Default)]
pub(super) struct Planes(Box<[Plane]>);

impl Planes {
    /// So many, all 0. Their number stays, so that growth leaves no copy in freed memory.
    pub(super) fn zero(count: usize) -> Self {
        Self(std::iter::repeat_n(Plane::ZERO, count).collect())
    }
}

impl From<&[Plane]> for Planes {
    fn from(planes: &[Plane]) -> Self {
        Self(planes.into())
    }
}

impl Deref for Planes {
    type Target = [Plane];

    #[inline(always)]
    fn deref(&self) -> &[Plane] {
        &self.0
    }
}

impl DerefMut for Planes {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [Plane] {
        &mut self.0
    }
}

impl Drop for Planes {
    fn drop(&mut self) {
        // As a slice; a box or vector is wiped element by element.
        self.0.as_mut().zeroize();
    }
}

impl ZeroizeOnDrop for Planes {}

/// One element of Z_{2^32} of each lane; whoever sends one cuts it to the ring it stands for. Wiped
/// when dropped.
pub(super) struct Ring(Box<[u32; LANES]>);

impl Default for Ring {
    fn default() -> Self {
        Self(Box::new([0; LANES]))
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

impl ZeroizeOnDrop for Ring {}

impl Deref for Ring {
    type Target = [u32; LANES];

    #[inline(always)]
    fn deref(&self) -> &[u32; LANES] {
        &self.0
    }
}

impl DerefMut for Ring {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [u32; LANES] {
        &mut self.0
    }
}

impl Ring {
    /// The element that `lane` gives for each lane.
    #[inline(always)]
    pub(super) fn of(mut lane: impl FnMut(usize) -> u32) -> Self {
        let mut elements = Self::default();
        elements.update(|i, _| lane(i));
        elements
    }

    /// Replaces each lane's element by what `lane` makes of it.
    #[inline(always)]
    pub(super) fn update(&mut self, mut lane: impl FnMut(usize, u32) -> u32) {
        self.0.iter_mut().enumerate().for_each(|(i, element)| *element = lane(i, *element));
    }
}

/// All ones or 0 in each lane; wiped when dropped.
pub(super) struct Masks([u32; LANES]);

impl Deref for Masks {
    type Target = [u32; LANES];

    #[inline(always)]
    fn deref(&self) -> &[u32; LANES] {
        &self.0
    }
}

impl Drop for Masks {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

impl Plane {
    pub(super) const ZERO: Self = Self([0; LANES / 64]);
    pub(super) const ONES: Self = Self([u64::MAX; LANES / 64]);

    /// The low bits of at most [`LANES`] values, the lowest first, to each plane the next.
    pub(super) fn set_bits(planes: &mut [Self], values: &[u32]) {
        let backend = VectorBackend::best();
        let mut columns = Zeroizing::new([0; 128]);
        let mut rows = Zeroizing::new([0; u32::BITS as usize]);
        let rows = &mut rows[..planes.len()];
        for (block, values) in values.chunks(columns.len()).enumerate() {
            columns.iter_mut().zip(values).for_each(|(column, value)| *column = (*value).into());
            low_rows(backend, &columns, rows);
            planes.iter_mut().zip(&*rows).for_each(|(plane, row)| plane.set_block(block, *row));
        }
    }

    /// Sets the bits of 128 lanes, from number 128·`block` on.
    pub(super) fn set_block(&mut self, block: usize, bits: u128) {
        let [low, high] = &mut self.0.as_chunks_mut::<2>().0[block];
        (*low, *high) = (bits as u64, (bits >> 64) as u64);
    }

    /// All ones in every lane whose bit is set, else 0.
    #[inline(always)]
    pub(super) fn masks(&self) -> Masks {
        let mut masks = Masks([0; LANES]);
        let halves = self.0.iter().flat_map(|&word| [word as u32, (word >> 32) as u32]);
        for (lanes, bits) in masks.0.as_chunks_mut::<32>().0.iter_mut().zip(halves) {
            for (i, mask) in lanes.iter_mut().enumerate() {
                *mask = (bits >> i & 1).wrapping_neg();
            }
        }
        // Else the compiler knows that there are two values only, and may branch on which it is.
        black_box(&mut masks);
        masks
    }

    /// As they go over the wire.
    #[inline(always)]
    pub(super) fn to_bytes(self) -> [u8; LANES / 8] {
        let mut bytes = [0; LANES / 8];
        for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(self.0) {
            *bytes = word.to_le_bytes();
        }
        bytes
    }

    /// From the wire.
    #[inline(always)]
    pub(super) fn from_bytes(bytes: &[u8; LANES / 8]) -> Self {
        let mut plane = Self::ZERO;
        for (word, bytes) in plane.0.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        plane
    }

    /// `self` ? `x` : `y`.
    #[inline(always)]
    pub(super) fn select(self, x: Self, y: Self) -> Self {
        y ^ self & (x ^ y)
    }
}

impl BitXor for Plane {
    type Output = Self;

    #[inline(always)]
    fn bitxor(mut self, other: Self) -> Self {
        self ^= other;
        self
    }
}

impl BitXorAssign for Plane {
    #[inline(always)]
    fn bitxor_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a ^= b);
    }
}

impl BitAnd for Plane {
    type Output = Self;

    #[inline(always)]
    fn bitand(mut self, other: Self) -> Self {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a &= b);
        self
    }
}

impl Not for Plane {
    type Output = Self;

    #[inline(always)]
    fn not(mut self) -> Self {
        self.0.iter_mut().for_each(|a| *a = !*a);
        self
    }
}

/// −`value` where `mask` is all ones, `value` where it is 0.
#[inline(always)]
pub(super) fn negate_if(mask: u32, value: u32) -> u32 {
    (value ^ mask).wrapping_sub(mask)
}
