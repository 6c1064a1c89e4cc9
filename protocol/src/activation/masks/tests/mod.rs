//! Both parties in one process, with a dealer of transfers.

mod constant_time;
mod exhaustive;
mod maxima;
mod messages;
mod transfers;
mod views;

use gazelle_valgrind::{SecretRng, make_public, make_secret};
use rand::rngs::ChaCha20Rng;
use rand::{RngExt, SeedableRng};

use super::Side;
use super::message::{Message, Size};
use super::plane::LANES;
use super::preparation::{DownTransfers, Start, UpTransfers};
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
    /// What the parties had of transfers: those that the client sends, and those of the server.
    dealt: Option<[Dealt; 2]>,
    /// A party whose messages are changed at random.
    deviating: Option<Side>,
    /// A fault to be found: the first two positions of each key are the same.
    is_reusing: bool,
    /// Whether valgrind is to watch what depends on keys and choices.
    is_secret: bool,
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
        let (mut zero, mut one) = (&self.zero[..], &self.one[..]);
        Keys::sender(self.blocks, move |zeros, ones| {
            copy(&mut zero, zeros);
            copy(&mut one, ones);
        })
    }

    fn receiver(&self) -> Keys<'_> {
        let (mut choices, mut chosen) = (&self.choices[..], &self.chosen[..]);
        Keys::receiver(self.blocks, move |bits, keys| {
            copy(&mut choices, bits);
            copy(&mut chosen, keys);
        })
    }
}

/// The front of what is left.
fn copy(left: &mut &[u128], out: &mut [u128]) {
    out.copy_from_slice(left.split_off(..out.len()).expect("all that is drawn was dealt"));
}

/// What carries the messages of one run.
struct Wire {
    lanes: usize,
    deviating: Option<Side>,
    noise: ChaCha20Rng,
    log: Vec<Vec<u8>>,
}

