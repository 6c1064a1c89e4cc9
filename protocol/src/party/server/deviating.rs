//! A server that deviates, against an honest client: with one key for two blocks it reads the image
//! in one inference; with a key for each block it gets pixels as by rolling dice.
//!
//! In place of M·r of a block L it returns 2^f·(r₀\[j\] + r'\[m\]), with r' the mask of block L + 1.
//! The activation of block L, garbled as it should be, drops f bits, and the client sends back what
//! is left less r'\[m\]: bits of r₀\[j\]. The server was sent x − r₀. Of the nine bits that remain of
//! the sum the highest is its sign, so about half of the pixels come out, and the other half is 0.

use std::thread;

use rand::rngs::SysRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::linear::forged::Source;
use crate::linear::one_key;
use crate::model::{
    Activation, Block, BlockCard, Chain, Extent, Linear, Network, Padding, Shape, Window,
};
use crate::plan::{Settings, Terms};
use crate::session::Client;
use crate::transport::{Channel, pair};
use crate::wire::{Answer, Query};

/// ℓ of every block.
const SUM_BITS: u32 = 20;

/// f of the leaking block: what leaves eight bits and the sign.
const SHIFT: u32 = SUM_BITS - 8;

/// What the networks read.
const INPUT: Shape = Shape { channels: 1, height: 16, width: 16 };

