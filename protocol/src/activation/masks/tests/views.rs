//! What a party sees does not depend on what the other one has, also if it deviates.

use super::*;
use gazelle_ntt::pack;

/// Positions of each key that a party's knowledge is tested with.
const POSITIONS: usize = 4;

/// One bit in all lanes of a test.
type Bits = Vec<u64>;

/// What a party has seen: messages, and its own choices and keys.
#[derive(Default)]
struct View {
    messages: Vec<Bits>,
    own: Vec<Bits>,
}

/// Appends bits of lanes to those of earlier lanes.
fn append(all: &mut Vec<Bits>, number: usize, bits: impl Iterator<Item = bool>) {
    if all.len() <= number {
        all.push(Vec::new());
    }
    let bits: Vec<bool> = bits.collect();
    let words = bits.chunks(64);
    all[number]
        .extend(words.map(|w| w.iter().rev().fold(0, |word, &bit| word << 1 | u64::from(bit))));
}

impl View {
    /// Adds one chunk of what `side` sees.
    fn add(&mut self, world: &World, side: Side) {
        let World { sizes, offline, online, dealt, .. } = world;
        // The client sends the first message offline, the server online.
        let first = [1, 0][side as usize];
        let seen = sizes.offline.iter().zip(offline).skip(1 - side as usize).step_by(2);
        let online = sizes.online.iter().zip(online).skip(1 - first).step_by(2);
        let mut number = 0;
        for (size, bytes) in seen.chain(online) {
            for bits in planes(size, bytes) {
                append(&mut self.messages, number, bits.into_iter());
                number += 1;
            }
        }
        let [up, down] = dealt.as_ref().expect("an activation was run");
        let [sent, received] = match side {
            Side::Client => [up, down],
            Side::Server => [down, up],
        };
        let lanes = LANES;
        let mut number = 0;
        let mut own = |bits: &mut dyn Iterator<Item = bool>| {
            append(&mut self.own, number, bits);
            number += 1;
        };
        for keys in [&sent.zero, &sent.one, &received.chosen] {
            for of_transfer in keys.chunks(lanes) {
                for position in 0..POSITIONS {
                    own(&mut of_transfer.iter().map(|key| key >> position & 1 == 1));
                }
            }
        }
        for choices in received.choices.chunks(lanes / KEY_BITS) {
            own(&mut (0..lanes).map(|i| choices[i / KEY_BITS] >> (i % KEY_BITS) & 1 == 1));
        }
    }

    /// The largest bias of a sum of at most three planes with a message among them, in standard
    /// deviations.
    fn largest_bias(&self) -> f64 {
        let all: Vec<&Bits> = self.messages.iter().chain(&self.own).collect();
        let lanes = 64 * all[0].len() as i64;
        let bias = |ones: u32| (2 * i64::from(ones) - lanes).unsigned_abs();
        let mut worst = 0;
        for (i, message) in self.messages.iter().enumerate() {
            worst = worst.max(bias(message.iter().map(|w| w.count_ones()).sum()));
            for (j, second) in all.iter().enumerate().skip(i + 1) {
                let two: Bits = message.iter().zip(*second).map(|(a, b)| a ^ b).collect();
                worst = worst.max(bias(two.iter().map(|w| w.count_ones()).sum()));
                for third in &all[j + 1..] {
                    let ones = two.iter().zip(*third).map(|(a, b)| (a ^ b).count_ones()).sum();
                    worst = worst.max(bias(ones));
                }
            }
        }
        worst as f64 / (lanes as f64).sqrt()
    }
}

/// The bits of a message, plane after plane.
fn planes(size: &Size, mut bytes: &[u8]) -> Vec<Vec<bool>> {
    let mut planes = Vec::new();
    for &width in size.widths() {
        let packed = bytes.split_off(..pack::packed_len(LANES, width)).unwrap();
        let mut values = vec![0; LANES];
        pack::unpack_u32(packed, width, &mut values).unwrap();
        planes.extend((0..width).map(|bit| values.iter().map(|v| v >> bit & 1 == 1).collect()));
    }
    planes
}

/// What each party sees of activations that all have the same shares.
fn views(program: Program, [a, b]: [u32; 2], deviating: Option<Side>, chunks: usize) -> [View; 2] {
    let mut world = World::of(program, (a << 10 | b).into());
    world.deviating = deviating;
    let mut views = [View::default(), View::default()];
    for _ in 0..chunks {
        let r: Vec<u32> = (0..LANES).map(|_| world.rng.random()).collect();
        world.activate(&[a; LANES], &[b; LANES], &r);
        views[0].add(&world, Side::Client);
        views[1].add(&world, Side::Server);
    }
    views
}

/// A clamp, and a maximum of values of three bits.
const PROGRAMS: [fn() -> Program; 2] =
    [|| Program::new(digits(&[2, 1], &[1, 1], &[1, 2]), 5), || Program::maximum(vec![2, 1], 5)];

/// Eight deviations: of 10^7 sums none comes near.
const LIMIT: f64 = 8.0;

#[test]
fn messages_are_independent_of_shares() {
    for make in PROGRAMS {
        for shares in [[0, 0], [130, 77]] {
            for view in views(make(), shares, None, 8) {
                let bias = view.largest_bias();
                assert!(bias < LIMIT, "{shares:?}: {bias:.1} deviations");
            }
        }
    }
}

#[test]
fn deviating_server_masks_see_nothing() {
    for make in PROGRAMS {
        let [_, server] = views(make(), [130, 77], Some(Side::Server), 8);
        let bias = server.largest_bias();
        assert!(bias < LIMIT, "{bias:.1} deviations");
    }
}

#[test]
fn deviating_client_masks_see_nothing() {
    for make in PROGRAMS {
        let [client, _] = views(make(), [130, 77], Some(Side::Client), 8);
        let bias = client.largest_bias();
        assert!(bias < LIMIT, "{bias:.1} deviations");
    }
}

/// The same measure finds a bit of a key that hides two messages: they differ by what they hide.
#[test]
fn a_position_used_twice_is_found() {
    let digits = digits(&[2, 1], &[1, 1], &[1, 2]);
    let mut world = World::new(digits, 5, 1);
    world.is_reusing = true;
    let mut server = View::default();
    for _ in 0..8 {
        world.activate(&[130; LANES], &[77; LANES], &[9; LANES]);
        server.add(&world, Side::Server);
    }
    let bias = server.largest_bias();
    assert!(bias > 3.0 * LIMIT, "{bias:.1} deviations");
}
