//! The server's offline work for a planned layer.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use crate::parallel::prelude::*;
use rand::CryptoRng;

use super::CoefficientPlan;
use super::guard::ServerHalf;
use crate::error::{Misuse, PeerFault};
use crate::he::{Answerer, Coins, PublicKey, Query, Split};

/// Bytes of parsed queries that are answered together.
const QUERY_MEMORY: usize = 2 << 20;

/// Bytes of a query that several blocks take turns on.
const QUERY_PART: usize = 256 << 10;

/// The most blocks that do so.
const BLOCKS_AT_ONCE: usize = 4;

/// A layer's weights, as polynomials in the transform domain as far as their memory allows.
pub struct EncodedWeights {
    /// The first blocks of outputs: chunk after chunk, limb after limb.
    blocks: Vec<Vec<u64>>,
    /// All weights as they came, if not every block is encoded.
    rest: Vec<i16>,
}

impl EncodedWeights {
    /// Bytes of memory.
    pub fn bytes(&self) -> usize {
        self.blocks.iter().map(|block| 8 * block.len()).sum::<usize>() + 2 * self.rest.len()
    }
}

impl CoefficientPlan {
    /// Server: encodes the layer's weights, once for all inputs.
    ///
    /// # Errors
    /// [`Misuse::Values`] for another number of weights, [`Misuse::Weights`] if they break the
    /// bounds that the card promises and the noise statement rests on.
    pub fn prepare(&self, weights: &[i16]) -> Result<EncodedWeights, Misuse> {
        self.prepare_within(weights, usize::MAX)
    }

    /// The same within `memory` bytes: as many answers' weights as fit are encoded once, the rest
    /// for every batch anew.
    ///
    /// # Errors
    /// As [`CoefficientPlan::prepare`].
    pub fn prepare_within(&self, weights: &[i16], memory: usize) -> Result<EncodedWeights, Misuse> {
        self.bounds.check(&self.conv, weights)?;
        let mut left = memory;
        let fits = |block: &usize| {
            let chunks = self.packing.chunks_of(*block).len();
            let bytes = 8 * self.parameters.n() * self.parameters.limbs() * chunks;
            left.checked_sub(bytes).map(|rest| left = rest).is_some()
        };
        let cached = (0..self.packing.blocks).take_while(fits).count();
        let blocks = (0..cached).into_par_iter().map(|b| self.encode_block(b, weights)).collect();
        let rest = if cached < self.packing.blocks { weights.to_vec() } else { Vec::new() };
        Ok(EncodedWeights { blocks, rest })
    }

    /// The weight polynomials of a block of outputs: chunk after chunk, limb after limb.
    fn encode_block(&self, block: usize, weights: &[i16]) -> Vec<u64> {
        let (n, plans) = (self.parameters.n(), self.parameters.plans());
        let chunks = self.packing.chunks_of(block);
        let mut out = vec![0; n * plans.len() * chunks.len()];
        let mut coefficients = vec![0i16; n];
        for (chunk, limbs) in chunks.zip(out.chunks_exact_mut(n * plans.len())) {
            coefficients.fill(0);
            self.packing.weight(block, chunk, weights, &mut coefficients);
            for (plan, limb) in plans.iter().zip(limbs.chunks_exact_mut(n)) {
                let q = plan.modulus().value() as i64;
                plan.backend().run(
                    #[inline(always)]
                    || {
                        for (out, &w) in limb.iter_mut().zip(&coefficients) {
                            let w = i64::from(w);
                            *out = (w + (q & (w >> 63))) as u64;
                        }
                    },
                );
                plan.forward(limb);
            }
        }
        out
    }

    /// Server: answers a query for M·r, and keeps its halves of it.
    ///
    /// # Errors
    /// [`PeerFault::Length`] or [`PeerFault::Residue`] if `query` is not a query of this plan.
    ///
    /// # Panics
    /// If the weights are of another plan, or the key of other parameters.
    pub fn apply(
        &self,
        query: &[u8],
        weights: &EncodedWeights,
        key: &PublicKey,
        rng: &mut impl CryptoRng,
    ) -> Result<(Vec<u8>, ServerHalf), PeerFault> {
        Ok(self.apply_batch(&[query], weights, key, rng)?.swap_remove(0))
    }

