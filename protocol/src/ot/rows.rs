//! The symmetric work of an extension, the same for both parties: expand the leaves, sum them,
//! transpose.

use gazelle_kernels::prg::Seeds;
use gazelle_kernels::transpose::transpose128;
use gazelle_kernels::{AesBackend, VectorBackend};
use zeroize::Zeroizing;

use super::extension::FieldBits;

/// Transfers made at once: the rows of a chunk (32 KiB) stay in the first-level cache.
pub(super) const CHUNK: usize = 2048;

/// The instructions that an extension uses.
#[derive(Clone, Copy)]
pub(super) struct Backends {
    pub(super) aes: AesBackend,
    pub(super) vector: VectorBackend,
}

impl Backends {
    /// The fastest of this CPU that `GAZELLE_BACKEND` allows.
    pub(super) fn best() -> Self {
        Self { aes: AesBackend::best(), vector: VectorBackend::best() }
    }
}

/// The leaves of one party, ready to expand.
pub(super) struct Rows {
    field: FieldBits,
    leaves: Seeds,
    /// Group g's streams have the nonce `nonce` + g, see [`crate::domain`].
    nonce: u64,
    vector: VectorBackend,
}

impl Rows {
    /// `leaves` holds the trees' leaves, group after group.
    pub(super) fn new(
        field: FieldBits,
        session: &[u8; 32],
        leaves: &[u128],
        Backends { aes, vector }: Backends,
    ) -> Self {
        assert_eq!(leaves.len(), field.groups() * field.size(), "all leaves of all groups");
        let (nonce, _) = session.split_first_chunk().expect("a session's name has 32 bytes");
        Self { field, leaves: Seeds::new(aes, leaves), nonce: u64::from_le_bytes(*nonce), vector }
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
        let sum = &mut scratch.sum[..width];
        let rows = scratch.rows.chunks_exact_mut(self.field.bits() * width);
        for (group, planes) in rows.take(self.field.groups()).enumerate() {
            let seeds = group * self.field.size()..(group + 1) * self.field.size();
            let nonce = self.nonce.wrapping_add(group as u64);
            self.leaves.sums(seeds, nonce, first, sum, planes);
            adjust(sum, planes);
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
    sum: Zeroizing<[u128; CHUNK / 128]>,
    rows: Zeroizing<Vec<u128>>,
    /// The labels of a last block that is not whole.
    last: Zeroizing<Vec<u128>>,
}

impl Scratch {
    pub(super) fn new() -> Self {
        let blocks = || Zeroizing::new(vec![0; CHUNK]);
        Self { sum: Zeroizing::new([0; CHUNK / 128]), rows: blocks(), last: blocks() }
    }
}
