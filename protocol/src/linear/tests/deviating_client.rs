//! Clients that send something else than encrypted masks, to read weights out of what comes back.
//!
//! Each attack decides bits, and runs twice: on the protocol as it is, where it must do no better
//! than a coin (within six standard deviations), and on one whose defence is switched off, where it
//! must succeed.

use super::*;
use crate::he::{self, Answerer, Coins, Encoder, Parameters, Query};
use crate::ot::Choices;

const INPUTS: usize = 16;
const OUTPUTS: usize = 64;
/// 7-bit weights and their signs.
const WEIGHT_BITS: u32 = 8;

/// Right guesses, and all.
#[derive(Default, Debug)]
struct Score {
    right: u32,
    all: u32,
}

impl Score {
    fn count(&mut self, guess: bool, truth: bool) {
        self.right += u32::from(guess == truth);
        self.all += 1;
    }

    fn assert_chance(&self) {
        let deviation = (f64::from(self.right) - f64::from(self.all) / 2.0).abs();
        let deviations = deviation / (0.5 * f64::from(self.all).sqrt());
        assert!(self.all > 2000 && deviations < 6.0, "{self:?}: {deviations} deviations");
    }

    fn assert_more_than(&self, share: f64) {
        assert!(f64::from(self.right) > share * f64::from(self.all), "{self:?}");
    }
}

/// A server with weights to read, and what a client needs for reading them.
struct Scene {
    layer: Layer,
    plan: CoefficientPlan,
    weights: EncodedWeights,
    rng: ChaCha20Rng,
}

impl Scene {
    fn new() -> Self {
        let mut rng = rng(1);
        let linear = LinearMap::Dense { outputs: OUTPUTS };
        let mut layer = Layer::random(linear, Shape::flat(INPUTS), WEIGHT_BITS, &mut rng);
        layer.map.sum_bits = 21;
        let plan = layer.plan();
        assert_eq!(plan.cost().queries, 1);
        let weights = plan.prepare(&layer.weights).unwrap();
        Self { layer, plan, weights, rng }
    }

    fn weight(&self, output: usize, input: usize) -> i16 {
        self.layer.weights[output * INPUTS + input]
    }

    /// What [`CoefficientPlan::apply`] does, and beside it what the server keeps: c₀/q of each result in
    /// units of 2^−64, and u of the first answer.
    fn apply(&mut self, query: &[u8], public: &PublicKey) -> (Vec<u8>, Vec<u64>, Vec<i8>) {
        let plan = &self.plan;
        let mut parsed = Query::new(plan.parameters(), 1);
        parsed.read(plan.parameters(), query).unwrap();
        let mut answerer = Answerer::new(public, plan.noise());
        let coins = Coins::random(&mut self.rng);
        let (mut message, mut kept, mut ephemeral) = (vec![], vec![0; OUTPUTS], vec![]);
        for index in 0..plan.cost().answers {
            let mut product = Vec::new();
            plan.multiply(&parsed, 0, &[(index, self.weights.block(index))], &mut product);
            let (positions, places): (Vec<_>, Vec<usize>) = plan.packing.results(index).unzip();
            let split = answerer.answer(&mut product, &positions, &mut coins.stream(index as u64));
            message.extend_from_slice(&split.message);
            places.iter().zip(answerer.kept()).for_each(|(&place, c0)| kept[place] = c0);
            if index == 0 {
                ephemeral = answerer.ephemeral().to_vec();
            }
        }
        (message, kept, ephemeral)
    }

    /// c₁·s/q of each result in units of 2^−64: all that the client makes of an answer.
    fn phases(&self, answer: &[u8], secret: &SecretKey) -> Vec<u64> {
        let format = self.plan.noise();
        let mut out = vec![0; OUTPUTS];
        let answers = answer.chunks_exact(he::answer_len(self.plan.parameters(), format));
        for (index, answer) in answers.enumerate() {
            let product = he::multiply(secret, format, answer).unwrap();
            for (position, place) in self.plan.packing.results(index) {
                out[place] = product[position] << (64 - format.c1_bits);
            }
        }
        out
    }

