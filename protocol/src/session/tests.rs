//! Both parties over channels in memory, against the plaintext network.

mod agreement;
mod budgets;
mod frames;

use std::thread;

use rand::{Rng, SeedableRng, rngs::ChaCha20Rng};

use super::*;
use crate::Link;
use crate::activation::Delivery;
use crate::bundle::BundleName;
use crate::error::{Error, Limit, Misuse, PeerFault};
use crate::he::hint::Exactness;
use crate::model::{
    Activation, Block, BlockCard, Chain, Extent, Head, Linear, Network, Padding, Shape, Window,
};
use crate::ot::FieldBits;
use crate::ot::silent::LpnSet;
use crate::party::renew;
use crate::plan::{EngineChoice, Stocks};
use crate::transport::{self, Kind, Traffic};
use crate::wire::VERSIONS;
use gazelle_garble::HashKind;

fn square(side: usize) -> Extent {
    Extent { height: side, width: side }
}

fn convolution(outputs: usize, side: usize, stride: usize, pad: usize) -> Linear {
    let padding = Padding { top: pad, left: pad, bottom: pad, right: pad };
    Linear::Convolution {
        outputs,
        kernel: square(side),
        stride: square(stride),
        padding,
        groups: 1,
    }
}

fn window(side: usize, stride: usize, pad: usize) -> Window {
    let padding = Padding { top: pad, left: pad, bottom: pad, right: pad };
    Window { kernel: square(side), stride: square(stride), padding }
}

fn block(linear: Linear, activation: Activation) -> BlockCard {
    BlockCard { sum_pool: None, linear, weight_bits: 6, sum_bits: 20, activation }
}

pub(super) fn network(last: Activation, rng: &mut impl Rng) -> Network {
    let relu = |shift, max_pool| Activation::Relu { shift, max_pool };
    let mut pooled = block(Linear::Dense { outputs: 9 }, relu(10, None));
    pooled.sum_pool = Some(window(2, 1, 0));
    let card = Chain {
        name: "small".into(),
        input: Shape { channels: 2, height: 9, width: 11 },
        blocks: vec![
            block(convolution(3, 3, 1, 1), relu(7, Some(window(3, 2, 1)))),
            block(convolution(4, 2, 2, 0), relu(8, None)),
            pooled,
            block(Linear::Dense { outputs: 5 }, last),
        ],
        classes: (0..5).map(|i| format!("class {i}")).collect(),
    };
    let layers = card.layers().unwrap();
    let blocks = layers.iter().map(|layer| Block {
        weights: (0..layer.weights_len()).map(|_| (rng.next_u32() % 63) as i16 - 31).collect(),
        bias: (0..layer.bias_len()).map(|_| (rng.next_u32() % 2001) as i32 - 1000).collect(),
    });
    let blocks = blocks.collect();
    Network::try_new(card.to_card().unwrap(), blocks).unwrap()
}

fn add(a: &[u32], b: &[u32], bits: u32) -> Vec<u32> {
    let mask = u32::MAX >> (32 - bits);
    a.iter().zip(b).map(|(a, b)| a.wrapping_add(*b) & mask).collect()
}

/// Activations by masks from silent transfers.
pub(super) fn silent(set: LpnSet) -> Settings {
    let transfers = TransferSource::Silent(set);
    Settings { activations: EngineChoice::Masks, transfers, ..Settings::default() }
}

#[test]
fn every_tensor_equals_the_plaintext_network() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let wan = Settings { hash: HashKind::FixedKey, ..Settings::for_link(Link::WAN) };
    let masks = Settings { activations: EngineChoice::Masks, ..Settings::default() };
    let hint = Settings { linear: LinearChoice::Hint, images: 1, ..masks };
    for (last, settings) in [
        (Activation::Argmax, Settings::default()),
        (Activation::Logits, wan),
        (Activation::Argmax, masks),
        (Activation::Logits, Settings { field: FieldBits::Eight, ..masks }),
        (Activation::Argmax, Settings { tables: Delivery::Streamed, ..masks }),
        (Activation::Argmax, silent(LpnSet::Toy)),
        (Activation::Logits, Settings { tables: Delivery::Streamed, ..silent(LpnSet::K17) }),
        (Activation::Argmax, hint),
        (Activation::Logits, Settings { exactness: Exactness::Always, images: 1000, ..hint }),
    ] {
        tensors_equal_and_costs_are_as_planned(network(last, &mut rng), &settings, &mut rng);
    }
}

