//! Answers of a deviating server: sums of single cells of whatever queries it has, in place of M·r.

use rand::CryptoRng;

use super::CoefficientPlan;
use super::guard::ServerHalf;
use crate::he::{Answerer, Coins, PublicKey, Query};

/// A query, and the cell of it that each result of the forged answer is to hold a multiple of.
pub(crate) struct Source<'a> {
    /// The query's plan.
    pub(crate) plan: &'a CoefficientPlan,
    /// The query.
    pub(crate) query: &'a Query,
    /// What the cells are multiplied by.
    pub(crate) factor: i64,
    /// For each result, the number of an input of the query's plan.
    pub(crate) inputs: &'a [usize],
}

/// What a forged answer is made of.
pub(crate) struct Forged {
    pub(crate) message: Vec<u8>,
    pub(crate) half: ServerHalf,
    /// The results that hold what was wanted. Not all can: whatever moves one cell to its result
    /// moves the query's other cells too.
    pub(crate) told: Vec<usize>,
}

/// A polynomial of a query times a monomial: X^`exponent`, or −X^`exponent` where that, by Xⁿ = −1,
/// moves a cell down.
#[derive(Clone, Copy, PartialEq)]
struct Mover {
    polynomial: usize,
    exponent: usize,
    down: bool,
}

/// Where a query's plan puts its inputs.
struct Cells {
    n: usize,
    /// The polynomial and the coefficient of each input.
    places: Vec<(usize, usize)>,
    /// For each polynomial, whether a coefficient holds an input.
    held: Vec<Vec<bool>>,
}

impl Cells {
    fn new(plan: &CoefficientPlan) -> Self {
        let (n, packing) = (plan.parameters.n(), &plan.packing);
        let numbers: Vec<u32> = (1..=plan.input_len() as u32).collect();
        let mut cells = Self { n, places: vec![(0, 0); numbers.len()], held: Vec::new() };
        for polynomial in 0..packing.queries() {
            let mut values = vec![0; n];
            let (tile, chunk) = (polynomial / packing.chunks, polynomial % packing.chunks);
            packing.message(tile, chunk, &numbers, &mut values);
            for (cell, &value) in values.iter().enumerate().filter(|(_, value)| **value > 0) {
                cells.places[value as usize - 1] = (polynomial, cell);
            }
            cells.held.push(values.iter().map(|&value| value > 0).collect());
        }
        cells
    }

    /// What moves an input to a coefficient.
    fn mover(&self, input: usize, position: usize) -> Mover {
        let (polynomial, cell) = self.places[input];
        let exponent = (position + self.n - cell) % self.n;
        Mover { polynomial, exponent, down: position < cell }
    }

    /// Whether a mover brings some input to a coefficient.
    fn reaches(&self, mover: Mover, position: usize) -> bool {
        self.held[mover.polynomial][(position + self.n - mover.exponent) % self.n]
    }
}

impl CoefficientPlan {
    /// Parses a query.
    pub(crate) fn read_query(&self, bytes: &[u8]) -> Query {
        let mut query = Query::new(&self.parameters, self.packing.queries());
        query.read(&self.parameters, bytes).expect("an honest query");
        query
    }

    /// An answer of this plan whose results hold the sum of the sources' cells. All queries must lie
    /// under the key.
    pub(crate) fn forge(
        &self,
        key: &PublicKey,
        sources: &[Source<'_>],
        rng: &mut impl CryptoRng,
    ) -> Forged {
        let coins = Coins::random(rng);
        let mut answerer = Answerer::new(key, &self.format);
        let cells: Vec<Cells> = sources.iter().map(|source| Cells::new(source.plan)).collect();
        let (mut message, mut halves) = (Vec::new(), vec![0; self.output_len()]);
        let mut told = Vec::new();
        for index in 0..self.packing.answers() {
            let results: Vec<(usize, usize)> = self.packing.results(index).collect();
            let movers = choose(sources, &cells, &results, &mut told);
            let mut sum = vec![0; 2 * self.parameters.limbs() * self.parameters.n()];
            for (source, movers) in sources.iter().zip(&movers) {
                self.add(source, movers, &mut sum);
            }
            let positions: Vec<usize> = results.iter().map(|(position, _)| *position).collect();
            let split = answerer.answer(&mut sum, &positions, &mut coins.stream(index as u64));
            message.extend_from_slice(&split.message);
            self.packing.scatter(index, &split.halves, &mut halves);
        }
        Forged { message, half: ServerHalf::new(halves, self.ring_bits()), told }
    }

    /// Adds a source's query times its factor times some monomials.
    fn add(&self, source: &Source<'_>, movers: &[Mover], sum: &mut [u64]) {
        let (n, limbs) = (self.parameters.n(), self.parameters.limbs());
        for &Mover { polynomial, exponent, down } in movers {
            for (limb, plan) in self.parameters.plans().iter().enumerate() {
                let mut factor = vec![0; n];
                let sign = if down { -1 } else { 1 };
                let q = plan.modulus().value() as i64;
                factor[exponent] = (sign * source.factor).rem_euclid(q) as u64;
                plan.forward(&mut factor);
                let (c0, c1) = source.query.limb(polynomial, limb);
                let (sum0, sum1) = sum.split_at_mut(limbs * n);
                plan.pointwise_mul_add(&mut sum0[limb * n..][..n], &factor, c0);
                plan.pointwise_mul_add(&mut sum1[limb * n..][..n], &factor, c1);
            }
        }
    }
}

/// The movers of each source for as many of `results` (coefficients and numbers) as can be told
/// without one's mover disturbing another; their numbers are appended to `told`.
fn choose(
    sources: &[Source<'_>],
    cells: &[Cells],
    results: &[(usize, usize)],
    told: &mut Vec<usize>,
) -> Vec<Vec<Mover>> {
    let mut movers: Vec<Vec<Mover>> = sources.iter().map(|_| Vec::new()).collect();
    let mut taken: Vec<(usize, Vec<Mover>)> = Vec::new();
    for &(position, result) in results {
        let parts = sources.iter().zip(cells);
        let wanted: Vec<Mover> =
            parts.map(|(source, cells)| cells.mover(source.inputs[result], position)).collect();
        let disturbed = cells.iter().zip(&wanted).enumerate().any(|(i, (cells, &new))| {
            let by_others = movers[i].iter().any(|&m| m != new && cells.reaches(m, position));
            let others = taken.iter().any(|(p, own)| own[i] != new && cells.reaches(new, *p));
            by_others || others
        });
        if disturbed {
            continue;
        }
        for (movers, &new) in movers.iter_mut().zip(&wanted) {
            if !movers.contains(&new) {
                movers.push(new);
            }
        }
        taken.push((position, wanted));
        told.push(result);
    }
    movers
}