    /// A query of input `input` alone, times q/2^(k + 1 + bit) instead of q/2^k.
    fn fraction(&mut self, input: usize, bit: u32, secret: &SecretKey) -> Vec<u8> {
        let encoder = Encoder::new(self.plan.parameters(), self.plan.ring_bits() + 8);
        let mut mask = [0; INPUTS];
        mask[input] = 1 << (7 - bit);
        let packing = &self.plan.packing;
        let message = |_: usize, out: &mut [u32]| packing.message(0, 0, &mask, out);
        he::encrypt(secret, &encoder, 1, message, &mut self.rng)
    }
}

/// Where the phase stands in its cell of q/2^k tells bit after bit of a weight, unless the server
/// hides more than multiples of q/2^k.
fn read_phases(seen: impl Fn(u64, u64, u32, &mut ChaCha20Rng) -> u64) -> Score {
    let mut scene = Scene::new();
    let (secret, public) = SecretKey::generate(scene.plan.parameters(), &mut scene.rng);
    let k = scene.plan.ring_bits();
    let mut score = Score::default();
    for input in 0..INPUTS {
        for bit in 0..WEIGHT_BITS {
            let query = scene.fraction(input, bit, &secret);
            let (answer, kept, _) = scene.apply(&query, &public);
            let phases = scene.phases(&answer, &secret);
            for output in 0..OUTPUTS {
                let truth = scene.weight(output, input) as u64;
                let phase = seen(phases[output], kept[output], k, &mut scene.rng);
                // The lower bits are known by now; with them gone, this bit is half a cell.
                let known = (truth & ((1 << bit) - 1)) << (63 - k - bit);
                let distance = phase.wrapping_sub(known) << k;
                score.count(distance.wrapping_add(1 << 62) >> 63 == 1, truth >> bit & 1 == 1);
            }
        }
    }
    score
}

#[test]
fn deviating_client_reads_nothing_from_phases() {
    read_phases(|phase, _, _, _| phase).assert_chance();
}

/// c₀ under T uniform in Z_q may as well be sent.
#[test]
fn deviating_client_reads_nothing_from_phases_under_a_uniform_mask() {
    read_phases(|phase, kept, _, rng| phase.wrapping_add(kept).wrapping_add(rng.next_u64()))
        .assert_chance();
}

/// Switched off: c₀ is sent under a mask that is a multiple of q/2^k and a flood of half a cell.
#[test]
fn deviating_client_would_read_weights_beside_a_flood() {
    let flooded = |phase: u64, kept: u64, k: u32, rng: &mut ChaCha20Rng| {
        let mask = rng.next_u64() << (64 - k);
        // In [−¼, ¼) of a cell.
        let flood = (rng.next_u64() >> (k + 1)).wrapping_sub(1 << (62 - k));
        phase.wrapping_add(kept).wrapping_add(mask).wrapping_add(flood)
    };
    read_phases(flooded).assert_more_than(0.9);
    read_phases(|phase, kept, k, rng| {
        phase.wrapping_add(kept).wrapping_add(rng.next_u64() << (64 - k))
    })
    .assert_more_than(0.999);
}

/// A key whose p₀ is `p0` at every coefficient.
fn forged_key(parameters: &Parameters, p0: u64) -> PublicKey {
    let mut bytes = vec![9; 16];
    let q = parameters.primes().next().unwrap();
    let bits = 64 - q.leading_zeros();
    let mut coefficients = vec![0; parameters.n()];
    coefficients[0] = p0;
    gazelle_ntt::pack::pack_u64(&coefficients, bits, &mut bytes);
    PublicKey::from_bytes(parameters, &bytes).unwrap()
}

