//! Oblivious transfer: the bit transposition and the extension of both parties.
//!
//! `transpose128/<backend>/n<columns>` counts columns (one for each transfer);
//! `ot_extend_receiver/<backend>/k<K>` and `ot_extend_sender/…` count transfers, on one thread, on
//! the backend that `GAZELLE_BACKEND` allows.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gazelle_kernels::transpose::transpose128;
use gazelle_kernels::{AesBackend, VectorBackend};
use gazelle_protocol::ot::{Choices, FieldBits, Receiver, ReceiverSetup, Sender, SenderSetup};
use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};

/// Transfers of one extension.
const TRANSFERS: usize = 1 << 16;

fn transpose(c: &mut Criterion) {
    let mut group = c.benchmark_group("transpose128");
    for n in [512, 2048] {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let rows: Vec<u128> = (0..n).map(|_| rng.random()).collect();
        let mut columns = vec![0; n];
        group.throughput(Throughput::Elements(n as u64));
        for backend in VectorBackend::available() {
            transpose128(backend, &rows, &mut columns);
            assert_eq!(columns[n - 1] & 1, rows[n / 128 - 1] >> 127);
            let id = BenchmarkId::new(backend.name(), format!("n{n}"));
            group.bench_function(id, |b| b.iter(|| transpose128(backend, &rows, &mut columns)));
        }
    }
}

/// One session's parties, set up without a network.
fn set_up(field: FieldBits) -> (Receiver, Sender) {
    let rng = &mut ChaCha20Rng::seed_from_u64(2);
    let session = &[1; 32];
    let (receiver, offer) = ReceiverSetup::new(field, rng);
    let delta = rng.random::<u128>() | 1;
    let (sender, reply) = SenderSetup::new(field, session, delta, &offer, rng).unwrap();
    let (receiver, corrections) = receiver.finish(session, &reply).unwrap();
    (receiver, sender.finish(&corrections).unwrap())
}

fn extend(c: &mut Criterion) {
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let name = AesBackend::best().name();
    let bits: Vec<bool> = (0..TRANSFERS).map(|i| i % 3 == 0).collect();
    let choices = Choices::from_bits(&bits);
    let mut labels = vec![0; TRANSFERS];

    let mut group = c.benchmark_group("ot_extend_receiver");
    group.throughput(Throughput::Elements(TRANSFERS as u64));
    for field in FieldBits::ALL {
        let (mut receiver, _) = set_up(field);
        let id = BenchmarkId::new(name, format!("k{}", field.bits()));
        group.bench_function(id, |b| {
            one_thread.install(|| b.iter(|| receiver.extend(&choices, &mut labels)));
        });
    }
    group.finish();

    let mut group = c.benchmark_group("ot_extend_sender");
    group.throughput(Throughput::Elements(TRANSFERS as u64));
    for field in FieldBits::ALL {
        let (mut receiver, mut sender) = set_up(field);
        let message = receiver.extend(&choices, &mut labels);
        let mut zeros = vec![0; TRANSFERS];
        let id = BenchmarkId::new(name, format!("k{}", field.bits()));
        group.bench_function(id, |b| {
            one_thread.install(|| b.iter(|| sender.extend(&message, &mut zeros).unwrap()));
        });
    }
}

criterion_group!(benches, transpose, extend);
criterion_main!(benches);