/// Classifies the first image alone and the others together, where they may be, and compares with their
/// results. What that should cost.
fn classify_in_parts(
    client: &mut Client,
    bundles: Vec<ClientBundle>,
    images: &[(&[u8], Vec<i32>)],
) -> Traffic {
    let (mut bundles, mut online) = (bundles.into_iter(), Traffic::default());
    let (first, others) = images.split_at(1);
    let parts = others.chunks(client.plan().most_together());
    for part in std::iter::once(first).chain(parts) {
        let bundles = bundles.by_ref().take(part.len()).collect();
        let pixels: Vec<_> = part.iter().map(|(image, _)| image).collect();
        let outcomes = client.classify_together(bundles, &pixels, |_, _| ()).unwrap();
        for (outcome, (_, result)) in outcomes.into_iter().zip(part) {
            assert_eq!(outcome.unwrap().numbers(), *result);
        }
        let planned = client.plan().online_together(part.len());
        online.sent += planned.sent;
        online.received += planned.received;
        online.rounds += planned.rounds;
    }
    online
}

/// Three inferences in two offline phases, the last two together where they may be; the shares of every tensor
/// of the last one.
fn tensors_equal_and_costs_are_as_planned(
    network: Network,
    settings: &Settings,
    rng: &mut ChaCha20Rng,
) {
    let image: Vec<u8> = (0..198).map(|_| rng.next_u32() as u8).collect();
    let trace = network.forward(&image).unwrap();
    let other: Vec<u8> = image.iter().map(|&x| !x).collect();
    let server = Server::new(network.clone(), settings).unwrap();
    let (near, far) = transport::pair(None);
    let served = thread::spawn(move || hazmat::serve_with_shares(&server, far, system_rng()));
    let mut client = Client::connect(near, &Terms::NONE).unwrap();
    hazmat::keep_shares(&mut client);
    let (mut stocks, mut offline) = (Stocks::default(), Traffic::default());
    let mut bundles = Vec::new();
    for count in [2, 1] {
        let planned = client.planned_offline(count).unwrap();
        assert_eq!(client.plan().offline_from(&mut stocks, count), planned);
        offline.sent += planned.sent;
        offline.received += planned.received;
        offline.rounds += planned.rounds;
        bundles.extend(client.offline(count, |_, _| ()).unwrap());
    }
    let ours = hazmat::shares(&bundles[2]);
    let other = (&other[..], network.forward(&other).unwrap().result);
    let image = (&image[..], trace.result.clone());
    let online = classify_in_parts(&mut client, bundles, &[image.clone(), other, image]);
    let (statistics, plan) = (client.statistics(), client.plan());
    let planned = |traffic: Traffic, times: u64| {
        (times * traffic.sent, times * traffic.received, times * traffic.rounds)
    };
    let counted = |phase: Phase| (phase.bytes_up, phase.bytes_down, phase.rounds);
    assert_eq!(plan.offline(2), plan.offline_from(&mut Stocks::default(), 2));
    let (mut setup, hint) = (plan.setup(), plan.hint_fetch());
    setup.sent += hint.sent;
    setup.received += hint.received;
    setup.rounds += hint.rounds;
    assert_eq!(counted(statistics.setup), planned(setup, 1));
    assert_eq!(counted(statistics.offline), planned(offline, 1));
    assert_eq!(counted(statistics.online), planned(online, 1));
    client.close().unwrap();

    let (_, theirs) = served.join().unwrap().unwrap();
    let places = network.card().tensors().unwrap();
    for (i, (place, tensor)) in places.iter().zip(&trace.tensors).enumerate() {
        let sum = add(&ours.tensors[i], &theirs.tensors[i], place.ring_bits);
        let expected: Vec<u32> = tensor.iter().map(|&y| place.ring().element(y)).collect();
        assert_eq!(sum, expected, "tensor {i}");
    }
}

/// Serves one client that does as `misbehave` says; returns how the server ended.
fn serve(misbehave: impl FnOnce(&mut transport::Channel)) -> Error {
    let network = network(Activation::Argmax, &mut ChaCha20Rng::seed_from_u64(2));
    let server = Server::new(network, &Settings::default()).unwrap();
    let (mut near, far) = transport::pair(None);
    let served = thread::spawn(move || server.serve(far).err());
    misbehave(&mut near);
    drop(near);
    served.join().unwrap().unwrap()
}

#[test]
fn a_peer_that_speaks_something_else_is_refused() {
    let error = serve(|channel| channel.send(Kind::Masked, b"GET / HTTP/1.1".to_vec()).unwrap());
    assert!(matches!(error, Error::Peer(PeerFault::NotGazelle)), "{error}");
    let error = serve(|channel| channel.send(Kind::Hello, vec![0; 76]).unwrap());
    assert!(matches!(error, Error::Peer(PeerFault::NotGazelle)), "{error}");
    let error = serve(|_| ());
    assert!(matches!(error, Error::Transport(transport::TransportFault::Closed)), "{error}");
}

