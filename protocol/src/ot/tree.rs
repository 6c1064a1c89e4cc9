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

use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use super::extension::FieldBits;
use crate::domain;

/// The leaves of all groups, group after group; wiped when dropped.
pub(super) type Leaves = Zeroizing<Vec<u128>>;

/// Length in bytes of the corrections: two blocks for each level of each tree but the first.
pub(super) const fn corrections_len(field: FieldBits) -> usize {
    field.groups() * (field.bits() - 1) * 32
}

/// Grows the whole trees from the base sender's 128 pairs of keys; returns the leaves and the
/// corrections for [`grow_punctured`].
pub(super) fn grow(session: &[u8; 32], field: FieldBits, keys: &[[u128; 2]]) -> (Leaves, Vec<u8>) {
    let mut leaves = Zeroizing::new(Vec::with_capacity(field.groups() * field.size()));
    let mut corrections = Vec::with_capacity(corrections_len(field));
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
        leaves.extend_from_slice(&nodes);
    }
    (leaves, corrections)
}

/// Grows the trees punctured at `delta` from the base receiver's 128 keys, whose choices are the
/// bits of `delta`, and corrections of [`corrections_len`] bytes.
///
/// Leaf y of a group in the result is the tree's leaf y ⊕ (the group's bits of Δ), so the missing
/// one is leaf 0; what stands there is meaningless. Nothing branches on `delta` or is indexed by
/// it.
pub(super) fn grow_punctured(
    session: &[u8; 32],
    field: FieldBits,
    delta: u128,
    keys: &[u128],
    corrections: &[u8],
) -> Leaves {
    let mut leaves = Zeroizing::new(Vec::with_capacity(field.groups() * field.size()));
    let mut corrections = corrections.chunks_exact(32);
    for (group, keys) in keys.chunks_exact(field.bits()).enumerate() {
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
        translate(&mut nodes, point);
        leaves.extend_from_slice(&nodes);
    }
    leaves
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
fn opened(pair: &[u8], choice: Choice) -> u128 {
    let (zero, one) = pair.split_at(16);
    u128::conditional_select(&block(zero), &block(one), choice)
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
                let punctured = grow_punctured(&session, field, delta, &chosen, &corrections);
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
