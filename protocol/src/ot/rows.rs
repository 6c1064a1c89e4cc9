//! The symmetric work of an extension, the same for both parties: expand the leaves, sum them,
//! transpose.

use std::iter;
use std::sync::OnceLock;

use crate::parallel::prelude::*;
use gazelle_kernels::prg::Seeds;
use gazelle_kernels::transpose::transpose128;
use gazelle_kernels::{AesBackend, VectorBackend};
use zeroize::Zeroizing;

use super::check::Challenge;
use super::field::FieldBits;
use super::tree::{Leaves, Trees};
use crate::domain;
use crate::wiped::Wiped;

/// Blocks of 128 transfers made at once: their rows (32 KiB) stay in the first-level cache.
pub(super) const CHUNK: usize = 16;

/// Fewer chunks than this are not worth another thread.
pub(super) const MIN_CHUNKS: usize = 4;

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
    session: [u8; 32],
    trees: Trees,
    /// The trees' leaves with their keys scheduled.
    seeds: OnceLock<Seeds>,
    backends: Backends,
}

impl Rows {
    /// From the trees, whose leaves stand group after group.
    pub(super) fn new(
        field: FieldBits,
        session: &[u8; 32],
        (trees, leaves): (Trees, Leaves),
        backends: Backends,
    ) -> Self {
        assert_eq!(leaves.len(), field.groups() * field.size(), "all leaves of all groups");
        let seeds = Seeds::new(backends.aes, &leaves).into();
        Self { field, session: *session, trees, seeds, backends }
    }

    /// Takes as little memory as they can until they are used again.
    pub(super) fn shrink(&mut self) {
        self.seeds = OnceLock::new();
    }

    fn seeds(&self) -> &Seeds {
        let leaves = || self.trees.leaves(&self.session, self.field);
        self.seeds.get_or_init(|| Seeds::new(self.backends.aes, &leaves()))
    }

    pub(super) fn field(&self) -> FieldBits {
        self.field
    }

    /// Bytes of the rows d for one block.
    pub(super) fn block_len(&self) -> usize {
        16 * self.field.groups()
    }

    pub(super) fn nonce(&self) -> u64 {
        domain::nonce(&self.session)
    }

    /// Fills a chunk's `rows`, 128 of at most [`CHUNK`] blocks, for the transfers from block `first`
    /// on.
    ///
    /// Calls `adjust(sum, planes)` after each group, in order: `sum` is u, `planes` the K rows of
    /// the group.
    pub(super) fn expand(
        &self,
        first: u64,
        rows: &mut [u128],
        mut adjust: impl FnMut(&[u128], &mut [u128]),
    ) {
        let width = rows.len() / 128;
        let mut sum = Zeroizing::new([0; CHUNK]);
        let (sum, own) = (&mut sum[..width], self.seeds());
        for (group, planes) in rows.chunks_exact_mut(self.field.bits() * width).enumerate() {
            let seeds = group * self.field.size()..(group + 1) * self.field.size();
            let nonce = self.nonce().wrapping_add(group as u64);
            own.sums(seeds, nonce, first, sum, planes);
            adjust(sum, planes);
        }
    }

    /// The challenge to the rows d of a message, whose transfers begin with block `first`.
    pub(super) fn challenge(&self, first: u64, corrections: &[u8]) -> Challenge {
        let blocks = corrections.len() / self.block_len();
        Challenge::new(self.backends.aes, &self.session, first, corrections, blocks)
    }

    /// Writes label j, the bits j of the 128 rows of `matrix`.
    pub(super) fn transpose(&self, matrix: &[u128], labels: &mut [u128]) {
        labels
            .par_chunks_mut(128 * CHUNK)
            .zip(matrix.par_chunks(128 * CHUNK))
            .with_min_len(MIN_CHUNKS)
            .for_each(|(labels, rows)| {
                if labels.len() == rows.len() {
                    transpose128(self.backends.vector, rows, labels);
                } else {
                    let mut whole = Zeroizing::new(vec![0; rows.len()]);
                    transpose128(self.backends.vector, rows, &mut whole);
                    labels.copy_from_slice(&whole[..labels.len()]);
                }
            });
    }
}

/// What is made of labels, chunk by chunk: of the first output a value for each label, of the second so many for
/// every [`LABELS`].
pub(crate) type Outputs<'a, A, B> = (&'a mut [A], (&'a mut [B], usize));

/// Labels that are handed out together: so many that they stay in the first-level cache.
pub(crate) const LABELS: usize = 128 * CHUNK;

impl Rows {
    /// Makes the labels of `matrix` in memory for one chunk after the other, and hands them to `take` with
    /// the number of their first and with their parts of the outputs. The memory is wiped in the end.
    pub(super) fn hand_out<A: Send, B: Send>(
        &self,
        matrix: &[u128],
        (first, (second, size)): Outputs<'_, A, B>,
        take: impl Fn(usize, &mut [u128], &mut [A], &mut [B]) + Sync,
    ) {
        let outputs = first.par_chunks_mut(LABELS).zip(second.par_chunks_mut(size));
        let chunks = outputs.zip(matrix.par_chunks(LABELS)).enumerate();
        chunks.for_each_init(
            || Wiped::zeros(LABELS),
            |labels, (i, ((first, second), rows))| {
                let labels = &mut labels[..rows.len()];
                transpose128(self.backends.vector, rows, labels);
                take(i * LABELS, &mut labels[..first.len()], first, second);
            },
        );
    }
}

/// The 128 rows of a message, cut into chunks that follow each other. The memory is kept from one
/// message to the next, and wiped when dropped.
#[derive(Default)]
pub(super) struct Matrix(Zeroizing<Vec<u128>>);

impl Matrix {
    /// Rows of so many blocks; what is in them is from earlier.
    pub(super) fn of_blocks(&mut self, blocks: usize) -> &mut [u128] {
        if self.0.len() < 128 * blocks {
            // Growth in place would leave a copy in freed memory.
            self.0 = Zeroizing::new(iter::repeat_n(0, 128 * blocks).collect());
        }
        &mut self.0[..128 * blocks]
    }
    /// Overwrites row 0, the lowest bit of every column: of the first blocks, as many as there are in
    /// `bits`, of so many blocks in all.
    pub(super) fn set_lowest(&mut self, blocks: usize, bits: &[u128]) {
        let chunks = self.of_blocks(blocks).chunks_mut(128 * CHUNK);
        for (rows, bits) in chunks.zip(bits.chunks(CHUNK)) {
            rows[..bits.len()].copy_from_slice(bits);
        }
    }
}
