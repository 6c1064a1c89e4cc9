//! Oblivious transfer: the bit transposition, the field of the check, the extension of both parties.
//!
//! `transpose128/<backend>/n<columns>` counts columns (one for each transfer);
//! `gf128_inner_products/<backend>/n<products>` counts products, as many as transfers are checked:
//! 128 rows of n/128 blocks; `gf128_hash/<backend>/n<bytes>` counts bytes;
//! `ot_extend_receiver/<backend>/k<K>` and `ot_extend_sender/…` count transfers, on one thread;
//! `ot_set_up/<backend>/k<K>` is one set-up, both parties together.
//!
//! Silent transfers beside them: `lpn_code/<backend>/m<log₂ of the table>` counts outputs of the code,
//! `ggm_grow/<backend>/d<depth>` and `ggm_grow_punctured/…` leaves; `silent_sender/<backend>/<set>` and
//! `silent_receiver/…` count transfers that an iteration gives, all its steps together (trees, check,
//! code), on one thread; `transfer_keys_sender/<backend>/n<transfers>` and `…_receiver/…` hash
//! them.

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gazelle_kernels::gf128::{PolynomialHash, inner_products};
use gazelle_kernels::transpose::transpose128;
use gazelle_kernels::{AesBackend, VectorBackend, ggm, lpn};
use gazelle_protocol::ot::silent::LpnSet;
use gazelle_protocol::ot::transfers::{self, Direction, Source};
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

/// The check's products and the hash of a message's authenticator.
fn field(c: &mut Criterion) {
    for backend in AesBackend::available() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let factors: Vec<u128> = (0..16).map(|_| rng.random()).collect();
        let rows: Vec<u128> = (0..2048).map(|_| rng.random()).collect();
        let mut sums = [0; 128];
        let mut group = c.benchmark_group("gf128_inner_products");
        group.throughput(Throughput::Elements(2048));
        group.bench_function(BenchmarkId::new(backend.name(), "n2048"), |b| {
            b.iter(|| inner_products(backend, &factors, &rows, &mut sums));
        });
        group.finish();

        let hash = PolynomialHash::new(backend, rng.random());
        let mut group = c.benchmark_group("gf128_hash");
        for bytes in [1024, 1 << 16] {
            let message = vec![5; bytes];
            group.throughput(Throughput::Bytes(bytes as u64));
            group.bench_function(BenchmarkId::new(backend.name(), format!("n{bytes}")), |b| {
                b.iter(|| hash.update(1, &message));
            });
        }
    }
}

/// One session's parties, set up without a network.
fn set_up(field: FieldBits, aes: AesBackend) -> (Receiver, Sender) {
    let rng = &mut ChaCha20Rng::seed_from_u64(2);
    let session = &[1; 32];
    let vector = vector_beside(aes);
    let (receiver, offer) = ReceiverSetup::new(field, rng);
    let delta = rng.random::<u128>() | 1;
    let (sender, reply, _) = SenderSetup::new(field, session, delta, &offer, rng).unwrap();
    let receiver = receiver.with_backends(aes, vector);
    let (receiver, corrections, _) = receiver.finish(session, &reply).unwrap();
    (receiver, sender.with_backends(aes, vector).finish(&corrections).unwrap())
}

/// The vector instructions that a CPU with these AES instructions has as well.
fn vector_beside(aes: AesBackend) -> VectorBackend {
    match aes.name() {
        "portable" => VectorBackend::SCALAR,
        "vaes512" => VectorBackend::best(),
        _ => VectorBackend::avx2().unwrap_or(VectorBackend::SCALAR),
    }
}

fn extend(c: &mut Criterion) {
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let bits: Vec<bool> = (0..TRANSFERS).map(|i| i % 3 == 0).collect();
    let choices = Choices::from_bits(&bits);
    let (mut labels, mut zeros) = (vec![0; TRANSFERS], vec![0; TRANSFERS]);
    for field in FieldBits::ALL {
        for aes in AesBackend::available() {
            let (mut receiver, mut sender) = set_up(field, aes);
            let id = BenchmarkId::new(aes.name(), format!("k{}", field.bits()));

            // A message is good once.
            let mut group = c.benchmark_group("ot_extend_sender");
            group.throughput(Throughput::Elements(TRANSFERS as u64));
            group.bench_function(id.clone(), |b| {
                b.iter_custom(|n| {
                    let mut extend = || {
                        let message = receiver.extend(&choices, &mut labels);
                        let start = Instant::now();
                        sender.extend(&message, &mut zeros).unwrap();
                        start.elapsed()
                    };
                    one_thread.install(|| (0..n).map(|_| extend()).sum())
                });
            });
            group.finish();

            let mut group = c.benchmark_group("ot_extend_receiver");
            group.throughput(Throughput::Elements(TRANSFERS as u64));
            group.bench_function(id, |b| {
                one_thread.install(|| b.iter(|| receiver.extend(&choices, &mut labels)));
            });
            group.finish();
        }
    }
}

/// The public-key part of a session, both parties one after the other.
fn base(c: &mut Criterion) {
    let mut group = c.benchmark_group("ot_set_up");
    for field in FieldBits::ALL {
        let id = BenchmarkId::new(AesBackend::best().name(), format!("k{}", field.bits()));
        group.bench_function(id, |b| b.iter(|| set_up(field, AesBackend::best())));
    }
}

