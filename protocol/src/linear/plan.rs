//! Planning: which layout and which parameters, at what price; and refusing what cannot work.

use super::geometry::Convolution;
use super::packing::Packing;
use crate::Link;
use crate::digest::PlanDigest;
use crate::error::Misuse;
use crate::he::{Encoder, Parameters, answer_len, noise, query_len};
use crate::model::{ACTIVATION_MAX, BlockCard, LinearMap, Shape};

/// What a layer costs for one input, before anything runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Query polynomials, client to server.
    pub queries: usize,
    /// Answer polynomials, server to client.
    pub answers: usize,
    /// Encoded weight polynomials that the server keeps.
    pub weights: usize,
    /// Number-theoretic transforms of both parties, weights not counted.
    pub transforms: usize,
    /// Products of polynomials modulo a prime.
    pub products: usize,
    /// Bytes of the client's message.
    pub query_bytes: usize,
    /// Bytes of the server's message.
    pub answer_bytes: usize,
    /// The estimate that plans are compared by: both parties' work on one thread plus the link.
    pub nanoseconds: u64,
}

/// A linear layer, planned: its layout in polynomials, its parameters and the format of its
/// answers. A function of public facts alone, so both parties make the same.
pub struct CoefficientPlan {
    pub(super) parameters: Parameters,
    pub(super) conv: Convolution,
    pub(super) packing: Packing,
    pub(super) format: noise::Answer,
    pub(super) encoder: Encoder,
    pub(super) bounds: WeightBounds,
    cost: Cost,
}

impl CoefficientPlan {
    /// The cheapest plan of a block's linear layer on a LAN. `input` is the shape that the layer
    /// reads, after the block's sum pooling.
    ///
    /// # Errors
    /// [`Misuse::Layer`] for an impossible geometry, or one that under these parameters would not
    /// be exact.
    pub fn try_new(
        block: &BlockCard,
        input: Shape,
        parameters: &Parameters,
    ) -> Result<Self, Misuse> {
        Ok(Self::layouts(&Map::of_block(block, input), parameters, &Link::LAN)?.swap_remove(0))
    }

    /// The cheapest plan of all for a link.
    ///
    /// # Errors
    /// As [`CoefficientPlan::alternatives`].
    pub fn choose(block: &BlockCard, input: Shape, link: &Link) -> Result<Self, Misuse> {
        Ok(Self::alternatives(block, input, link)?.swap_remove(0))
    }

    /// The cheapest plan of one term of a linear node for a link.
    ///
    /// # Errors
    /// As [`CoefficientPlan::alternatives`].
    pub(crate) fn choose_term(term: &Map, link: &Link) -> Result<Self, Misuse> {
        Ok(Self::alternatives_of(term, link)?.swap_remove(0))
    }

    /// Every layout that works under one of [`Parameters::ladder`], cheapest first; at least one.
    ///
    /// # Errors
    /// The last set's refusal if none works.
    pub fn alternatives(block: &BlockCard, input: Shape, link: &Link) -> Result<Vec<Self>, Misuse> {
        Self::alternatives_of(&Map::of_block(block, input), link)
    }

    /// The same for one term of a linear node.
    ///
    /// # Errors
    /// As [`CoefficientPlan::alternatives`].
    pub(crate) fn alternatives_of(map: &Map, link: &Link) -> Result<Vec<Self>, Misuse> {
        let mut refusal = Misuse::Layer("there are no parameters".into());
        let mut plans = Vec::new();
        for parameters in Parameters::ladder() {
            match Self::layouts(map, &parameters, link) {
                Ok(mut layouts) => plans.append(&mut layouts),
                Err(error) => refusal = error,
            }
        }
        plans.sort_by_key(|plan| plan.cost.nanoseconds);
        if plans.is_empty() { Err(refusal) } else { Ok(plans) }
    }

    /// Every layout that works under one set, cheapest first; at least one.
    fn layouts(map: &Map, parameters: &Parameters, link: &Link) -> Result<Vec<Self>, Misuse> {
        let (conv, bounds) = map.convolution()?;
        let mut refusal =
            Misuse::Layer(format!("a tile does not fit into {} values", parameters.n()));
        let mut plans = Vec::new();
        for packing in candidates(&conv, parameters.n()) {
            match Self::with_packing(map.sum_bits + 1, &conv, &bounds, packing, parameters, link) {
                Ok(plan) => plans.push(plan),
                Err(error) => refusal = error,
            }
        }
        plans.sort_by_key(|plan| plan.cost.nanoseconds);
        if plans.is_empty() { Err(refusal) } else { Ok(plans) }
    }

    fn with_packing(
        ring_bits: u32,
        conv: &Convolution,
        bounds: &WeightBounds,
        packing: Packing,
        parameters: &Parameters,
        link: &Link,
    ) -> Result<Self, Misuse> {
        let weights =
            noise::Weights { ring_bits, row_sum: bounds.row_sum as f64, rows: packing.slots };
        let format = noise::Answer::choose(parameters, &weights)?;
        let cost = Cost::new(&packing, parameters, &format, link);
        Ok(Self {
            parameters: parameters.clone(),
            conv: conv.clone(),
            packing,
            format,
            encoder: Encoder::new(parameters, ring_bits),
            bounds: *bounds,
            cost,
        })
    }

