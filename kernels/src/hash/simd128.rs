//! The hashes on eight labels at a time, in bits.

use core::array;

use crate::bitsliced::{BLOCKS, Keys, Vector, by_eight};

use super::scalar::sort_colours;
use super::{Hash, HashKind, INSTANCES_PER_KEY};

/// As [`super::hash`].
pub(crate) fn hash(hash: &Hash, tweak: u64, labels: &mut [u128]) {
    match hash.kind {
        HashKind::Mitccrh => mitccrh(hash.key, tweak, labels),
        HashKind::MitccrhStrict => strict(hash.key, tweak, labels),
        HashKind::FixedKey => fixed_key(hash.key, tweak, labels),
    }
}

/// As [`super::hash_colours`].
pub(crate) fn hash_colours(
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

fn mitccrh(key: u128, tweak: u64, labels: &mut [u128]) {
    let mut first = tweak;
    for labels in labels.chunks_mut(BLOCKS * INSTANCES_PER_KEY) {
        let keys = schedule(key, first, INSTANCES_PER_KEY);
        for (place, labels) in labels.chunks_mut(INSTANCES_PER_KEY).enumerate() {
            let keys = keys.only(place);
            by_eight(labels, |_, eight| hash_eight(&keys, eight));
        }
        first = first.wrapping_add((BLOCKS * INSTANCES_PER_KEY) as u64);
    }
}

fn strict(key: u128, tweak: u64, labels: &mut [u128]) {
    by_eight(labels, |first, eight| {
        hash_eight(&schedule(key, tweak.wrapping_add(first as u64), 1), eight);
    });
}

/// The keys of eight tweaks, each `step` after the one before.
fn schedule(key: u128, tweak: u64, step: usize) -> Keys {
    Keys::schedule(&array::from_fn(|i| key ^ u128::from(tweak.wrapping_add((i * step) as u64))))
}

/// x → E(σ(x)) ⊕ σ(x).
#[inline(always)]
pub(crate) fn hash_eight(keys: &Keys, labels: &mut [u128; BLOCKS]) {
    let arguments = labels.each_ref().map(|x| Vector::load(x).sigma());
    let hashes = keys.encrypt(arguments);
    for ((x, hash), argument) in labels.iter_mut().zip(hashes).zip(arguments) {
        (hash ^ argument).store(x);
    }
}

/// x → π(π(x) ⊕ t) ⊕ π(x).
fn fixed_key(key: u128, tweak: u64, labels: &mut [u128]) {
    let keys = Keys::schedule(&[key; BLOCKS]);
    by_eight(labels, |first, eight| {
        let inner = keys.encrypt(eight.each_ref().map(Vector::load));
        let number = |i: usize| u128::from(tweak.wrapping_add((first + i) as u64));
        let outer = keys.encrypt(array::from_fn(|i| inner[i] ^ Vector::load(&number(i))));
        for ((x, inner), outer) in eight.iter_mut().zip(inner).zip(outer) {
            (inner ^ outer).store(x);
        }
    });
}
