//! WebAssembly's registers: one block of columns at a time.

use core::arch::wasm32::u8x16_shuffle;
use core::array;

use crate::bitsliced::{Vector, exchange_bits};

/// See [`super::transpose128`], which checks the lengths.
pub(super) fn transpose128(rows: &[u128], columns: &mut [u128]) {
    let width = columns.len() / 128;
    for (block, square) in columns.as_chunks_mut().0.iter_mut().enumerate() {
        transpose_square(|i| &rows[i * width + block], square);
    }
}

/// See [`super::low_rows`], which checks the lengths. Bytes number c of all columns, in the order that
/// they have in a row, hold eight rows, whose bits then change places with the columns of a group of eight.
pub(super) fn low_rows(columns: &[u128; 128], rows: &mut [u128]) {
    for (c, rows) in rows.chunks_mut(8).enumerate() {
        let eight = array::from_fn(|s| {
            let byte = |group: usize| columns[8 * group + s].to_le_bytes()[c];
            Vector::load(&u128::from_le_bytes(array::from_fn(byte)))
        });
        for (row, plane) in rows.iter_mut().zip(exchange_bits(eight)) {
            plane.store(row);
        }
    }
}

#[inline(always)]
fn transpose_square<'a>(row: impl Fn(usize) -> &'a u128, columns: &mut [u128; 128]) {
    let mut planes = [[Vector::ZERO; 16]; 8];
    for group in 0..16 {
        let eight = exchange_bits(array::from_fn(|s| Vector::load(row(8 * group + s))));
        for (plane, vector) in planes.iter_mut().zip(eight) {
            plane[group] = vector;
        }
    }
    for (t, plane) in planes.into_iter().enumerate() {
        for (c, column) in transpose_bytes(plane).into_iter().enumerate() {
            column.store(&mut columns[8 * c + t]);
        }
    }
}

/// From vector R, byte c to vector c, byte R: each round rotates the eight index bits of (vector, byte)
/// by one.
#[inline(always)]
pub(crate) fn transpose_bytes(mut v: [Vector; 16]) -> [Vector; 16] {
    for _ in 0..4 {
        v = array::from_fn(|i| {
            let [Vector(a), Vector(b)] = [v[i / 2], v[i / 2 + 8]];
            Vector(if i % 2 == 0 {
                u8x16_shuffle::<0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23>(a, b)
            } else {
                u8x16_shuffle::<8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31>(a, b)
            })
        });
    }
    v
}
