//! AES-128 on eight blocks at a time, in bits, on WebAssembly's registers, which have no instruction
//! for it.
//!
//! Plane k has bit k of every byte of eight blocks: bit j of its byte 4·r + c belongs to block j, row
//! r and column c (Käsper and Schwabe, "Faster and timing-attack resistant AES-GCM", CHES 2009). So a
//! row is a word of 32 bits. No instruction and no address depends on a value.

mod sbox;

use core::arch::wasm32::*;
use core::array;
use core::ops::{BitAnd, BitXor, BitXorAssign};
use zeroize::ZeroizeOnDrop;

/// Blocks that are encrypted together.
pub(crate) const BLOCKS: usize = 8;

/// A register: a block, or a plane of eight.
#[derive(Clone, Copy)]
pub(crate) struct Vector(pub(crate) v128);

/// Eight blocks in bits.
pub(crate) type Planes = [Vector; 8];

/// What the substitution of [`sbox`] leaves out, bit by bit. Mixing columns does not change it, so it
/// stands in the round keys.
const AFFINE: u8 = 0x63;

/// The round constants of the key schedule (FIPS 197, section 5.2).
const ROUND_CONSTANTS: [u8; 10] = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36];

/// The round keys of eight blocks; those from the second on with [`AFFINE`] in every byte. Wiped when
/// dropped.
#[derive(ZeroizeOnDrop)]
pub(crate) struct Keys([[u128; BLOCKS]; 11]);

impl Keys {
    /// Schedules a key for each block (FIPS 197, section 5.2).
    pub(crate) fn schedule(keys: &[u128; BLOCKS]) -> Self {
        let mut scheduled = Self([[0; BLOCKS]; 11]);
        let mut key = slice(keys.each_ref().map(Vector::load));
        store(key, &mut scheduled.0[0]);
        for (constant, round) in ROUND_CONSTANTS.into_iter().zip(&mut scheduled.0[1..]) {
            key = next_key(key, constant);
            store(array::from_fn(|k| key[k] ^ Vector(u32x4_splat(mask(AFFINE, k)))), round);
        }
        scheduled
    }

    /// The key of block `place` for all of them.
    pub(crate) fn only(&self, place: usize) -> Self {
        let bit = u8x16_splat(1 << place);
        let mut all = Self([[0; BLOCKS]; 11]);
        for (planes, all) in self.0.as_flattened().iter().zip(all.0.as_flattened_mut()) {
            Vector::load(planes).all_of(bit).store(all);
        }
        all
    }

    /// Encrypts eight blocks.
    #[inline]
    pub(crate) fn encrypt(&self, blocks: [Vector; BLOCKS]) -> [Vector; BLOCKS] {
        unslice(self.rounds(slice(blocks)))
    }

    /// Encrypts the same block under eight keys.
    #[inline]
    pub(crate) fn encrypt_one(&self, block: u128) -> [Vector; BLOCKS] {
        let block = transpose(Vector::load(&block));
        unslice(self.rounds(array::from_fn(|k| block.all_of(u8x16_splat(1 << k)))))
    }

    #[inline(always)]
    fn rounds(&self, state: Planes) -> Planes {
        let mut state = add(state, &self.0[0]);
        for keys in &self.0[1..10] {
            state = add(mix_columns(shift_rows(sbox::substitute(state))), keys);
        }
        add(shift_rows(sbox::substitute(state)), &self.0[10])
    }
}

/// The round keys after these, without [`AFFINE`].
fn next_key(key: Planes, constant: u8) -> Planes {
    let substituted = sbox::substitute(key);
    array::from_fn(|k| {
        // The last column, rotated up by a row, in every column.
        let places = u8x16(7, 7, 7, 7, 11, 11, 11, 11, 15, 15, 15, 15, 3, 3, 3, 3);
        let word = Vector(i8x16_swizzle(substituted[k].0, places));
        let rest = mask(AFFINE, k);
        let added = Vector(u32x4(mask(AFFINE ^ constant, k), rest, rest, rest));
        // Each column plus those before it.
        let sums = key[k] ^ Vector(u32x4_shl(key[k].0, 8));
        sums ^ Vector(u32x4_shl(sums.0, 16)) ^ word ^ added
    })
}

/// All ones if bit `k` is set, else 0.
const fn mask(byte: u8, k: usize) -> u32 {
    (byte as u32 >> k & 1).wrapping_neg()
}

#[inline(always)]
fn add(state: Planes, keys: &[u128; BLOCKS]) -> Planes {
    array::from_fn(|k| state[k] ^ Vector::load(&keys[k]))
}

#[inline(always)]
fn store(planes: Planes, to: &mut [u128; BLOCKS]) {
    planes.into_iter().zip(to).for_each(|(plane, to)| plane.store(to));
}

