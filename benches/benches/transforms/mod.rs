//! What the benches `ntt` and `peers` share: inputs, contestants and ids.

mod aligned;

pub(crate) use aligned::Aligned;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, measurement::WallTime};
use gazelle_kernels::VectorBackend;
use gazelle_ntt::{Plan, prime};
use rand::{RngExt, SeedableRng, rngs::ChaCha20Rng};
use std::{hint::black_box, time::Duration};

/// The terms of an inner product.
pub(crate) const PAIRS: usize = 16;

/// One prime and size, with polynomials of uniform residues: `PAIRS` left factors, and as many right
/// ones for each of two sums.
pub(crate) struct Input {
    /// Coefficients.
    pub(crate) n: usize,
    /// The prime.
    pub(crate) q: u64,
    /// The left factors.
    pub(crate) left: Vec<Aligned<u64>>,
    /// The right factors.
    pub(crate) right: Vec<Aligned<u64>>,
    /// The right factors of a second sum.
    pub(crate) other: Vec<Aligned<u64>>,
}

impl Input {
    fn new(n: usize, bits: u32) -> Self {
        let q = prime::ntt_primes_below(n, bits, 1)[0];
        let mut rng = ChaCha20Rng::seed_from_u64(n as u64 + u64::from(bits));
        let mut polynomials = || {
            let mut polynomial = || Aligned::new((0..n).map(|_| rng.random_range(0..q)));
            (0..PAIRS).map(|_| polynomial()).collect::<Vec<_>>()
        };
        Self { n, q, left: polynomials(), right: polynomials(), other: polynomials() }
    }
}

/// One implementation with its plan and buffers, ready to be timed.
pub(crate) struct Contestant<'a> {
    /// Its name in the ids.
    pub(crate) name: String,
    /// One forward transform in place.
    pub(crate) forward: Box<dyn FnMut() + 'a>,
    /// One inverse transform in place, the factor 1/n included.
    pub(crate) inverse: Box<dyn FnMut() + 'a>,
    /// The same times n, if it is something else.
    pub(crate) inverse_unscaled: Option<Box<dyn FnMut() + 'a>>,
    /// One pointwise product.
    pub(crate) pointwise_mul: Box<dyn FnMut() + 'a>,
    /// The sum of `PAIRS` pointwise products, reduced.
    pub(crate) inner_product: Box<dyn FnMut() + 'a>,
    /// Two such sums that share their left factors, if it can do that at once.
    pub(crate) inner_products: Option<Box<dyn FnMut() + 'a>>,
}

/// Gazelle's own backends.
pub(crate) fn gazelle(input: &Input) -> Vec<Contestant<'_>> {
    let contestant = |backend: VectorBackend| {
        let plan = Plan::with_backend(input.n, input.q, backend).expect("a prime of this size");
        let (forward, inverse, mul) = (plan.clone(), plan.clone(), plan.clone());
        let (sum, sums) = (plan.clone(), plan);
        let (mut a, mut b) = (input.left[0].clone(), input.left[0].clone());
        let (mut c, mut d) = (Aligned::zeros(input.n), Aligned::zeros(input.n));
        let pairs: Vec<_> =
            input.left.iter().zip(&input.right).map(|(a, b)| (&a[..], &b[..])).collect();
        let terms: Vec<_> =
            pairs.iter().zip(&input.other).map(|(&(a, b), other)| (a, [b, &other[..]])).collect();
        let (mut e, mut f) = (Aligned::zeros(input.n), Aligned::zeros(input.n));
        Contestant {
            name: backend.name().into(),
            forward: Box::new(move || forward.forward(black_box(&mut a))),
            inverse: Box::new(move || inverse.inverse(black_box(&mut b))),
            inverse_unscaled: None,
            pointwise_mul: Box::new(move || {
                mul.pointwise_mul(black_box(&mut c), &input.left[0], &input.right[0]);
            }),
            inner_product: Box::new(move || sum.inner_product(black_box(&mut d), &pairs)),
            inner_products: Some(Box::new(move || {
                sums.inner_products([black_box(&mut e), black_box(&mut f)], &terms);
            })),
        }
    };
    VectorBackend::available().into_iter().map(contestant).collect()
}

/// Times every contestant at every size and prime:
/// `{ntt_forward,ntt_inverse,ntt_inverse_unscaled,pointwise_mul,inner_product,inner_products}/<name>/
/// n<size>/q<bits>`.
pub(crate) fn run(
    c: &mut Criterion,
    contestants: impl for<'a> Fn(&'a Input) -> Vec<Contestant<'a>>,
) {
    for bits in [30, 46, 50, 60] {
        for n in (10..=15).map(|log_n| 1 << log_n) {
            let input = Input::new(n, bits);
            for mut contestant in contestants(&input) {
                let id = format!("n{n}/q{bits}");
                let name = contestant.name.clone();
                let mut time = |operation: &str, elements: usize, f: &mut dyn FnMut()| {
                    let mut group = settings(c.benchmark_group(operation));
                    group.throughput(Throughput::Elements(elements as u64));
                    group.bench_function(BenchmarkId::new(&name, &id), |b| b.iter(&mut *f));
                };
                time("ntt_forward", n, &mut contestant.forward);
                time("ntt_inverse", n, &mut contestant.inverse);
                if let Some(f) = &mut contestant.inverse_unscaled {
                    time("ntt_inverse_unscaled", n, f);
                }
                time("pointwise_mul", n, &mut contestant.pointwise_mul);
                time("inner_product", n * PAIRS, &mut contestant.inner_product);
                if let Some(f) = &mut contestant.inner_products {
                    time("inner_products", 2 * n * PAIRS, f);
                }
            }
        }
    }
}

fn settings(mut group: BenchmarkGroup<'_, WallTime>) -> BenchmarkGroup<'_, WallTime> {
    group.sample_size(20).warm_up_time(Duration::from_millis(200));
    group.measurement_time(Duration::from_millis(600));
    group
}
