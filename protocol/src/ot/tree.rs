//! Trees of seeds: from the base transfers to a secret-shared point in each small field.
//!
//! Δ is cut into 128/K groups of K bits. For each group the extension's receiver grows a tree of
//! depth K (Goldreich, Goldwasser, Micali, 1986) and knows all its 2^K leaves; the extension's
//! sender learns every leaf but the one at its group of Δ, which stays pseudorandom to it. This is
//! the punctured pseudorandom function of Roy, "SoftSpokenOT" (CRYPTO 2022, section 3 and its
//! figure for the tree from chosen transfers).
//!
//! The two nodes below the root are the keys of the first transfer themselves. On each deeper
//! level the receiver of the extension encrypts the sum (xor) of all left children and the sum of
//! all right ones under the two keys of that level's transfer; the sender's choice opens the sum
//! of the side that it misses one child of, and the sum gives it the sibling of its punctured
//! path.
//!
//! **The check.** A receiver could send wrong sums, so that the sender's leaves are wrong or not by a
//! bit of Δ. So each leaf shows 32 bytes of itself, a hash; the receiver sends the sum of these over
//! each tree, and a digest of all of them. The sender computes what its leaves show, has that of the
//! missing leaf from the sum, and compares the digest. (Roy, section on malicious security, after
//! Boyle et al., "Efficient Two-Round OT Extension and Silent Non-Interactive Secure Computation",
//! CCS 2019.)
//!
//! Let the receiver send what it likes. Which leaves the sender then has depends on its δ in each
//! group alone. All δ that pass have the same digest, so the same 32 bytes for every leaf, so the
//! same leaves, but for the missing one (SHA-256 has no collisions). If two δ or more of a group
//! pass, every leaf is seen by one of them: there is one tree, and the sender has it but for
//! leaf δ, as with an honest receiver. If one δ alone passes, the receiver has guessed it. In both
//! cases it learns that δ is in the set S that passes, and it risked the session with probability
//! 1 − |S|/2^K: exactly a guess. The sender learns a hash of the missing leaf, which tells a random
//! oracle's caller nothing.

use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use super::check::{self, DIGEST_LEN};
use super::field::FieldBits;
use crate::domain;

/// The leaves of all groups, group after group; wiped when dropped.
pub(super) type Leaves = Zeroizing<Vec<u128>>;

/// 32 bytes, as two blocks.
type Shown = [u128; 2];

/// Length in bytes of the corrections: two blocks for each level of each tree but the first, then
/// 32 bytes for each tree and the digest.
pub(super) const fn corrections_len(field: FieldBits) -> usize {
    levels_len(field) + field.groups() * 32 + DIGEST_LEN
}

/// Length in bytes of the sums of the levels.
const fn levels_len(field: FieldBits) -> usize {
    field.groups() * (field.bits() - 1) * 32
}

/// Grows the whole trees from the base sender's 128 pairs of keys; returns the leaves and the
/// corrections for [`grow_punctured`].
pub(super) fn grow(session: &[u8; 32], field: FieldBits, keys: &[[u128; 2]]) -> (Leaves, Vec<u8>) {
    let mut leaves = Zeroizing::new(Vec::with_capacity(field.groups() * field.size()));
    let mut corrections = Vec::with_capacity(corrections_len(field));
    let (mut totals, mut digest) = (Vec::new(), trees_digest(session));
    for (group, keys) in keys.chunks_exact(field.bits()).enumerate() {
        let mut levels = keys.iter().rev();
        // A choice opens the node at the other side of the path.
        let mut nodes: Zeroizing<Vec<u128>> =
            Zeroizing::new(levels.next().into_iter().flat_map(|[k0, k1]| [*k1, *k0]).collect());
        for (depth, [k0, k1]) in (1..).zip(levels) {
            nodes = children(session, group, depth, &nodes);
            let [left, right] = sums(&nodes);
            corrections.extend_from_slice(&(k0 ^ right).to_le_bytes());
            corrections.extend_from_slice(&(k1 ^ left).to_le_bytes());
        }
        let shown = shown(session, group, &nodes);
        totals.extend(total(&shown).map(u128::to_le_bytes));
        add_to(&mut digest, &shown);
        leaves.extend_from_slice(&nodes);
    }
    corrections.extend_from_slice(totals.as_flattened());
    corrections.extend_from_slice(&digest.finalize());
    (leaves, corrections)
}

