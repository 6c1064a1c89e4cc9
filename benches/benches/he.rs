//! The homomorphic layer's primitives and whole linear layers, each party's work apart.
//!
//! GAZELLE (USENIX Security 2018), one core at 2.9 GHz, n = 2048 and a 60-bit q (below 128 bits of
//! security today), in µs: KeyGen 232, Enc 186, Dec 125, SIMDAdd 5, ScMult 10. Here n = 2048 and
//! one prime of 47 bits.
//!
//! Its linear layers, online, in ms: fully connected 1024→128 16.2, 128→16 5.3; convolutions
//! 28²×1 5×5→5 9.2, 16²×128 1×1→128 107, 32²×32 3×3→32 195, 16²×128 3×3→128 704. Here they are
//! `linear_encrypt` + `linear_apply` + `linear_decrypt`, all offline, with a re-randomised answer, and
//! `linear_convert`, both parties' work; `linear_clear` is what is left online. `linear_prepare` encodes the weights,
//! once per model.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gazelle_ntt::{Plan, prime};
use gazelle_protocol::Link;
use gazelle_protocol::he::{Parameters, PublicKey, SecretKey};
use gazelle_protocol::linear::guard::{ClientHalf, ServerHalf};
use gazelle_protocol::linear::{CoefficientPlan, EncodedWeights, clear};
use gazelle_protocol::model::{Activation, BlockCard, Extent, Linear, Padding, Shape};
use gazelle_tests::transfers::Transfers;
use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};

/// Images of a batch that share the encoded weights.
const IMAGES: usize = 10;

struct Layer {
    name: &'static str,
    card: BlockCard,
    input: Shape,
    weights: Vec<i16>,
    bias: Vec<i32>,
}

impl Layer {
    /// 8-bit weights of small magnitude, as trained ones have, in a ring of 22 bits.
    fn new(name: &'static str, linear: Linear, input: Shape, row: usize) -> Self {
        let card = BlockCard {
            sum_pool: None,
            linear,
            weight_bits: 8,
            sum_bits: 21,
            activation: Activation::Logits,
        };
        let outputs = clear::output_shape(linear, input).expect("an output fits").channels;
        let largest = (8000 / row as i16).min(127);
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let weights = (0..outputs * row).map(|_| rng.random_range(-largest..=largest)).collect();
        Self { name, card, input, weights, bias: vec![0; outputs] }
    }

    fn dense(name: &'static str, inputs: usize, outputs: usize) -> Self {
        Self::new(name, Linear::Dense { outputs }, Shape::flat(inputs), inputs)
    }

    fn conv(
        name: &'static str,
        size: usize,
        channels: usize,
        kernel: usize,
        outputs: usize,
    ) -> Self {
        let around = kernel / 2;
        let linear = Linear::Convolution {
            outputs,
            kernel: Extent { height: kernel, width: kernel },
            stride: Extent { height: 1, width: 1 },
            padding: Padding { top: around, left: around, bottom: around, right: around },
            groups: 1,
        };
        let input = Shape { channels, height: size, width: size };
        Self::new(name, linear, input, channels * kernel * kernel)
    }
}

fn primitives(c: &mut Criterion) {
    let rng = &mut ChaCha20Rng::seed_from_u64(2);
    let q = prime::ntt_primes_below(2048, 47, 1);
    let parameters = Parameters::try_new(2048, &q).expect("it is secure");
    let id = || format!("n{}/q47", parameters.n());
    c.bench_function(&format!("he_keygen/{}", id()), |b| {
        b.iter(|| SecretKey::generate(&parameters, rng));
    });

    // One polynomial up, one answer with one result down.
    let layer = Layer::dense("", 2048, 1);
    let plan = CoefficientPlan::try_new(&layer.card, layer.input, &parameters).expect("it fits");
    assert_eq!((plan.cost().queries, plan.cost().answers), (1, 1));
    let (secret, public) = SecretKey::generate(&parameters, rng);
    let mask = vec![12345; 2048];
    c.bench_function(&format!("he_encrypt/{}", id()), |b| {
        b.iter(|| plan.encrypt(&mask, &secret, rng));
    });
    let query = plan.encrypt(&mask, &secret, rng).expect("a mask of the layer");
    let weights = plan.prepare(&layer.weights).expect("weights of the layer");
    let (answer, _) = plan.apply(&query, &weights, &public, rng).expect("a query of the layer");
    c.bench_function(&format!("he_decrypt/{}", id()), |b| {
        b.iter(|| plan.decrypt(&answer, &secret));
    });

    // Both components.
    let transform = Plan::try_new(2048, q[0]).expect("a prime of the set");
    let mut draw = || -> Vec<u64> { (0..2048).map(|_| rng.random_range(0..1 << 46)).collect() };
    let (x, y) = (draw(), draw());
    let mut out = vec![0; 2048];
    c.bench_function(&format!("he_multiply_plain/{}", id()), |b| {
        b.iter(|| {
            for plan in [&transform; 2] {
                plan.pointwise_mul(&mut out, &x, &y);
            }
        });
    });
    c.bench_function(&format!("he_add/{}", id()), |b| {
        b.iter(|| {
            for plan in [&transform; 2] {
                let modulus = *plan.modulus();
                plan.backend().run(
                    #[inline(always)]
                    || {
                        for ((out, &x), &y) in out.iter_mut().zip(&x).zip(&y) {
                            *out = modulus.add(x, y);
                        }
                    },
                );
                black_box(&mut out);
            }
        });
    });
}

