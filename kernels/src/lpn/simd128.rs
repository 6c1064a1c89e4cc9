//! The code with bit-sliced words: those of four groups at a time fill whole eights of blocks.

use core::array;

use crate::bitsliced::{BLOCKS, Keys, Vector};

use super::{GROUP, GROUP_BLOCKS, LOCALITY, first_block};

/// Groups whose words are made together.
const GROUPS: usize = 4;

/// As [`super::add_code`].
pub(super) fn add_code(key: u128, first: u64, table: &[u128], out: &mut [u128]) {
    let keys = Keys::schedule(&[key; BLOCKS]);
    let mask = table.len() - 1;
    let mut counter = first_block(first);
    for out in out.chunks_mut(GROUPS * GROUP) {
        let mut blocks = [0; GROUPS * GROUP_BLOCKS];
        for eight in blocks.as_chunks_mut::<BLOCKS>().0 {
            let numbers: [u128; BLOCKS] = array::from_fn(|i| counter + i as u128);
            let words = keys.encrypt(numbers.each_ref().map(Vector::load));
            eight.iter_mut().zip(words).for_each(|(block, words)| words.store(block));
            counter += BLOCKS as u128;
        }
        let words: &[[u32; LOCALITY]] = bytemuck::must_cast_slice::<_, u32>(&blocks).as_chunks().0;
        for (out, words) in out.iter_mut().zip(words) {
            for &word in words {
                *out ^= table[word as usize & mask];
            }
        }
    }
}
