//! Why answers are re-randomised: an attack on a server that is not, and its failure on one that is.

use super::*;
use crate::he::{Answerer, Query};
use gazelle_ntt::prg::AesRng;

/// Weights of ±7, eight per output: 15^4 combinations on either side of a meet in the middle.
const LARGEST: i64 = 7;
const INPUTS: usize = 8;

/// A layer's plan, the server's answer to one query, and what the client knows of the query.
struct Scene {
    plan: CoefficientPlan,
    weights: Vec<i16>,
    query: Query,
    answer: Vec<u8>,
}

impl Scene {
    fn new(encryption_of_zero: bool) -> Self {
        let mut rng = rng(1);
        let linear = LinearMap::Dense { outputs: 1 };
        let mut layer = Layer::random(linear, Shape::flat(INPUTS), 4, &mut rng);
        layer.map.sum_bits = 20;
        let plan = layer.plan();
        let (secret, public) = SecretKey::generate(plan.parameters(), &mut rng);
        let bytes = plan.encrypt(&[3; INPUTS], &secret, &mut rng).unwrap();
        let mut query = Query::new(plan.parameters(), 1);
        query.read(plan.parameters(), &bytes).unwrap();
        let encoded = plan.prepare(&layer.weights).unwrap();
        let mut answerer = Answerer::new(&public, plan.noise());
        answerer.draw(&mut AesRng::new(&[1; 16], 0));
        if !encryption_of_zero {
            answerer.drop_encryption_of_zero();
        }
        let mut product = Vec::new();
        plan.multiply(&query, 0, &[(0, encoded.block(0))], &mut product);
        let split = answerer.finish(&mut product, &[0]);
        Self { query, answer: split.message.clone(), weights: layer.weights, plan }
    }

    /// a/q in units of 2^−64, coefficient by coefficient: what the client knows of c₁ = w·a.
    fn known(&self) -> Vec<u64> {
        let parameters = self.plan.parameters();
        let mut out = vec![0u64; parameters.n()];
        for (limb, (plan, fraction)) in
            parameters.plans().iter().zip(parameters.fractions()).enumerate()
        {
            let mut a = self.query.limb(0, limb).1.to_vec();
            plan.inverse(&mut a);
            out.iter_mut().zip(&a).for_each(|(x, &a)| *x = x.wrapping_add(fraction.of(a)));
        }
        out
    }

    /// The attack. The answer's coefficient j is c₁ⱼ = Σᵢ wᵢ·a_(i+j) mod q, rounded to m bits: an
    /// equation in the eight small weights whose error is at most a rounding. Guess half of the
    /// weights, look the other half up by what one coefficient leaves for it, and check the few
    /// that match on the others.
    fn attack(&self) -> Option<Vec<i16>> {
        let n = self.plan.parameters().n();
        let bits = self.plan.noise().c1_bits;
        let mut c1 = vec![0; n];
        let packed = gazelle_ntt::pack::packed_len(n, bits);
        gazelle_ntt::pack::unpack_u64(&self.answer[..packed], bits, &mut c1).unwrap();
        let a = self.known();
        let tolerance = 1u64 << (64 - bits);
        let half = |j: usize, first: usize, guess: usize| {
            weights(guess)
                .enumerate()
                .fold(0u64, |sum, (i, w)| sum.wrapping_add(a[j + first + i].wrapping_mul(w as u64)))
        };
        let fits = |j: usize, low: usize, high: usize| {
            let sum = half(j, 0, low).wrapping_add(half(j, INPUTS / 2, high));
            let error = (c1[j] << (64 - bits)).wrapping_sub(sum);
            error.wrapping_add(tolerance) <= 2 * tolerance
        };
        let mut lows: Vec<(u64, usize)> = (0..combinations()).map(|g| (half(0, 0, g), g)).collect();
        lows.sort_unstable();
        for high in 0..combinations() {
            let left = (c1[0] << (64 - bits)).wrapping_sub(half(0, INPUTS / 2, high));
            let start = lows.partition_point(|&(sum, _)| sum < left.saturating_sub(tolerance));
            let near =
                lows[start..].iter().take_while(|(sum, _)| *sum <= left.saturating_add(tolerance));
            for &(_, low) in near {
                if (1..64).all(|j| fits(j, low, high)) {
                    return Some(weights(low).chain(weights(high)).map(|w| w as i16).collect());
                }
            }
        }
        None
    }
}

fn combinations() -> usize {
    (2 * LARGEST as usize + 1).pow(INPUTS as u32 / 2)
}

/// The four weights that a number stands for.
fn weights(guess: usize) -> impl Iterator<Item = i64> {
    let base = 2 * LARGEST as usize + 1;
    (0..INPUTS as u32 / 2).map(move |i| (guess / base.pow(i) % base) as i64 - LARGEST)
}

#[test]
fn without_the_encryption_of_zero_an_answer_gives_the_weights_away() {
    let scene = Scene::new(false);
    assert_eq!(scene.attack(), Some(scene.weights.clone()));
}

#[test]
fn with_it_the_same_attack_finds_nothing() {
    assert_eq!(Scene::new(true).attack(), None);
}
