//! The scalar twin of the code: the specification.

use super::{GROUP, GROUP_BLOCKS, LOCALITY, first_block};
use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};

/// As [`super::add_code`].
pub(super) fn add_code(key: u128, first: u64, table: &[u128], out: &mut [u128]) {
    let cipher = Aes128::new(&key.to_le_bytes().into());
    let mask = table.len() - 1;
    let mut counter = first_block(first);
    for out in out.chunks_mut(GROUP) {
        let mut blocks: [aes::Block; GROUP_BLOCKS] =
            core::array::from_fn(|i| (counter + i as u128).to_le_bytes().into());
        counter += GROUP_BLOCKS as u128;
        cipher.encrypt_blocks(&mut blocks);
        let mut words =
            blocks.iter().flat_map(|b| b.as_chunks().0).map(|word| u32::from_le_bytes(*word));
        for out in out {
            for word in words.by_ref().take(LOCALITY) {
                *out ^= table[word as usize & mask];
            }
        }
    }
}
