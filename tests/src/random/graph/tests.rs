//! What the random graphs cover.

use super::*;

proptest! {
    /// Every value fits the ring of its tensor, and what each node reads.
    #[test]
    fn a_recipe_builds_a_network_whose_values_fit(recipe in graphs()) {
        let (network, image) = recipe.build();
        let trace = naive::forward(&network, &image);
        let places = network.card().tensors().unwrap();
        for ((values, shape), place) in trace.tensors.iter().zip(&trace.shapes).zip(&places) {
            prop_assert_eq!(place.shape, *shape);
            prop_assert_eq!(values.len(), shape.len());
            prop_assert!(values.iter().all(|v| v.abs() < 1 << (place.ring_bits - 1)));
            let inside = |range: gazelle_model::Interval| {
                values.iter().all(|v| (range.least..=range.most).contains(v))
            };
            prop_assert!(place.range.is_none_or(inside));
        }
        for node in &network.card().nodes {
            let Node::Activation(node) = node else { continue };
            prop_assert!(node.sum_bits < places[node.input].ring_bits);
            for y in &trace.tensors[node.input] {
                prop_assert!(y.abs() < 1 << node.sum_bits);
            }
        }
    }
}

/// What a graph has, by name.
fn features(card: &Card) -> Vec<&'static str> {
    let mut features = vec![match card.head.head {
        Head::Class => "class",
        Head::Top(_) => "top",
        Head::Thresholds(_) => "thresholds",
        Head::Confidence(_) => "confidence",
        Head::Values => "values",
    }];
    let wide = |tensor: usize| match tensor.checked_sub(1).map(|i| &card.nodes[i]) {
        Some(Node::Activation(node)) => node.function.range().reach() > 255,
        _ => false,
    };
    for node in &card.nodes {
        let adds = matches!(node, Node::Sum(parts) if parts.len() > 1);
        features.extend((adds && node.inputs().any(wide)).then_some("sum with wide results"));
        features.push(match node {
            Node::Linear(node) if node.terms.len() > 1 => "several terms",
            Node::Linear(node) if node.bias == Bias::Map => "bias map",
            Node::Linear(LinearNode { terms, .. }) => match &terms[0].map {
                LinearMap::Dense { .. } => "dense",
                LinearMap::Convolution(map) if map.groups > 1 => "groups",
                LinearMap::Convolution(map) if map.dilation != Extent::square(1) => "dilation",
                LinearMap::Convolution(_) => "convolution",
            },
            Node::Activation(node) if node.max_pool.is_some() => "max pooling",
            Node::Activation(node) if matches!(node.shift, Shift::Channels(_)) => "shifts",
            Node::Activation(node) => match node.function {
                Function::Clamp { .. } => "clamp",
                Function::Leaky { .. } => "leaky",
                Function::ReluMinusTable { .. } => "table",
                Function::Odd { .. } => "odd",
            },
            Node::Sum(parts) if parts.len() > 1 => "sum of several",
            Node::Sum(_) => "sum",
            Node::Concat(_) => "concatenation",
            Node::Select(_) => "selection",
            Node::Upsample(_) => "upsampling",
            Node::SumPool(pool) if pool.counted != pool.window.padding => "counted",
            Node::SumPool(_) => "sum pooling",
        });
    }
    features
}

#[test]
fn a_few_hundred_graphs_have_every_feature() {
    let mut counts = std::collections::BTreeMap::new();
    for seed in 0..300 {
        let (network, _) = GraphRecipe { nodes: 8, seed }.build();
        features(network.card()).into_iter().for_each(|f| *counts.entry(f).or_insert(0) += 1);
    }
    assert_eq!(counts.len(), 25, "{counts:?}");
    assert!(counts.values().all(|&count| count >= 10), "{counts:?}");
}