    /// Puts the parameters, the layout, the answers' format and all messages' lengths into a plan's
    /// digest.
    pub(crate) fn digest(&self, digest: &mut PlanDigest) {
        let primes: Vec<u64> = self.parameters.primes().collect();
        digest.words(primes.into_iter());
        self.packing.digest(digest);
        let noise::Answer { ring_bits, c1_bits, .. } = self.format;
        digest.words([ring_bits, c1_bits].map(u64::from).into_iter());
        digest.numbers(&[self.cost.query_bytes, self.cost.answer_bytes]);
    }

    /// The parameter set; the keys must be of the same.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The format and the noise statement of the answers.
    pub fn noise(&self) -> &noise::Answer {
        &self.format
    }

    /// What it costs.
    pub fn cost(&self) -> &Cost {
        &self.cost
    }

    /// Values that the layer reads.
    pub fn input_len(&self) -> usize {
        self.conv.input_len()
    }

    /// Values that it returns.
    pub fn output_len(&self) -> usize {
        self.conv.output_len()
    }

    /// k: shares live in Z_{2^k}.
    pub fn ring_bits(&self) -> u32 {
        self.format.ring_bits
    }

    /// The layout, for people.
    pub fn layout(&self) -> String {
        let Packing { chunk, slots, .. } = self.packing;
        let tiles = match self.packing.tiles() {
            1 => "1 tile".into(),
            tiles => format!("{tiles} tiles"),
        };
        format!("{tiles} × {chunk} channels × {slots} outputs")
    }
}

/// A linear map in its place: what it is planned from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Map {
    /// Its geometry.
    pub linear: LinearMap,
    /// The shape that it reads.
    pub input: Shape,
    /// The largest value that it reads less the least, at least 1.
    pub width: u64,
    /// Every weight w has |w| < 2^(weight_bits − 1).
    pub weight_bits: u32,
    /// Every sum y has |y| < 2^sum_bits; shares live in a ring of one bit more.
    pub sum_bits: u32,
}

impl Map {
    pub(crate) fn of_block(block: &BlockCard, input: Shape) -> Self {
        let BlockCard { linear, weight_bits, sum_bits, .. } = *block;
        let window = block.sum_pool.map_or(1, |w| (w.kernel.height * w.kernel.width) as u64);
        let width = u64::from(ACTIVATION_MAX) * window.max(1);
        Self { linear: linear.into(), input, width, weight_bits, sum_bits }
    }

    /// The map as a convolution, and what its weights are within.
    ///
    /// # Errors
    /// [`Misuse::Layer`] if its geometry is impossible or a number of bits is out of range.
    pub(super) fn convolution(&self) -> Result<(Convolution, WeightBounds), Misuse> {
        let in_range = (2..=16).contains(&self.weight_bits) && (1..=31).contains(&self.sum_bits);
        if !in_range {
            return Err(Misuse::Layer("weights have 2 to 16 bits, sums 1 to 31".into()));
        }
        let conv = Convolution::new(&self.linear, self.input)
            .ok_or_else(|| Misuse::Layer("no output fits, or a size is out of range".into()))?;
        let bounds = WeightBounds::new(self, &conv);
        Ok((conv, bounds))
    }
}

/// What a card promises of weights.
#[derive(Clone, Copy, Debug)]
pub(super) struct WeightBounds {
    /// Of |w|.
    pub(super) largest: u64,
    /// Of Σ|w| over an output's row.
    pub(super) row_sum: u64,
}

impl WeightBounds {
    /// |w| < 2^(bits−1); and as the largest sum and the least are both within ±(2^ℓ − 1), which is what
    /// makes a network fit its card (see [`crate::model::Network::try_new`]), and Σ|w|·(x_max − x_min)
    /// apart, Σ|w| is at most (2^(ℓ+1) − 2) / (x_max − x_min).
    fn new(map: &Map, conv: &Convolution) -> Self {
        let largest = (1 << (map.weight_bits - 1)) - 1;
        let by_range = ((2 << map.sum_bits) - 2) / map.width;
        Self { largest, row_sum: by_range.min(largest * conv.row_len() as u64) }
    }

    /// Checks the weights of a map: one for each of every output's row.
    ///
    /// # Errors
    /// [`Misuse::Values`] for another number of weights, [`Misuse::Weights`] if they break the bounds.
    pub(super) fn check(&self, conv: &Convolution, weights: &[i16]) -> Result<(), Misuse> {
        Misuse::check_values("the weights", weights, conv.weights_len())?;
        for (output, row) in weights.chunks_exact(conv.row_len()).enumerate() {
            let magnitudes = || row.iter().map(|w| u64::from(w.unsigned_abs()));
            let (largest, sum) = (magnitudes().max().unwrap_or(0), magnitudes().sum::<u64>());
            if largest > self.largest || sum > self.row_sum {
                return Err(Misuse::Weights(format!(
                    "output {output} has a weight of {largest} (at most {}) and a sum of {sum} (at \
                     most {})",
                    self.largest, self.row_sum
                )));
            }
        }
        Ok(())
    }
}