    /// Answers several queries, visiting the weights once for all; the same answers, in order, as
    /// one [`CoefficientPlan::apply`] after the other.
    ///
    /// # Errors
    /// As [`CoefficientPlan::apply`], for any of the queries.
    ///
    /// # Panics
    /// As [`CoefficientPlan::apply`].
    pub fn apply_batch(
        &self,
        queries: &[&[u8]],
        weights: &EncodedWeights,
        key: &PublicKey,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<(Vec<u8>, ServerHalf)>, PeerFault> {
        assert_eq!(key.parameters(), &self.parameters, "the key is of the plan's parameters");
        let coins: Vec<_> = queries.iter().map(|_| Coins::random(rng)).collect();
        let count = self.together(queries.len(), weights);
        let mut memory: Vec<_> =
            (0..count).map(|_| Query::new(&self.parameters, self.packing.queries())).collect();
        let mut out = Vec::with_capacity(queries.len());
        for (queries, coins) in queries.chunks(count).zip(coins.chunks(count)) {
            let parsed = &mut memory[..queries.len()];
            let read = parsed.par_iter_mut();
            read.zip(queries).try_for_each(|(query, bytes)| query.read(&self.parameters, bytes))?;
            out.append(&mut self.answer(parsed, coins, weights, key));
        }
        Ok(out)
    }

    /// How many queries to answer together: all where weights must be encoded for them, else as
    /// many as stay in the cache.
    fn together(&self, queries: usize, weights: &EncodedWeights) -> usize {
        if weights.blocks.len() < self.packing.blocks {
            return queries.max(1);
        }
        let polynomial = 2 * 8 * self.parameters.limbs() * self.parameters.n();
        (QUERY_MEMORY / (self.packing.queries() * polynomial)).clamp(1, queries.max(1))
    }

    /// The answers of some queries, each blinded from its coins.
    fn answer(
        &self,
        queries: &[Query],
        coins: &[Coins],
        weights: &EncodedWeights,
        key: &PublicKey,
    ) -> Vec<(Vec<u8>, ServerHalf)> {
        let (blocks, tiles) = (self.packing.blocks, self.packing.tiles());
        let jobs = blocks * tiles * queries.len();
        let step = (jobs / (2 * crate::parallel::current_num_threads())).clamp(1, BLOCKS_AT_ONCE);
        // As many as there are threads at work.
        let workspaces = Mutex::new(Vec::new());
        let answer_blocks = |first: usize| {
            let encoded = |block: usize| match weights.blocks.get(block) {
                Some(encoded) => Cow::Borrowed(&encoded[..]),
                None => Cow::Owned(self.encode_block(block, &weights.rest)),
            };
            let range = first..(first + step).min(blocks);
            let weights: Vec<Cow<'_, [u64]>> = range.clone().map(encoded).collect();
            let blocks: Vec<(usize, &[u64])> = range.zip(weights.iter().map(|w| &w[..])).collect();
            let answer = |job: usize| {
                let (query, tile) = (job / tiles, job % tiles);
                let idle = workspaces.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let (mut answerer, mut products) =
                    idle.unwrap_or_else(|| (Answerer::new(key, &self.format), Vec::new()));
                self.multiply(&queries[query], tile, &blocks, &mut products);
                let len = products.len() / blocks.len();
                let answers = blocks.iter().zip(products.chunks_exact_mut(len)).map(
                    |(&(block, _), product)| {
                        let index = block * tiles + tile;
                        let positions: Vec<_> =
                            self.packing.results(index).map(|(p, _)| p).collect();
                        answerer.answer(product, &positions, &mut coins[query].stream(index as u64))
                    },
                );
                let answers = answers.collect();
                workspaces
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((answerer, products));
                answers
            };
            (0..queries.len() * tiles).into_par_iter().map(answer).collect()
        };
        let groups = (0..blocks.div_ceil(step)).into_par_iter();
        let answers: Vec<Vec<Vec<Split>>> =
            groups.map(|group| answer_blocks(group * step)).collect();
        (0..queries.len()).map(|query| self.assemble(query, &answers)).collect()
    }

    /// Σ w·c of a tile for some blocks, each with its weights: transformed, block after block, c₀
    /// limb after limb and then c₁. The blocks take turns on a part of the query, which stays in the
    /// cache.
    pub(super) fn multiply(
        &self,
        query: &Query,
        tile: usize,
        blocks: &[(usize, &[u64])],
        products: &mut Vec<u64>,
    ) {
        let (n, limbs) = (self.parameters.n(), self.parameters.limbs());
        products.resize(2 * limbs * n * blocks.len(), 0);
        let part = (QUERY_PART / (16 * self.packing.chunks)).clamp(64, n);
        let part = 1 << part.ilog2();
        for (limb, plan) in self.parameters.plans().iter().enumerate() {
            for start in (0..n).step_by(part) {
                let products = products.chunks_exact_mut(2 * limbs * n);
                for (&(block, weights), product) in blocks.iter().zip(products) {
                    let term = |(place, chunk): (usize, usize)| {
                        let (c0, c1) = query.limb(tile * self.packing.chunks + chunk, limb);
                        let weight = &weights[(place * limbs + limb) * n + start..][..part];
                        (weight, [&c0[start..][..part], &c1[start..][..part]])
                    };
                    let terms: Vec<_> =
                        self.packing.chunks_of(block).enumerate().map(term).collect();
                    let (c0, c1) = product.split_at_mut(limbs * n);
                    let place = limb * n + start;
                    plan.inner_products(
                        [&mut c0[place..][..part], &mut c1[place..][..part]],
                        &terms,
                    );
                }
            }
        }
    }

    /// The message and the halves of one query, from the answers of all.
    fn assemble(&self, query: usize, groups: &[Vec<Vec<Split>>]) -> (Vec<u8>, ServerHalf) {
        let tiles = self.packing.tiles();
        let mut message = Vec::with_capacity(self.cost().answer_bytes);
        let mut halves = vec![0; self.output_len()];
        let mut index = 0;
        for group in groups.iter().map(|group| &group[query * tiles..][..tiles]) {
            for block in 0..group.first().map_or(0, Vec::len) {
                for answer in group.iter().map(|tile| &tile[block]) {
                    message.extend_from_slice(&answer.message);
                    self.packing.scatter(index, &answer.halves, &mut halves);
                    index += 1;
                }
            }
        }
        (message, ServerHalf::new(halves, self.ring_bits()))
    }
}

#[cfg(test)]
impl EncodedWeights {
    /// The encoded weights of a block.
    pub(super) fn block(&self, block: usize) -> &[u64] {
        &self.blocks[block]
    }
}
