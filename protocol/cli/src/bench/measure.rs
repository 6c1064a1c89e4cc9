//! Runs a network between two processes and takes the medians.

use super::process::Watched;
use crate::{
    args::{EngineArgs, LinearName},
    classify,
    failure::{Failure, Result, While},
    inspect,
    progress::Progress,
    server_process::ServerProcess,
};
use gazelle_protocol::{
    Link,
    model::{Card, Layer, Linear, Network},
    plan::{BlockCost, NetworkPlan, NodeCost},
    printable,
    session::{Client, LayerSeconds, Phase},
};
use rand::{Rng, SeedableRng, rngs::ChaCha20Rng};
use serde::Serialize;
use std::{ffi::OsString, path::Path, time::Duration};

/// A slow link may be silent for long.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Memory that the server may use: more than there is.
const MEBIBYTES: u64 = 1 << 30;

/// What to run.
pub(crate) struct Task<'a> {
    pub(crate) network: &'a Network,
    /// Images prepared in one offline phase.
    pub(crate) images: usize,
    /// Runs whose median counts; one more comes first and does not count.
    pub(crate) runs: usize,
    /// The link to simulate.
    pub(crate) link: Option<Link>,
    /// How activations are planned.
    pub(crate) engine: EngineArgs,
    /// Threads of the server; this process has as many already.
    pub(crate) threads: usize,
}

/// One phase: for one image, but for the round trips, which are the batch's.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct PhaseCost {
    #[serde(flatten)]
    pub(crate) phase: Phase,
    pub(crate) cpu_seconds_client: Option<f64>,
    pub(crate) cpu_seconds_server: Option<f64>,
}

/// One layer, for one image.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LayerCost {
    pub(crate) name: String,
    /// What computes its activation, or the node.
    pub(crate) engine: &'static str,
    pub(crate) activations: usize,
    pub(crate) products: u64,
    #[serde(flatten)]
    pub(crate) seconds: LayerSeconds,
    pub(crate) offline_bytes: u64,
    pub(crate) online_bytes: u64,
}

/// What was measured; seconds are medians, bytes and rounds are exact.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measurement {
    pub(crate) network: String,
    pub(crate) images: usize,
    pub(crate) runs: usize,
    pub(crate) threads: usize,
    pub(crate) link: Option<String>,
    /// Whether every image's result equals the plaintext network's.
    pub(crate) matches_plaintext: bool,
    pub(crate) setup: PhaseCost,
    pub(crate) offline: PhaseCost,
    pub(crate) online: PhaseCost,
    pub(crate) peak_memory_client: Option<u64>,
    pub(crate) peak_memory_server: Option<u64>,
    pub(crate) layers: Vec<LayerCost>,
}

/// Runs the task between this process, the client, and a server process.
pub(crate) fn measure(task: &Task<'_>) -> Result<Measurement> {
    let progress = Progress::start("starting the server");
    let directory = tempfile::tempdir().when(|| "cannot make a temporary folder".into())?;
    let path = directory.path().join("network.gazelle");
    gazelle_import::files::write_network(&path, task.network)?;
    let server = ServerProcess::start(&arguments(task, &path))?;
    let parties = [Watched::this(), Watched::new(server.id())];

    progress.step("set-up");
    let cpu = Cpu::start(parties);
    let mut client = classify::connect_here(server.address(), TIMEOUT, task.link)?;
    client.get_hint(|_, _| ()).when(|| "cannot fetch the hint".into())?;
    let setup = cpu.stop(client.statistics().setup, 1);
    let images = random_images(task.network.card().input.len(), task.images);
    run(&mut client, &images, parties, (&progress, "warming up"))?;
    let mut runs = Vec::new();
    let mut outcomes = Vec::new();
    for number in 0..task.runs {
        let step = format!("measuring, run {} of {}", number + 1, task.runs);
        let (costs, found) = run(&mut client, &images, parties, (&progress, &step))?;
        runs.push(costs);
        outcomes.push(found);
    }
    let expected = images.iter().map(|image| task.network.forward(image).map(|t| t.result));
    let expected = expected
        .collect::<std::result::Result<Vec<_>, _>>()
        .when(|| "the plaintext network".into())?;
    let matches = outcomes.iter().all(|found| *found == expected);
    let measurement = Measurement {
        network: printable(&task.network.card().name),
        images: task.images,
        runs: task.runs,
        threads: rayon::current_num_threads(),
        link: task.link.map(|link| link.to_string()),
        matches_plaintext: matches,
        setup,
        offline: median(&runs, |run| run.offline),
        online: median(&runs, |run| run.online),
        peak_memory_client: parties[0].peak_memory(),
        peak_memory_server: parties[1].peak_memory(),
        layers: layers(client.plan(), &runs),
    };
    // Everything is measured, whether or not the server hears the farewell.
    let _ = client.close();
    match matches {
        true => Ok(measurement),
        false => Err(Failure::new("a private result is wrong: please report this as a bug")),
    }
}