/// Rotates row r to the left by r.
#[inline(always)]
fn shift_rows(state: Planes) -> Planes {
    let places = u8x16(0, 1, 2, 3, 5, 6, 7, 4, 10, 11, 8, 9, 15, 12, 13, 14);
    state.map(|plane| Vector(i8x16_swizzle(plane.0, places)))
}

/// Row r becomes 2·(a + b) + b + c + d of the rows r, r + 1, r + 2 and r + 3 (modulo 4), called a, b,
/// c and d; 2 stands for X modulo X^8 + X^4 + X^3 + X + 1.
#[inline(always)]
fn mix_columns(state: Planes) -> Planes {
    let next = state.map(|a| Vector(u32x4_shuffle::<1, 2, 3, 0>(a.0, a.0)));
    let sums: Planes = array::from_fn(|k| state[k] ^ next[k]);
    array::from_fn(|k| {
        let last_two = Vector(u32x4_shuffle::<2, 3, 0, 1>(sums[k].0, sums[k].0));
        let mixed = next[k] ^ last_two ^ sums[(k + 7) % 8];
        if matches!(k, 1 | 3 | 4) { mixed ^ sums[7] } else { mixed }
    })
}

/// From blocks to planes.
#[inline(always)]
fn slice(blocks: [Vector; BLOCKS]) -> Planes {
    exchange_bits(blocks.map(transpose))
}

/// From planes to blocks.
#[inline(always)]
fn unslice(planes: Planes) -> [Vector; BLOCKS] {
    exchange_bits(planes).map(transpose)
}

/// Rows and columns of a block change places.
#[inline(always)]
fn transpose(block: Vector) -> Vector {
    let places = u8x16(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    Vector(i8x16_swizzle(block.0, places))
}

/// Exchanges register k, bit j of each byte with register j, bit k.
#[inline(always)]
pub(crate) fn exchange_bits(registers: [Vector; 8]) -> [Vector; 8] {
    let mut registers = registers.map(|register| register.0);
    for (log, mask) in [0x55, 0x33, 0x0f].into_iter().enumerate() {
        let (step, mask) = (1 << log, u8x16_splat(mask));
        for low in (0..8).filter(|low| low & step == 0) {
            let (a, b) = (registers[low], registers[low + step]);
            let moved = v128_and(v128_xor(u64x2_shr(a, step as u32), b), mask);
            registers[low] = v128_xor(a, u64x2_shl(moved, step as u32));
            registers[low + step] = v128_xor(b, moved);
        }
    }
    registers.map(Vector)
}

impl Vector {
    pub(crate) const ZERO: Self = Self(u64x2(0, 0));

    #[inline(always)]
    pub(crate) fn load(block: &u128) -> Self {
        // SAFETY: a u128 is 16 bytes long.
        Self(unsafe { v128_load(core::ptr::from_ref(block).cast()) })
    }

    #[inline(always)]
    pub(crate) fn store(self, block: &mut u128) {
        // SAFETY: a u128 is 16 bytes long.
        unsafe { v128_store(core::ptr::from_mut(block).cast(), self.0) }
    }

    /// σ of [`crate::hash`].
    #[inline(always)]
    pub(crate) fn sigma(self) -> Self {
        let upper = v128_and(self.0, u64x2(0, u64::MAX));
        Self(v128_xor(u64x2_shuffle::<1, 0>(self.0, self.0), upper))
    }

    /// Bytes of ones where a byte has this bit.
    #[inline(always)]
    fn all_of(self, bit: v128) -> Self {
        Self(u8x16_eq(v128_and(self.0, bit), bit))
    }
}

impl BitXor for Vector {
    type Output = Self;

    #[inline(always)]
    fn bitxor(self, other: Self) -> Self {
        Self(v128_xor(self.0, other.0))
    }
}

impl BitXorAssign for Vector {
    #[inline(always)]
    fn bitxor_assign(&mut self, other: Self) {
        *self = *self ^ other;
    }
}

impl BitAnd for Vector {
    type Output = Self;

    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        Self(v128_and(self.0, other.0))
    }
}

/// Calls `f` with eight blocks after the other; the last ones are filled up with zeros.
#[inline(always)]
pub(crate) fn by_eight(blocks: &mut [u128], mut f: impl FnMut(usize, &mut [u128; BLOCKS])) {
    let (eights, rest) = blocks.as_chunks_mut::<BLOCKS>();
    let count = eights.len();
    for (i, eight) in eights.iter_mut().enumerate() {
        f(BLOCKS * i, eight);
    }
    if !rest.is_empty() {
        let mut last = [0; BLOCKS];
        last[..rest.len()].copy_from_slice(rest);
        f(BLOCKS * count, &mut last);
        rest.copy_from_slice(&last[..rest.len()]);
    }
}
