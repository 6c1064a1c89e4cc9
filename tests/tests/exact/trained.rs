//! The bundled networks and pictures: private equals plaintext, tensor by tensor, and what the
//! activations cost.

use std::fs;
use std::path::{Path, PathBuf};

use gazelle_import::files::{read_image, read_network};
use gazelle_model::{Activation, Block, BlockCard, Card, Chain, Linear, Network, Shape};
use gazelle_protocol::ot::silent::LpnSet;
use gazelle_protocol::plan::{EngineChoice, TransferSource};
use gazelle_protocol::session::{Phase, Server, Settings};
use gazelle_protocol::transport::Traffic;
use gazelle_tests::parties::{self, Conditions};

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models")
}

fn network(file: &str) -> Network {
    read_network(models().join(file)).expect("a bundled network")
}

/// The sample pictures with their classes, which their names tell: `0000-ankle-boot.png`.
fn samples(card: &Card) -> Vec<(Vec<u8>, usize)> {
    let files = fs::read_dir(models().join("samples")).expect("the samples");
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a sample").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "png"));
    files.sort();
    let slug = |class: &str| class.to_lowercase().replace([' ', '/'], "-");
    let sample = |file: &PathBuf| {
        let name = file.file_stem().expect("a name").to_string_lossy();
        let class = name.split_once('-').expect("a number and a class").1;
        let label = card.classes.iter().position(|name| slug(name) == class).expect("a class");
        (read_image(file, card.input).expect("a picture"), label)
    };
    files.iter().map(sample).collect()
}

/// With activations by masks from silent transfers, which the plan chooses by itself for larger
/// networks only.
#[test]
fn every_tensor_is_exact_on_silent_transfers() {
    let network = network("fashion-mnist-d.gazelle");
    let settings = Settings {
        activations: EngineChoice::Masks,
        transfers: TransferSource::Silent(LpnSet::K18),
        ..Settings::default()
    };
    let images: Vec<_> = samples(network.card()).into_iter().map(|(image, _)| image).collect();
    parties::check_with(&network, &images[..2], &settings);
}

#[test]
fn every_tensor_of_every_sample_is_exact() {
    let network = network("fashion-mnist-d.gazelle");
    let samples = samples(network.card());
    for class in 0..10 {
        assert_eq!(samples.iter().filter(|sample| sample.1 == class).count(), 2, "class {class}");
    }
    let images: Vec<Vec<u8>> = samples.iter().map(|sample| sample.0.clone()).collect();
    // The label that the client learns is among what is compared.
    parties::check(&network, &images);
    let right =
        |(image, label): &(Vec<u8>, usize)| network.forward(image).unwrap().label() == *label;
    assert!(samples.iter().filter(|sample| right(sample)).count() >= 17);
}

/// Every tensor of five samples each.
#[test]
fn resnet20_and_the_mobilenet_are_exact() {
    for file in ["fashion-mnist-resnet20.gazelle", "fashion-mnist-mobilenet.gazelle"] {
        let network = network(file);
        let samples = samples(network.card());
        let right =
            |(image, label): &(Vec<u8>, usize)| network.forward(image).unwrap().label() == *label;
        assert!(samples.iter().filter(|sample| right(sample)).count() >= 17, "{file}");
        let images: Vec<Vec<u8>> = samples.into_iter().step_by(4).map(|sample| sample.0).collect();
        assert_eq!(images.len(), 5);
        parties::check(&network, &images);
    }
}

/// The pictures are no X-rays; exact it must be on any.
#[test]
fn the_pneumonia_network_is_exact() {
    let network = network("pneumonia-d.gazelle");
    let images: Vec<Vec<u8>> = samples(self::network("fashion-mnist-d.gazelle").card())
        .into_iter()
        .step_by(5)
        .map(|sample| sample.0)
        .collect();
    parties::check(&network, &images);
}

/// 4096 ReLUs at k = 21 and shift 8, and one class.
fn relus() -> Network {
    let block = |outputs, activation| BlockCard {
        sum_pool: None,
        linear: Linear::Dense { outputs },
        weight_bits: 12,
        sum_bits: 20,
        activation,
    };
    let card = Chain {
        name: "relus".into(),
        input: Shape::flat(2),
        blocks: vec![
            block(4096, Activation::Relu { shift: 8, max_pool: None }),
            block(1, Activation::Argmax),
        ],
        classes: vec!["the only one".into()],
    };
    let weights = |len: usize, most: i16| (0..len).map(|i| i as i16 % (2 * most) - most).collect();
    let blocks = vec![
        Block { weights: weights(8192, 2000), bias: vec![0; 4096] },
        Block { weights: weights(4096, 1), bias: vec![0] },
    ];
    Network::try_new(card.to_card().unwrap(), blocks).expect("the weights fit")
}

/// Under 950 bytes offline (tables, projections, OT) and 350 online. GAZELLE's ReLU, without shift
/// and clamp, takes 5.7 kB and 1.77 kB (Juvekar, Vaikuntanathan and Chandrakasan, USENIX Security
/// 2018).
#[test]
fn a_relu_costs_few_bytes() {
    let network = relus();
    let server = Server::new(network.clone(), &Settings::default()).expect("a network");
    let plan = server.plan();
    let image = [255, 77];
    let inference = parties::classify(&server, &image, Conditions::default());
    parties::assert_equal(&network, &inference, &network.forward(&image).unwrap(), &image);

    // What the channel counted is what the plan says, so the plan's parts are the channel's.
    let counted = |phase: Phase| Traffic {
        sent: phase.bytes_up,
        received: phase.bytes_down,
        rounds: phase.rounds,
    };
    assert_eq!(counted(inference.statistics.offline), plan.offline(1));
    assert_eq!(counted(inference.statistics.online), plan.online());
    let linear = plan.linear()[0].coefficient().expect("by default");
    let (relu, next, linear) = (plan.costs()[0], plan.costs()[1], linear.cost());
    let ciphertexts = (linear.query_bytes + linear.answer_bytes) as u64;
    let offline = (relu.offline_up + relu.offline_down - ciphertexts) as f64 / 4096.0;
    // Labels down, and the masked result up.
    let online = (relu.online_down + next.online_up) as f64 / 4096.0;
    assert!(offline <= 950.0, "{offline} bytes offline");
    assert!(online <= 350.0, "{online} bytes online");
}