/// What the server process is told.
fn arguments(task: &Task<'_>, model: &Path) -> Vec<OsString> {
    let mut arguments = vec!["--model".into(), model.into()];
    arguments.extend(["--threads".into(), task.threads.to_string().into()]);
    for limit in ["--timeout", "--setup-timeout"] {
        arguments.extend([limit.into(), TIMEOUT.as_secs().to_string().into()]);
    }
    // Whatever the batch: the memory is what is measured.
    for limit in ["--memory", "--memory-per-client"] {
        arguments.extend([limit.into(), MEBIBYTES.to_string().into()]);
    }
    arguments.extend(["--engine".into(), task.engine.engine.name().into()]);
    let linear = task.engine.linear.unwrap_or(LinearName::Auto);
    arguments.extend(["--linear".into(), linear.name().into()]);
    arguments.extend(["--transfers".into(), task.engine.transfers.name().into()]);
    arguments.extend(["--offline-weight".into(), task.engine.offline_weight.to_string().into()]);
    arguments.extend(["--hint-images".into(), task.engine.hint_images.to_string().into()]);
    arguments.extend(["--hint-errors".into(), task.engine.hint_errors.name().into()]);
    let link = task.link.unwrap_or(Link::LOOPBACK);
    arguments.extend(["--link".into(), link.to_string().into()]);
    if task.link.is_some() {
        arguments.push("--simulate-link".into());
    }
    arguments
}

/// Random images of `len` pixels, the same each time.
pub(super) fn random_images(len: usize, count: usize) -> Vec<Vec<u8>> {
    let mut rng = ChaCha20Rng::seed_from_u64(0);
    let image = |_| {
        let mut image = vec![0; len];
        rng.fill_bytes(&mut image);
        image
    };
    (0..count).map(image).collect()
}

/// What one run cost for each image.
struct Run {
    offline: PhaseCost,
    online: PhaseCost,
    layers: Vec<LayerSeconds>,
}

/// Both phases for all images, and their outcomes; `step` is what to show.
fn run(
    client: &mut Client,
    images: &[Vec<u8>],
    parties: [Watched; 2],
    (progress, step): (&Progress, &str),
) -> Result<(Run, Vec<Vec<i32>>)> {
    let (before, layers_before) = (client.statistics(), client.layer_seconds().to_vec());
    let show = |phase: &str, received, expected| {
        progress.bytes(format!("{step}, {phase}"), received, expected);
    };
    progress.step(step.to_owned());
    let cpu = Cpu::start(parties);
    let bundles = client.offline(images.len(), |got, of| show("offline", got, of))?;
    let offline = cpu.stop(client.statistics().offline - before.offline, images.len());

    let cpu = Cpu::start(parties);
    let mut outcomes = Vec::with_capacity(images.len());
    for (bundle, image) in bundles.into_iter().zip(images) {
        let report = |got, of| show("online", got, of);
        outcomes.push(client.classify_showing(bundle, image, report)?.numbers());
    }
    let online = cpu.stop(client.statistics().online - before.online, images.len());

    let each = |x: f64| x / images.len() as f64;
    let layers =
        client.layer_seconds().iter().zip(layers_before).map(|(now, before)| LayerSeconds {
            linear: each(now.linear - before.linear),
            tables: each(now.tables - before.tables),
            online: each(now.online - before.online),
        });
    Ok((Run { offline, online, layers: layers.collect() }, outcomes))
}

/// Measures both parties' time on the processor.
struct Cpu {
    parties: [Watched; 2],
    before: [Option<f64>; 2],
}

impl Cpu {
    fn start(parties: [Watched; 2]) -> Self {
        Self { parties, before: parties.map(Watched::cpu_seconds) }
    }

