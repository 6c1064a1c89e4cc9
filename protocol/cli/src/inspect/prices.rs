//! What each choice is expected to take on the link: engines, and plans of single layers.

use super::describe;
use crate::{
    args::EngineName,
    failure::Result,
    table::{grouped, table},
};
use gazelle_protocol::{
    linear::CoefficientPlan,
    plan::{EngineCost, NetworkPlan, Settings},
};

/// What one inference is expected to take on the link with each choice of engines.
pub(super) fn engines(plan: &NetworkPlan) -> Result<String> {
    let headings = ["engines", "offline ms", "online ms", "bytes up", "bytes down", "rounds", "K"];
    let mut rows = vec![headings.map(String::from)];
    for choice in [EngineName::Auto, EngineName::Garbled, EngineName::Masks] {
        let settings = Settings { activations: choice.into(), ..*plan.settings() };
        let settings = settings.fitted(plan.card())?;
        let mark =
            if settings.activations == plan.settings().activations { " (chosen)" } else { "" };
        let plan = NetworkPlan::new(plan.card().clone(), &settings)?;
        let (price, offline, online) = (plan.price(), plan.offline(1), plan.online());
        rows.push([
            format!("{}{mark}", choice.name()),
            milliseconds(price.offline),
            milliseconds(price.online),
            grouped(offline.sent + online.sent),
            grouped(offline.received + online.received),
            format!("{} + {}", offline.rounds, online.rounds),
            settings.field.bits().to_string(),
        ]);
    }
    Ok(table(&rows))
}

fn milliseconds(nanoseconds: u64) -> String {
    format!("{:.2}", nanoseconds as f64 / 1e6)
}

/// Every plan of every activation with its price, by layer or by node.
pub(super) fn activations(plan: &NetworkPlan) -> String {
    let headings = [
        "layer",
        "engine",
        "offline ms",
        "online ms",
        "offline up",
        "offline down",
        "online up",
        "online down",
        "rounds",
    ];
    let (field, mut rows) = (plan.settings().field, vec![headings.map(String::from)]);
    for node in plan.node_costs() {
        let Some(index) = node.activation else { continue };
        let number = if plan.layers().is_empty() { node.tensor } else { index + 1 };
        let chosen = plan.activations()[index].cost(field);
        for alternative in plan.activation_alternatives(index) {
            let (cost, price) = (alternative.cost(field), alternative.price(plan.settings()));
            let mark = if cost == chosen { " (chosen)" } else { "" };
            let EngineCost { offline, online } = cost;
            rows.push([
                format!("{number}{mark}"),
                alternative.engine().name().into(),
                milliseconds(price.offline),
                milliseconds(price.online),
                grouped(offline.sent),
                grouped(offline.received),
                grouped(online.sent),
                grouped(online.received),
                format!("{} + {}", offline.rounds, online.rounds),
            ]);
        }
    }
    table(&rows)
}

/// Every plan of every linear map with its price, by layer or by node.
pub(super) fn linear(plan: &NetworkPlan) -> String {
    let headings =
        ["layer", "plan", "milliseconds", "transforms", "products", "bytes up", "bytes down"];
    let mut rows = vec![headings.map(String::from)];
    let nodes = plan.node_costs();
    let maps = nodes.iter().flat_map(|node| node.maps.iter().map(|&map| (node.tensor, map)));
    for (tensor, map) in maps {
        let number = if plan.layers().is_empty() { tensor } else { map + 1 };
        let chosen = plan.linear()[map].coefficient().map(CoefficientPlan::cost);
        for plan in plan.alternatives(map) {
            let cost = plan.cost();
            let mark = if Some(cost) == chosen { " (chosen)" } else { "" };
            rows.push([
                format!("{number}{mark}"),
                describe(&plan),
                format!("{:.2}", cost.nanoseconds as f64 / 1e6),
                grouped(cost.transforms as u64),
                grouped(cost.products as u64),
                grouped(cost.query_bytes as u64),
                grouped(cost.answer_bytes as u64),
            ]);
        }
    }
    table(&rows)
}
