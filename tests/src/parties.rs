//! Both parties of a session over TCP, and the check that nothing of what they compute differs from
//! the plaintext network.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use gazelle_protocol::model::{
    Activation, Block, BlockCard, Chain, Extent, Linear, Network, Padding, Shape, Trace, Window,
};
use gazelle_protocol::plan::{EngineChoice, LinearChoice};
use gazelle_protocol::session::hazmat::{self, Shares};
use gazelle_protocol::session::{NetworkPlan, Outcome, Server, Settings, Statistics, Terms};
use gazelle_protocol::transport::Traffic;
use gazelle_protocol::{Link, transport};
use rand::rngs::ChaCha20Rng;
use rayon::ThreadPoolBuilder;

use crate::rng;

const TIMEOUT: Duration = Duration::from_secs(120);

/// How the parties of a test run.
#[derive(Clone, Copy, Default)]
pub struct Conditions {
    /// Where their randomness comes from.
    pub seed: u64,
    /// The link to simulate.
    pub link: Option<Link>,
    /// Threads of each party; 0 for as many as the machine has.
    pub threads: usize,
}

/// What one private classification left behind.
pub struct Inference {
    /// What the client learnt.
    pub outcome: Outcome,
    /// What the phases cost.
    pub statistics: Statistics,
    /// The client's shares.
    pub client: Shares,
    /// The server's shares.
    pub server: Shares,
}

/// Classifies one image in a session of its own, over TCP on this machine.
///
/// # Panics
/// If either party fails.
pub fn classify(server: &Server, image: &[u8], conditions: Conditions) -> Inference {
    let Conditions { seed, link, threads } = conditions;
    let pool = || ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let (listener, address) = listen();
    let party = |party| -> ChaCha20Rng { rng(2 * seed + party) };
    thread::scope(|scope| {
        let served = scope.spawn(|| {
            let (stream, _) = listener.accept().expect("a client");
            let channel = transport::accept(stream, TIMEOUT, link).expect("a channel");
            pool()
                .install(|| hazmat::serve_with_shares(server, channel, party(0)))
                .expect("the client is honest")
        });
        let channel = transport::connect(&address, TIMEOUT, link).expect("the server listens");
        let mut session =
            hazmat::connect(channel, &Terms::NONE, party(1)).expect("the server is honest");
        hazmat::keep_shares(&mut session);
        let bundles = pool().install(|| session.offline(1, |_, _| ()));
        let bundle = bundles.expect("the server is honest").remove(0);
        let client = hazmat::shares(&bundle);
        let outcome = pool().install(|| session.classify(bundle, image));
        let outcome = outcome.expect("the server is honest");
        let statistics = session.statistics();
        session.close().expect("the server listens");
        let (_, server) = served.join().expect("the server ends");
        Inference { outcome, statistics, client, server }
    })
}

/// A small network, for tests that are not about networks: a matrix with ReLU, then one with argmax.
///
/// # Panics
/// If there is no such network: never.
pub fn small_network(classes: usize) -> Network {
    let block = |outputs, activation| BlockCard {
        sum_pool: None,
        linear: Linear::Dense { outputs },
        weight_bits: 4,
        sum_bits: 16,
        activation,
    };
    let cards = vec![
        block(8, Activation::Relu { shift: 4, max_pool: None }),
        block(classes, Activation::Argmax),
    ];
    let card = Chain {
        name: "small".into(),
        input: Shape::flat(16),
        blocks: cards,
        classes: (0..classes).map(|i| i.to_string()).collect(),
    };
    let weights = |count| (0..count as i16).map(|i| i % 15 - 7).collect();
    let blocks = vec![
        Block { weights: weights(128), bias: vec![1; 8] },
        Block { weights: weights(8 * classes), bias: vec![0; classes] },
    ];
    Network::try_new(card.to_card().unwrap(), blocks).expect("the sums fit")
}

/// A listener on a free port of this machine, and its address.
///
/// # Panics
/// If the system has no port.
pub fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound address").to_string();
    (listener, address)
}