    /// The phase's cost for each of `images`.
    fn stop(self, phase: Phase, images: usize) -> PhaseCost {
        let used = |party: usize| {
            let seconds = self.parties[party].cpu_seconds()? - self.before[party]?;
            Some(seconds / images as f64)
        };
        PhaseCost {
            phase: per_image(phase, images as u64),
            cpu_seconds_client: used(0),
            cpu_seconds_server: used(1),
        }
    }
}

/// The share of one image; round trips stay those of the batch.
fn per_image(phase: Phase, images: u64) -> Phase {
    Phase {
        seconds: phase.seconds / images as f64,
        bytes_up: phase.bytes_up / images,
        bytes_down: phase.bytes_down / images,
        rounds: phase.rounds,
    }
}

/// The phase of median seconds.
fn median(runs: &[Run], of: impl Fn(&Run) -> PhaseCost) -> PhaseCost {
    let mut costs: Vec<PhaseCost> = runs.iter().map(of).collect();
    costs.sort_by(|a, b| a.phase.seconds.total_cmp(&b.phase.seconds));
    costs[costs.len() / 2]
}

/// Every block of a chain, or every node of another graph.
fn layers(plan: &NetworkPlan, runs: &[Run]) -> Vec<LayerCost> {
    match plan.layers() {
        [] => plan.node_costs().iter().map(|cost| node(plan, cost, runs)).collect(),
        layers => {
            let blocks = layers.iter().zip(plan.costs()).enumerate();
            let layer = |(block, (layer, cost)): (usize, (&Layer, BlockCost))| {
                let engine = plan.activations()[block].engine().name();
                chain_layer(block, layer, engine, &cost, runs)
            };
            blocks.map(layer).collect()
        }
    }
}

/// Median seconds of block `block`.
fn median_seconds(runs: &[Run], block: usize, part: fn(&LayerSeconds) -> f64) -> f64 {
    let mut seconds: Vec<f64> = runs.iter().map(|run| part(&run.layers[block])).collect();
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn chain_layer(
    block: usize,
    layer: &Layer,
    engine: &'static str,
    cost: &BlockCost,
    runs: &[Run],
) -> LayerCost {
    let kind = match layer.block.linear {
        Linear::Dense { .. } => "dense",
        Linear::Convolution { .. } => "convolution",
    };
    LayerCost {
        name: format!("{} {kind} {} → {}", block + 1, layer.pooled, layer.sums),
        engine,
        activations: layer.sums.len(),
        products: (layer.sums.len() * layer.row_len()) as u64,
        seconds: LayerSeconds {
            linear: median_seconds(runs, block, |layer| layer.linear),
            tables: median_seconds(runs, block, |layer| layer.tables),
            online: median_seconds(runs, block, |layer| layer.online),
        },
        offline_bytes: cost.offline_up + cost.offline_down,
        online_bytes: cost.online_up + cost.online_down,
    }
}

fn node(plan: &NetworkPlan, cost: &NodeCost, runs: &[Run]) -> LayerCost {
    let linear = |&map: &usize| median_seconds(runs, map, |layer| layer.linear);
    let activation = |part| cost.activation.map_or(0.0, |index| median_seconds(runs, index, part));
    LayerCost {
        name: inspect::node_name(plan.card(), cost.tensor),
        engine: cost.engine.unwrap_or_default(),
        activations: cost.activation.map_or(0, |_| cost.instances),
        products: products(plan.card(), cost.tensor),
        seconds: LayerSeconds {
            // A sum of none would be −0.
            linear: cost.maps.iter().map(linear).fold(0.0, |a, b| a + b),
            tables: activation(|layer| layer.tables),
            online: activation(|layer| layer.online),
        },
        offline_bytes: cost.offline.sent + cost.offline.received,
        online_bytes: cost.online.sent + cost.online.received,
    }
}

/// Multiplications of a node: each weight's, once for every place of its channel.
fn products(card: &Card, tensor: usize) -> u64 {
    let tensors = card.tensors().expect("the card of a plan");
    let linear = card.linear_nodes().find(|(number, _)| *number == tensor);
    linear.map_or(0, |(_, node)| {
        let weights: usize = node.weights_len(&tensors).sum();
        (weights * tensors[tensor].shape.map_len()) as u64
    })
}
