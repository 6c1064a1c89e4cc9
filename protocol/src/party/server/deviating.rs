//! A server that deviates, against an honest client: with one key for two blocks it reads the image
//! in one inference; with a key for each block it gets pixels as by rolling dice.
//!
//! In place of M·r of a block L it returns 2^f·(r₀\[j\] + r'\[m\]), with r' the mask of block L + 1.
//! The activation of block L, garbled as it should be, drops f bits, and the client sends back what
//! is left less r'\[m\]: bits of r₀\[j\]. The server was sent x − r₀. Of the nine bits that remain of
//! the sum the highest is its sign, so about half of the pixels come out, and the other half is 0.

mod hint;

use std::thread;

use rand::rngs::SysRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::bundle::{ServerActivation, ServerBundle};
use crate::error::Error;
use crate::exchange::{Exchange, Mailbox};
use crate::he::hint::one_secret;
use crate::linear::forged::Source;
use crate::linear::guard::ServerHalf;
use crate::linear::{ServerShare, one_key};
use crate::model::{
    Activation, ActivationNode, Bias, Block, BlockCard, Card, Chain, Extent, Function, Head,
    HeadNode, Linear, LinearNode, Network, Node, Padding, Preprocessing, Shape, Shift, Term,
    Window,
};
use crate::plan::{ActivationPlan, LinearChoice, NetworkPlan, Settings, Terms};
use crate::session::Client;
use crate::transport::{Channel, pair};
use crate::wire::{Answer, Query};

/// ℓ of every block.
const SUM_BITS: u32 = 20;

/// f of the leaking block: what leaves eight bits and the sign.
const SHIFT: u32 = SUM_BITS - 8;

/// What the networks read.
const INPUT: Shape = Shape { channels: 1, height: 16, width: 16 };

/// The attack on one network, by the numbers of linear maps; r₀ is what the first one reads.
#[derive(Clone, Copy)]
struct Attack {
    /// L.
    leaking: usize,
    /// A map that reads what the activation after L yields: r' is in its query.
    reader: usize,
    /// Values of the first linear map's input: pixels, or sums of windows of pixels.
    values: usize,
}

impl Attack {
    /// The value that a result of block L is made to tell.
    fn target(self, result: usize) -> usize {
        result % self.values
    }
}

