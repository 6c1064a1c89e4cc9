//! `gazelle inspect`: a model's layers and what each costs, before anything runs.

use crate::{
    args::InspectArgs,
    failure::{Result, While},
    files, output,
    table::{grouped, table},
};
use gazelle_protocol::{
    linear::LinearPlan,
    model::{Activation, Layer, Linear},
    session::{NetworkPlan, Settings},
    transport::Traffic,
};

pub(crate) fn run(args: &InspectArgs) -> Result<()> {
    let network = files::read_network(&args.model)?;
    let settings = Settings::for_link(args.link);
    let plan = NetworkPlan::new(network.card().clone(), &settings)?;
    let card = plan.card();
    output::line(format_args!(
        "{}: {} to one of {} classes",
        card.name,
        card.input,
        card.classes.len()
    ))?;
    output::line(format_args!("planned for {}\n", args.link))?;
    output::line(layers(&plan))?;
    output::line(costs(&plan))?;
    output::line(phases(&plan).trim_end())?;
    if args.alternatives {
        output::line(format_args!("\n{}", alternatives(&plan)?.trim_end()))?;
    }
    Ok(())
}

/// Every layer: shapes, widths and the plan of its linear map.
pub(crate) fn layers(plan: &NetworkPlan) -> String {
    let headings =
        ["layer", "reads", "sums", "weight bits", "ring bits", "activation", "homomorphic plan"];
    let rows = plan.layers().iter().zip(plan.linear()).enumerate().map(|(i, (layer, linear))| {
        [
            format!("{} {}", i + 1, kind(layer)),
            layer.pooled.to_string(),
            layer.sums.to_string(),
            layer.block.weight_bits.to_string(),
            layer.block.ring_bits().to_string(),
            activation(layer),
            describe(linear),
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

fn describe(linear: &LinearPlan) -> String {
    let parameters = linear.parameters();
    format!("{}, n {} with {} primes", linear.layout(), parameters.n(), parameters.limbs())
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
    let phases =
        [("set-up", plan.setup()), ("offline", plan.offline(1)), ("online", plan.online())];
    table(&[headings.map(String::from)].into_iter().chain(phases.map(row)).collect::<Vec<_>>())
}

/// Every plan of every linear map with its price.
fn alternatives(plan: &NetworkPlan) -> Result<String> {
    let headings =
        ["layer", "plan", "milliseconds", "transforms", "products", "bytes up", "bytes down"];
    let mut rows = vec![headings.map(String::from)];
    for (i, layer) in plan.layers().iter().enumerate() {
        let chosen = &plan.linear()[i];
        let link = &plan.settings().link;
        let plans = LinearPlan::alternatives(&layer.block, layer.pooled, chosen.parameters(), link)
            .when(|| format!("layer {}", i + 1))?;
        for plan in plans {
            let cost = plan.cost();
            let mark = if cost == chosen.cost() { " (chosen)" } else { "" };
            rows.push([
                format!("{}{mark}", i + 1),
                describe(&plan),
                format!("{:.2}", cost.nanoseconds as f64 / 1e6),
                grouped(cost.transforms as u64),
                grouped(cost.products as u64),
                grouped(cost.query_bytes as u64),
                grouped(cost.answer_bytes as u64),
            ]);
        }
    }
    Ok(table(&rows))
}
