//! Products of 16 elements at a time with the same factor. WebAssembly has no carry-less product, but
//! registers as tables of 16 bytes: the multiples of a factor by the polynomials of four coefficients
//! fill 16 of them, one for each byte, and half a byte of an element chooses.

use core::arch::wasm32::{i8x16_swizzle, u8x16, u8x16_shl, u8x16_shr, u8x16_splat};
use core::array;

use alloc::vec::Vec;
use zeroize::Zeroizing;

use super::scalar;
pub(super) use super::scalar::inner_product;
use crate::bitsliced::Vector;
use crate::transpose::simd128::transpose_bytes;

/// Elements of one factor.
const LANES: usize = 16;

/// With fewer of them most lanes are empty, and the scalar twin takes less time.
const FEWEST: usize = 4;

/// Factors whose tables are kept at a time, in the first cache.
const FACTORS: usize = 64;

/// Byte b of sixteen values in block b.
type Bytes = [u128; 16];

/// As [`super::inner_products`], which checks the lengths.
pub(super) fn inner_products(factors: &[u128], rows: &[u128], sums: &mut [u128]) {
    let len = factors.len();
    for (sums, rows) in sums.chunks_mut(LANES).zip(rows.chunks(LANES * len)) {
        if sums.len() < FEWEST {
            return scalar::inner_products(factors, rows, sums);
        }
        for (at, factors) in (0..).step_by(FACTORS).zip(factors.chunks(FACTORS)) {
            let tables: Vec<Bytes> = factors.iter().map(|&f| bytes(multiples(f))).collect();
            let element = |i: usize, row: usize| rows.get(row * len + at + i).copied().unwrap_or(0);
            let elements = (0..factors.len()).map(|i| bytes(array::from_fn(|row| element(i, row))));
            let elements: Zeroizing<Vec<Bytes>> = Zeroizing::new(elements.collect());
            let products = transpose_bytes(sum_of_products(&Zeroizing::new(tables), &elements));
            for (sum, product) in sums.iter_mut().zip(products) {
                (Vector::load(sum) ^ product).store(sum);
            }
        }
    }
}

/// The sums of the products of sixteen lanes, byte by byte: by Horner's rule over halves of bytes, the
/// highest one first.
fn sum_of_products(tables: &[Bytes], elements: &[Bytes]) -> [Vector; 16] {
    let mut sums = [Vector::ZERO; 16];
    for place in (0..16).rev() {
        for high in [true, false] {
            sums = times_x4(sums);
            for (table, element) in tables.iter().zip(elements) {
                let byte = Vector::load(&element[place]);
                let half = if high { upper(byte) } else { byte & Vector(u8x16_splat(0x0f)) };
                for (sum, table) in sums.iter_mut().zip(table) {
                    *sum ^= Vector(i8x16_swizzle(Vector::load(table).0, half.0));
                }
            }
        }
    }
    sums
}

/// X^4 times each lane: what leaves the top comes back times X^7 + X^2 + X + 1.
#[inline(always)]
fn times_x4(lanes: [Vector; 16]) -> [Vector; 16] {
    let over = upper(lanes[15]).0;
    let low = u8x16(
        0x00, 0x87, 0x0e, 0x89, 0x1c, 0x9b, 0x12, 0x95, 0x38, 0xbf, 0x36, 0xb1, 0x24, 0xa3, 0x2a,
        0xad,
    );
    let high = u8x16(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
    array::from_fn(|b| {
        let shifted = Vector(u8x16_shl(lanes[b].0, 4));
        match b {
            0 => shifted ^ Vector(i8x16_swizzle(low, over)),
            1 => shifted ^ upper(lanes[0]) ^ Vector(i8x16_swizzle(high, over)),
            _ => shifted ^ upper(lanes[b - 1]),
        }
    })
}

/// The upper halves of bytes.
#[inline(always)]
fn upper(bytes: Vector) -> Vector {
    Vector(u8x16_shr(bytes.0, 4))
}

/// n·f for each n below 16, a polynomial of four coefficients.
fn multiples(f: u128) -> [u128; 16] {
    let mut multiples = [0, f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for n in 1..8 {
        let x = multiples[n];
        multiples[2 * n] = x << 1 ^ (x >> 127).wrapping_neg() & 0x87;
        multiples[2 * n + 1] = multiples[2 * n] ^ f;
    }
    multiples
}

/// Byte b of each value in block b.
fn bytes(values: [u128; 16]) -> Bytes {
    let mut bytes = [0; 16];
    let vectors = transpose_bytes(values.each_ref().map(Vector::load));
    vectors.into_iter().zip(&mut bytes).for_each(|(vector, to)| vector.store(to));
    bytes
}