fn layers(c: &mut Criterion) {
    let rng = &mut ChaCha20Rng::seed_from_u64(3);
    let mut transfers = Transfers::new(rng);
    for layer in [
        Layer::dense("fc1024x128", 1024, 128),
        Layer::dense("fc128x16", 128, 16),
        Layer::conv("conv28x28x1_5x5_5", 28, 1, 5, 5),
        Layer::conv("conv16x16x128_1x1_128", 16, 128, 1, 128),
        Layer::conv("conv32x32x32_3x3_32", 32, 32, 3, 32),
        Layer::conv("conv16x16x128_3x3_128", 16, 128, 3, 128),
    ] {
        let run = Run::new(&layer, rng);
        // The shares add up to M·r.
        let (client, server) = run.halves(rng);
        let (mut sum, share) = transfers.convert(client, server, <[u8]>::to_vec).expect("honest");
        share.add_to(&mut sum);
        assert_eq!(sum, run.clear());
        run.measure(c, rng);
        let mut group = c.benchmark_group("linear_convert");
        group.bench_function(BenchmarkId::from_parameter(layer.name), |b| {
            b.iter_batched(
                || run.halves(rng),
                |(client, server)| transfers.convert(client, server, <[u8]>::to_vec),
                BatchSize::LargeInput,
            );
        });
    }
}

/// One layer with all that both parties need to compute it.
struct Run<'a> {
    layer: &'a Layer,
    plan: CoefficientPlan,
    secret: SecretKey,
    public: PublicKey,
    mask: Vec<u32>,
    query: Vec<u8>,
    weights: EncodedWeights,
}

impl<'a> Run<'a> {
    fn new(layer: &'a Layer, rng: &mut ChaCha20Rng) -> Self {
        let plan = CoefficientPlan::choose(&layer.card, layer.input, &Link::LAN).expect("it fits");
        let (secret, public) = SecretKey::generate(plan.parameters(), rng);
        let mask: Vec<u32> = (0..plan.input_len()).map(|_| rng.random_range(0..1 << 22)).collect();
        let query = plan.encrypt(&mask, &secret, rng).expect("a mask of the layer");
        let weights = plan.prepare(&layer.weights).expect("weights of the layer");
        Self { layer, plan, secret, public, mask, query, weights }
    }

    fn answer(&self, rng: &mut ChaCha20Rng) -> (Vec<u8>, ServerHalf) {
        let Self { plan, query, weights, public, .. } = self;
        plan.apply(query, weights, public, rng).expect("a query of the layer")
    }

    fn halves(&self, rng: &mut ChaCha20Rng) -> (ClientHalf, ServerHalf) {
        let (answer, server) = self.answer(rng);
        (self.plan.decrypt(&answer, &self.secret).expect("an answer of the layer"), server)
    }

    fn clear(&self) -> Vec<u32> {
        let Layer { card, input, weights, bias, .. } = self.layer;
        clear::apply(card.linear, *input, weights, bias, &self.mask, card.ring_bits())
    }

    /// Each step of either party.
    fn measure(&self, c: &mut Criterion, rng: &mut ChaCha20Rng) {
        let Self { layer, plan, secret, public, mask, query, weights } = self;
        let (answer, _) = self.answer(rng);
        let mut measure = |party: &str, bytes: usize, work: &mut dyn FnMut()| {
            let mut group = c.benchmark_group(party);
            group.throughput(Throughput::Bytes(bytes as u64));
            group.bench_function(BenchmarkId::from_parameter(layer.name), |b| b.iter(&mut *work));
        };
        measure("linear_encrypt", query.len(), &mut || {
            black_box(plan.encrypt(mask, secret, rng)).expect("checked above");
        });
        measure("linear_apply", answer.len(), &mut || {
            black_box(self.answer(rng));
        });
        let queries = [&query[..]; IMAGES];
        measure(&format!("linear_apply_{IMAGES}_images"), IMAGES * answer.len(), &mut || {
            black_box(plan.apply_batch(&queries, weights, public, rng)).expect("checked above");
        });
        measure("linear_prepare", weights.bytes(), &mut || {
            black_box(plan.prepare(&layer.weights)).expect("checked above");
        });
        measure("linear_decrypt", answer.len(), &mut || {
            black_box(plan.decrypt(&answer, secret)).expect("checked above");
        });
        measure("linear_clear", 4 * mask.len(), &mut || {
            black_box(self.clear());
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = primitives, layers
}
criterion_main!(benches);
