//! `gazelle inspect`: a model's layers and what each costs, before anything runs. What else could be
//! chosen, and at which price, is in `prices`.

mod prices;

mod json;

use crate::{
    args::InspectArgs,
    card,
    failure::{Result, While},
    files, output,
    table::{grouped, table},
};
use gazelle_protocol::{
    linear::CoefficientPlan,
    model::{Activation, Card, Extent, Function, Head, Layer, Linear, LinearMap, Node, Shift},
    plan::{LinearPlan, NetworkPlan, Security, Settings, Stocks},
    printable,
    session::Delivery,
    transport::Traffic,
};

pub(crate) fn run(args: &InspectArgs) -> Result<()> {
    if args.json {
        return output::raw(report(args)?);
    }
    let network = files::read_network(&args.model)?;
    let card = network.card();
    let settings = settings(args).fitted(card)?;
    let outputs = outputs(card);
    output::line(format_args!("{}: {} to {outputs}", printable(&card.name), card.input))?;
    output::line(card::pictures(card))?;
    output::line(card::classes(card))?;
    output::line(format_args!("card {}", card.hash().when(|| "the card".into())?))?;
    let plan = NetworkPlan::new(card.clone(), &settings);
    if card.chain().is_none() {
        output::line(graph(card, plan.as_ref().ok())?)?;
    }
    let plan = plan?;
    let tables = match settings.tables {
        Delivery::Ahead => "",
        Delivery::Streamed => ", garbled tables streamed",
    };
    output::line(format_args!("planned for {}{tables}\n", args.link))?;
    if card.chain().is_some() {
        output::line(layers(&plan))?;
        output::line(costs(&plan))?;
    } else {
        output::line(node_costs(&plan))?;
    }
    output::line(phases(&plan).trim_end())?;
    output::line(format_args!("\n{}", prices::engines(&plan)?.trim_end()))?;
    output::line(format_args!(
        "\na sum of an inference is wrong with a probability of at most 2^{:.0}",
        plan.failure_log2().ceil()
    ))?;
    if args.alternatives {
        output::line(format_args!("\n{}", prices::linear(&plan).trim_end()))?;
        output::line(format_args!("\n{}", prices::activations(&plan).trim_end()))?;
    }
    if args.security {
        output::line(format_args!("\n{}", security(&plan).trim_end()))?;
    }
    Ok(())
}

/// What `--json` prints.
pub(crate) fn report(args: &InspectArgs) -> Result<String> {
    let network = files::read_network(&args.model)?;
    let settings = settings(args).fitted(network.card())?;
    json::report(args, &NetworkPlan::new(network.card().clone(), &settings)?, &settings)
}

/// What the arguments say of engines, before it is known which network they are for.
fn settings(args: &InspectArgs) -> Settings {
    Settings { policy: args.reveal.into(), ..args.engine.settings(args.link) }
}

/// What the network's user learns.
pub(crate) fn outputs(card: &Card) -> String {
    let classes = card.classes.len();
    match card.head.head {
        Head::Class => format!("one of {classes} classes"),
        Head::Top(count) => format!("the best {count} of {classes} classes"),
        Head::Thresholds(_) if classes == 1 => "one threshold".into(),
        Head::Thresholds(_) => format!("{classes} thresholds"),
        Head::Confidence(_) => format!("one of {classes} classes and a confidence"),
        Head::Values => format!("{classes} values"),
    }
}

/// Every layer of a chain, or every node of another graph.
pub(crate) fn summary(card: &Card) -> Result<String> {
    match card.chain() {
        Some(_) => Ok(layers(&NetworkPlan::new(card.clone(), &Settings::default())?)),
        None => graph(card, None),
    }
}

/// Every node: what it reads and yields, the ring of its values, and the engine that a plan names, if there
/// is one.
fn graph(card: &Card, plan: Option<&NetworkPlan>) -> Result<String> {
    let tensors = card.tensors().when(|| card.name.clone())?;
    let headings = ["tensor", "node", "reads", "shape", "ring bits"].map(String::from);
    let row = |(i, node): (usize, &Node)| {
        let reads: Vec<_> = node.inputs().map(|tensor| tensor.to_string()).collect();
        let tensor = &tensors[i + 1];
        [
            (i + 1).to_string(),
            node_kind(node),
            reads.join(", "),
            tensor.shape.to_string(),
            tensor.ring_bits.to_string(),
        ]
    };
    let rows: Vec<_> =
        [headings].into_iter().chain(card.nodes.iter().enumerate().map(row)).collect();
    let Some(plan) = plan else { return Ok(table(&rows)) };
    let engines = (1..rows.len()).map(|tensor| plan.engine(tensor).unwrap_or_default());
    let rows = rows.into_iter().zip(["engine"].into_iter().chain(engines));
    let rows = rows.map(|([tensor, node, reads, shape, bits], engine)| {
        [tensor, node, reads, shape, bits, engine.to_string()]
    });
    Ok(table(&rows.collect::<Vec<_>>()))
}