impl<'a> ServerParty<'a> {
    /// Serves one inference and deviates; gives every value that it believes to have read.
    fn deviate(self, attack: Attack) -> Exchange<'a, Vec<(usize, u8)>> {
        Exchange::new(move |mail| self.read_image(attack, mail))
    }

    async fn read_image(
        mut self,
        attack: Attack,
        mail: Mailbox,
    ) -> Result<Vec<(usize, u8)>, Error> {
        mail.take(Request::expected()).await;
        let (bundle, gates) = self.empty_bundle();
        let (mut bundles, mut gates) = (vec![bundle], vec![gates]);
        let (halves, told) = match self.service.hint() {
            Some(_) => self.halves_of_crafted_hint(&mail).await?,
            None => self.answer_otherwise(attack, &mail).await?,
        };
        self.convert(halves, &mut bundles, &mut gates, &mail).await?;
        let mut bundle = bundles.remove(0);
        for (block, plan) in self.service.plan.activations().iter().enumerate() {
            let ActivationPlan::Garbled(plan) = plan else { unreachable!("by default") };
            let garbling =
                self.garbler.garble(plan, &mut gates[0], mail.of(block), &mut self.rng).await?;
            bundle.activations.push(ServerActivation::Garbled(garbling));
        }
        mail.send_message(Self::kept()).await;
        mail.take(Request::expected()).await;
        self.collect(bundle, attack, &told, &mail).await
    }

    /// Answers with masks in block L, and with 0 in all others; gives the results of L that hold what
    /// is wanted.
    async fn answer_otherwise(
        &mut self,
        attack: Attack,
        mail: &Mailbox,
    ) -> Result<(Vec<ServerHalf>, Vec<usize>), Error> {
        let plans: Vec<_> = self.service.plan.coefficient().collect();
        let mut queries = Vec::new();
        for (block, plan) in plans.iter().enumerate() {
            let Query(query) = mail.of(block).receive(plan.cost().query_bytes).await?;
            queries.push(plan.read_query(&query));
        }
        let leaking = plans[attack.leaking];
        let inputs = [
            (0..leaking.output_len()).map(|result| attack.target(result)).collect::<Vec<_>>(),
            (0..leaking.output_len()).collect(),
        ];
        let sources = [0, attack.reader].map(|block| {
            let (plan, query) = (plans[block], &queries[block]);
            Source { plan, query, factor: 1 << SHIFT, inputs: &inputs[usize::from(block > 0)] }
        });
        let (mut halves, mut told) = (Vec::new(), Vec::new());
        for (block, plan) in plans.iter().enumerate() {
            let sources = if block == attack.leaking { &sources[..] } else { &[] };
            let forged = plan.forge(self.keys.of(block), sources, &mut self.rng);
            mail.send(Answer(forged.message)).await;
            halves.push(forged.half);
            if block == attack.leaking {
                told = forged.told;
            }
        }
        Ok((halves, told))
    }

    /// The online phase: every sum is what was put in its place.
    async fn collect(
        &mut self,
        bundle: ServerBundle,
        attack: Attack,
        told: &[usize],
        mail: &Mailbox,
    ) -> Result<Vec<(usize, u8)>, Error> {
        let shares = self.walk(vec![bundle], mail, Self::forged_sums).await?.remove(0);
        let terms = &self.service.plan.places.terms;
        let [hidden, seen] = [0, attack.reader].map(|map| &shares.tensors[terms[map].input]);
        let value = |&result: &usize| {
            let target = attack.target(result);
            (target, hidden[target].wrapping_add(seen[result]) as u8)
        };
        Ok(told.iter().map(value).collect())
    }

    fn forged_sums(
        &self,
        node: usize,
        _: &[Vec<u32>],
        shares: &mut [Option<ServerShare>],
    ) -> Vec<u32> {
        let places = &self.service.plan.places;
        // Half a step keeps the noise, which is multiplied with the masks, from borrowing one.
        let mut sums = vec![1 << (SHIFT - 1); places.tensors[node].shape.len()];
        for (_, share) in places.terms.iter().zip(shares).filter(|(term, _)| term.node == node) {
            share.take().expect("a node is computed once").add_to(&mut sums);
        }
        places.ring(node).reduce_all(&mut sums);
        sums
    }
}

/// Right values and all of them, in one inference of a client that believes to be served honestly.
fn right(
    network: &Network,
    attack: Attack,
    linear: LinearChoice,
    one_key_for_all: bool,
) -> (usize, usize) {
    // Where bytes are dear each output has a polynomial of a hint of its own, and the message has the masks
    // in their order.
    let link = "1mbit,1ms".parse().expect("a link");
    let settings = Settings { link, linear, images: u16::MAX, ..Settings::default() };
    let mut service = Service::new(network.clone(), &settings, &mut fresh_rng()).unwrap();
    if let Some((hint, _)) = &mut service.hint {
        hint.forge(SHIFT);
    }
    let mut rng = fresh_rng();
    let image: Vec<u8> = (0..network.card().input.len()).map(|_| rng.next_u32() as u8).collect();
    let read = service.plan.places.terms[0].input;
    let truth = &network.forward(&image).unwrap().tensors[read];
    let (near, far) = pair(None);
    let found = thread::scope(|scope| {
        let server = scope.spawn(|| serve(&service, attack, far));
        one_key::take(one_key_for_all);
        let mut client = Client::connect(near, &Terms::NONE).unwrap();
        one_key::take(false);
        one_secret::take(one_key_for_all);
        let bundle = client.offline(1, |_, _| ()).unwrap().remove(0);
        one_secret::take(false);
        client.classify(bundle, &image).unwrap();
        let statistics = client.statistics();
        let plan = client.plan();
        let planned = [plan.offline(1).received, plan.online().sent];
        assert_eq!([statistics.offline.bytes_down, statistics.online.bytes_up], planned);
        server.join().unwrap()
    });
    let right = found.iter().filter(|(target, value)| *value == truth[*target] as u8).count();
    (right, found.len())
}