#[test]
fn a_peer_of_another_version_or_other_parameters_is_refused() {
    let mut hello = b"GAZELLE\n".to_vec();
    hello.extend_from_slice(&[VERSIONS[1] + 1; 2]);
    hello.resize(76, 0);
    let [ours, theirs] = [VERSIONS[1], VERSIONS[1] + 1];
    let error = serve(|channel| {
        channel.send(Kind::Hello, hello.clone()).unwrap();
        channel.receive(Kind::Hello, 76).unwrap();
        let told = channel.receive(Kind::Card, 0).unwrap_err().to_string();
        let words = format!(
            "the peer refused: this server has version {ours} of the protocol, this client {theirs}; \
             update the older one"
        );
        assert_eq!(told, words);
    });
    assert!(matches!(error, Error::Peer(PeerFault::Version { .. })), "{error}");
    hello[8..10].copy_from_slice(&VERSIONS);
    let error = serve(|channel| {
        channel.send(Kind::Hello, hello.clone()).unwrap();
        channel.receive(Kind::Hello, 76).unwrap();
        let told = channel.receive(Kind::Card, 0).unwrap_err().to_string();
        assert!(told.contains("run the same release") && !told.contains("broke"), "{told}");
    });
    assert!(matches!(error, Error::Peer(PeerFault::Parameters)), "{error}");
}

#[test]
fn a_spent_bundle_is_refused() {
    let network = network(Activation::Argmax, &mut ChaCha20Rng::seed_from_u64(3));
    for activations in [EngineChoice::Garbled, EngineChoice::Masks] {
        let settings = Settings { activations, ..Settings::default() };
        let server = Server::new(network.clone(), &settings).unwrap();
        let (near, far) = transport::pair(None);
        let served = thread::spawn(move || server.serve(far).err());
        let mut client = Client::connect(near, &Terms::NONE).unwrap();
        let mut bundles = client.offline(2, |_, _| ()).unwrap();
        let (bundle, good) = (bundles.remove(0), bundles.remove(0));
        let name = bundle.name();
        client.classify(bundle, &[7; 198]).unwrap();
        // Beside another one as well.
        client.request(Kind::Online, [good.name(), name].map(|name| *name.as_bytes()).concat());
        drop(client);
        let error = served.join().unwrap().unwrap();
        assert!(matches!(error, Error::Peer(PeerFault::Bundle(spent)) if spent == name), "{error}");
    }
}

/// Neither party lets more images go together than there is memory for, or any beside another where tables are
/// streamed.
#[test]
fn more_images_than_go_together_are_refused() {
    let network = network(Activation::Argmax, &mut ChaCha20Rng::seed_from_u64(3));
    let settings = Settings { tables: Delivery::Streamed, ..Settings::default() };
    let server = Server::new(network, &settings).unwrap();
    assert_eq!(server.plan().most_together(), 1);
    let (near, far) = transport::pair(None);
    let served = thread::spawn(move || server.serve(far).err());
    let mut client = Client::connect(near, &Terms::NONE).unwrap();
    let bundles = client.offline(2, |_, _| ()).unwrap();
    let names: Vec<u8> = bundles.iter().flat_map(|bundle| *bundle.name().as_bytes()).collect();
    let refused = client.classify_together(bundles, &[[7; 198]; 2], |_, _| ());
    assert!(matches!(refused, Err(Error::Misuse(Misuse::Images(2)))));
    client.request(Kind::Online, names);
    drop(client);
    let error = served.join().unwrap().unwrap();
    assert!(matches!(error, Error::Peer(PeerFault::Images { wanted: 2, most: 1 })), "{error}");
}