/// The code, from tables of both sets' sizes and one that fits in any second-level cache.
fn code(c: &mut Criterion) {
    let mut group = c.benchmark_group("lpn_code");
    group.throughput(Throughput::Elements(TRANSFERS as u64));
    let mut out = vec![0; TRANSFERS];
    for bits in [15, 17, 18] {
        let table: Vec<u128> = (0..1 << bits).collect();
        for backend in AesBackend::available() {
            let id = BenchmarkId::new(backend.name(), format!("m{bits}"));
            group.bench_function(id, |b| b.iter(|| lpn::add_code(backend, 1, 0, &table, &mut out)));
        }
    }
}

fn trees(c: &mut Criterion) {
    for depth in [10, 11] {
        let (mut sums, mut leaves) = (vec![0; depth - 1], vec![0; 1 << depth]);
        let opened = vec![1; depth];
        for backend in AesBackend::available() {
            let id = BenchmarkId::new(backend.name(), format!("d{depth}"));
            let mut group = c.benchmark_group("ggm_grow");
            group.throughput(Throughput::Elements(1 << depth));
            group.bench_function(id.clone(), |b| {
                b.iter(|| ggm::grow(backend, 1, 2, 3, &mut sums, &mut leaves));
            });
            group.finish();
            let mut group = c.benchmark_group("ggm_grow_punctured");
            group.throughput(Throughput::Elements(1 << depth));
            group.bench_function(id, |b| {
                b.iter(|| ggm::grow_punctured(backend, 1, 77, &opened, &mut leaves));
            });
            group.finish();
        }
    }
}

/// Both parties of silent transfers, each timed in its own part of the same refills.
struct Silent {
    sender: transfers::Sender,
    receiver: transfers::Receiver,
    rng: ChaCha20Rng,
    count: usize,
}

impl Silent {
    fn set_up(set: LpnSet) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let (source, direction, session) = (Source::Silent(set), Direction::Up, &[1; 32]);
        let (receiver, offer) = transfers::ReceiverSetup::new(source, &mut rng);
        let (sender, reply) =
            transfers::SenderSetup::new(source, direction, session, &offer, &mut rng).unwrap();
        let (receiver, corrections) = receiver.finish(direction, session, &reply).unwrap();
        let sender = sender.finish(&corrections).unwrap();
        let mut parties = Self { sender, receiver, rng, count: set.usable() };
        parties.refill();
        parties
    }

    /// An iteration; the time of the sender and of the receiver.
    fn refill(&mut self) -> [Duration; 2] {
        let request = self.receiver.request(self.count, &mut self.rng).unwrap();
        let start = Instant::now();
        let answer = self.sender.answer(self.count, &request).unwrap();
        let answered = Instant::now();
        let challenge = self.receiver.challenge(self.count, &answer).unwrap();
        let challenged = Instant::now();
        let proof = self.sender.prove(&challenge).unwrap();
        let proved = Instant::now();
        self.receiver.finish(&proof).unwrap();
        let end = Instant::now();
        drop(self.sender.take(self.count));
        drop(self.receiver.take(self.count));
        [answered - start + (proved - challenged), challenged - answered + (end - proved)]
    }
}

fn silent(c: &mut Criterion) {
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    for (set, name) in [(LpnSet::K17, "k17"), (LpnSet::K18, "k18")] {
        let mut parties = Silent::set_up(set);
        for (party, name_of) in ["silent_sender", "silent_receiver"].into_iter().enumerate() {
            let mut group = c.benchmark_group(name_of);
            group.throughput(Throughput::Elements(set.usable() as u64));
            group.sample_size(10);
            group.bench_function(BenchmarkId::new(AesBackend::best().name(), name), |b| {
                b.iter_custom(|n| {
                    one_thread.install(|| (0..n).map(|_| parties.refill()[party]).sum())
                });
            });
            group.finish();
        }
    }
}

fn keys(c: &mut Criterion) {
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let mut parties = Silent::set_up(LpnSet::K17);
    let Silent { sender, receiver, rng, .. } = &mut parties;
    let id = BenchmarkId::new(AesBackend::best().name(), format!("n{TRANSFERS}"));
    let mut refill = || {
        let request = receiver.request(TRANSFERS, rng).unwrap();
        let answer = sender.answer(TRANSFERS, &request).unwrap();
        let proof = sender.prove(&receiver.challenge(TRANSFERS, &answer).unwrap()).unwrap();
        receiver.finish(&proof).unwrap();
        let (sent, received) = (sender.take(TRANSFERS), receiver.take(TRANSFERS));
        let start = Instant::now();
        drop(sent.keys());
        let sent = Instant::now();
        drop(received.keys());
        [sent - start, sent.elapsed()]
    };
    for (party, name) in ["transfer_keys_sender", "transfer_keys_receiver"].into_iter().enumerate()
    {
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Elements(TRANSFERS as u64));
        group.bench_function(id.clone(), |b| {
            b.iter_custom(|n| one_thread.install(|| (0..n).map(|_| refill()[party]).sum()));
        });
        group.finish();
    }
}

criterion_group!(benches, transpose, field, extend, base, code, trees, silent, keys);
criterion_main!(benches);
