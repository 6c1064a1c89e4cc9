//! Linear layers on shares, from the encryption of masks to the sum of the shares, against their
//! definition: any geometry, any layout, several images at once.

use gazelle_protocol::Link;
use gazelle_protocol::he::{PublicKey, SecretKey};
use gazelle_protocol::linear::{CoefficientPlan, Mask, clear};
use gazelle_protocol::model::{
    Activation, Block, BlockCard, Extent, Linear, Padding, Shape, Window,
};
use gazelle_tests::transfers::Transfers;
use gazelle_tests::{naive, rng};
use proptest::prelude::*;
use rand::rngs::ChaCha20Rng;
use rand::{Rng, RngExt};
use std::sync::{LazyLock, Mutex};

/// Base transfers take longer than most layers here.
static TRANSFERS: LazyLock<Mutex<Transfers>> =
    LazyLock::new(|| Mutex::new(Transfers::new(&mut rng(9))));

/// Multiplications that the naive oracle may do for one case.
const MAX_PRODUCTS: usize = 4_000_000;

/// How weights and inputs are drawn.
#[derive(Clone, Copy, Debug)]
enum Values {
    Random,
    Largest,
    Smallest,
    Mixed,
}

impl Values {
    fn draw(self, range: std::ops::RangeInclusive<i16>, rng: &mut impl Rng) -> i16 {
        match self {
            Self::Random => rng.random_range(range),
            Self::Largest => *range.end(),
            Self::Smallest => *range.start(),
            Self::Mixed => [*range.start(), *range.end()][rng.random_range(0..2)],
        }
    }
}

fn values() -> impl Strategy<Value = Values> {
    prop_oneof![
        3 => Just(Values::Random),
        1 => Just(Values::Largest),
        1 => Just(Values::Smallest),
        1 => Just(Values::Mixed)
    ]
}

/// Kernels of 1–7, strides of 1–3, padding of 0–3 on each side, 1–70 channels in any number of
/// groups, maps of 1–40; a third of them depthwise or in groups.
fn convolutions() -> impl Strategy<Value = (Linear, Shape)> {
    let extent =
        |max: usize| (1..=max, 1..=max).prop_map(|(height, width)| Extent { height, width });
    let padding = [0..=3usize, 0..=3, 0..=3, 0..=3]
        .prop_map(|[top, left, bottom, right]| Padding { top, left, bottom, right });
    let groups = prop_oneof![4 => Just(1usize), 1 => 2..=8usize, 1 => Just(70)];
    let channels = (groups, 1..=70usize, 1..=70usize);
    (extent(7), extent(3), padding, channels, extent(40))
        .prop_map(|(kernel, stride, padding, (groups, inputs, outputs), map)| {
            let groups = groups.min(inputs);
            let inputs = inputs / groups * groups;
            let input = Shape { channels: inputs, height: map.height, width: map.width };
            let row = inputs / groups * kernel.height * kernel.width * map.height * map.width;
            let outputs = outputs.min(MAX_PRODUCTS / row).max(1).div_ceil(groups) * groups;
            (Linear::Convolution { outputs, kernel, stride, padding, groups }, input)
        })
        .prop_filter("no output fits", |(linear, input)| {
            clear::output_shape(*linear, *input).is_some()
        })
}

fn layers() -> impl Strategy<Value = (Linear, Shape)> {
    let dense = (1..=5000usize, 1..=70usize)
        .prop_map(|(inputs, outputs)| (Linear::Dense { outputs }, Shape::flat(inputs)));
    prop_oneof![5 => convolutions(), 1 => dense]
}

/// A layer whose card leaves just the room that its weights need.
struct Layer {
    card: BlockCard,
    input: Shape,
    block: Block,
}

impl Layer {
    fn new(linear: Linear, input: Shape, weight_bits: u32, values: Values, seed: u64) -> Self {
        let rng = &mut rng(seed);
        let (outputs, row) = match linear {
            Linear::Dense { outputs } => (outputs, input.len()),
            Linear::Convolution { outputs, kernel, groups, .. } => {
                (outputs, input.channels / groups * kernel.height * kernel.width)
            }
        };
        let largest = (1 << (weight_bits - 1)) - 1;
        let block = Block {
            weights: (0..outputs * row).map(|_| values.draw(-largest..=largest, rng)).collect(),
            bias: (0..outputs).map(|_| rng.random_range(-9999..=9999)).collect(),
        };
        let activation = Activation::Logits;
        let mut card = BlockCard { sum_pool: None, linear, weight_bits, sum_bits: 0, activation };
        card.sum_bits = i64::BITS - naive::largest_sum(&card, &block, 255).leading_zeros();
        Self { card, input, block }
    }