/// Grows the trees punctured at `delta` from the base receiver's 128 keys, whose choices are the
/// bits of `delta`, and corrections of [`corrections_len`] bytes.
///
/// Leaf y of a group in the result is the tree's leaf y ⊕ (the group's bits of Δ), so the missing
/// one is leaf 0; what stands there is meaningless. Nothing branches on `delta` or is indexed by
/// it. None if the corrections are not those of [`grow`].
pub(super) fn grow_punctured(
    session: &[u8; 32],
    field: FieldBits,
    delta: u128,
    keys: &[u128],
    corrections: &[u8],
) -> Option<Leaves> {
    let mut leaves = Zeroizing::new(Vec::with_capacity(field.groups() * field.size()));
    let (levels, check) = corrections.split_at(levels_len(field));
    let (totals, sent) = check.split_at(check.len() - DIGEST_LEN);
    let (mut corrections, mut digest) = (levels.chunks_exact(32), trees_digest(session));
    for ((group, keys), total) in
        keys.chunks_exact(field.bits()).enumerate().zip(totals.chunks_exact(32))
    {
        let point = (delta >> (group * field.bits())) as usize & (field.size() - 1);
        let mut levels = (0..field.bits()).rev().zip(keys.iter().rev());
        let mut nodes: Zeroizing<Vec<u128>> = Zeroizing::new(
            levels
                .next()
                .into_iter()
                .flat_map(|(level, key)| place([0; 2], *key, bit(point, level)))
                .collect(),
        );
        for ((depth, (level, key)), pair) in (1..).zip(levels).zip(corrections.by_ref()) {
            nodes = children(session, group, depth, &nodes);
            let choice = bit(point, level);
            let opened = key ^ opened(pair, choice);
            complete(&mut nodes, point >> (level + 1), choice, opened);
        }
        let mut shown = shown(session, group, &nodes);
        fill_in(&mut shown, point, total);
        add_to(&mut digest, &shown);
        translate(&mut nodes, point);
        leaves.extend_from_slice(&nodes);
    }
    check::equal(&digest.finalize(), sent).then_some(leaves)
}

/// What each leaf of a group shows.
fn shown(session: &[u8; 32], group: usize, leaves: &[u128]) -> Zeroizing<Vec<Shown>> {
    let prefix = Sha256::new()
        .chain_update(domain::GGM_LEAF)
        .chain_update(session)
        .chain_update((group as u32).to_le_bytes());
    let mut shown = Zeroizing::new(Vec::with_capacity(leaves.len()));
    for (index, leaf) in (0u32..).zip(leaves) {
        let leaf =
            prefix.clone().chain_update(index.to_le_bytes()).chain_update(leaf.to_le_bytes());
        shown.push(pair(&leaf.finalize()));
    }
    shown
}

/// The sum of what leaves show.
fn total(shown: &[Shown]) -> Shown {
    shown.iter().fold([0; 2], |[a, b], [c, d]| [a ^ c, b ^ d])
}

/// Puts in what the leaf `point` shows: `sum`, 32 bytes, less what the others do.
fn fill_in(shown: &mut [Shown], point: usize, sum: &[u8]) {
    let all = total(shown);
    let sum = pair(sum);
    for (index, [a, b]) in shown.iter_mut().enumerate() {
        let here = index.ct_eq(&point);
        // All of them contain what stands here, which so goes away.
        let missing = [*a ^ all[0] ^ sum[0], *b ^ all[1] ^ sum[1]];
        a.conditional_assign(&missing[0], here);
        b.conditional_assign(&missing[1], here);
    }
}

/// The digest of what all leaves show, at its beginning.
fn trees_digest(session: &[u8; 32]) -> Sha256 {
    Sha256::new().chain_update(domain::GGM_TREES).chain_update(session)
}

/// Goes on with the digest by a group.
fn add_to(digest: &mut Sha256, shown: &[Shown]) {
    shown.as_flattened().iter().for_each(|block| digest.update(block.to_le_bytes()));
}

