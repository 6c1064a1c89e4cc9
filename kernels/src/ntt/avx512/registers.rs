//! Words in registers: loads, stores, transpositions.

use core::arch::x86_64::*;
use core::ops::{Index, IndexMut, Range};

pub(super) type Vector = [u64; 8];

/// SAFETY: all bits zero are a vector.
pub(super) const ZERO: __m512i = unsafe { core::mem::zeroed() };

/// `[f(0), f(1), …]`; a loop, since the closures of `core::array` lose the target's features.
macro_rules! array {
    ($len:expr, $zero:expr, |$i:ident| $value:expr) => {{
        let mut out = [$zero; $len];
        for $i in 0..$len {
            out[$i] = $value;
        }
        out
    }};
}

pub(super) use array;

/// The `N` equal parts of a block, to be indexed by part and place. (Iterators over arrays of
/// references are not inlined in every build.)
pub(super) struct Parts<'a, T, const N: usize> {
    block: &'a mut [T],
    len: usize,
}

impl<'a, T, const N: usize> Parts<'a, T, N> {
    pub(super) fn new(block: &'a mut [T]) -> Self {
        let len = block.len() / N;
        Self { block, len }
    }

    /// The places of a part.
    #[inline(always)]
    pub(super) fn places(&self) -> Range<usize> {
        0..self.len
    }
}

impl<T, const N: usize> Index<(usize, usize)> for Parts<'_, T, N> {
    type Output = T;

    #[inline(always)]
    fn index(&self, (part, place): (usize, usize)) -> &T {
        assert!(part < N && place < self.len);
        // SAFETY: part·len + place < N·len ≤ block.len().
        unsafe { self.block.get_unchecked(part * self.len + place) }
    }
}

impl<T, const N: usize> IndexMut<(usize, usize)> for Parts<'_, T, N> {
    #[inline(always)]
    fn index_mut(&mut self, (part, place): (usize, usize)) -> &mut T {
        assert!(part < N && place < self.len);
        // SAFETY: as above.
        unsafe { self.block.get_unchecked_mut(part * self.len + place) }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store_each<const N: usize>(x: [&mut Vector; N], y: [__m512i; N]) {
    for (x, y) in x.into_iter().zip(y) {
        store(x, y);
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn broadcast(x: u64) -> __m512i {
    _mm512_set1_epi64(x as i64)
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load(x: &Vector) -> __m512i {
    // SAFETY: the reference is to eight words.
    unsafe { _mm512_loadu_si512(x.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store(x: &mut Vector, y: __m512i) {
    // SAFETY: the reference is to eight words.
    unsafe { _mm512_storeu_si512(x.as_mut_ptr().cast(), y) }
}

/// Rows to columns.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn transpose(r: [__m512i; 8]) -> [__m512i; 8] {
    // Words c and c + 1 of rows 2i and 2i + 1 side by side, c even: by 128-bit lanes c / 2.
    let even = [0, 2, 4, 6].map(|i| _mm512_unpacklo_epi64(r[i], r[i + 1]));
    let odd = [0, 2, 4, 6].map(|i| _mm512_unpackhi_epi64(r[i], r[i + 1]));
    let [c0, c2, c4, c6] = transpose_lanes(even);
    let [c1, c3, c5, c7] = transpose_lanes(odd);
    [c0, c1, c2, c3, c4, c5, c6, c7]
}

/// Rows to columns, by lanes of 128 bits.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose_lanes([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
    const EVEN: i32 = 0x88;
    const ODD: i32 = 0xdd;
    let (ab02, ab13) = (_mm512_shuffle_i64x2::<EVEN>(a, b), _mm512_shuffle_i64x2::<ODD>(a, b));
    let (cd02, cd13) = (_mm512_shuffle_i64x2::<EVEN>(c, d), _mm512_shuffle_i64x2::<ODD>(c, d));
    [
        _mm512_shuffle_i64x2::<EVEN>(ab02, cd02),
        _mm512_shuffle_i64x2::<EVEN>(ab13, cd13),
        _mm512_shuffle_i64x2::<ODD>(ab02, cd02),
        _mm512_shuffle_i64x2::<ODD>(ab13, cd13),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_rows() {
        if crate::VectorBackend::avx512().is_none() {
            return;
        }
        let rows: [Vector; 8] =
            core::array::from_fn(|i| core::array::from_fn(|j| (10 * i + j) as u64));
        // SAFETY: the CPU has AVX-512.
        let columns = unsafe { transposed(&rows) };
        for i in 0..8 {
            for j in 0..8 {
                assert_eq!(columns[j][i], rows[i][j]);
            }
        }
    }

    #[target_feature(enable = "avx512f")]
    fn transposed(rows: &[Vector; 8]) -> [Vector; 8] {
        let columns = transpose(core::array::from_fn(|i| load(&rows[i])));
        let mut out = [Vector::default(); 8];
        for (out, column) in out.iter_mut().zip(columns) {
            store(out, column);
        }
        out
    }
}
