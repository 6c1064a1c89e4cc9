mod leak;
mod malformed;
mod noise;
mod private_equals_clear;

use rand::{Rng, SeedableRng, rngs::ChaCha20Rng};

use super::*;
use crate::Link;
use crate::he::{PublicKey, SecretKey};
use crate::model::{Activation, BlockCard, Extent, Linear, Padding, Shape};

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// A layer with random weights that use their range to the full.
struct Layer {
    card: BlockCard,
    input: Shape,
    weights: Vec<i16>,
    bias: Vec<i32>,
}

impl Layer {
    fn random(linear: Linear, input: Shape, weight_bits: u32, rng: &mut ChaCha20Rng) -> Self {
        let conv = geometry::Convolution::new(&linear, input).unwrap();
        let largest = (1i32 << (weight_bits - 1)) - 1;
        let mut draw = |bound: i32| (rng.next_u32() % (2 * bound + 1) as u32) as i32 - bound;
        let weights: Vec<i16> = (0..conv.weights_len()).map(|_| draw(largest) as i16).collect();
        let bias: Vec<i32> = (0..conv.outputs).map(|_| draw(1000)).collect();
        let rows = weights.chunks_exact(conv.row_len());
        let sum =
            rows.map(|row| row.iter().map(|w| u32::from(w.unsigned_abs())).sum::<u32>()).max();
        let bound = 255 * u64::from(sum.unwrap()) + 1000;
        let card = BlockCard {
            sum_pool: None,
            linear,
            weight_bits,
            sum_bits: u64::BITS - bound.leading_zeros(),
            activation: Activation::Logits,
        };
        Self { card, input, weights, bias }
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
        Self::random(Linear::Dense { outputs }, Shape::flat(inputs), 8, rng)
    }

    fn plan(&self) -> LinearPlan {
        LinearPlan::choose(&self.card, self.input, &Link::LAN).unwrap()
    }

    fn random_values(&self, len: usize, rng: &mut ChaCha20Rng) -> Vec<u32> {
        (0..len).map(|_| rng.next_u32() >> (32 - self.card.ring_bits())).collect()
    }

    fn clear(&self, x: &[u32], bias: &[i32]) -> Vec<u32> {
        clear::apply(&self.card.linear, self.input, &self.weights, bias, x, self.card.ring_bits())
    }
}

fn convolution(
    outputs: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    groups: usize,
) -> Linear {
    Linear::Convolution {
        outputs,
        kernel: Extent { height: kernel, width: kernel },
        stride: Extent { height: stride, width: stride },
        padding: Padding { top: padding, left: padding, bottom: padding, right: padding },
        groups,
    }
}

/// Runs a layer end to end: the shares of M·x + bias must add up to the plaintext's.
fn check(
    layer: &Layer,
    plan: &LinearPlan,
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

    let mut hidden = x.clone();
    mask.hide(&mut hidden);
    let mut server = layer.clear(&hidden, &layer.bias);
    share.add_to(&mut server);
    let top = u32::MAX >> (32 - plan.ring_bits());
    let sum: Vec<u32> =
        client.iter().zip(&server).map(|(&a, &b)| a.wrapping_add(b) & top).collect();
    assert_eq!(sum, layer.clear(&x, &layer.bias));
}
