//! AES instructions on registers of 128, 256 and 512 bits, by the same names.
//!
//! Kernels are written once, as text that takes one of these modules; `V` is a register, `BLOCKS`
//! how many blocks it holds.

pub(crate) mod xmm;
pub(crate) mod ymm;
pub(crate) mod zmm;

/// The eleven round keys of AES-128.
pub(crate) type RoundKeys = [u128; 11];

/// The round constants of the key schedule (FIPS 197, section 5.2), in every word.
pub(crate) const ROUND_CONSTANTS: [u128; 10] = {
    let bytes = [0x01u128, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36];
    let mut words = [0; 10];
    let mut i = 0;
    while i < 10 {
        words[i] = bytes[i] * 0x0000_0001_0000_0001_0000_0001_0000_0001;
        i += 1;
    }
    words
};

/// Moves the last word, rotated down by a byte, to every word.
pub(crate) const ROTATED_LAST_WORD: u128 = 0x0c0f_0e0d_0c0f_0e0d_0c0f_0e0d_0c0f_0e0d;
