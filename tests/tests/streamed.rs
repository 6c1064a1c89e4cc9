//! Networks whose garbled tables come as they are used.

use std::thread;

use gazelle_model::{
    Activation, Block, BlockCard, Chain, Extent, Linear, Network, Padding, Shape, Window,
};
use gazelle_protocol::bundle::{BundleStore, ClientBundle, ServerBundle, Waiting};
use gazelle_protocol::plan::EngineChoice;
use gazelle_protocol::session::{
    Client, Delivery, LinearChoice, NetworkPlan, Server, Settings, Terms,
};
use gazelle_protocol::transport;
use gazelle_tests::{parties, random};
use proptest::prelude::*;

const STREAMED: Settings = Settings {
    link: gazelle_protocol::Link::LAN,
    field: gazelle_protocol::ot::FieldBits::Two,
    hash: gazelle_protocol::session::HashKind::Mitccrh,
    tables: Delivery::Streamed,
    policy: gazelle_protocol::session::Policy::Card,
    activations: EngineChoice::Garbled,
    linear: LinearChoice::Coefficient,
    images: 100,
    exactness: gazelle_protocol::he::hint::Exactness::Overwhelming,
    offline_percent: 20,
    transfers: gazelle_protocol::plan::TransferSource::Auto,
};

/// A map of 1 × 66 × 66, 16 kernels with `max_pool`, and an average that a matrix reads.
fn wide_network(max_pool: Option<Window>) -> Network {
    let side = if max_pool.is_some() { 32 } else { 64 };
    let block = |sum_pool, linear, activation, sum_bits| BlockCard {
        sum_pool,
        linear,
        weight_bits: 4,
        sum_bits,
        activation,
    };
    let kernels = Linear::Convolution {
        outputs: 16,
        kernel: Extent::square(3),
        stride: Extent::square(1),
        padding: Padding::default(),
        groups: 1,
    };
    let window = |side| Window {
        kernel: Extent::square(side),
        stride: Extent::square(side),
        padding: Padding::default(),
    };
    let card = Chain {
        name: "wide".into(),
        input: Shape::new(1, 66, 66),
        blocks: vec![
            block(None, kernels, Activation::Relu { shift: 4, max_pool }, 16),
            block(Some(window(side)), Linear::Dense { outputs: 2 }, Activation::Logits, 28),
        ],
        classes: vec!["a".into(), "b".into()],
    };
    let weights = |count: i16| (0..count).map(|i| (i * 5) % 15 - 7).collect();
    let blocks = vec![
        Block { weights: weights(16 * 9), bias: (0..16).map(|i| 40 * i - 300).collect() },
        Block { weights: weights(32), bias: vec![5, -5] },
    ];
    Network::try_new(card.to_card().unwrap(), blocks).expect("every sum fits")
}

/// More chunks than the window has: the client sends transfers while tables come.
#[test]
fn layers_beyond_the_window_are_exact() {
    let pooled = Window {
        kernel: Extent::square(2),
        stride: Extent::square(2),
        padding: Padding::default(),
    };
    let image: Vec<u8> = (0..66 * 66).map(|i| (i * i / 7) as u8).collect();
    for (max_pool, rounds) in [(None, 1 + 2 + 1), (Some(pooled), 1 + 2 + 1)] {
        let network = wide_network(max_pool);
        let plan = NetworkPlan::new(network.card().clone(), &STREAMED).unwrap();
        assert_eq!((plan.offline(1).rounds, plan.online().rounds), (2, rounds));
        parties::check_with(&network, std::slice::from_ref(&image), &STREAMED);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 4096, ..ProptestConfig::with_cases(6) })]

    #[test]
    fn graphs_are_exact(recipe in random::graphs()) {
        let (network, image) = recipe.build();
        prop_assume!(NetworkPlan::new(network.card().clone(), &STREAMED).is_ok());
        parties::check_with(&network, &[image], &STREAMED);
    }
}

/// Nothing of a layer is stored but shares, and they are spent over another connection.
#[test]
fn a_stored_bundle_is_small_and_outlives_its_session() {
    let network = parties::tiny_network(Activation::Logits);
    let image: Vec<u8> = (0..network.card().input.len()).map(|i| (37 * i) as u8).collect();
    let trace = network.forward(&image).unwrap();
    let server = Server::new(network, &STREAMED).unwrap();
    let mut store = Waiting::default();
    let bytes = session(&server, &mut store, |client| {
        let bundle = client.offline(1, |_, _| ()).unwrap().remove(0);
        bundle.into_bytes(client.plan()).to_vec()
    });
    assert!(bytes.len() < 1000, "{}", bytes.len());
    let ahead = NetworkPlan::new(server.plan().card().clone(), &Settings::default()).unwrap();
    assert!(ClientBundle::encoded_len(&ahead) > 50 * bytes.len());
    // The server's half goes through its encoding, too.
    let name = ClientBundle::from_bytes(server.plan(), &bytes).unwrap().name();
    let half: ServerBundle = store.take(&name).unwrap().unwrap();
    let half = half.into_bytes(server.plan());
    store.put(server.service().bundle_from_bytes(&half).unwrap()).unwrap();
    let outcome = session(&server, &mut store, |client| {
        let bundle = ClientBundle::from_bytes(client.plan(), &bytes).unwrap();
        client.classify(bundle, &image).unwrap()
    });
    assert_eq!(outcome.numbers(), trace.logits());
}

fn session<T>(server: &Server, store: &mut Waiting, act: impl FnOnce(&mut Client) -> T) -> T {
    let (near, far) = transport::pair(None);
    thread::scope(|scope| {
        let served = scope.spawn(|| server.serve_from(far, store).unwrap());
        let mut client = Client::connect(near, &Terms::default()).unwrap();
        let result = act(&mut client);
        client.close().unwrap();
        served.join().unwrap();
        result
    })
}

/// A network whose tables would fill a client's memory is streamed without being asked for.
#[test]
fn large_networks_are_streamed() {
    let tiny = parties::tiny_network(Activation::Argmax);
    let fitted = Settings::default().fitted(tiny.card()).unwrap();
    assert_eq!(fitted.tables, Delivery::Ahead);
    let large = Chain {
        name: "large".into(),
        input: Shape::new(3, 224, 224),
        blocks: vec![
            BlockCard {
                sum_pool: None,
                linear: Linear::Convolution {
                    outputs: 96,
                    kernel: Extent::square(7),
                    stride: Extent::square(2),
                    padding: Padding::uniform(3),
                    groups: 1,
                },
                weight_bits: 8,
                sum_bits: 20,
                activation: Activation::Relu { shift: 8, max_pool: None },
            },
            BlockCard {
                sum_pool: None,
                linear: Linear::Dense { outputs: 2 },
                weight_bits: 2,
                sum_bits: 30,
                activation: Activation::Argmax,
            },
        ],
        classes: vec!["a".into(), "b".into()],
    };
    let card = large.to_card().unwrap();
    let fitted = Settings::default().fitted(&card).unwrap();
    assert_eq!(fitted.tables, Delivery::Streamed);
    let memory = |settings| NetworkPlan::new(card.clone(), settings).unwrap().client_memory(1);
    assert!(memory(&Settings::default()) > 5 * memory(&fitted));
}
