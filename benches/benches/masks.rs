//! Activations by masks: each party's processor time for an activation, on one thread.
//!
//! `masks_offline/<party>/<transfers>` counts activations of 21 bits of which 8 are dropped: the
//! transfers of both directions, then all that is prepared with them. `masks_prepare/…` is the same
//! without the making of transfers, `masks_online/…` what is left when the server has its sums.
//! `softspoken4` and `k18` say where transfers come from.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gazelle_protocol::activation::masks::{MasksPlan, Preparation, PreparedLayer, UpLayer};
use gazelle_protocol::model::{ActivationNode, Function, Shift};
use gazelle_protocol::ot::FieldBits;
use gazelle_protocol::ot::silent::LpnSet;
use gazelle_protocol::ot::transfers::{Direction, Receiver, ReceiverSetup, Sender, SenderSetup};
use gazelle_protocol::ot::transfers::{Received, Sent, Source};
use nix::time::{ClockId, clock_gettime};
use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};

/// Activations of a layer.
const ACTIVATIONS: usize = 1 << 14;

/// k of the ring of sums and results.
const RING_BITS: u32 = 21;

/// The widest digits that a plan may take.
const WIDEST_DIGIT: usize = 4;

/// The time that each party took: the client, the server.
type Times = [Duration; 2];

/// Both parties, in one thread.
struct Parties {
    plan: MasksPlan,
    /// Of the transfers up, then of those down.
    directions: [(Sender, Receiver); 2],
    rng: ChaCha20Rng,
}

impl Parties {
    fn set_up(source: Source) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let directions = Direction::ALL.map(|direction| {
            let (session, rng) = (&[1; 32], &mut rng);
            let (receiver, offer) = ReceiverSetup::new(source, rng);
            let (sender, reply) =
                SenderSetup::new(source, direction, session, &offer, rng).unwrap();
            let (receiver, corrections) = receiver.finish(direction, session, &reply).unwrap();
            (sender.finish(&corrections).unwrap(), receiver)
        });
        let node = ActivationNode {
            input: 0,
            sum_bits: RING_BITS - 1,
            function: Function::Clamp { least: 0, most: 255 },
            shift: Shift::Tensor(8),
            max_pool: None,
        };
        let plan = MasksPlan::clamp(&node, ACTIVATIONS, RING_BITS, [source; 2], WIDEST_DIGIT);
        Self { plan: plan.expect("a clamp to 256 values"), directions, rng }
    }

    /// Makes the transfers of a layer: those up, and those down.
    fn transfer(&mut self) -> ((Sent, Received), (Sent, Received), Times) {
        let mut times = Times::default();
        let [up, down] = [0, 1].map(|direction: usize| {
            let (sender, receiver) = &mut self.directions[direction];
            let count = self.plan.transfers()[direction];
            let (sends, receives) = (direction, 1 - direction);
            let request =
                time(&mut times[receives], || receiver.request(count, &mut self.rng).unwrap());
            let answer = time(&mut times[sends], || sender.answer(count, &request).unwrap());
            let challenge =
                time(&mut times[receives], || receiver.challenge(count, &answer).unwrap());
            let proof = time(&mut times[sends], || sender.prove(&challenge).unwrap());
            time(&mut times[receives], || receiver.finish(&proof).unwrap());
            let sent = time(&mut times[sends], || sender.take(count));
            (sent, time(&mut times[receives], || receiver.take(count)))
        });
        (up, down, times)
    }

    /// Prepares a layer with these transfers.
    fn prepare(
        &mut self,
        (sent_up, received_up): (Sent, Received),
        (sent_down, received_down): (Sent, Received),
    ) -> ([PreparedLayer; 2], Times) {
        let Self { plan, rng, .. } = self;
        let a: Vec<u32> = (0..ACTIVATIONS).map(|_| rng.random::<u32>() >> 11).collect();
        let mut times = Times::default();
        let client = time(&mut times[0], || {
            let up = UpLayer::sent(plan, sent_up);
            Preparation::client(plan, &a, up, received_down, rng)
        });
        let server = time(&mut times[1], || {
            let up = UpLayer::received(plan, received_up);
            Preparation::server(plan, up, sent_down, rng)
        });
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
        ([client, server], times)
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
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let sources = [
        (Source::SoftSpoken(FieldBits::Four), "softspoken4"),
        (Source::Silent(LpnSet::K18), "k18"),
    ];
    for (source, name) in sources {
        let mut parties = Parties::set_up(source);
        // One after the other: transfers, preparation, evaluation.
        let mut run = |phase: usize, party: usize| -> Duration {
            let (up, down, transfers) = parties.transfer();
            let (layers, prepare) = parties.prepare(up, down);
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
                group.bench_function(BenchmarkId::new(party_name, name), |b| {
                    b.iter_custom(|n| {
                        one_thread.install(|| (0..n).map(|_| run(phase, party)).sum())
                    });
                });
            }
            group.finish();
        }
    }
}

criterion_group!(benches, masks);
criterion_main!(benches);