fn node_kind(node: &Node) -> String {
    match node {
        Node::Linear(node) => {
            let maps: Vec<_> = node.terms.iter().map(|term| map_kind(&term.map)).collect();
            maps.join(" + ")
        }
        Node::Activation(node) => {
            let pool = if node.max_pool.is_some() { ", max pooling" } else { "" };
            let function = match &node.function {
                &Function::RELU => "ReLU".into(),
                Function::Clamp { least, most } => format!("clamp {least}…{most}"),
                Function::Leaky { .. } => "leaky ReLU".into(),
                Function::ReluMinusTable { .. } => "ReLU minus a table".into(),
                Function::Odd { .. } => "table".into(),
            };
            match &node.shift {
                Shift::Tensor(shift) => format!("{function} >> {shift}{pool}"),
                Shift::Channels(_) => format!("{function} >> by channel{pool}"),
            }
        }
        Node::Sum(_) => "sum".into(),
        Node::Concat(_) => "concatenation".into(),
        Node::Select(_) => "channels".into(),
        Node::Upsample(_) => "copies".into(),
        Node::SumPool(_) => "average pooling".into(),
    }
}

fn map_kind(map: &LinearMap) -> String {
    match map {
        LinearMap::Dense { .. } => "dense".into(),
        LinearMap::Convolution(map) => {
            let Extent { height, width } = map.window.kernel;
            let grouped = match map.groups {
                1 => String::new(),
                groups => format!(" in {groups} groups"),
            };
            format!("convolution {height}×{width}{grouped}")
        }
    }
}

/// The number of a node's tensor and what the node is; the image and the head are nodes too.
pub(crate) fn node_name(card: &Card, tensor: usize) -> String {
    match tensor.checked_sub(1).map(|node| card.nodes.get(node)) {
        None => "image".into(),
        Some(Some(node)) => format!("{tensor} {}", node_kind(node)),
        Some(None) => format!("head: {}", outputs(card)),
    }
}

/// What every node costs in one inference.
fn node_costs(plan: &NetworkPlan) -> String {
    let headings = [
        "node",
        "engine",
        "activations",
        "k",
        "ANDs",
        "offline up",
        "offline down",
        "online up",
        "online down",
        "rounds",
    ];
    let mut rows = vec![headings.map(String::from)];
    let mut total = [0; 7];
    let row = |name: String, engine: &str, k: String, numbers: [u64; 7]| {
        let [activations, rest @ ..] = numbers.map(grouped);
        let [ands, up, down, online_up, online_down, rounds] = rest;
        [name, engine.into(), activations, k, ands, up, down, online_up, online_down, rounds]
    };
    for cost in plan.node_costs() {
        let numbers = [
            cost.activation.map_or(0, |_| cost.instances as u64),
            cost.ands,
            cost.offline.sent,
            cost.offline.received,
            cost.online.sent,
            cost.online.received,
            cost.online.rounds,
        ];
        total.iter_mut().zip(numbers).for_each(|(total, number)| *total += number);
        let (name, k) = (node_name(plan.card(), cost.tensor), cost.ring_bits.to_string());
        rows.push(row(name, cost.engine.unwrap_or_default(), k, numbers));
    }
    if let Some(Traffic { sent, received, .. }) = refill(plan) {
        let numbers = [0, 0, sent, received, 0, 0, 0];
        total.iter_mut().zip(numbers).for_each(|(total, number)| *total += number);
        rows.push(row(REFILL.into(), "", String::new(), numbers));
    }
    rows.push(row("all nodes".into(), "", String::new(), total));
    table(&rows)
}

/// Transfers are made for many activations at once, so later inferences of a session take fewer.
const REFILL: &str = "silent transfers, the first time";

/// What silent transfers cost the first inference of a session; None if there are none.
fn refill(plan: &NetworkPlan) -> Option<Traffic> {
    let traffic = plan.refill(&mut Stocks::default(), 1);
    (traffic.sent + traffic.received > 0).then_some(traffic)
}

/// Every layer: shapes, widths and the plan of its linear map.
pub(crate) fn layers(plan: &NetworkPlan) -> String {
    let headings = [
        "layer",
        "reads",
        "sums",
        "weight bits",
        "ring bits",
        "activation",
        "engines",
        "homomorphic plan",
    ];
    let plans = plan.linear().iter().zip(plan.activations());
    let rows = plan.layers().iter().zip(plans).enumerate().map(|(i, (layer, (linear, ends)))| {
        let engines = format!("{}, {}", linear.engine().name(), ends.engine().name());
        let described = match linear {
            LinearPlan::Coefficient(linear) => describe(linear),
            LinearPlan::Hint(linear) => linear.layout(),
        };
        [
            format!("{} {}", i + 1, kind(layer)),
            layer.pooled.to_string(),
            layer.sums.to_string(),
            layer.block.weight_bits.to_string(),
            layer.block.ring_bits().to_string(),
            activation(layer),
            engines,
            described,
        ]
    });
    table(&[headings.map(String::from)].into_iter().chain(rows).collect::<Vec<_>>())
}