/// A query whose c₀ is ⌊q/2^bits⌉ at the coefficient of input `input`, in the clear.
fn bare_query(plan: &CoefficientPlan, input: usize, bits: u32) -> Vec<u8> {
    let q = plan.parameters().primes().next().unwrap();
    let mut marked = [0; INPUTS];
    marked[input] = 1;
    let mut message = vec![0; plan.parameters().n()];
    plan.packing.message(0, 0, &marked, &mut message);
    let unit = (q >> (bits - 1)).div_ceil(2);
    let c0: Vec<u64> = message.iter().map(|&m| u64::from(m) * unit).collect();
    let mut bytes = vec![9; 16];
    gazelle_ntt::pack::pack_u64(&c0, 64 - q.leading_zeros(), &mut bytes);
    bytes
}

/// With p₀ = 0 and no encryption in c₀ the server's half *is* a weight, shifted: its guard bit goes
/// into the correction. `off` tells the client Δ, which is what makes the pad unknown.
fn read_corrections(off: bool) -> Score {
    let mut scene = Scene::new();
    let parameters = scene.plan.parameters().clone();
    assert_eq!(parameters.limbs(), 1);
    let public = forged_key(&parameters, 0);
    let (secret, _) = SecretKey::generate(&parameters, &mut scene.rng);
    let mut transfers = Transfers::new(&mut scene.rng);
    let mut score = Score::default();
    let k = scene.plan.ring_bits();
    for input in 0..INPUTS {
        for bit in 0..6 {
            let query = bare_query(&scene.plan, input, k + 1 + bit);
            let (answer, server) =
                scene.plan.apply(&query, &scene.weights, &public, &mut scene.rng).unwrap();
            let client = scene.plan.decrypt(&answer, &secret).unwrap();
            let guesses = transfers.guess_guard_bits(client, server, k, off);
            for (output, guess) in guesses.into_iter().enumerate() {
                // s = ⌊w/2^bit⌉; how a tie ends depends on the rounding of the query.
                let double = 2 * i32::from(scene.weight(output, input));
                let half = (double + (1 << bit)) >> (bit + 1);
                if double & ((2 << bit) - 1) != 1 << bit {
                    score.count(guess, half & 1 == 1);
                }
            }
        }
    }
    score
}

impl Transfers {
    /// What the client makes of its labels and the corrections: s₀ of each result, if it guesses
    /// the hash that it cannot compute right.
    fn guess_guard_bits(
        &mut self,
        client: ClientHalf,
        server: ServerHalf,
        ring_bits: u32,
        delta_is_known: bool,
    ) -> Vec<bool> {
        let len = client.len();
        let choices: Vec<u32> = client.values().iter().map(|&y| y as u32 & 1).collect();
        let Self { receiver, sender, delta, hash, gates } = self;
        let [_, theirs] = gates.each_mut().map(|gates| gates.take(len as u64));
        let (mut labels, choice_bits) = (vec![0; len], Choices::from_bit_planes(&choices, 1));
        let message = receiver.extend(&choice_bits, &mut labels);
        let (corrections, _) = server.convert(&message, sender, delta, hash, theirs).unwrap();
        let mut values = vec![0u32; len];
        gazelle_ntt::pack::unpack_u32(&corrections, ring_bits, &mut values).unwrap();
        let strict = hash.clone().with_kind(HashKind::MitccrhStrict);
        let last = gates[0].take(0).first(0);
        let pads = |offset: u128| {
            let mut labels: Vec<u128> = labels.iter().map(|t| t ^ offset).collect();
            gazelle_kernels::hash::hash(&strict, last - len as u64, &mut labels);
            labels
        };
        let offset = if delta_is_known { delta.expose() } else { 0x1234_5678_9abc_def1 };
        let pads = pads(0).into_iter().zip(pads(offset)).map(|(a, b)| [a as u32, b as u32]);
        let bit = |((d, choice), [known, other]): ((u32, u32), [u32; 2])| {
            let difference = known.wrapping_sub(other);
            let signed = if choice == 0 { difference } else { difference.wrapping_neg() };
            d.wrapping_sub(signed) & 1 == 0
        };
        values.into_iter().zip(choices).zip(pads).map(bit).collect()
    }
}

