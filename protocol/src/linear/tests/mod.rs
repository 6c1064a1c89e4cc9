mod conversion;
mod deviating_client;
mod hint;
mod leak;
mod malformed;
mod noise;
mod private_equals_clear;

use rand::{Rng, SeedableRng, rngs::ChaCha20Rng};

use gazelle_garble::{Delta, GateCounter, Hash, HashKind};

use super::guard::{ClientHalf, ServerHalf};
use super::*;
use crate::Link;
use crate::he::{PublicKey, SecretKey};
use crate::model::{Convolution, Extent, LinearMap, Padding, Shape, Window};
use crate::ot::{FieldBits, Receiver, ReceiverSetup, Sender, SenderSetup};

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// A layer with random weights that use their range to the full.
struct Layer {
    map: Map,
    weights: Vec<i16>,
    bias: Vec<i32>,
}

impl Layer {
    fn random(linear: LinearMap, input: Shape, weight_bits: u32, rng: &mut ChaCha20Rng) -> Self {
        let conv = geometry::Convolution::new(&linear, input).unwrap();
        let largest = (1i32 << (weight_bits - 1)) - 1;
        let mut draw = |bound: i32| (rng.next_u32() % (2 * bound + 1) as u32) as i32 - bound;
        let weights: Vec<i16> = (0..conv.weights_len()).map(|_| draw(largest) as i16).collect();
        let bias: Vec<i32> = (0..conv.outputs).map(|_| draw(1000)).collect();
        let rows = weights.chunks_exact(conv.row_len());
        let sum =
            rows.map(|row| row.iter().map(|w| u32::from(w.unsigned_abs())).sum::<u32>()).max();
        let bound = 255 * u64::from(sum.unwrap()) + 1000;
        let sum_bits = u64::BITS - bound.leading_zeros();
        Self { map: Map { linear, input, width: 255, weight_bits, sum_bits }, weights, bias }
    }

    fn conv(
        (channels, outputs): (usize, usize),
        size: usize,
        (kernel, stride, padding): (usize, usize, usize),
        rng: &mut ChaCha20Rng,
    ) -> Self {
        let linear = convolution(outputs, kernel, stride, padding, 1);
        Self::random(linear, Shape { channels, height: size, width: size }, 8, rng)
    }

    fn dense(inputs: usize, outputs: usize, rng: &mut ChaCha20Rng) -> Self {
        Self::random(LinearMap::Dense { outputs }, Shape::flat(inputs), 8, rng)
    }

    /// Weights that are alternately one and the other, with the sum bits that they need.
    fn fill(&mut self, weights: [i16; 2]) {
        self.weights.iter_mut().zip(weights.into_iter().cycle()).for_each(|(w, of)| *w = of);
        // An even number of weights feeds each output.
        let row = (self.weights.len() / self.bias.len()) as u64;
        let sum = |sign: i64| weights.iter().map(|&w| (sign * i64::from(w)).max(0)).sum::<i64>();
        let bound = 255 * sum(1).max(sum(-1)) as u64 * row / 2 + 1000;
        self.map.sum_bits = u64::BITS - bound.leading_zeros();
    }

    fn plan(&self) -> CoefficientPlan {
        CoefficientPlan::choose_term(&self.map, &Link::LAN).unwrap()
    }

    fn random_values(&self, len: usize, rng: &mut ChaCha20Rng) -> Vec<u32> {
        (0..len).map(|_| rng.next_u32() >> (31 - self.map.sum_bits)).collect()
    }

    fn clear(&self, x: &[u32], bias: &[i32]) -> Vec<u32> {
        let Map { linear, input, sum_bits, .. } = self.map;
        clear::apply(linear, input, &self.weights, bias, x, sum_bits + 1)
    }
}

fn convolution(
    outputs: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    groups: usize,
) -> LinearMap {
    let [kernel, stride] = [kernel, stride].map(Extent::square);
    LinearMap::grouped(outputs, Window::new(kernel, stride, Padding::uniform(padding)), groups)
}

/// Both parties of the transfers, as a session has them.
struct Transfers {
    receiver: Receiver,
    sender: Sender,
    delta: Delta,
    hash: Hash,
    gates: [GateCounter; 2],
}

impl Transfers {
    fn new(rng: &mut ChaCha20Rng) -> Self {
        let (session, field) = (&[5; 32], FieldBits::default());
        let delta = Delta::random(rng);
        let (receiver, offer) = ReceiverSetup::new(field, rng);
        let (sender, reply, _) =
            SenderSetup::new(field, session, delta.expose(), &offer, rng).unwrap();
        let (receiver, corrections, _) = receiver.finish(session, &reply).unwrap();
        let sender = sender.finish(&corrections).unwrap();
        let hash = Hash::new(HashKind::default(), 7);
        Self { receiver, sender, delta, hash, gates: [GateCounter::new(), GateCounter::new()] }
    }

    /// The exact shares of both parties, and the corrections that made them.
    fn convert(
        &mut self,
        client: ClientHalf,
        server: ServerHalf,
    ) -> (Vec<u32>, ServerShare, Vec<u8>) {
        let Self { receiver, sender, delta, hash, gates } = self;
        let [ours, theirs] = gates.each_mut().map(|gates| gates.take(client.len() as u64));
        let (conversion, message) = client.transfer(receiver, hash, ours);
        let (corrections, share) = server.convert(&message, sender, delta, hash, theirs).unwrap();
        (conversion.finish(&corrections).unwrap(), share, corrections)
    }
}

/// What two halves stand for.
fn join(client: &ClientHalf, server: &ServerHalf, ring_bits: u32) -> Vec<u32> {
    let top = u32::MAX >> (32 - ring_bits);
    let halves = client.values().iter().zip(server.values());
    halves.map(|(y, s)| ((s + y + 1) >> 1) as u32 & top).collect()
}

/// Runs a layer end to end: the shares of M·x + bias must add up to the plaintext's.
fn check(
    layer: &Layer,
    plan: &CoefficientPlan,
    (secret, public): (&SecretKey, &PublicKey),
    rng: &mut ChaCha20Rng,
) {
    let encoded = plan.prepare(&layer.weights).unwrap();
    assert_eq!(
        encoded.bytes(),
        8 * plan.parameters().n() * plan.parameters().limbs() * plan.cost().weights
    );
    let mask = Mask::random(plan.input_len(), plan.ring_bits(), rng);
    let x = layer.random_values(plan.input_len(), rng);

    let query = plan.encrypt(mask.values(), secret, rng).unwrap();
    assert_eq!(query.len(), plan.cost().query_bytes);
    let (answer, share) = plan.apply(&query, &encoded, public, rng).unwrap();
    assert_eq!(answer.len(), plan.cost().answer_bytes);
    let client = plan.decrypt(&answer, secret).unwrap();
    assert_eq!(
        join(&client, &share, plan.ring_bits()),
        layer.clear(mask.values(), &vec![0; layer.bias.len()])
    );
    let (client, share, _) = Transfers::new(rng).convert(client, share);

    let mut hidden = x.clone();
    mask.hide(&mut hidden);
    let mut server = layer.clear(&hidden, &layer.bias);
    share.add_to(&mut server);
    let top = u32::MAX >> (32 - plan.ring_bits());
    let sum: Vec<u32> =
        client.iter().zip(&server).map(|(&a, &b)| a.wrapping_add(b) & top).collect();
    assert_eq!(sum, layer.clear(&x, &layer.bias));
}
