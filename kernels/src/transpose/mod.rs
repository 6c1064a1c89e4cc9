//! Transposition of bit matrices with 128 rows.
//!
//! An oblivious-transfer extension computes 128 long rows and hands out their columns as labels.
//! All backends work the same way. Cut into bytes, the matrix has 16 groups R of 8 rows, and bytes
//! number c of a block of 128 columns. First, bits change places with rows inside a group: three
//! rounds of masked exchanges between 8 rows, after which row t of group R holds, in byte c, the
//! column 8c + t of that group. Then a transposition of the 16 × 16 bytes (R, c) for each t, four
//! rounds of interleaving, puts the 16 bytes of a column side by side.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod scalar;
#[cfg(target_feature = "simd128")]
pub(crate) mod simd128;

use crate::backend::VectorBackend;
use crate::dispatch::vector_twin;

/// Transposes 128 rows of `width` blocks of 128 bits: bit i of `columns[j]` becomes bit j of row
/// i, that is bit j mod 128 of `rows[i·width + j / 128]`.
///
/// `width` is `columns.len()` / 128. Some 16 blocks are best: longer rows fall out of the
/// first-level cache.
///
/// # Panics
/// If the slices differ in length or do not have a multiple of 128 blocks.
pub fn transpose128(backend: VectorBackend, rows: &[u128], columns: &mut [u128]) {
    assert_eq!(rows.len(), columns.len(), "as many bits out as in");
    assert!(rows.len().is_multiple_of(128), "128 rows of whole blocks");
    // SAFETY: the backend's value proves all that its twin asks for.
    unsafe { vector_twin!(backend, transpose128(rows, columns)) }
}

/// The first rows of the matrix that has these 128 columns: bit j of row i is bit i of column j.
///
/// Work grows with the rows, eight at a time; for most of them [`transpose128`] takes less.
///
/// # Panics
/// If there are more than 128 rows.
pub fn low_rows(backend: VectorBackend, columns: &[u128; 128], rows: &mut [u128]) {
    assert!(rows.len() <= 128, "a column has 128 bits");
    // SAFETY: the backend's value proves all that its twin asks for.
    unsafe { vector_twin!(backend, low_rows(columns, rows)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    /// The definition, bit by bit.
    fn naive(rows: &[u128]) -> Vec<u128> {
        let width = rows.len() / 128;
        let bit = |i: usize, j: usize| rows[i * width + j / 128] >> (j % 128) & 1;
        (0..rows.len()).map(|j| (0..128).fold(0, |c, i| c | bit(i, j) << i)).collect()
    }

    fn inputs(len: usize) -> Vec<Vec<u128>> {
        let mut state = 0x0123_4567_89ab_cdefu128;
        let mut random = || {
            state = state.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1);
            state ^ state >> 64
        };
        let cycle = |i: usize| (0..16).fold(0, |b, k| b << 8 | ((16 * i + k) % 251) as u128);
        let single = |at: usize, bit: u32| {
            let mut rows = vec![0; len];
            if let Some(row) = rows.get_mut(at) {
                *row = 1 << bit;
            }
            rows
        };
        vec![
            vec![0; len],
            vec![u128::MAX; len],
            (0..len).map(cycle).collect(),
            (0..len).map(|_| random()).collect(),
            single(0, 127),
            single(len.saturating_sub(1), 0),
        ]
    }

    #[test]
    fn every_backend_transposes_every_width() {
        for width in (0..=9).chain([15, 16, 17, 33]) {
            for rows in inputs(128 * width) {
                let expected = naive(&rows);
                for backend in VectorBackend::available() {
                    let mut columns = vec![0x55; rows.len()];
                    transpose128(backend, &rows, &mut columns);
                    assert!(columns == expected, "{}, width {width}", backend.name());
                }
            }
        }
    }

    #[test]
    fn every_backend_gives_the_first_rows() {
        for columns in inputs(128) {
            let expected = naive(&columns);
            for len in (0..=41).chain([63, 64, 65, 127, 128]) {
                for backend in VectorBackend::available() {
                    let mut rows = vec![0x55; len];
                    low_rows(backend, columns.first_chunk().unwrap(), &mut rows);
                    assert!(rows == expected[..len], "{}, {len} rows", backend.name());
                }
            }
        }
    }

    #[test]
    #[should_panic = "a column has 128 bits"]
    fn more_rows_than_bits_are_refused() {
        low_rows(VectorBackend::SCALAR, &[0; 128], &mut [0; 129]);
    }

    #[test]
    fn transposing_twice_is_the_identity_on_a_square() {
        for rows in inputs(128) {
            for backend in VectorBackend::available() {
                let (mut once, mut twice) = (vec![0; 128], vec![0; 128]);
                transpose128(backend, &rows, &mut once);
                transpose128(backend, &once, &mut twice);
                assert!(twice == rows, "{}", backend.name());
            }
        }
    }

    #[test]
    #[should_panic = "whole blocks"]
    fn a_part_of_a_block_is_refused() {
        transpose128(VectorBackend::SCALAR, &[0; 100], &mut [0; 100]);
    }
}