fn kind(layer: &Layer) -> String {
    let pool = layer.block.sum_pool.map_or("", |_| "average pool, ");
    match layer.block.linear {
        Linear::Dense { .. } => format!("{pool}dense"),
        Linear::Convolution { kernel, groups, .. } => {
            let grouped = if groups > 1 { format!(" in {groups} groups") } else { String::new() };
            format!("{pool}convolution {}×{}{grouped}", kernel.height, kernel.width)
        }
    }
}

fn activation(layer: &Layer) -> String {
    match layer.block.activation {
        Activation::Relu { shift, max_pool: None } => format!("ReLU >> {shift}"),
        Activation::Relu { shift, max_pool: Some(window) } => {
            let size = window.kernel;
            format!("ReLU >> {shift}, max {}×{}", size.height, size.width)
        }
        Activation::Argmax => "argmax".into(),
        Activation::Logits => "shown".into(),
    }
}

fn describe(linear: &CoefficientPlan) -> String {
    let parameters = linear.parameters();
    let bits: Vec<_> =
        parameters.primes().map(|q| (u64::BITS - q.leading_zeros()).to_string()).collect();
    format!("{}, n {}, q of {} bits", linear.layout(), parameters.n(), bits.join(" + "))
}

/// What every layer costs in one inference.
fn costs(plan: &NetworkPlan) -> String {
    let headings =
        ["layer", "ANDs", "offline up", "offline down", "online up", "online down", "rounds"];
    let costs = plan.costs();
    let row = |name: String, numbers: [u64; 6]| {
        let mut cells = [const { String::new() }; 7];
        cells[0] = name;
        for (cell, number) in cells[1..].iter_mut().zip(numbers) {
            *cell = grouped(number);
        }
        cells
    };
    let mut rows = vec![headings.map(String::from)];
    let mut total = [0; 6];
    for (i, cost) in costs.iter().enumerate() {
        let numbers = [
            cost.ands,
            cost.offline_up,
            cost.offline_down,
            cost.online_up,
            cost.online_down,
            cost.rounds,
        ];
        total.iter_mut().zip(numbers).for_each(|(total, number)| *total += number);
        rows.push(row(format!("{} {}", i + 1, kind(&plan.layers()[i])), numbers));
    }
    if let Some(Traffic { sent, received, .. }) = refill(plan) {
        let numbers = [0, sent, received, 0, 0, 0];
        total.iter_mut().zip(numbers).for_each(|(total, number)| *total += number);
        rows.push(row(REFILL.into(), numbers));
    }
    rows.push(row("all layers".into(), total));
    table(&rows)
}

/// The phases as a client's channel will count them.
fn phases(plan: &NetworkPlan) -> String {
    let headings = ["phase", "bytes up", "bytes down", "rounds"];
    let row = |(name, traffic): (&str, Traffic)| {
        let Traffic { sent, received, rounds } = traffic;
        [name.into(), grouped(sent), grouped(received), rounds.to_string()]
    };
    let mut phases =
        vec![("set-up", plan.setup()), ("offline", plan.offline(1)), ("online", plan.online())];
    if plan.uses_hint() {
        phases.insert(1, ("hint, once for a model", plan.hint_fetch()));
    }
    let rows = phases.into_iter().map(row);
    table(&[headings.map(String::from)].into_iter().chain(rows).collect::<Vec<_>>())
}

/// Inferences of a long session.
const MANY: u64 = 1 << 20;

/// What attacks cost, and what chance gives.
fn security(plan: &NetworkPlan) -> String {
    let [one, many] = [1, MANY].map(|inferences| plan.security(inferences));
    let row = |what: &str, of: fn(&Security) -> f64| {
        let power = |security| match of(security) {
            f64::NEG_INFINITY => "none".into(),
            log2 => format!("2^{log2:.1}"),
        };
        [what.into(), power(&one), power(&many)]
    };
    let headings = |what: &str| [what, "one inference", "2^20 in a session"].map(String::from);
    let sets = one.parameters.iter().map(ToString::to_string);
    let sets: Vec<_> = sets.chain(one.hint_parameters.iter().map(ToString::to_string)).collect();
    let lattice = format!("ring-LWE ({})", sets.join("; "));
    let mut work = vec![
        headings("work to break"),
        row("the garbling's hash", |s| s.hash_work),
        row("base transfers and frame keys", |s| s.group_work),
        row(&lattice, |s| s.lattice_work),
    ];
    if one.parity_work.is_some() {
        let of = |s: &Security| s.parity_work.unwrap_or(f64::NEG_INFINITY);
        work.push(row("learning parity with noise (silent transfers)", of));
    }
    let work = table(&work);
    let chance = table(&[
        headings("chance that"),
        row("a result is wrong", |s| s.wrong),
        row("inputs of the hash collide", |s| s.hash_collision),
        row("a changed frame passes", |s| s.forgery),
        row("a deviating client guesses Δ", |s| s.delta_guess),
    ]);
    format!("{work}\n{chance}")
}