    /// Both parties' work on a batch of inputs: the shares must add up to the definition's result,
    /// and the messages be as long as planned.
    fn check(
        &self,
        plan: &CoefficientPlan,
        (secret, public): &(SecretKey, PublicKey),
        inputs: &[Vec<i16>],
        memory: usize,
        rng: &mut ChaCha20Rng,
    ) {
        let Self { card, input, block } = self;
        let top = u32::MAX >> (32 - card.ring_bits());
        let weights = plan.prepare_within(&block.weights, memory).expect("weights of the card");
        let masks: Vec<Mask> =
            inputs.iter().map(|_| Mask::random(input.len(), card.ring_bits(), rng)).collect();
        let queries: Vec<Vec<u8>> = masks
            .iter()
            .map(|mask| plan.encrypt(mask.values(), secret, rng).expect("a mask of the layer"))
            .collect();
        assert!(queries.iter().all(|query| query.len() == plan.cost().query_bytes));
        let queries: Vec<&[u8]> = queries.iter().map(Vec::as_slice).collect();
        let answers = plan.apply_batch(&queries, &weights, public, rng).expect("valid queries");
        for ((x, mask), (answer, share)) in inputs.iter().zip(masks).zip(answers) {
            assert_eq!(answer.len(), plan.cost().answer_bytes);
            let client = plan.decrypt(&answer, secret).expect("a valid answer");
            let mut transfers = TRANSFERS.lock().expect("no test panicked");
            let (client, share) =
                transfers.convert(client, share, <[u8]>::to_vec).expect("valid corrections");
            drop(transfers);
            let mut hidden: Vec<u32> = x.iter().map(|&x| x as u32).collect();
            mask.hide(&mut hidden);
            let Block { weights, bias } = block;
            let mut server =
                clear::apply(card.linear, *input, weights, bias, &hidden, card.ring_bits());
            share.add_to(&mut server);
            let x: Vec<i64> = x.iter().map(|&x| x.into()).collect();
            let (expected, _) = naive::linear(card, block, &x, *input);
            let sums = client.iter().zip(&server).map(|(a, b)| a.wrapping_add(*b) & top);
            assert!(sums.eq(expected.iter().map(|&sum| sum as u32 & top)), "{}", plan.layout());
        }
    }

    fn inputs(&self, count: usize, values: Values, rng: &mut ChaCha20Rng) -> Vec<Vec<i16>> {
        let mut draw = || (0..self.input.len()).map(|_| values.draw(0..=255, rng)).collect();
        (0..count).map(|_| draw()).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn shares_add_up_to_the_layer(
        (linear, input) in layers(),
        weight_bits in 2..=10u32,
        (weights, pixels) in (values(), values()),
        (images, memory) in (1..=2usize, 0..=4usize << 20),
        (megabits, choice) in (1..=10_000u64, any::<prop::sample::Index>()),
        seed: u64,
    ) {
        let layer = Layer::new(linear, input, weight_bits, weights, seed);
        let rng = &mut rng(seed ^ 1);
        let link = Link::symmetric(megabits * 1_000_000, Link::LAN.round_trip);
        // Any of the cheapest plans, of several parameter sets.
        let mut plans =
            CoefficientPlan::alternatives(&layer.card, input, &link).expect("the layer fits");
        let plan = plans.swap_remove(choice.index(plans.len().min(16)));
        let keys = SecretKey::generate(plan.parameters(), rng);
        let inputs = layer.inputs(images, pixels, rng);
        layer.check(&plan, &keys, &inputs, memory, rng);
    }
}

/// Maps beyond one polynomial, in tiles that share borders.
#[test]
fn maps_of_several_polynomials_are_exact() {
    for (size, kernel, stride, groups) in
        [((70, 75), 3, 1, 1), ((230, 210), 7, 3, 1), ((4, 5000), 3, 1, 1), ((65, 64), 5, 2, 2)]
    {
        let rng = &mut rng(3);
        let input = Shape { channels: 2, height: size.0, width: size.1 };
        let Window { kernel, stride, padding } = Window {
            kernel: Extent { height: kernel, width: kernel },
            stride: Extent { height: stride, width: stride },
            padding: Padding { top: kernel / 2, left: kernel / 2, ..Padding::default() },
        };
        let linear = Linear::Convolution { outputs: 2, kernel, stride, padding, groups };
        let layer = Layer::new(linear, input, 6, Values::Random, 2);
        let plan = CoefficientPlan::choose(&layer.card, input, &Link::LAN).expect("the layer fits");
        let keys = SecretKey::generate(plan.parameters(), rng);
        let inputs = layer.inputs(1, Values::Mixed, rng);
        layer.check(&plan, &keys, &inputs, usize::MAX, rng);
    }
}
