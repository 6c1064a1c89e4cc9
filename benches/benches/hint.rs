//! The linear maps of whole networks by the hint engine, each party's work on one thread.
//!
//! `hint_client/<network>` makes the client's messages and its halves of the results, `hint_server/<network>`
//! the server's halves, `hint_convert/<network>` both parties' exact shares of them: together all that the
//! linear maps of an inference take offline. `hint_build/<network>` makes the hint, once for a model.
//!
//! Times are the processor's, so that other work of the machine counts little.

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use gazelle_import::zoo;
use gazelle_kernels::memory::keep_freed;
use gazelle_protocol::Link;
use gazelle_protocol::he::hint::{Hint, HintSecret, Term};
use gazelle_protocol::linear::guard::{ClientHalf, ServerHalf};
use gazelle_protocol::linear::hint::HintPlan;
use gazelle_protocol::model::Network;
use gazelle_protocol::plan::{LinearChoice, NetworkPlan, Settings};
use gazelle_tests::transfers::Transfers;
use nix::time::{ClockId, clock_gettime};
use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};
use rayon::ThreadPoolBuilder;

/// The linear maps of a network, and their hint.
struct Maps<'a> {
    /// With the weights of each.
    maps: Vec<(&'a HintPlan, &'a [i16])>,
    /// Of what each reads; those that a message gives are overwritten.
    masks: Vec<Vec<u32>>,
    hint: Hint,
    secret: HintSecret,
}

impl<'a> Maps<'a> {
    /// Of a network all of whose maps the engine computes.
    fn new(network: &'a Network, plan: &'a NetworkPlan, rng: &mut ChaCha20Rng) -> Self {
        let plans = plan.linear().iter().map(|map| map.hint().expect("a map of the hint engine"));
        let tensors = network.card().tensors().expect("a checked card");
        // Several maps may add up to one node, and share its block.
        let weights =
            network.card().linear_nodes().zip(network.blocks()).flat_map(|((_, node), block)| {
                let mut weights = &block.weights[..];
                let lens: Vec<usize> = node.weights_len(&tensors).collect();
                lens.into_iter()
                    .map(move |len| weights.split_off(..len).expect("the maps' weights"))
            });
        let maps: Vec<_> = plans.zip(weights).collect();
        let mask = |(plan, _): &(&HintPlan, _)| {
            let ring = u32::MAX >> (32 - plan.ring_bits());
            (0..plan.input_len()).map(|_| rng.random::<u32>() & ring).collect()
        };
        let masks = maps.iter().map(mask).collect();
        let (hint, secret) = build(&maps, rng);
        Self { maps, masks, hint, secret }
    }

    /// The messages of a client, and its halves.
    fn encrypt(&self, rng: &mut ChaCha20Rng) -> Vec<(Vec<u8>, ClientHalf)> {
        let maps = self.maps.iter().zip(&self.masks).enumerate();
        let encrypt = |(map, ((plan, _), mask)): (usize, (&(&HintPlan, _), &Vec<u32>))| {
            let hint = self.hint.layer(map);
            plan.encrypt(&mut mask.clone(), hint, rng).expect("a mask of the map")
        };
        maps.map(encrypt).collect()
    }

    /// The server's halves.
    fn apply(&self, messages: &[(Vec<u8>, ClientHalf)]) -> Vec<ServerHalf> {
        let maps = self.maps.iter().zip(messages).enumerate();
        let halves = maps.map(|(map, ((plan, weights), (message, _)))| {
            plan.apply(message, weights, (&self.secret, map)).expect("a message of the map")
        });
        halves.collect()
    }
}

/// The hint of all maps.
fn build(maps: &[(&HintPlan, &[i16])], rng: &mut ChaCha20Rng) -> (Hint, HintSecret) {
    let layers = maps.iter().map(|(plan, _)| plan.layer().clone()).collect();
    let weights = |map: usize, output, input, out: &mut Vec<Term>| {
        let (plan, weights) = maps[map];
        plan.weight_terms(weights, (output, input), out);
    };
    Hint::build(layers, &[7; 32], weights, rng).expect("a hint in 2^60 is not made")
}

/// The time that the process has taken of processors.
struct ProcessorTime;

impl ProcessorTime {
    fn now() -> Duration {
        clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("Linux has this clock").into()
    }
}

impl Measurement for ProcessorTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        Self::now()
    }

    fn end(&self, start: Duration) -> Duration {
        Self::now() - start
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, time: &Duration) -> f64 {
        WallTime.to_f64(time)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

fn networks(c: &mut Criterion<ProcessorTime>) {
    // As the command does.
    keep_freed(512 << 20);
    for name in ["cifar10", "resnet50"] {
        measure(c, name);
    }
}

fn measure(c: &mut Criterion<ProcessorTime>, name: &str) {
    let one_thread = ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let network = zoo::network(name).expect("a network of the benches");
    let settings = Settings { linear: LinearChoice::Hint, ..Settings::for_link(Link::WAN) };
    let plan = NetworkPlan::new(network.card().clone(), &settings).expect("a checked card");
    let maps = Maps::new(&network, &plan, rng);
    let mut transfers = Transfers::new(rng);

    let mut measure = |step: &str, work: &mut (dyn FnMut() + Send)| {
        c.bench_function(&format!("{step}/{name}"), |b| one_thread.install(|| b.iter(&mut *work)));
    };
    measure("hint_build", &mut || drop(black_box(build(&maps.maps, rng))));
    measure("hint_client", &mut || drop(black_box(maps.encrypt(rng))));
    let messages = maps.encrypt(rng);
    measure("hint_server", &mut || drop(black_box(maps.apply(&messages))));
    c.bench_function(&format!("hint_convert/{name}"), |b| {
        b.iter_batched(
            || {
                let clients = maps.encrypt(rng);
                let servers = maps.apply(&clients);
                clients.into_iter().map(|(_, half)| half).zip(servers).collect::<Vec<_>>()
            },
            |halves| {
                let convert = |(client, server)| transfers.convert(client, server, <[u8]>::to_vec);
                one_thread.install(|| halves.into_iter().map(convert).collect::<Vec<_>>())
            },
            BatchSize::LargeInput,
        );
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(ProcessorTime).sample_size(10);
    targets = networks
}
criterion_main!(benches);
