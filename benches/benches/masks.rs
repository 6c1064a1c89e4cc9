//! Activations by masks: each party's processor time for an activation, on one thread.
//!
//! `masks_offline/<what>_<party>/<transfers>` counts clamps of sums of 21 bits of which 8 are dropped, or
//! maxima of two values of 8 bits in a ring of 21: the transfers of both directions, then all that is
//! prepared with them. `masks_prepare/…` is the same without the making of transfers, `masks_online/…` what
//! is left when the server has its sums. `softspoken4` and `k18` say where transfers come from.

use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gazelle_protocol::activation::masks::{DownTransfers, UpTransfers};
use gazelle_protocol::activation::masks::{MasksPlan, Part, Preparation, PreparedLayer};
use gazelle_protocol::model::{ActivationNode, Function, Shift};
use gazelle_protocol::ot::FieldBits;
use gazelle_protocol::ot::silent::LpnSet;
use gazelle_protocol::ot::transfers::Source;
use gazelle_protocol::ot::transfers::{Direction, Receiver, ReceiverSetup, Sender, SenderSetup};
use nix::time::{ClockId, clock_gettime};
use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};

/// Activations of a layer.
const ACTIVATIONS: usize = 1 << 14;

/// k of the ring of sums and results.
const RING_BITS: u32 = 21;

/// The widest digits that a plan may take.
const WIDEST_DIGIT: usize = 4;

/// c, the bits of a result.
const RESULT_BITS: usize = 8;

/// The time that each party took: the client, the server.
type Times = [Duration; 2];

/// What a layer computes.
#[derive(Clone, Copy)]
enum What {
    Clamp,
    Maximum,
}

impl What {
    fn plan(self, source: Source) -> MasksPlan {
        let (bits, sources) = (RING_BITS, [source; 2]);
        let node = ActivationNode {
            input: 0,
            sum_bits: bits - 1,
            function: Function::Clamp { least: 0, most: 255 },
            shift: Shift::Tensor(8),
            max_pool: None,
        };
        let plan = match self {
            Self::Clamp => MasksPlan::clamp(&node, ACTIVATIONS, bits, sources, WIDEST_DIGIT),
            Self::Maximum => {
                MasksPlan::maxima(RESULT_BITS, ACTIVATIONS, bits, sources, WIDEST_DIGIT)
            }
        };
        plan.expect("256 values")
    }
}

/// Both parties, in one thread.
struct Parties {
    plan: Arc<MasksPlan>,
    /// Of the transfers up, then of those down.
    directions: [(Sender, Receiver); 2],
    rng: ChaCha20Rng,
}

