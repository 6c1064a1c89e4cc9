//! A random local code: every output is the sum of ten entries of a table.
//!
//! This is the primal form of learning parity with noise that silent oblivious transfer stretches
//! its correlations by (Yang, Weng, Lan, Zhang, Wang, "Ferret", CCS 2020, with the local code of
//! their implementation). The matrix is public: entry i of output j is word 10·(j mod 4) + i of the
//! 40 words of 32 bits, in little-endian order, that are AES-128 under a public key of the numbers
//! 10·⌊j/4⌋ … 10·⌊j/4⌋ + 9, reduced modulo the table's length, a power of two.

mod scalar;
#[cfg(target_feature = "simd128")]
mod simd128;
#[cfg(target_arch = "x86_64")]
mod x86;

use crate::backend::AesBackend;
use crate::dispatch::aes_twin;

/// Entries that each output sums.
pub const LOCALITY: usize = 10;

/// Outputs whose words share blocks.
const GROUP: usize = 4;

/// Blocks of words of a group.
const GROUP_BLOCKS: usize = LOCALITY * GROUP / 4;

/// Adds output `first + j` of the code under `key` to `out[j]`. Addresses depend on the key and the
/// numbers alone, not on the table.
///
/// # Panics
/// Unless the table has a power of two of entries, at most 2^32, and `first` is a multiple of four
/// below 2^60.
pub fn add_code(backend: AesBackend, key: u128, first: u64, table: &[u128], out: &mut [u128]) {
    assert!(table.len().is_power_of_two(), "a table of 2^m entries");
    assert!(table.len() as u64 <= 1 << 32, "entries with numbers of 32 bits");
    assert!(first < 1 << 60, "numbers of blocks have 64 bits");
    assert!(first.is_multiple_of(GROUP as u64), "outputs from a multiple of four on");
    // SAFETY: the backend's value proves all that its twin asks for, and the table's length is what
    // the twins ask for.
    unsafe { aes_twin!(backend, add_code(key, first, table, out)) }
}

/// The number of the first block of words of an output.
fn first_block(output: u64) -> u128 {
    u128::from(output / GROUP as u64) * GROUP_BLOCKS as u128
}

#[cfg(test)]
mod tests {
    use super::*;
    use aes::Aes128;
    use aes::cipher::{BlockCipherEncrypt, KeyInit};
    use alloc::vec::Vec;

    /// The definition, word by word.
    fn output(key: u128, j: u64, table: &[u128]) -> u128 {
        let cipher = Aes128::new(&key.to_le_bytes().into());
        (0..10)
            .map(|i| {
                let word = 10 * (j % 4) + i;
                let mut block = u128::from(10 * (j / 4) + word / 4).to_le_bytes().into();
                cipher.encrypt_block(&mut block);
                let bytes = &block[4 * (word % 4) as usize..][..4];
                u32::from_le_bytes(bytes.try_into().unwrap()) as usize
            })
            .fold(0, |sum, index| sum ^ table[index % table.len()])
    }

    #[test]
    fn outputs_are_sums_of_ten_entries() {
        for bits in [0, 1, 5, 12] {
            let table: Vec<u128> =
                (1..=1u128 << bits).map(|i| i * (3 << 90 | 0x9e37_79b9)).collect();
            for first in [0, 4, 1 << 40] {
                for n in (0..140).chain([1000, 1023]) {
                    let old: Vec<u128> = (0..n).map(|i| i << 64 | 5).collect();
                    let number = |j: usize| first + j as u64;
                    let expected: Vec<u128> = old
                        .iter()
                        .enumerate()
                        .map(|(j, x)| x ^ output(7, number(j), &table))
                        .collect();
                    for backend in AesBackend::available() {
                        let mut out = old.clone();
                        add_code(backend, 7, first, &table, &mut out);
                        assert!(out == expected, "{}, {n} from {first} on", backend.name());
                    }
                }
            }
        }
    }

    #[test]
    #[should_panic = "2^m entries"]
    fn tables_of_other_lengths_are_refused() {
        add_code(AesBackend::best(), 1, 0, &[0; 3], &mut [0]);
    }

    #[test]
    #[should_panic = "2^m entries"]
    fn empty_tables_are_refused() {
        add_code(AesBackend::best(), 1, 0, &[], &mut [0]);
    }

    #[test]
    #[should_panic = "multiple of four"]
    fn outputs_from_the_middle_of_a_group_are_refused() {
        add_code(AesBackend::best(), 1, 2, &[0; 4], &mut [0; 5]);
    }
}