/// Layouts worth pricing: as few tiles as fit and somewhat more, and all numbers of channels per
/// polynomial, thinned out where there are many.
pub(super) fn candidates(conv: &Convolution, n: usize) -> Vec<Packing> {
    let chunk_counts = quotients(Packing::channels_of(conv));
    let layouts = |cuts| chunk_counts.iter().filter_map(move |&c| Packing::new(conv, n, cuts, c));
    cuts(conv, n).into_iter().flat_map(layouts).collect()
}

/// Numbers of row and column tiles worth pricing: the fewest of which one channel fits into a polynomial,
/// and somewhat more.
pub(super) fn cuts(conv: &Convolution, n: usize) -> Vec<(usize, usize)> {
    let channels = Packing::channels_of(conv);
    let row_cuts = quotients(conv.rows.output);
    let fitting = |columns| {
        let cuts = row_cuts.iter().map(|&rows| (rows, columns));
        let fitting = cuts.skip_while(|&cuts| Packing::new(conv, n, cuts, channels).is_none());
        fitting.take(4).collect::<Vec<_>>()
    };
    let columns = quotients(conv.columns.output).into_iter();
    columns.map(fitting).find(|found| !found.is_empty()).unwrap_or_default()
}

/// Into how many parts a total can be cut by cutting off equal sizes: the values of ⌈total/size⌉,
/// ascending, and of large neighbours only some.
fn quotients(total: usize) -> Vec<usize> {
    let next = |&parts: &usize| {
        // The smallest size that gives so many parts, or about 1/32 more; the next one gives more.
        let size = total.div_ceil(parts);
        let smaller = total.div_ceil(parts + 1 + parts / 32).min(size - 1);
        (smaller > 0).then(|| total.div_ceil(smaller))
    };
    std::iter::successors(Some(1), next).collect()
}

impl Cost {
    fn new(
        packing: &Packing,
        parameters: &Parameters,
        format: &noise::Answer,
        link: &Link,
    ) -> Self {
        let (queries, answers, weights) = (packing.queries(), packing.answers(), packing.weights());
        let limbs = parameters.limbs();
        let mut cost = Self {
            queries,
            answers,
            weights,
            transforms: 4 * limbs * queries + (3 * limbs + 2) * answers,
            products: 2 * limbs * (packing.tiles() * weights + answers),
            query_bytes: query_len(parameters, queries),
            answer_bytes: answers * answer_len(parameters, format),
            nanoseconds: 0,
        };
        cost.nanoseconds = cost.price(parameters, link);
        cost
    }

    /// Nanoseconds: see [`rates`].
    fn price(&self, parameters: &Parameters, link: &Link) -> u64 {
        let limbs = parameters.limbs() as u64;
        let largest = parameters.primes().max().unwrap_or(0);
        let rates::Prime { transform, product } = rates::prime(largest);
        let picoseconds_per_coefficient = transform * self.transforms as u64
            + product * self.products as u64
            + (rates::QUERY + rates::QUERY_LIMB * limbs) * self.queries as u64
            + (rates::ANSWER + rates::ANSWER_LIMB * limbs) * self.answers as u64;
        let work = picoseconds_per_coefficient * parameters.n() as u64 / 1000;
        let transfer =
            link.upward().transfer(self.query_bytes) + link.downward().transfer(self.answer_bytes);
        work + u64::try_from(transfer.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// What things cost on one core with AVX-512, in picoseconds per coefficient. Their ratios choose
/// the plan, so they are part of what both parties agree on.
mod rates {
    /// What depends on the kernels' class of a prime.
    pub(super) struct Prime {
        /// A transform.
        pub(super) transform: u64,
        /// A product in an inner product, weights streamed from memory.
        pub(super) product: u64,
    }

    /// The rates of a prime.
    pub(super) fn prime(q: u64) -> Prime {
        match u64::BITS - q.leading_zeros() {
            0..=47 => Prime { transform: 900, product: 400 },
            48..=50 => Prime { transform: 1_200, product: 400 },
            _ => Prime { transform: 2_100, product: 800 },
        }
    }

    /// Sampling a query's error.
    pub(super) const QUERY: u64 = 2_000;
    /// Encoding, expanding, packing and parsing one limb of a query, both parties together.
    pub(super) const QUERY_LIMB: u64 = 3_500;
    /// Sampling, unpacking and rounding an answer.
    pub(super) const ANSWER: u64 = 4_000;
    /// Re-randomising and switching one limb of an answer.
    pub(super) const ANSWER_LIMB: u64 = 1_500;
}