/// Asserts that a private classification equals the plaintext one: every tensor, share by share,
/// and the outcome.
///
/// # Panics
/// If anything differs.
pub fn assert_equal(network: &Network, inference: &Inference, trace: &Trace, image: &[u8]) {
    let Inference { outcome, client, server, .. } = inference;
    let places = network.card().tensors().expect("a checked card");
    assert!(client.tensors.len() == places.len() && server.tensors.len() == places.len());
    for (i, (place, tensor)) in places.iter().zip(&trace.tensors).enumerate() {
        let ring = place.ring();
        let mut sum = client.tensors[i].clone();
        ring.add_all(&mut sum, &server.tensors[i]);
        let expected: Vec<u32> = tensor.iter().map(|&y| ring.element(y)).collect();
        assert!(sum == expected, "tensor {i}");
    }
    assert_eq!(trace.tensors[0], image.iter().map(|&x| x.into()).collect::<Vec<i32>>());
    assert_eq!(outcome.numbers(), trace.result);
}

/// Asserts that the phases of one classification, of a client that fetched the hint, sent what the plan
/// says, to the byte and the round.
///
/// # Panics
/// If a phase did not.
pub fn assert_planned(plan: &NetworkPlan, statistics: &Statistics) {
    let Statistics { setup, offline, online } = *statistics;
    let (mut planned, hint) = (plan.setup(), plan.hint_fetch());
    planned.sent += hint.sent;
    planned.received += hint.received;
    planned.rounds += hint.rounds;
    let phases = [(setup, planned), (offline, plan.offline(1)), (online, plan.online())];
    for (counted, planned) in phases {
        let Traffic { sent, received, rounds } = planned;
        assert_eq!(
            (counted.bytes_up, counted.bytes_down, counted.rounds),
            (sent, received, rounds)
        );
    }
}

/// Classifies images privately, the first with each pair of engines and the others with each engine once,
/// and otherwise the default settings; asserts that everything equals the plaintext network and costs what
/// was planned.
///
/// # Panics
/// If anything differs.
pub fn check(network: &Network, images: &[Vec<u8>]) {
    use {EngineChoice::*, LinearChoice::*};
    let pairs = [(Garbled, Coefficient), (Masks, Hint), (Garbled, Hint), (Masks, Coefficient)];
    for (number, (activations, linear)) in pairs.into_iter().enumerate() {
        let images = if number < 2 { images } else { &images[..1] };
        check_with(network, images, &Settings { activations, linear, ..Settings::default() });
    }
}

/// The same with other settings.
///
/// # Panics
/// If anything differs.
pub fn check_with(network: &Network, images: &[Vec<u8>], settings: &Settings) {
    let server = Server::new(network.clone(), settings).expect("the network can be computed");
    for (seed, image) in (0..).zip(images) {
        let inference = classify(&server, image, Conditions { seed, ..Default::default() });
        let trace = network.forward(image).expect("the image fits");
        assert_equal(network, &inference, &trace, image);
        assert_planned(server.plan(), &inference.statistics);
    }
}

/// A convolution with ReLU and max pooling, then a matrix that ends in `last`.
pub fn tiny_network(last: Activation) -> Network {
    let square = |side| Extent { height: side, width: side };
    let convolution = Linear::Convolution {
        outputs: 2,
        kernel: square(3),
        stride: square(1),
        padding: Padding::default(),
        groups: 1,
    };
    let max_pool =
        Some(Window { kernel: square(2), stride: square(2), padding: Padding::default() });
    let block = |linear, activation| BlockCard {
        sum_pool: None,
        linear,
        weight_bits: 4,
        sum_bits: 16,
        activation,
    };
    let cards = vec![
        block(convolution, Activation::Relu { shift: 4, max_pool }),
        block(Linear::Dense { outputs: 3 }, last),
    ];
    let weights = |count: i16| (0..count).map(|i| i % 15 - 7).collect();
    let card = Chain {
        name: "small".into(),
        input: Shape::new(1, 6, 6),
        classes: ["a", "b", "c"].map(String::from).into(),
        blocks: cards,
    };
    let blocks = vec![
        Block { weights: weights(18), bias: vec![5, -9] },
        Block { weights: weights(24), bias: vec![1, 2, 3] },
    ];
    Network::try_new(card.to_card().unwrap(), blocks).expect("every sum fits 16 bits")
}