impl Wire {
    /// One message: `send` writes it, `receive` reads it. That of a deviating party is changed.
    fn pass<A, B>(
        &mut self,
        from: Side,
        size: &Size,
        send: impl FnOnce(&mut Message<'_>) -> A,
        receive: impl FnOnce(&mut Message<'_>) -> B,
    ) -> (A, B) {
        let mut bytes = vec![0; size.bytes(self.lanes)];
        let mut out = Message::out(self.lanes, &mut bytes);
        let sender = send(&mut out);
        assert!(out.is_sound(), "all that the plan counts is written");
        make_public(&mut bytes);
        if self.deviating == Some(from) {
            let noise = &mut self.noise;
            bytes.iter_mut().for_each(|b| *b ^= noise.random::<u8>() & noise.random::<u8>());
        }
        let mut read = Message::read(self.lanes, &bytes);
        let receiver = receive(&mut read);
        assert!(read.is_sound(), "all that is written is read");
        self.log.push(bytes);
        (sender, receiver)
    }
}

impl World {
    fn new(digits: Digits, out_bits: u32, seed: u64) -> Self {
        Self::of(Program::new(digits, out_bits), seed)
    }

    fn of(program: Program, seed: u64) -> Self {
        let sizes = Sizes::of(&program);
        let rng = ChaCha20Rng::seed_from_u64(seed);
        let (offline, online) = (Vec::new(), Vec::new());
        Self {
            program,
            sizes,
            rng,
            offline,
            online,
            dealt: None,
            deviating: None,
            is_reusing: false,
            is_secret: false,
        }
    }

    /// Transfers of the dealer's.
    fn deal(&mut self, count: usize, lanes: usize) -> Dealt {
        let blocks = lanes.div_ceil(KEY_BITS);
        let total = count * blocks * KEY_BITS;
        let mut random =
            |len: usize| -> Vec<u128> { (0..len).map(|_| self.rng.random()).collect() };
        let (mut zero, mut one, choices) = (random(total), random(total), random(count * blocks));
        if self.is_reusing {
            zero.iter_mut().chain(&mut one).for_each(|key| *key = *key & !2 | (*key & 1) << 1);
        }
        let chosen = (0..total).map(|i| {
            if choices[i / KEY_BITS] >> (i % KEY_BITS) & 1 == 1 { one[i] } else { zero[i] }
        });
        let mut dealt = Dealt { blocks, chosen: chosen.collect(), zero, one, choices };
        if self.is_secret {
            let Dealt { zero, one, choices, chosen, .. } = &mut dealt;
            [zero, one, choices, chosen].into_iter().for_each(|bits| make_secret(bits));
        }
        dealt
    }

    /// The server's results of at most [`LANES`] activations with these shares and masks.
    fn activate(&mut self, a: &[u32], b: &[u32], r: &[u32]) -> Vec<u32> {
        let (lanes, [up, down]) = (a.len(), self.program.transfers());
        assert!((1..=LANES).contains(&lanes));
        let (up, down) = (self.deal(up, lanes), self.deal(down, lanes));
        let noise = ChaCha20Rng::from_rng(&mut self.rng);
        let mut wire = Wire { lanes, deviating: self.deviating, noise, log: Vec::new() };
        // Masks that are no choices are secret as those are.
        let rng = &mut SecretRng::from_public_seed(self.rng.random());
        let Self { program, sizes, .. } = self;
        let (c, s) = (Side::Client, Side::Server);
        let sent = UpTransfers::new(program, up.sender());
        let received = DownTransfers::new(program, down.receiver());
        let client = Start::new(program, a, sent, received, c, rng);
        let received = UpTransfers::new(program, up.receiver());
        let sent = DownTransfers::new(program, down.sender());
        let server = Start::new(program, &[], received, sent, s, rng);
        let mut size = sizes.offline.iter();
        let mut size = || size.next().expect("a size for each message");
        let (client, server) =
            wire.pass(c, size(), |m| client.up(program, c, m), |m| server.up(program, s, m));
        let (mut server, mut client) =
            wire.pass(s, size(), |m| server.down(program, s, m), |m| client.down(program, c, m));
        for round in 1..program.offline_rounds() {
            if round > 1 {
                wire.pass(s, size(), |m| server.down(round, m), |m| client.down(round, m));
            }
            wire.pass(c, size(), |m| client.up(round, c, m), |m| server.up(round, s, m));
        }
        let (client, server) = (client.finish(), server.finish());
        self.offline = std::mem::take(&mut wire.log);

        let [s1, c1, s2, c2] = &sizes.online;
        let (server, client) = wire.pass(
            s,
            s1,
            |m| server.open(program, b, s, m),
            |m| client.open(program, &[], c, m),
        );
        let (client, server) =
            wire.pass(c, c1, |m| client.mask(program, c, m), |m| server.mask(program, s, m));
        let (server, client) =
            wire.pass(s, s2, |m| server.reveal(program, s, m), |m| client.reveal(program, c, m));
        let (mut masks, mut results) = (r.to_vec(), vec![0; lanes]);
        wire.pass(
            c,
            c2,
            |m| client.close(program, &mut masks, c, m),
            |m| server.close(program, &mut results, s, m),
        );
        self.online = wire.log;
        self.dealt = Some([up, down]);
        results
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
                let expected = mask(clear(&self.program, y), self.program.out_bits);
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

/// min(max(y, 0) >> f, 2^c − 1), or of a maximum max(−y, 0).
fn clear(program: &Program, y: u32) -> u32 {
    let digits = &program.digits;
    if program.is_maximum() {
        let unused = 32 - program.out_bits;
        return ((y << unused).cast_signed() >> unused).wrapping_neg().max(0).cast_unsigned();
    }
    let unused = 32 - digits.ring_bits();
    let y = (y << unused).cast_signed() >> unused;
    (y.max(0).cast_unsigned() >> digits.shift()).min((1 << digits.result_bits()) - 1)
}
