//! Ring products: convolutions of a CIFAR-10 network's shapes and one of ResNet's, and the matrix
//! products that have as many multiply–accumulates as some of them, which the throughput counts.
//!
//! `{ring_convolve,ring_convolve_narrow}/<backend>/<channels>x<outputs>x<map>k<kernel>`, on values of 32
//! and of 16 bits, `ring_gemm/<backend>/<m>x<k>x<n>` and `ring_matvec/<backend>/<m>x<k>`.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gazelle_kernels::VectorBackend;
use gazelle_kernels::ring::{Convolution, Prepared, convolve, gemm, matvec};
use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};

/// Channels, outputs, map, kernel.
const CONVOLUTIONS: [[usize; 4]; 7] = [
    [3, 64, 32, 3],
    [64, 64, 32, 3],
    [64, 64, 16, 3],
    [64, 64, 8, 3],
    [64, 64, 8, 1],
    [256, 256, 14, 3],
    [1, 16, 28, 5],
];

fn random<T>(len: usize, seed: u64, value: impl Fn(u32) -> T) -> Vec<T> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    (0..len).map(|_| value(rng.random())).collect()
}

fn weights(len: usize) -> Vec<i16> {
    random(len, 1, |w| (w % 255) as i16 - 127)
}

fn geometry([channels, outputs, map, kernel]: [usize; 4]) -> Convolution {
    Convolution {
        input: [channels, map, map],
        outputs,
        kernel: [kernel; 2],
        stride: [1; 2],
        dilation: [1; 2],
        padding: [kernel / 2; 4],
        groups: 1,
    }
}

/// Whole convolutions: the input is laid out in each of them.
fn convolutions(c: &mut Criterion) {
    for shape @ [channels, outputs, map, kernel] in CONVOLUTIONS {
        let geometry = geometry(shape);
        let weights = weights(outputs * channels * kernel * kernel);
        let wide = random(channels * map * map, 2, |x| x);
        let narrow: Vec<_> = wide.iter().map(|&x| x as i16).collect();
        let mut output = vec![0; outputs * map * map];
        let mut time = |name: &str, convolve: &dyn Fn(VectorBackend, &mut [u32])| {
            let mut group = c.benchmark_group(name);
            group.throughput(Throughput::Elements((weights.len() * map * map) as u64));
            for backend in VectorBackend::available() {
                let id = format!("{channels}x{outputs}x{map}k{kernel}");
                group.bench_function(BenchmarkId::new(backend.name(), id), |b| {
                    b.iter(|| convolve(backend, &mut output));
                });
            }
        };
        time("ring_convolve", &|backend, output| {
            convolve(backend, geometry, &weights, &wide, output);
        });
        time("ring_convolve_narrow", &|backend, output| {
            Prepared::narrow(geometry, &narrow).convolve(backend, &weights, 0, output);
        });
    }
}

fn products(c: &mut Criterion) {
    let mut group = c.benchmark_group("ring_gemm");
    for shape @ [m, k, n] in [[64, 256, 64], [64, 576, 1024], [64, 576, 256], [64, 576, 64]] {
        let (a, b) = (weights(m * k), random(k * n, 2, |x| x));
        let mut out = vec![0; m * n];
        group.throughput(Throughput::Elements((m * k * n) as u64));
        for backend in VectorBackend::available() {
            let id = BenchmarkId::new(backend.name(), format!("{m}x{k}x{n}"));
            group.bench_function(id, |bench| {
                bench.iter(|| gemm(backend, shape, &a, &b, &mut out));
            });
        }
    }
}

fn vectors(c: &mut Criterion) {
    let mut group = c.benchmark_group("ring_matvec");
    for [m, k] in [[100, 980], [128, 784], [10, 1024]] {
        let (a, x) = (weights(m * k), random(k, 2, |x| x));
        let mut y = vec![0; m];
        group.throughput(Throughput::Elements((m * k) as u64));
        for backend in VectorBackend::available() {
            let id = BenchmarkId::new(backend.name(), format!("{m}x{k}"));
            group.bench_function(id, |b| b.iter(|| matvec(backend, &a, &x, &mut y)));
        }
    }
}

criterion_group!(benches, convolutions, products, vectors);
criterion_main!(benches);