fn fresh_rng() -> ChaCha20Rng {
    ChaCha20Rng::try_from_rng(&mut SysRng).unwrap()
}

fn serve(service: &Service, attack: Attack, mut channel: Channel) -> Vec<(usize, u8)> {
    let mut party = channel.run(ServerParty::accept(service, fresh_rng()), |_, _| ()).unwrap();
    if service.hint().is_some() {
        party = channel.run(party.request(), |_, _| ()).unwrap().0;
        party = channel.run(party.send_hint(), |_, _| ()).unwrap();
    }
    channel.run(party.deviate(attack), |_, _| ()).unwrap()
}

/// With the keys as they are, pixels come as by chance; with one for all, far more often.
fn assert_harmless(network: &Network, attack: Attack) {
    assert_harmless_by(network, attack, LinearChoice::Coefficient);
}

fn assert_harmless_by(network: &Network, attack: Attack, linear: LinearChoice) {
    let (mut right_of_all, mut all) = (0, 0);
    for _ in 0..4 {
        let (right, found) = right(network, attack, linear, false);
        (right_of_all, all) = (right_of_all + right, all + found);
    }
    // Binomial with p = 1/256: six standard deviations and one.
    let (mean, bound) = (all as f64 / 256.0, 6.0 * (all as f64 / 256.0).sqrt() + 1.0);
    assert!((right_of_all as f64) < mean + bound, "{right_of_all} of {all} pixels are read");
    let (right, found) = right(network, attack, linear, true);
    assert!(found >= 16 && right > found / 5, "with one key {right} of {found} pixels are read");
}

fn block(linear: Linear, max_pool: Option<Window>, last: bool) -> BlockCard {
    let relu = Activation::Relu { shift: SHIFT, max_pool };
    let activation = if last { Activation::Argmax } else { relu };
    BlockCard { sum_pool: None, linear, weight_bits: 2, sum_bits: SUM_BITS, activation }
}

/// Gives linear nodes such weights that the queries that the attack adds are of equal parameters, as
/// they are in many networks.
fn with_equal_parameters(card: &Card, attack: Attack) -> Network {
    let of_bits = |bits: usize| {
        let mut card = card.clone();
        let linear = card.nodes.iter_mut().filter_map(|node| match node {
            Node::Linear(node) => Some(node),
            _ => None,
        });
        for (place, node) in linear.enumerate() {
            node.weight_bits = 2 + (bits / 8usize.pow(place as u32) % 8) as u32;
        }
        network(card)
    };
    let equal = |network: &Network| {
        let plan = NetworkPlan::new(network.card().clone(), &Settings::default()).unwrap();
        let plans: Vec<_> = plan.coefficient().collect();
        let maps = [0, attack.leaking, attack.reader];
        let sets = maps.map(|map| plans[map].parameters());
        sets[0] == sets[1] && sets[1] == sets[2]
    };
    (0..512).map(of_bits).find(equal).expect("some weights give equal parameters")
}

fn convolution(outputs: usize) -> Linear {
    Linear::Convolution {
        outputs,
        kernel: Extent { height: 3, width: 3 },
        stride: Extent { height: 1, width: 1 },
        padding: Padding { top: 1, left: 1, bottom: 1, right: 1 },
        groups: 1,
    }
}

fn halving() -> Window {
    let two = Extent { height: 2, width: 2 };
    Window { kernel: two, stride: two, padding: Padding::default() }
}