/// The attack on one network.
#[derive(Clone, Copy)]
struct Attack {
    /// L.
    leaking: usize,
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
        let (halves, told) = self.answer_otherwise(attack, &mail).await?;
        self.convert(halves, &mut bundles, &mut gates, &mail).await?;
        let mut bundle = bundles.remove(0);
        for (block, plan) in self.service.plan.activations().iter().enumerate() {
            let garbling =
                self.garbler.garble(plan, &mut gates[0], mail.of(block), &mut self.rng).await?;
            bundle.garblings.push(garbling);
        }
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
        let plans = self.service.plan.linear();
        let mut queries = Vec::new();
        for (block, plan) in plans.iter().enumerate() {
            let Query(query) = mail.of(block).receive(plan.cost().query_bytes).await?;
            queries.push(plan.read_query(&query));
        }
        let leaking = &plans[attack.leaking];
        let inputs = [
            (0..leaking.output_len()).map(|result| attack.target(result)).collect::<Vec<_>>(),
            (0..leaking.output_len()).collect(),
        ];
        let sources = [0, attack.leaking + 1].map(|block| {
            let (plan, query) = (&plans[block], &queries[block]);
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
        &self,
        bundle: ServerBundle,
        attack: Attack,
        told: &[usize],
        mail: &Mailbox,
    ) -> Result<Vec<(usize, u8)>, Error> {
        let plan = &self.service.plan;
        let (mut hidden, mut found, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        for (block, (share, garbling)) in
            bundle.shares.into_iter().zip(bundle.garblings).enumerate()
        {
            let layer = &plan.layers()[block];
            let masked: Masked = mail.of(block).receive(plan.masked_len(block)).await?;
            let mut x = vec![0; layer.input.len()];
            masked.read(layer.block.ring_bits(), &mut x)?;
            if block == 0 {
                hidden = plan.pool(0, &x);
            }
            if block == attack.leaking + 1 {
                subtract(&mut x, &kept, layer.block.ring_bits());
                let value = |&result: &usize| {
                    let target = attack.target(result);
                    (target, hidden[target].wrapping_add(x[result]) as u8)
                };
                found = told.iter().map(value).collect();
            }
            // Half a step keeps the noise, which is multiplied with the masks, from borrowing one.
            let mut sums = vec![1 << (SHIFT - 1); layer.sums.len()];
            share.add_to(&mut sums);
            kept = garbling
                .send_labels(&plan.activations()[block], &bundle.delta, &sums, mail.of(block))
                .await;
        }
        Ok(found)
    }
}

/// Right values and all of them, in one inference of a client that believes to be served honestly.
fn right(network: &Network, attack: Attack, one_key_for_all: bool) -> (usize, usize) {
    let service = Service::new(network.clone(), &Settings::default()).unwrap();
    let mut rng = fresh_rng();
    let image: Vec<u8> = (0..network.card().input.len()).map(|_| rng.next_u32() as u8).collect();
    let wide: Vec<u32> = image.iter().map(|&pixel| pixel.into()).collect();
    let truth = service.plan.pool(0, &wide);
    let (near, far) = pair(None);
    let found = thread::scope(|scope| {
        let server = scope.spawn(|| serve(&service, attack, far));
        one_key::take(one_key_for_all);
        let mut client = Client::connect(near, &Terms::NONE).unwrap();
        one_key::take(false);
        let bundle = client.offline(1, |_, _| ()).unwrap().remove(0);
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
    let party = channel.run(ServerParty::accept(service, fresh_rng()), |_, _| ()).unwrap();
    channel.run(party.deviate(attack), |_, _| ()).unwrap()
}

/// With the keys as they are, pixels come as by chance; with one for all, far more often.
fn assert_harmless(network: &Network, attack: Attack) {
    let (mut right_of_all, mut all) = (0, 0);
    for _ in 0..4 {
        let (right, found) = right(network, attack, false);
        (right_of_all, all) = (right_of_all + right, all + found);
    }
    // Binomial with p = 1/256: six standard deviations and one.
    let (mean, bound) = (all as f64 / 256.0, 6.0 * (all as f64 / 256.0).sqrt() + 1.0);
    assert!((right_of_all as f64) < mean + bound, "{right_of_all} of {all} pixels are read");
    let (right, found) = right(network, attack, true);
    assert!(found >= 16 && right > found / 5, "with one key {right} of {found} pixels are read");
}

fn block(linear: Linear, max_pool: Option<Window>, last: bool) -> BlockCard {
    let relu = Activation::Relu { shift: SHIFT, max_pool };
    let activation = if last { Activation::Argmax } else { relu };
    BlockCard { sum_pool: None, linear, weight_bits: 2, sum_bits: SUM_BITS, activation }
}

/// Gives blocks such weights that the queries that the attack adds are of equal parameters, as they
/// are in many networks.
fn with_equal_parameters(input: Shape, blocks: Vec<BlockCard>, leaking: usize) -> Network {
    let of_bits = |bits: usize| {
        let mut blocks = blocks.clone();
        for (place, block) in blocks.iter_mut().enumerate() {
            block.weight_bits = 2 + (bits / 8usize.pow(place as u32) % 8) as u32;
        }
        network(input, blocks)
    };
    let equal = |network: &Network| {
        let plan = NetworkPlan::new(network.card().clone(), &Settings::default()).unwrap();
        let sets = [0, leaking, leaking + 1].map(|block| plan.linear()[block].parameters());
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

fn network(input: Shape, blocks: Vec<BlockCard>) -> Network {
    let classes = (0..10).map(|class| format!("class {class}")).collect();
    let card = Chain { name: "target".into(), input, blocks, classes };
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let layers = card.layers().unwrap();
    let blocks = layers.iter().map(|layer| Block {
        weights: (0..layer.weights_len()).map(|_| (rng.next_u32() % 3) as i16 - 1).collect(),
        bias: vec![0; layer.bias_len()],
    });
    let blocks = blocks.collect();
    Network::try_new(card.to_card().unwrap(), blocks).unwrap()
}

#[test]
fn deviating_server_reads_no_pixel_of_a_dense_network() {
    let dense = |outputs, last| block(Linear::Dense { outputs }, None, last);
    let blocks = vec![dense(256, false), dense(10, true)];
    let network = with_equal_parameters(INPUT, blocks, 0);
    assert_harmless(&network, Attack { leaking: 0, values: 256 });
}

#[test]
fn deviating_server_reads_no_pixel_of_a_convolution() {
    let blocks = vec![
        block(convolution(4), None, false),
        block(convolution(4), None, false),
        block(Linear::Dense { outputs: 10 }, None, true),
    ];
    let network = with_equal_parameters(INPUT, blocks, 0);
    assert_harmless(&network, Attack { leaking: 0, values: 256 });
}

/// The first block's maxima mix values, so the masks are read through the second block.
#[test]
fn deviating_server_reads_no_window_of_a_network_that_pools() {
    let mut blocks = vec![
        block(convolution(4), Some(halving()), false),
        block(Linear::Dense { outputs: 64 }, None, false),
        block(Linear::Dense { outputs: 10 }, None, true),
    ];
    blocks[0].sum_pool = Some(halving());
    let network = with_equal_parameters(INPUT, blocks, 1);
    assert_harmless(&network, Attack { leaking: 1, values: 64 });
}