/// The two children of every node, in order.
fn children(session: &[u8; 32], group: usize, depth: u32, nodes: &[u128]) -> Zeroizing<Vec<u128>> {
    let prefix = Sha256::new()
        .chain_update(domain::GGM_NODE)
        .chain_update(session)
        .chain_update((group as u32).to_le_bytes())
        .chain_update(depth.to_le_bytes());
    let mut children = Zeroizing::new(Vec::with_capacity(2 * nodes.len()));
    for (index, node) in (0u32..).zip(nodes) {
        let mut digest = prefix
            .clone()
            .chain_update(index.to_le_bytes())
            .chain_update(node.to_le_bytes())
            .finalize();
        children.extend(digest.chunks_exact(16).map(block));
        digest.as_mut_slice().zeroize();
    }
    children
}

/// The sum of the left children and that of the right ones.
fn sums(nodes: &[u128]) -> [u128; 2] {
    nodes.chunks_exact(2).fold([0; 2], |[l, r], pair| [l ^ pair[0], r ^ pair[1]])
}

/// Puts the sibling of the punctured path among `nodes`, where both children of `parent` are
/// meaningless: `opened` is the sum of the side opposite to `choice`, so the sibling is that sum
/// less the nodes on that side under the other parents.
fn complete(nodes: &mut [u128], parent: usize, choice: Choice, opened: u128) {
    for (index, pair) in nodes.chunks_exact_mut(2).enumerate() {
        let here = index.ct_eq(&parent);
        pair[0].conditional_assign(&0, here);
        pair[1].conditional_assign(&0, here);
    }
    let [left, right] = sums(nodes);
    let sibling = opened ^ u128::conditional_select(&right, &left, choice);
    for (index, pair) in nodes.chunks_exact_mut(2).enumerate() {
        let here = index.ct_eq(&parent);
        let placed = place([pair[0], pair[1]], sibling, choice);
        pair[0].conditional_assign(&placed[0], here);
        pair[1].conditional_assign(&placed[1], here);
    }
}

/// The pair with `value` at the side opposite to `choice`.
fn place(mut pair: [u128; 2], value: u128, choice: Choice) -> [u128; 2] {
    pair[0].conditional_assign(&value, choice);
    pair[1].conditional_assign(&value, !choice);
    pair
}

/// Moves leaf x to x ⊕ `point`, one conditional exchange of halves for each bit.
fn translate(leaves: &mut [u128], point: usize) {
    for level in 0..leaves.len().trailing_zeros() as usize {
        let swap = bit(point, level);
        for block in leaves.chunks_exact_mut(2 << level) {
            let (low, high) = block.split_at_mut(1 << level);
            low.iter_mut().zip(high).for_each(|(a, b)| u128::conditional_swap(a, b, swap));
        }
    }
}

/// The half of a 32-byte correction that `choice` opens.
fn opened(correction: &[u8], choice: Choice) -> u128 {
    let [zero, one] = pair(correction);
    u128::conditional_select(&zero, &one, choice)
}

/// 32 bytes as two blocks.
fn pair(bytes: &[u8]) -> [u128; 2] {
    let (low, high) = bytes.split_at(16);
    [block(low), block(high)]
}

fn bit(value: usize, index: usize) -> Choice {
    Choice::from((value >> index) as u8 & 1)
}

fn block(bytes: &[u8]) -> u128 {
    u128::from_le_bytes(bytes.try_into().expect("callers cut blocks of 16 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::ChaCha20Rng;
    use rand::{RngExt, SeedableRng};

    #[test]
    fn the_sender_misses_one_leaf_of_each_tree() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let session = rng.random();
        for field in FieldBits::ALL {
            for delta in [0, u128::MAX, rng.random()] {
                let pairs: Vec<[u128; 2]> = (0..128).map(|_| rng.random()).collect();
                let chosen: Vec<u128> =
                    (0..128).map(|i| pairs[i][(delta >> i & 1) as usize]).collect();
                let (whole, corrections) = grow(&session, field, &pairs);
                assert_eq!(corrections.len(), corrections_len(field));
                let punctured =
                    grow_punctured(&session, field, delta, &chosen, &corrections).unwrap();
                assert_eq!(
                    (whole.len(), punctured.len()),
                    (field.groups() * field.size(), field.groups() * field.size(),)
                );
                for (x, leaf) in whole.iter().enumerate() {
                    let group = x / field.size();
                    let point = (delta >> (group * field.bits())) as usize % field.size();
                    let same = punctured[x ^ point] == *leaf;
                    assert_eq!(same, x % field.size() != point, "{field:?}, leaf {x}");
                }
            }
        }
    }
}
