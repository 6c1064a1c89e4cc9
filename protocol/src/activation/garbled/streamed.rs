//! Tables that are made when they are used: neither party keeps anything of a layer.
//!
//! ```text
//!            client                                                 server
//! online     OT extension of the chunks up to WINDOW ahead    ──▶
//!                                                             ◀──   a chunk's tables, labels of b
//! ```
//!
//! The client is a window of chunks ahead with its transfers, so that the server need not wait, and
//! sends half a window more whenever it has evaluated as much.

use std::collections::VecDeque;

use gazelle_garble::{ActiveLabels, Hash};
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::evaluator::{Evaluator, Stored};
use super::garbler::{Garbler, Garbling, OwnLabels, chunks_at_once};
use super::{Chunk, GarbledPlan};
use crate::bundle::Gates;
use crate::error::Error;
use crate::exchange::BlockMail;
use crate::parallel::Jobs;
use crate::parallel::prelude::*;
use crate::wire::{Labels, Tables};

/// Chunks whose transfers are under way: some 30 MB of tables, what a link of 1 Gb/s and 200 ms
/// holds.
const WINDOW: usize = 64;

/// How often the client sends transfers and waits, for a layer of so many chunks.
pub(crate) fn rounds(chunks: usize) -> u64 {
    1 + chunks.saturating_sub(WINDOW).div_ceil(WINDOW / 2) as u64
}

/// At most how many bytes a client holds of a layer of these costs.
pub(super) fn window_bytes(cost: &super::Cost) -> usize {
    let all = cost.transfer_bytes + cost.table_bytes + 2 * cost.label_bytes;
    all / cost.chunks.max(1) * cost.chunks.min(WINDOW + 1)
}

impl Evaluator {
    /// Evaluates a layer on the client's shares `sums` while its tables come: f(y) + S.
    ///
    /// # Errors
    /// If the labels or the tables have another length than the program's.
    pub(crate) async fn stream(
        &mut self,
        plan: &GarbledPlan,
        sums: &[u32],
        gates: &mut Gates,
        mail: BlockMail<'_>,
    ) -> Result<Vec<u32>, Error> {
        let (mut ahead, mut chunks) = (plan.chunks(), plan.chunks().peekable());
        let mut chosen = VecDeque::with_capacity(WINDOW);
        self.send_transfers(ahead.by_ref().take(WINDOW), sums, &mut chosen, mail).await;
        let mut values = Zeroizing::new(Vec::new());
        while chunks.peek().is_some() {
            let mut jobs = Jobs::new();
            for chunk in chunks.by_ref().take(WINDOW / 2) {
                let Tables(tables) = mail.receive(chunk.table_bytes()).await?;
                let labels: Labels = mail.receive(chunk.label_bytes()).await?;
                let own = chosen.pop_front().expect("transfers are ahead of the tables");
                let stored = Stored { labels: own, tables };
                let (program, instances) = (chunk.program.clone(), chunk.instances.len());
                let (range, hash) = (gates.take(chunk.gates()), gates.hash().clone());
                jobs.start(move || stored.evaluate(&program, instances, &hash, range, &labels));
            }
            self.send_transfers(ahead.by_ref().take(WINDOW / 2), sums, &mut chosen, mail).await;
            for result in jobs.finish() {
                values.extend_from_slice(&Zeroizing::new(result?));
            }
        }
        Ok(plan.in_place(&values))
    }

    async fn send_transfers(
        &mut self,
        chunks: impl Iterator<Item = Chunk<'_>>,
        sums: &[u32],
        chosen: &mut VecDeque<ActiveLabels<'static>>,
        mail: BlockMail<'_>,
    ) {
        for chunk in chunks {
            let (labels, message) = self.choose_chunk(&chunk, sums);
            chosen.push_back(labels);
            mail.send(message).await;
        }
    }
}

impl Garbler {
    /// Garbles a layer for the server's shares `sums`, and gives S.
    ///
    /// # Errors
    /// If a message of the transfers is none.
    pub(crate) async fn stream(
        &mut self,
        plan: &GarbledPlan,
        sums: &[u32],
        gates: &mut Gates,
        mail: BlockMail<'_>,
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<Vec<u32>, Error> {
        let mut all = Zeroizing::new(Vec::new());
        let garbling = Garbling::new(OwnLabels::random(rng, gates));
        let mut chunks = plan.chunks().peekable();
        while chunks.peek().is_some() {
            // The client is half a window ahead at least.
            let group = chunks.by_ref().take(chunks_at_once().min(WINDOW / 2));
            let group = self.receive_transfers(group, gates, mail).await?;
            let (hash, delta): (&Hash, _) = (gates.hash(), &self.delta);
            let garbled: Vec<_> = group
                .into_par_iter()
                .map(|pending| {
                    let labels = garbling.labels(&pending.chunk, delta, sums);
                    (garbling.garble(pending, hash, delta), labels)
                })
                .collect();
            for ((tables, shares), labels) in garbled {
                mail.send(Tables(tables)).await;
                mail.send(Labels(labels)).await;
                all.extend(shares);
            }
        }
        Ok(plan.in_place(&all))
    }
}
