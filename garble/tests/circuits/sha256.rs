//! The compression function of SHA-256 (FIPS 180-4).

use super::{Bits, Builder};

/// The first primes, of which there are 64 below 312.
fn primes() -> impl Iterator<Item = u128> {
    (2..312).filter(|n| (2..*n).all(|d| n % d != 0))
}

/// ⌊n^{1/`power`}⌋ by bisection.
fn root(n: u128, power: u32) -> u128 {
    let (mut low, mut high) = (0u128, 1 << 37);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if middle.pow(power) <= n { low = middle } else { high = middle }
    }
    low
}

/// The state before the first block: fractions of the square roots of primes.
pub(crate) fn initial_state() -> Vec<u32> {
    primes().take(8).map(|p| root(p << 64, 2) as u32).collect()
}

/// Block (16 words) and state (8 words) to the next state; words from their lowest bit on.
pub(crate) fn sha256_block() -> String {
    let (mut c, [block, state]) = Builder::new([512, 256]);
    let words = |bits: Bits| bits.chunks(32).map(<[u32]>::to_vec).collect::<Vec<Bits>>();
    let mut schedule = words(block);
    for t in 16..64 {
        let low = sigma(&mut c, &schedule[t - 15], [7, 18], 3);
        let high = sigma(&mut c, &schedule[t - 2], [17, 19], 10);
        let sum = c.add(&schedule[t - 16], &low);
        let sum = c.add(&sum, &schedule[t - 7]);
        schedule.push(c.add(&sum, &high));
    }
    let before = words(state);
    let mut v = before.clone();
    for (word, prime) in schedule.iter().zip(primes()) {
        // Fractions of the cube roots of primes.
        let constant = c.constant(root(prime << 96, 3) as u32, 32);
        let turned = turns(&mut c, &v[4], [6, 11, 25]);
        // Choice: g ⊕ e∧(f ⊕ g).
        let choice = choose(&mut c, [&v[4], &v[5], &v[6]]);
        let first = [turned, choice, constant, word.clone()];
        let first = first.iter().fold(v[7].clone(), |sum, term| c.add(&sum, term));
        let turned = turns(&mut c, &v[0], [2, 13, 22]);
        // Majority: where a and b differ c, else b.
        let differ = c.xor(&v[0], &v[1]);
        let majority = choose(&mut c, [&differ, &v[2], &v[1]]);
        let second = c.add(&turned, &majority);
        v[3] = c.add(&v[3], &first);
        v[7] = c.add(&first, &second);
        v.rotate_right(1);
    }
    let after: Vec<Bits> = before.iter().zip(&v).map(|(a, b)| c.add(a, b)).collect();
    c.finish(&[256], &after.concat())
}

fn turn(x: &[u32], by: usize) -> Bits {
    (0..32).map(|t| x[(t + by) % 32]).collect()
}

fn turns(c: &mut Builder, x: &[u32], by: [usize; 3]) -> Bits {
    let first = c.xor(&turn(x, by[0]), &turn(x, by[1]));
    c.xor(&first, &turn(x, by[2]))
}

fn sigma(c: &mut Builder, x: &[u32], by: [usize; 2], shift: usize) -> Bits {
    let mut out = c.xor(&turn(x, by[0]), &turn(x, by[1]));
    let low = c.xor(&out[..32 - shift], &x[shift..]);
    out[..32 - shift].copy_from_slice(&low);
    out
}

fn choose(c: &mut Builder, [select, one, zero]: [&[u32]; 3]) -> Bits {
    let differ = c.xor(one, zero);
    let change = c.and(select, &differ);
    c.xor(zero, &change)
}

impl Builder {
    /// A sum modulo 2^32.
    fn add(&mut self, a: &[u32], b: &[u32]) -> Bits {
        let mut carry = self.constant(0, 1);
        let mut sums = Bits::new();
        for (a, b) in a.iter().zip(b) {
            let (ac, bc) = (self.xor(&[*a], &carry), self.xor(&[*b], &carry));
            sums.extend(self.xor(&ac, &[*b]));
            let both = self.and(&ac, &bc);
            carry = self.xor(&both, &carry);
        }
        sums
    }
}
