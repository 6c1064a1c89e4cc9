//! What `gazelle inspect --json` prints. Bytes count frames and tags, as a client's channel does.

use super::{node_name, outputs};
use crate::{
    args::InspectArgs,
    failure::{Result, While},
};
use gazelle_protocol::{
    linear::CoefficientPlan,
    plan::{NetworkPlan, NodeCost, Security, Settings},
    printable,
    session::Delivery,
    transport::Traffic,
};
use serde::Serialize;

#[derive(Serialize)]
struct Report {
    name: String,
    /// Channels, height, width.
    input: [usize; 3],
    output: String,
    classes: Vec<String>,
    card: String,
    link: String,
    tables: &'static str,
    nodes: Vec<Node>,
    /// What silent transfers cost the first inference of a session, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    silent_transfers: Option<Cost>,
    setup: Cost,
    /// What a client fetches once, if a map needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<Cost>,
    offline: Cost,
    online: Cost,
    /// The base-2 logarithm of the chance that a sum of an inference is wrong.
    failure_log2: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    alternatives: Option<Vec<Alternative>>,
    /// Of one inference and of 2^20 in a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    security: Option<[Bits; 2]>,
}

/// What the image, a node or the head costs in one inference.
#[derive(Serialize)]
struct Node {
    tensor: usize,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<&'static str>,
    activations: usize,
    ring_bits: u32,
    ands: u64,
    offline: Cost,
    online: Cost,
}

#[derive(Serialize)]
struct Cost {
    bytes_up: u64,
    bytes_down: u64,
    rounds: u64,
}

/// A plan of a linear map.
#[derive(Serialize)]
struct Alternative {
    tensor: usize,
    map: usize,
    plan: String,
    chosen: bool,
    milliseconds: f64,
    transforms: usize,
    products: usize,
    bytes_up: usize,
    bytes_down: usize,
}

/// Base-2 logarithms of work and of chances; a chance that there is not is null.
#[derive(Serialize)]
struct Bits {
    hash_work: f64,
    group_work: f64,
    lattice_work: f64,
    wrong: f64,
    hash_collision: f64,
    forgery: f64,
    delta_guess: f64,
}

impl From<Traffic> for Cost {
    fn from(traffic: Traffic) -> Self {
        let Traffic { sent, received, rounds } = traffic;
        Self { bytes_up: sent, bytes_down: received, rounds }
    }
}

impl From<Security> for Bits {
    fn from(security: Security) -> Self {
        let Security { hash_work, group_work, lattice_work, .. } = security;
        let Security { wrong, hash_collision, forgery, delta_guess, .. } = security;
        Self { hash_work, group_work, lattice_work, wrong, hash_collision, forgery, delta_guess }
    }
}

/// The object for a network's plan.
pub(super) fn report(
    args: &InspectArgs,
    plan: &NetworkPlan,
    settings: &Settings,
) -> Result<String> {
    let card = plan.card();
    let shape = card.input;
    let report = Report {
        name: printable(&card.name),
        input: [shape.channels, shape.height, shape.width],
        output: outputs(card),
        classes: card.classes.iter().map(|class| printable(class)).collect(),
        card: card.hash().when(|| "the card".into())?.to_string(),
        link: args.link.to_string(),
        tables: match settings.tables {
            Delivery::Ahead => "ahead",
            Delivery::Streamed => "streamed",
        },
        nodes: nodes(plan),
        silent_transfers: super::refill(plan).map(Cost::from),
        setup: plan.setup().into(),
        hint: plan.uses_hint().then(|| plan.hint_fetch().into()),
        offline: plan.offline(1).into(),
        online: plan.online().into(),
        failure_log2: plan.failure_log2(),
        alternatives: args.alternatives.then(|| alternatives(plan)),
        security: args.security.then(|| [1, super::MANY].map(|count| plan.security(count).into())),
    };
    serde_json::to_string(&report).when(|| "the report".into())
}

fn nodes(plan: &NetworkPlan) -> Vec<Node> {
    let costs = plan.node_costs().into_iter();
    let node = |cost: NodeCost| Node {
        tensor: cost.tensor,
        name: node_name(plan.card(), cost.tensor),
        engine: cost.engine,
        activations: cost.activation.map_or(0, |_| cost.instances),
        ring_bits: cost.ring_bits,
        ands: cost.ands,
        offline: cost.offline.into(),
        online: cost.online.into(),
    };
    costs.map(node).collect()
}

fn alternatives(plan: &NetworkPlan) -> Vec<Alternative> {
    let nodes = plan.node_costs();
    let maps = nodes.iter().flat_map(|node| node.maps.iter().map(|&map| (node.tensor, map)));
    maps.flat_map(|(tensor, map)| {
        let chosen = plan.linear()[map].coefficient().map(CoefficientPlan::cost);
        plan.alternatives(map).into_iter().map(move |plan| {
            let cost = plan.cost();
            Alternative {
                tensor,
                map,
                plan: super::describe(&plan),
                chosen: Some(cost) == chosen,
                milliseconds: cost.nanoseconds as f64 / 1e6,
                transforms: cost.transforms,
                products: cost.products,
                bytes_up: cost.query_bytes,
                bytes_down: cost.answer_bytes,
            }
        })
    })
    .collect()
}
