//! The portable twin, in quarters of 64 × 64 bits.

use core::array;

/// See [`super::transpose128`], which checks the lengths.
pub(super) fn transpose128(rows: &[u128], columns: &mut [u128]) {
    let width = columns.len() / 128;
    for (block, square) in columns.chunks_exact_mut(128).enumerate() {
        transpose_square(|i| rows[i * width + block], square);
    }
}

/// See [`super::low_rows`], which checks the lengths.
pub(super) fn low_rows(columns: &[u128; 128], rows: &mut [u128]) {
    transpose_square(|j| columns[j], rows);
}

/// The first columns of a square, as many as there is room for.
fn transpose_square(row: impl Fn(usize) -> u128, columns: &mut [u128]) {
    for (right, out) in columns.chunks_mut(64).enumerate() {
        let quarter = |bottom: usize| {
            transpose64(array::from_fn(|i| (row(64 * bottom + i) >> (64 * right)) as u64))
        };
        let halves = quarter(0).into_iter().zip(quarter(1));
        for (column, (low, high)) in out.iter_mut().zip(halves) {
            *column = u128::from(low) | u128::from(high) << 64;
        }
    }
}

/// Exchanges bit j of row i with bit i of row j, for one bit of the indices after another (Warren,
/// Hacker's Delight, section 7-3).
fn transpose64(mut rows: [u64; 64]) -> [u64; 64] {
    let mut mask = u64::MAX;
    for log in (0..6).rev() {
        let step = 1 << log;
        // The columns whose index lacks bit `log`.
        mask ^= mask << step;
        for pair in rows.chunks_exact_mut(2 * step) {
            let (low, high) = pair.split_at_mut(step);
            for (a, b) in low.iter_mut().zip(high) {
                let moved = (*a >> step ^ *b) & mask;
                *b ^= moved;
                *a ^= moved << step;
            }
        }
    }
    rows
}
