//! The symmetric work of an extension, the same for both parties: expand the leaves, sum them,
//! transpose.

use gazelle_kernels::VectorBackend;
use gazelle_kernels::transpose::transpose128;
use rand::rngs::ChaCha20Rng;
use rand::{Rng, SeedableRng};
use zeroize::{Zeroize, Zeroizing};

use super::extension::FieldBits;

/// Transfers made at once: the rows of a chunk (32 KiB) stay in the first-level cache.
pub(super) const CHUNK: usize = 2048;

/// The leaves of one party, ready to expand.
pub(super) struct Rows {
    field: FieldBits,
    leaves: Zeroizing<Vec<u128>>,
    /// The first leaf of each tree that is known: 0 for the receiver, 1 for the sender.
    first_leaf: usize,
    vector: VectorBackend,
}

impl Rows {
    /// `leaves` holds the trees' leaves, group after group.
    pub(super) fn new(field: FieldBits, leaves: &[u128], first_leaf: usize) -> Self {
        assert_eq!(leaves.len(), field.groups() * field.size(), "all leaves of all groups");
        let leaves = Zeroizing::new(leaves.to_vec());
        Self { field, leaves, first_leaf, vector: VectorBackend::best() }
    }

    pub(super) fn field(&self) -> FieldBits {
        self.field
    }

    /// Fills the rows of `scratch` for the `width` blocks of transfers from block `first` on.
    ///
    /// Calls `adjust(sum, planes)` after each group, in order: `sum` is u, `planes` the K rows of
    /// the group, each of `width` blocks.
    pub(super) fn expand(
        &self,
        scratch: &mut Scratch,
        first: u64,
        width: usize,
        mut adjust: impl FnMut(&[u128], &mut [u128]),
    ) {
        let expanded = &mut scratch.expanded[..self.field.size() * width];
        let groups = self.leaves.chunks_exact(self.field.size());
        for (leaves, planes) in groups.zip(scratch.rows.chunks_exact_mut(self.field.bits() * width))
        {
            let known = leaves.iter().zip(expanded.chunks_exact_mut(width)).skip(self.first_leaf);
            known.for_each(|(leaf, row)| expand_leaf(*leaf, first, row));
            xor_fold(expanded, width, planes);
            adjust(&expanded[..width], planes);
        }
    }

    /// Writes label j, the bits j of the 128 rows of `width` blocks in `scratch`.
    pub(super) fn transpose(&self, scratch: &mut Scratch, width: usize, labels: &mut [u128]) {
        let rows = &scratch.rows[..128 * width];
        if labels.len() == 128 * width {
            transpose128(self.vector, rows, labels);
        } else {
            let whole = &mut scratch.last[..128 * width];
            transpose128(self.vector, rows, whole);
            labels.copy_from_slice(&whole[..labels.len()]);
        }
    }
}

/// The buffers of one chunk; wiped when dropped.
pub(super) struct Scratch {
    expanded: Zeroizing<Vec<u128>>,
    rows: Zeroizing<Vec<u128>>,
    last: Zeroizing<Vec<u128>>,
}

impl Scratch {
    pub(super) fn new(field: FieldBits) -> Self {
        Self {
            expanded: Zeroizing::new(vec![0; field.size() * CHUNK / 128]),
            rows: Zeroizing::new(vec![0; CHUNK]),
            last: Zeroizing::new(vec![0; CHUNK]),
        }
    }
}

/// Writes the pseudorandom blocks `first`… of the leaf.
fn expand_leaf(leaf: u128, first: u64, out: &mut [u128]) {
    let mut seed = [0; 32];
    seed[..16].copy_from_slice(&leaf.to_le_bytes());
    let mut stream = ChaCha20Rng::from_seed(seed);
    seed.zeroize();
    stream.set_stream(first);
    for block in out {
        let mut bytes = [0; 16];
        stream.fill_bytes(&mut bytes);
        *block = u128::from_le_bytes(bytes);
    }
}

/// Sums 2^K rows of `width` blocks: plane b becomes the sum of the rows whose number has bit b,
/// and row 0 the sum of all. What stands in the other rows afterwards is of no use.
fn xor_fold(rows: &mut [u128], width: usize, planes: &mut [u128]) {
    let mut half = rows.len() / 2;
    for plane in planes.chunks_exact_mut(width).rev() {
        let (low, high) = rows[..2 * half].split_at_mut(half);
        plane.copy_from_slice(&high[..width]);
        for row in high.chunks_exact(width).skip(1) {
            plane.iter_mut().zip(row).for_each(|(p, r)| *p ^= r);
        }
        low.iter_mut().zip(high).for_each(|(l, h)| *l ^= *h);
        half /= 2;
    }
}