/// The numbers that a client may choose.
#[test]
fn requests_at_the_edges_of_their_ranges() {
    let network = network(Activation::Argmax, &mut ChaCha20Rng::seed_from_u64(4));
    let server = Server::new(network, &Settings::default()).unwrap();
    let request = |kind, payload: &[u8]| {
        let (near, far) = transport::pair(None);
        let payload = payload.to_vec();
        thread::scope(|scope| {
            let served = scope.spawn(|| server.serve(far).err());
            let mut client = Client::connect(near, &Terms::NONE).unwrap();
            client.request(kind, payload);
            match served.join().unwrap() {
                Some(Error::Peer(fault)) => fault,
                other => panic!("{other:?}"),
            }
        })
    };
    for (count, wanted) in [(0u32, 0), (65, 65), (u32::MAX, u32::MAX as usize)] {
        let fault = request(Kind::Offline, &count.to_le_bytes());
        assert_eq!(fault, PeerFault::Bundles { wanted, most: MAX_BUNDLES });
    }
    assert_eq!(
        request(Kind::Online, &[0xff; 16]),
        PeerFault::Bundle(BundleName::from_bytes([0xff; 16]))
    );
    let fault = request(Kind::Online, &[0xff; 16 * 17]);
    assert!(matches!(fault, PeerFault::Length { .. }), "{fault}");
    let fault = request(Kind::Online, &[]);
    assert!(matches!(fault, PeerFault::Length { .. }), "{fault}");
    let fault = request(Kind::Offline, &[1, 0, 0]);
    assert!(matches!(fault, PeerFault::Length { expected: 4, got: 3, .. }), "{fault}");
}

/// A card of less than 100 bytes whose labels alone would take 33 GB of a client's memory.
#[test]
fn a_small_card_that_costs_much_is_refused_before_the_first_query() {
    let pool = Activation::Relu { shift: 0, max_pool: Some(window(256, 1, 0)) };
    let card = Chain {
        name: "much".into(),
        input: Shape { channels: 1, height: 286, width: 287 },
        blocks: vec![
            block(convolution(1, 1, 1, 0), pool),
            block(Linear::Dense { outputs: 2 }, Activation::Argmax),
        ],
        classes: vec!["a".into(), "b".into()],
    };
    let card = card.to_card().unwrap();
    assert!(card.to_bytes().unwrap().len() < 100);
    let plan = NetworkPlan::new(card, &Settings::default()).unwrap();
    let needed = plan.client_memory(1);
    assert!(needed > 30 << 30, "{needed}");
    assert_eq!(
        Terms::default().check(&plan, 1),
        Err(Limit::Memory { count: 1, needed, allowed: 4 << 30 })
    );
    assert_eq!(Terms::NONE.check(&plan, 64), Ok(()));
}

/// What a bundle takes, and what waits with it, is what was planned.
#[test]
fn a_bundle_takes_no_more_memory_than_planned() {
    let network = network(Activation::Argmax, &mut ChaCha20Rng::seed_from_u64(5));
    let server = Server::new(network, &Settings::default()).unwrap();
    let (near, far) = transport::pair(None);
    let served = thread::spawn(move || server.serve(far).map(drop));
    let mut client = Client::connect(near, &Terms::NONE).unwrap();
    let bundle = client.offline(1, |_, _| ()).unwrap().remove(0);
    assert!(hazmat::shares(&bundle).tensors.is_empty(), "shares are no longer needed");
    let plan = client.plan();
    let planned = plan.client_memory(1);
    let sent = plan.offline(1).sent;
    assert!(bundle.bytes() as u64 <= planned, "{} {planned}", bundle.bytes());
    assert!(planned < bundle.bytes() as u64 + sent + (1 << 16), "{} {planned}", bundle.bytes());
    client.close().unwrap();
    served.join().unwrap().unwrap();
}

/// The server's setting says what a client learns, and the client knows it from the plan; the card
/// stays as it is.
#[test]
fn a_client_learns_what_the_policy_says() {
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    let image = [7; 198];
    for last in [Activation::Argmax, Activation::Logits] {
        let network = network(last, &mut rng);
        let hash = network.card().hash().unwrap();
        let trace = network.forward(&image).unwrap();
        for (policy, head) in [
            (Policy::Card, network.card().head.head.clone()),
            (Policy::Class, Head::Class),
            (Policy::Values, Head::Values),
        ] {
            let settings = Settings { policy, ..Settings::default() };
            let server = Server::new(network.clone(), &settings).unwrap();
            let (near, far) = transport::pair(None);
            let served = thread::spawn(move || server.serve(far));
            let mut client =
                Client::connect(near, &Terms { card: Some(hash), ..Terms::NONE }).unwrap();
            assert_eq!(client.plan().card().head.head, head);
            let bundle = client.offline(1, |_, _| ()).unwrap().remove(0);
            let expected = match head {
                Head::Values => Outcome::Values(trace.logits().to_vec()),
                _ => Outcome::Class(trace.label()),
            };
            assert_eq!(client.classify(bundle, &image).unwrap(), expected, "{policy:?}");
            client.close().unwrap();
            served.join().unwrap().unwrap();
        }
    }
}

/// A session's generators are wiped when they are dropped.
#[test]
fn generators_are_wiped() {
    fn wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
    wiped(&system_rng());
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    renew(&mut rng);
    assert_ne!(rng, ChaCha20Rng::seed_from_u64(7));
}
