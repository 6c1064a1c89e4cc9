//! The scalar twin of the hashes, on the crate `aes`.

use crate::label::select;

use super::{Hash, HashKind, INSTANCES_PER_KEY, sigma};
use aes::{
    Aes128,
    cipher::{BlockCipherEncrypt, KeyInit},
};

/// As [`super::hash`].
pub fn hash(hash: &Hash, tweak: u64, labels: &mut [u128]) {
    match hash.kind {
        HashKind::Mitccrh => mitccrh(hash.key, tweak, INSTANCES_PER_KEY, labels),
        HashKind::MitccrhStrict => mitccrh(hash.key, tweak, 1, labels),
        HashKind::FixedKey => fixed_key(hash.key, tweak, labels),
    }
}

/// As [`super::hash_colours`].
pub fn hash_colours(
    h: &Hash,
    tweak: u64,
    delta: u128,
    wire: &[u128],
    [zeros, ones]: [&mut [u128]; 2],
) {
    sort_colours(delta, wire, [zeros, ones]);
    hash(h, tweak, zeros);
    hash(h, tweak, ones);
}

/// Each wire's label of colour 0 and its label of colour 1, from its zero label.
pub(super) fn sort_colours(delta: u128, wire: &[u128], [zeros, ones]: [&mut [u128]; 2]) {
    for ((zero, one), &label) in zeros.iter_mut().zip(ones).zip(wire) {
        *zero = label ^ select(label, delta);
        *one = *zero ^ delta;
    }
}

fn mitccrh(key: u128, tweak: u64, per_key: usize, labels: &mut [u128]) {
    for (block, labels) in labels.chunks_mut(per_key).enumerate() {
        let cipher = schedule(key ^ u128::from(tweak.wrapping_add((block * per_key) as u64)));
        encrypt_add(&cipher, labels, |_, x| sigma(x));
    }
}

fn fixed_key(key: u128, tweak: u64, labels: &mut [u128]) {
    let cipher = schedule(key);
    encrypt(&cipher, labels);
    // The outer call encrypts π(x) ⊕ t and adds π(x).
    let mut inner = labels.to_vec();
    for (i, x) in inner.iter_mut().enumerate() {
        *x ^= u128::from(tweak.wrapping_add(i as u64));
    }
    encrypt(&cipher, &mut inner);
    for (x, outer) in labels.iter_mut().zip(inner) {
        *x ^= outer;
    }
}

/// x → E(s(x)) ⊕ s(x).
fn encrypt_add(cipher: &Aes128, labels: &mut [u128], s: impl Fn(usize, u128) -> u128) {
    let mut buffer = [0u128; 64];
    for (chunk, labels) in labels.chunks_mut(64).enumerate() {
        let buffer = &mut buffer[..labels.len()];
        for (i, (b, x)) in buffer.iter_mut().zip(labels.iter_mut()).enumerate() {
            *x = s(64 * chunk + i, *x);
            *b = *x;
        }
        encrypt(cipher, buffer);
        for (b, x) in buffer.iter().zip(labels) {
            *x ^= b;
        }
    }
}

fn schedule(key: u128) -> Aes128 {
    Aes128::new(&key.to_le_bytes().into())
}

fn encrypt(cipher: &Aes128, blocks: &mut [u128]) {
    let mut buffer = [aes::Block::default(); 64];
    for blocks in blocks.chunks_mut(64) {
        let buffer = &mut buffer[..blocks.len()];
        for (b, x) in buffer.iter_mut().zip(blocks.iter()) {
            *b = x.to_le_bytes().into();
        }
        cipher.encrypt_blocks(buffer);
        for (b, x) in buffer.iter().zip(blocks) {
            *x = u128::from_le_bytes((*b).into());
        }
    }
}
