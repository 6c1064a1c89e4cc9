//! Both parties in one process, with a dealer of transfers.

mod exhaustive;
mod messages;
mod transfers;

use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};

use super::Side;
use super::message::Message;
use super::plane::LANES;
use super::preparation::Start;
use super::program::Program;
use super::shape::Digits;
use super::sizes::Sizes;
use super::transfer::{KEY_BITS, Keys};

fn digits(low: &[usize], middle: &[usize], high: &[usize]) -> Digits {
    Digits { low: low.to_vec(), middle: middle.to_vec(), high: high.to_vec() }
}

/// A program, what its messages hold, and where randomness comes from.
struct World {
    program: Program,
    sizes: Sizes,
    rng: ChaCha20Rng,
    /// Messages of the last activations: the direction is that of their place.
    offline: Vec<Vec<u8>>,
    online: Vec<Vec<u8>>,
}

/// Transfers that a dealer made.
struct Dealt {
    blocks: usize,
    zero: Vec<u128>,
    one: Vec<u128>,
    choices: Vec<u128>,
    chosen: Vec<u128>,
}

impl Dealt {
    fn sender(&self) -> Keys<'_> {
        Keys::sender(self.blocks, [&self.zero, &self.one])
    }

    fn receiver(&self) -> Keys<'_> {
        Keys::receiver(self.blocks, &self.choices, &self.chosen)
    }
}

/// One message: `send` writes it, `receive` reads it.
macro_rules! message {
    ($log:expr, $size:expr, $lanes:expr, $send:expr, $receive:expr) => {{
        let mut bytes = vec![0; $size.bytes($lanes)];
        let mut out = Message::out($lanes, &mut bytes);
        let sender = $send(&mut out);
        assert!(out.is_sound(), "all that the plan counts is written");
        let mut read = Message::read($lanes, &bytes);
        let receiver = $receive(&mut read);
        assert!(read.is_sound(), "all that is written is read");
        $log.push(bytes);
        (sender, receiver)
    }};
}

impl World {
    fn new(digits: Digits, out_bits: u32, seed: u64) -> Self {
        let program = Program::new(digits, out_bits);
        let sizes = Sizes::of(&program);
        let rng = ChaCha20Rng::seed_from_u64(seed);
        Self { program, sizes, rng, offline: Vec::new(), online: Vec::new() }
    }

    /// Transfers of the dealer's.
    fn deal(&mut self, count: usize, lanes: usize) -> Dealt {
        let blocks = lanes.div_ceil(KEY_BITS);
        let total = count * blocks * KEY_BITS;
        let mut random =
            |len: usize| -> Vec<u128> { (0..len).map(|_| self.rng.random()).collect() };
        let (zero, one, choices) = (random(total), random(total), random(count * blocks));
        let chosen = (0..total).map(|i| {
            if choices[i / KEY_BITS] >> (i % KEY_BITS) & 1 == 1 { one[i] } else { zero[i] }
        });
        Dealt { blocks, chosen: chosen.collect(), zero, one, choices }
    }

    /// The server's results of at most [`LANES`] activations with these shares and masks.
    fn activate(&mut self, a: &[u32], b: &[u32], r: &[u32]) -> Vec<u32> {
        let (lanes, [up, down]) = (a.len(), self.program.transfers());
        assert!((1..=LANES).contains(&lanes));
        let (up, down) = (self.deal(up, lanes), self.deal(down, lanes));
        let Self { program, sizes, rng, offline, online } = self;
        (offline.clear(), online.clear());
        let (c, s) = (Side::Client, Side::Server);
        let client = Start::new(program, a, [up.sender(), down.receiver()], c, rng);
        let server = Start::new(program, &[], [up.receiver(), down.sender()], s, rng);
        let mut size = sizes.offline.iter();
        let mut size = || size.next().expect("a size for each message");

        let (client, server) =
            message!(offline, size(), lanes, |m: &mut _| client.up(program, c, m), |m: &mut _| {
                server.up(program, s, m)
            });
        let (mut server, mut client) =
            message!(offline, size(), lanes, |m: &mut _| server.down(program, m), |m: &mut _| {
                client.down(program, m)
            });
        for round in 1..program.offline_rounds() {
            if round > 1 {
                message!(offline, size(), lanes, |m: &mut _| server.down(round, m), |m: &mut _| {
                    client.down(round, m)
                });
            }
            message!(offline, size(), lanes, |m: &mut _| client.up(round, c, m), |m: &mut _| {
                server.up(round, s, m)
            });
        }
        let (client, server) = (client.finish(), server.finish());

        let [s1, c1, s2, c2] = &sizes.online;
        let (server, client) =
            message!(online, s1, lanes, |m: &mut _| server.open(program, b, s, m), |m: &mut _| {
                client.open(program, &[], c, m)
            });
        let (client, server) =
            message!(online, c1, lanes, |m: &mut _| client.mask(program, c, m), |m: &mut _| server
                .mask(program, s, m));
        let (server, client) =
            message!(online, s2, lanes, |m: &mut _| server.reveal(program, s, m), |m: &mut _| {
                client.reveal(program, c, m)
            });
        let (_, result) =
            message!(online, c2, lanes, |m: &mut _| client.close(program, r, c, m), |m: &mut _| {
                server.close(program, &[], s, m)
            });
        result[..lanes].to_vec()
    }

    /// Runs the activation of every pair of shares, and compares each result.
    fn check(&mut self, pairs: impl IntoIterator<Item = (u32, u32)>) -> usize {
        let mut pairs = pairs.into_iter();
        let mut total = 0;
        loop {
            let (a, b): (Vec<u32>, Vec<u32>) = pairs.by_ref().take(LANES).unzip();
            if a.is_empty() {
                return total;
            }
            let r: Vec<u32> = a.iter().map(|_| self.rng.random()).collect();
            let results = self.activate(&a, &b, &r);
            for (i, result) in results.iter().enumerate() {
                let x = mask(result.wrapping_add(r[i]), self.program.out_bits);
                let y = a[i].wrapping_add(b[i]);
                let expected = mask(clear(&self.program.digits, y), self.program.out_bits);
                assert_eq!(x, expected, "{:?} of {} and {}", self.program.digits, a[i], b[i]);
            }
            total += a.len();
        }
    }
}

/// The low bits of a number.
fn mask(value: u32, bits: u32) -> u32 {
    value & u32::MAX >> (32 - bits)
}

/// min(max(y, 0) >> f, 2^c − 1).
fn clear(digits: &Digits, y: u32) -> u32 {
    let unused = 32 - digits.ring_bits();
    let y = (y << unused).cast_signed() >> unused;
    (y.max(0).cast_unsigned() >> digits.shift()).min((1 << digits.result_bits()) - 1)
}
