//! Oblivious transfer: the bit transposition and the extension of both parties.
//!
//! `transpose128/<backend>/n<columns>` counts columns (one for each transfer).

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gazelle_kernels::VectorBackend;
use gazelle_kernels::transpose::transpose128;
use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};

fn transpose(c: &mut Criterion) {
    let mut group = c.benchmark_group("transpose128");
    for n in [512, 2048] {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let rows: Vec<u128> = (0..n).map(|_| rng.random()).collect();
        let mut columns = vec![0; n];
        group.throughput(Throughput::Elements(n as u64));
        for backend in VectorBackend::available() {
            let id = BenchmarkId::new(backend.name(), format!("n{n}"));
            group.bench_function(id, |b| b.iter(|| transpose128(backend, &rows, &mut columns)));
            assert_eq!(columns[n - 1] & 1, rows[n / 128 - 1] >> 127);
        }
    }
}

criterion_group!(benches, transpose);
criterion_main!(benches);
