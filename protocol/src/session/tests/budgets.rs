//! Cards that would cost a client too much.

use super::*;
use crate::model::Node;
use crate::plan::LinearChoice;
use crate::wire::Announcement;

/// A card of a few bytes must not make a client allocate messages without bound.
#[test]
fn a_layer_whose_messages_are_too_long_is_refused() {
    let card = Chain {
        name: "large".into(),
        input: Shape { channels: 1, height: 4096, width: 4096 },
        blocks: vec![
            block(convolution(1, 60, 1, 0), Activation::Relu { shift: 0, max_pool: None }),
            block(Linear::Dense { outputs: 2 }, Activation::Argmax),
        ],
        classes: vec!["a".into(), "b".into()],
    };
    let card = card.to_card().unwrap();
    assert!(card.check().is_ok());
    let refusal = NetworkPlan::new(card, &Settings::default()).err().unwrap().to_string();
    assert!(refusal.contains("1073741824 are the most"), "{refusal}");
}

/// A card of a few bytes must not make a client plan for minutes what it has no memory for.
#[test]
fn maps_beyond_the_memory_allowed_are_not_planned() {
    let shape = Shape { channels: 1, height: 64, width: 64 };
    let blocks = vec![block(convolution(1, 3, 1, 0), Activation::Argmax)];
    let classes = (0..62 * 62).map(|class| class.to_string()).collect();
    let chain = Chain { name: "many".into(), input: shape, blocks, classes };
    let mut card = chain.to_card().unwrap();
    let Node::Linear(node) = &mut card.nodes[0] else { panic!("a linear node") };
    node.terms = vec![node.terms[0]; 100];
    card.head.sum_bits = 31;
    let allowed = 4 << 20;
    let terms = Terms { memory: allowed, ..Terms::NONE };
    for linear in [LinearChoice::Coefficient, LinearChoice::Hint] {
        let settings = Settings { linear, ..Settings::default() };
        let announcement = Announcement::new(&settings, &[0; 32], &card.to_bytes().unwrap());
        match terms.accept(&announcement).err().unwrap() {
            Error::Limit(Limit::Memory { needed, .. }) => assert!(needed < 2 * allowed),
            error => panic!("{error}"),
        }
    }
}
