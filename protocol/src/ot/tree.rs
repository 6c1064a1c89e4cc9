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

/// What a party grows its leaves from; wiped when dropped.
pub(super) enum Trees {
    /// The two nodes below each root.
    Whole(Leaves),
    /// Δ, and of each tree the siblings of the nodes on the punctured path, from the root on.
    Punctured {
        /// Δ.
        delta: Zeroizing<u128>,
        /// As many as Δ has bits.
        siblings: Leaves,
    },
}

impl Trees {
    /// The leaves, as [`grow`] and [`grow_punctured`] gave them.
    pub(super) fn leaves(&self, session: &[u8; 32], field: FieldBits) -> Leaves {
        let mut leaves = Zeroizing::new(Vec::with_capacity(field.groups() * field.size()));
        match self {
            Self::Whole(tops) => {
                for (group, top) in tops.chunks_exact(2).enumerate() {
                    let mut nodes = Zeroizing::new(top.to_vec());
                    for depth in 1..field.bits() {
                        nodes = children(session, group, depth as u32, &nodes);
                    }
                    leaves.extend_from_slice(&nodes);
                }
            }
            Self::Punctured { delta, siblings } => {
                for (group, siblings) in siblings.chunks_exact(field.bits()).enumerate() {
                    let path = Path::new(session, field, group, **delta);
                    let mut nodes = Leaves::default();
                    for (depth, sibling) in siblings.iter().enumerate() {
                        nodes = path.below(depth, &nodes);
                        path.put(depth, &mut nodes, *sibling);
                    }
                    translate(&mut nodes, path.point);
                    leaves.extend_from_slice(&nodes);
                }
            }
        }
        leaves
    }
}

/// Grows the whole trees from the base sender's 128 pairs of keys; returns them, the leaves and the
/// corrections for [`grow_punctured`].
pub(super) fn grow(
    session: &[u8; 32],
    field: FieldBits,
    keys: &[[u128; 2]],
) -> (Trees, Leaves, Vec<u8>) {
    let mut leaves = Zeroizing::new(Vec::with_capacity(field.groups() * field.size()));
    let mut tops = Zeroizing::new(Vec::with_capacity(2 * field.groups()));
    let mut corrections = Vec::with_capacity(corrections_len(field));
    let (mut totals, mut digest) = (Vec::new(), trees_digest(session));
    for (group, keys) in keys.chunks_exact(field.bits()).enumerate() {
        let mut levels = keys.iter().rev();
        // A choice opens the node at the other side of the path.
        let mut nodes: Leaves =
            Zeroizing::new(levels.next().into_iter().flat_map(|[k0, k1]| [*k1, *k0]).collect());
        tops.extend_from_slice(&nodes);
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
    (Trees::Whole(tops), leaves, corrections)
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
) -> Option<(Trees, Leaves)> {
    let mut leaves = Zeroizing::new(Vec::with_capacity(field.groups() * field.size()));
    let mut siblings = Zeroizing::new(Vec::with_capacity(128));
    let (levels, check) = corrections.split_at(levels_len(field));
    let (totals, sent) = check.split_at(check.len() - DIGEST_LEN);
    let (mut corrections, mut digest) = (levels.chunks_exact(32), trees_digest(session));
    for ((group, keys), total) in
        keys.chunks_exact(field.bits()).enumerate().zip(totals.chunks_exact(32))
    {
        let path = Path::new(session, field, group, delta);
        let mut nodes = Leaves::default();
        for (depth, key) in keys.iter().rev().enumerate() {
            nodes = path.below(depth, &nodes);
            let sibling = match depth {
                0 => *key,
                _ => path.opened(depth, &nodes, key ^ path.correction(depth, corrections.next()?)),
            };
            path.put(depth, &mut nodes, sibling);
            siblings.push(sibling);
        }
        let mut shown = shown(session, group, &nodes);
        fill_in(&mut shown, path.point, total);
        add_to(&mut digest, &shown);
        translate(&mut nodes, path.point);
        leaves.extend_from_slice(&nodes);
    }
    let trees = Trees::Punctured { delta: Zeroizing::new(delta), siblings };
    check::equal(&digest.finalize(), sent).then_some((trees, leaves))
}

/// The punctured path of a tree. The nodes at depth d are those that a choice of d + 1 bits of the point,
/// from its highest on, leads to.
struct Path<'a> {
    session: &'a [u8; 32],
    group: usize,
    bits: usize,
    point: usize,
}

impl<'a> Path<'a> {
    fn new(session: &'a [u8; 32], field: FieldBits, group: usize, delta: u128) -> Self {
        let bits = field.bits();
        let point = (delta >> (group * bits)) as usize & (field.size() - 1);
        Self { session, group, bits, point }
    }

    /// The bit of the point that the path takes to a depth.
    fn choice(&self, depth: usize) -> Choice {
        bit(self.point, self.bits - 1 - depth)
    }

    /// The nodes at a depth, from those above; both children of the punctured one are 0.
    fn below(&self, depth: usize, above: &[u128]) -> Leaves {
        let mut nodes = match depth {
            0 => Zeroizing::new(vec![0; 2]),
            _ => children(self.session, self.group, depth as u32, above),
        };
        let parent = self.point >> (self.bits - depth);
        for (index, pair) in nodes.chunks_exact_mut(2).enumerate() {
            let here = index.ct_eq(&parent);
            pair.iter_mut().for_each(|node| node.conditional_assign(&0, here));
        }
        nodes
    }

    /// The half of a level's correction that the path opens.
    fn correction(&self, depth: usize, correction: &[u8]) -> u128 {
        let [zero, one] = pair(correction);
        u128::conditional_select(&zero, &one, self.choice(depth))
    }

    /// The path's sibling at a depth, from the sum of all nodes on its side: that sum less the others.
    fn opened(&self, depth: usize, nodes: &[u128], sum: u128) -> u128 {
        let [left, right] = sums(nodes);
        sum ^ u128::conditional_select(&right, &left, self.choice(depth))
    }

    /// Puts the path's sibling among the nodes at a depth, opposite to the choice.
    fn put(&self, depth: usize, nodes: &mut [u128], sibling: u128) {
        let (parent, choice) = (self.point >> (self.bits - depth), self.choice(depth));
        for (index, pair) in nodes.chunks_exact_mut(2).enumerate() {
            let here = index.ct_eq(&parent);
            pair[0].conditional_assign(&sibling, here & choice);
            pair[1].conditional_assign(&sibling, here & !choice);
        }
    }
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
                let (trees, whole, corrections) = grow(&session, field, &pairs);
                assert_eq!(trees.leaves(&session, field), whole);
                assert_eq!(corrections.len(), corrections_len(field));
                let (trees, punctured) =
                    grow_punctured(&session, field, delta, &chosen, &corrections).unwrap();
                assert_eq!(trees.leaves(&session, field), punctured);
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