impl Parties {
    fn set_up(what: What, source: Source) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let directions = Direction::ALL.map(|direction| {
            let (session, rng) = (&[1; 32], &mut rng);
            let (receiver, offer) = ReceiverSetup::new(source, rng);
            let (sender, reply) =
                SenderSetup::new(source, direction, session, &offer, rng).unwrap();
            let (receiver, corrections) = receiver.finish(direction, session, &reply).unwrap();
            (sender.finish(&corrections).unwrap(), receiver)
        });
        Self { plan: Arc::new(what.plan(source)), directions, rng }
    }

    /// Makes the transfers of a part.
    fn transfer(&mut self, part: &Part<'_>) -> Times {
        let mut times = Times::default();
        for (direction, count) in part.transfers().into_iter().enumerate() {
            let (sender, receiver) = &mut self.directions[direction];
            let (sends, receives) = (direction, 1 - direction);
            let request =
                time(&mut times[receives], || receiver.request(count, &mut self.rng).unwrap());
            let answer = time(&mut times[sends], || sender.answer(count, &request).unwrap());
            let challenge =
                time(&mut times[receives], || receiver.challenge(count, &answer).unwrap());
            let proof = time(&mut times[sends], || sender.prove(&challenge).unwrap());
            time(&mut times[receives], || receiver.finish(&proof).unwrap());
        }
        times
    }

    /// Prepares a layer: what its transfers took, and what the rest.
    fn prepare(&mut self) -> ([PreparedLayer; 2], [Times; 2]) {
        let plan = Arc::clone(&self.plan);
        let (mut transfers, mut times) = (Times::default(), Times::default());
        let (mut up, mut down) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
        for part in plan.parts() {
            let taken = self.transfer(&part);
            transfers.iter_mut().zip(taken).for_each(|(all, of_part)| *all += of_part);
            let [up_count, down_count] = part.transfers();
            let [(up_sender, up_receiver), (down_sender, down_receiver)] = &mut self.directions;
            time(&mut times[0], || {
                up.0.extend(UpTransfers::sent(&part, up_sender.take(up_count)));
                down.1.extend(DownTransfers::received(&part, down_receiver.take(down_count)));
            });
            time(&mut times[1], || {
                up.1.extend(UpTransfers::received(&part, up_receiver.take(up_count)));
                down.0.extend(DownTransfers::sent(&part, down_sender.take(down_count)));
            });
        }
        let Self { plan, rng, .. } = self;
        let a: Vec<u32> = (0..ACTIVATIONS).map(|_| rng.random::<u32>() >> 11).collect();
        let client = time(&mut times[0], || Preparation::client(plan, &a, up.0, down.1, rng));
        let server = time(&mut times[1], || Preparation::server(plan, up.1, down.0, rng));
        let mut parties = [client, server];
        for index in 0..plan.offline_messages() {
            let (sends, receives) = (index % 2, 1 - index % 2);
            let message = time(&mut times[sends], || parties[sends].send(plan, index));
            time(&mut times[receives], || {
                parties[receives].receive(plan, index, &message).unwrap();
            });
        }
        let [client, server] = parties;
        let client = time(&mut times[0], || client.finish(plan));
        let server = time(&mut times[1], || server.finish(plan));
        ([client, server], [transfers, times])
    }

    /// Evaluates a prepared layer.
    fn evaluate(&mut self, [client, server]: [PreparedLayer; 2]) -> Times {
        let Self { plan, rng, .. } = self;
        let mut random = || -> Vec<u32> { (0..ACTIVATIONS).map(|_| rng.random()).collect() };
        let (masks, sums) = (random(), random());
        let mut times = Times::default();
        let client = time(&mut times[0], || client.evaluate(plan, masks.into()));
        let server = time(&mut times[1], || server.evaluate(plan, sums.into()));
        let mut parties = [client, server];
        for index in 0..4 {
            let (sends, receives) = (1 - index % 2, index % 2);
            let message = time(&mut times[sends], || parties[sends].send(plan, index));
            time(&mut times[receives], || {
                parties[receives].receive(plan, index, &message).unwrap();
            });
        }
        let [client, server] = parties;
        time(&mut times[0], || drop(client));
        time(&mut times[1], || server.finish(plan));
        times
    }
}

/// Adds the processor time that `work` takes this thread.
fn time<T>(total: &mut Duration, work: impl FnOnce() -> T) -> T {
    let now = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let start = now();
    let made = work();
    *total += now() - start;
    made
}

fn masks(c: &mut Criterion) {
    let sources = [
        (Source::SoftSpoken(FieldBits::Four), "softspoken4"),
        (Source::Silent(LpnSet::K18), "k18"),
    ];
    for (source, source_name) in sources {
        for (what, what_name) in [(What::Clamp, "clamp"), (What::Maximum, "maximum")] {
            layers(c, &mut Parties::set_up(what, source), [what_name, source_name]);
        }
    }
}

/// Times layers of one kind.
fn layers(c: &mut Criterion, parties: &mut Parties, [what, source]: [&str; 2]) {
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    // One after the other: transfers, preparation, evaluation.
    let mut run = |phase: usize, party: usize| -> Duration {
        let (layers, [transfers, prepare]) = parties.prepare();
        let online = if phase == 2 { parties.evaluate(layers)[party] } else { Duration::ZERO };
        [transfers[party] + prepare[party], prepare[party], online][phase]
    };
    for (phase, phase_name) in
        ["masks_offline", "masks_prepare", "masks_online"].into_iter().enumerate()
    {
        let mut group = c.benchmark_group(phase_name);
        group.throughput(Throughput::Elements(ACTIVATIONS as u64));
        group.sample_size(10);
        for (party, party_name) in ["client", "server"].into_iter().enumerate() {
            let id = BenchmarkId::new(format!("{what}_{party_name}"), source);
            group.bench_function(id, |b| {
                b.iter_custom(|n| one_thread.install(|| (0..n).map(|_| run(phase, party)).sum()));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, masks);
criterion_main!(benches);