#[test]
fn deviating_client_reads_nothing_from_corrections() {
    read_corrections(false).assert_chance();
}

/// Switched off: the client knows Δ.
#[test]
fn deviating_client_would_read_weights_from_corrections_if_it_knew_delta() {
    read_corrections(true).assert_more_than(0.999);
}

/// A public key that shows u, which hides the weights in c₁: with p₀ = q/2^(k + 1) and an empty query
/// the server's halves are coefficients of u.
fn read_ephemeral(off: bool) -> Score {
    let mut scene = Scene::new();
    let parameters = scene.plan.parameters().clone();
    let q = parameters.primes().next().unwrap();
    let k = scene.plan.ring_bits();
    // s₀ is 0 for u = 0 and 1 for ±1.
    let public = forged_key(&parameters, q >> (k + 1));
    let (secret, _) = SecretKey::generate(&parameters, &mut scene.rng);
    let query = [vec![9; 16], vec![0; scene.plan.cost().query_bytes - 16]].concat();
    let mut transfers = Transfers::new(&mut scene.rng);
    let mut score = Score::default();
    let results: Vec<(usize, usize)> = scene.plan.packing.results(0).collect();
    for _ in 0..4096 / results.len() {
        let (answer, kept, ephemeral) = scene.apply(&query, &public);
        // What `CoefficientPlan::apply` makes of c₀.
        let halves = kept.iter().map(|c0| c0.wrapping_add(1 << (62 - k)) >> (63 - k)).collect();
        let server = ServerHalf::new(halves, k);
        let client = scene.plan.decrypt(&answer, &secret).unwrap();
        let guesses = transfers.guess_guard_bits(client, server, k, off);
        for &(position, place) in &results {
            // A third of u is 0: only as many of the others are looked at.
            if ephemeral[position] != 1 {
                score.count(guesses[place], ephemeral[position] != 0);
            }
        }
    }
    score
}

#[test]
fn deviating_client_reads_nothing_of_u_by_a_forged_key() {
    read_ephemeral(false).assert_chance();
}

/// Switched off: the client knows Δ.
#[test]
fn deviating_client_would_read_u_by_a_forged_key_if_it_knew_delta() {
    read_ephemeral(true).assert_more_than(0.999);
}

/// What the client is sent is uniform, whatever it asked: here nothing, under a key of zeros.
#[test]
fn deviating_client_sees_uniform_answers() {
    let mut scene = Scene::new();
    let parameters = scene.plan.parameters().clone();
    let public = forged_key(&parameters, 0);
    let query = [vec![9; 16], vec![0; scene.plan.cost().query_bytes - 16]].concat();
    let bits = scene.plan.noise().c1_bits;
    let mut buckets = [0u32; 64];
    for _ in 0..20 {
        let (answer, ..) = scene.apply(&query, &public);
        for answer in answer.chunks_exact(he::answer_len(&parameters, scene.plan.noise())) {
            let mut c1 = vec![0u64; parameters.n()];
            gazelle_ntt::pack::unpack_u64(answer, bits, &mut c1).unwrap();
            c1.iter().for_each(|c| buckets[(c >> (bits - 6)) as usize] += 1);
        }
    }
    let mean = f64::from(buckets.iter().sum::<u32>()) / 64.0;
    let chi: f64 = buckets.iter().map(|&b| (f64::from(b) - mean).powi(2) / mean).sum();
    // 63 degrees of freedom: 63 ± 6·√126.
    assert!(mean > 600.0 && chi < 130.0, "{chi}");
}