/// A chain's card.
fn chain(blocks: Vec<BlockCard>) -> Card {
    let chain = Chain { name: "target".into(), input: INPUT, blocks, classes: classes() };
    chain.to_card().unwrap()
}

fn classes() -> Vec<String> {
    (0..10).map(|class| format!("class {class}")).collect()
}

/// Small weights for a card.
fn network(card: Card) -> Network {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let tensors = card.tensors().unwrap();
    let mut block = |(tensor, node): (usize, &LinearNode)| Block {
        weights: (0..node.weights_len(&tensors).sum())
            .map(|_| (rng.next_u32() % 3) as i16 - 1)
            .collect(),
        bias: vec![0; node.bias_len(tensors[tensor].shape)],
    };
    let blocks = card.linear_nodes().map(&mut block).collect();
    Network::try_new(card, blocks).unwrap()
}

#[test]
fn deviating_server_reads_no_pixel_of_a_dense_network() {
    let dense = |outputs, last| block(Linear::Dense { outputs }, None, last);
    let attack = Attack { leaking: 0, reader: 1, values: 256 };
    let card = chain(vec![dense(256, false), dense(10, true)]);
    assert_harmless(&with_equal_parameters(&card, attack), attack);
}

#[test]
fn deviating_server_reads_no_pixel_of_a_convolution() {
    let attack = Attack { leaking: 0, reader: 1, values: 256 };
    let card = chain(vec![
        block(convolution(4), None, false),
        block(convolution(4), None, false),
        block(Linear::Dense { outputs: 10 }, None, true),
    ]);
    assert_harmless(&with_equal_parameters(&card, attack), attack);
}

/// The first block's maxima mix values, so the masks are read through the second block.
#[test]
fn deviating_server_reads_no_window_of_a_network_that_pools() {
    let attack = Attack { leaking: 1, reader: 2, values: 64 };
    let mut blocks = vec![
        block(convolution(4), Some(halving()), false),
        block(Linear::Dense { outputs: 64 }, None, false),
        block(Linear::Dense { outputs: 10 }, None, true),
    ];
    blocks[0].sum_pool = Some(halving());
    assert_harmless(&with_equal_parameters(&chain(blocks), attack), attack);
}

/// What the first activation yields is read twice, by a convolution and by the map around it: the
/// same mask lies under the keys of both.
#[test]
fn deviating_server_reads_no_pixel_through_either_branch_of_a_graph() {
    for reader in [1, 3] {
        let attack = Attack { leaking: 0, reader, values: 256 };
        assert_harmless(&with_equal_parameters(&branching(), attack), attack);
    }
}

/// ```text
/// image → convolution 0 → ReLU ─┬→ convolution 1 → ReLU → matrix 2 → + → class
///                               └────────────────────────→ matrix 3 ─┘
/// ```
fn branching() -> Card {
    let linear = |inputs: &[usize], map: Linear| {
        let term = |&input| Term { input, map: map.into() };
        let terms = inputs.iter().map(term).collect();
        Node::Linear(LinearNode { terms, bias: Bias::Channel, weight_bits: 2 })
    };
    let relu = |input| {
        let (function, shift) = (Function::RELU, Shift::Tensor(SHIFT as u8));
        Node::Activation(ActivationNode {
            input,
            sum_bits: SUM_BITS,
            function,
            shift,
            max_pool: None,
        })
    };
    Card {
        name: "target".into(),
        input: INPUT,
        preprocessing: Preprocessing::default(),
        nodes: vec![
            linear(&[0], convolution(4)),
            relu(1),
            linear(&[2], convolution(4)),
            relu(3),
            linear(&[4, 2], Linear::Dense { outputs: 10 }),
        ],
        head: HeadNode { input: 5, sum_bits: SUM_BITS, head: Head::Class },
        classes: classes(),
    }
}
