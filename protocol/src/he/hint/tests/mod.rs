mod attacks;
mod encoding;
mod lemmas;
mod noise;

use rand::{Rng, SeedableRng, rngs::ChaCha20Rng};

use super::*;
use crate::error::Misuse;
use crate::wiped::Wiped;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// A layer of weight polynomials without a geometry: every coefficient of an output is a result.
struct Toy {
    layer: LayerFormat,
    /// For each output, for each input.
    weights: Vec<Vec<Vec<i16>>>,
}

/// What the parties hold of an output after a message: A and B modulo q.
struct Phases {
    server: Vec<u64>,
    client: Vec<u64>,
}

impl Toy {
    /// `taps` weights of magnitude up to `largest` in each polynomial.
    fn new(
        (inputs, outputs): (usize, usize),
        (taps, largest): (usize, i16),
        ring_bits: u32,
        rng: &mut ChaCha20Rng,
    ) -> Self {
        let (sum, largest_weight) =
            ((inputs * taps) as f64 * f64::from(largest), f64::from(largest));
        let row = Row { ring_bits, sum, squares: sum * largest_weight };
        let format = Format::choose(&row, Exactness::Overwhelming).unwrap();
        let n = format.parameters.n();
        let mut weight = || {
            let mut weight = vec![0; n];
            for _ in 0..taps {
                let value = (rng.next_u32() % (2 * largest as u32 + 1)) as i16 - largest;
                weight[rng.next_u32() as usize % n] = value;
            }
            weight
        };
        let weights = (0..outputs).map(|_| (0..inputs).map(|_| weight()).collect()).collect();
        Self { layer: LayerFormat { format, inputs, outputs }, weights }
    }

    fn write(&self, output: usize, input: usize, out: &mut Vec<Term>) {
        let terms = (0..).zip(self.weights[output][input].iter().copied());
        out.extend(terms.filter(|(_, weight)| *weight != 0));
    }

    fn hint(&self, rng: &mut ChaCha20Rng) -> (Hint, HintSecret) {
        let weights = |_: usize, o: usize, i: usize, w: &mut Vec<Term>| self.write(o, i, w);
        Hint::build(vec![self.layer.clone()], &[7; 32], weights, rng).unwrap()
    }

    fn messages(&self, rng: &mut ChaCha20Rng) -> Vec<Vec<u32>> {
        let Format { parameters, ring_bits, .. } = &self.layer.format;
        let mut draw = || rng.next_u32() >> (32 - ring_bits);
        (0..self.layer.inputs).map(|_| (0..parameters.n()).map(|_| draw()).collect()).collect()
    }

    /// Everything but the rounding of halves, for one tile.
    fn run(
        &self,
        hint: &Hint,
        secret: &HintSecret,
        one_time: OneTimeSecret,
        messages: &[Vec<u32>],
        rng: &mut ChaCha20Rng,
    ) -> Vec<Phases> {
        let (mut sent, clients) = self.correlate(hint, one_time, messages, rng);
        let bodies = sent.split_off(1);
        let parameters = &self.layer.format.parameters;
        let key: Vec<u64> = sent[0].iter().map(|&c| TileKey::truncate(parameters, c)).collect();
        let keys = [TileKey::new(parameters, &key)];
        let ring = parameters.products();
        let bodies: Vec<_> = bodies.iter().map(|body| ring.transform(body)).collect();
        let server = |output: usize| {
            let mut sum = ring.zero();
            for (body, weight) in bodies.iter().zip(&self.weights[output]) {
                ring.multiply_add(&mut sum, body, &ring.transform_weights(weight));
            }
            let sum = ring.coefficients(sum);
            let (mut phase, room) = (vec![0; parameters.n()], &mut Room::default());
            secret.products(parameters, &keys, (0, output), room, |_, blinded| {
                let add = |b: u64, &a: &u64| a.wrapping_add(b) & parameters.mask();
                blinded.write_with(0, &mut phase, sum.iter(), add);
            });
            phase
        };
        let clients = clients.into_iter().enumerate();
        clients.map(|(output, client)| Phases { server: server(output), client }).collect()
    }

    /// What the server makes of the client's message (the key, then every input), and every B.
    fn correlate(
        &self,
        hint: &Hint,
        one_time: OneTimeSecret,
        messages: &[Vec<u32>],
        rng: &mut ChaCha20Rng,
    ) -> (Vec<Vec<u64>>, Vec<Vec<u64>>) {
        self.correlate_layer(hint, 0, one_time, messages, rng)
    }

    fn correlate_layer(
        &self,
        hint: &Hint,
        layer: usize,
        one_time: OneTimeSecret,
        messages: &[Vec<u32>],
        rng: &mut ChaCha20Rng,
    ) -> (Vec<Vec<u64>>, Vec<Vec<u64>>) {
        let format = &self.layer.format;
        let top = format.parameters.log2_q() - format.ring_bits;
        let body = |place: Place, zero: Wiped<u64>| -> Vec<u64> {
            let cut = |c: u64, bits: u32| {
                (c & format.parameters.mask()) >> bits << bits | 1 << (bits - 1)
            };
            match place {
                Place::Key => zero.iter().map(|&c| cut(c, super::noise::KEY_DROPPED)).collect(),
                Place::Input(i) => {
                    let sums = zero.iter().zip(&messages[i]);
                    sums.map(|(&c, &m)| cut(c + (u64::from(m) << top), format.dropped)).collect()
                }
            }
        };
        let mut products = vec![Vec::new(); self.layer.outputs];
        let unsent = format.parameters.log2_q() - format.hint_bits;
        let product = |_: usize, product: &Product<'_>, map: &mut [Vec<u64>]| {
            map[0] = vec![0; format.parameters.n()];
            product.write(0, &mut map[0], |c| c << unsent & format.parameters.mask());
        };
        let hint = hint.layer(layer);
        let bodies = correlate(vec![one_time], hint, rng, body, (&mut products, 1, product));
        (bodies, products)
    }

    /// The results over the integers, modulo 2^64.
    fn clear(&self, output: usize, messages: &[Vec<u32>]) -> Vec<u64> {
        let ring = self.layer.format.parameters.products();
        let mut sum = ring.zero();
        for (weight, message) in self.weights[output].iter().zip(messages) {
            let message: Vec<u64> = message.iter().map(|&m| m.into()).collect();
            ring.multiply_add(&mut sum, &ring.transform(&message), &ring.transform_weights(weight));
        }
        ring.coefficients(sum).to_vec()
    }
}

/// A residue modulo 2^bits as the number of least magnitude.
fn centred(value: u64, bits: u32) -> i64 {
    (value << (64 - bits)) as i64 >> (64 - bits)
}

#[test]
fn weak_or_unusable_parameters_are_refused() {
    for (n, log2_q) in
        [(2048, 54), (4096, 61), (1024, 27), (2048, 15), (2048, 0), (512, 20), (3000, 40)]
    {
        let refused = HintParameters::try_new(n, log2_q);
        assert!(matches!(refused, Err(Misuse::Parameters(_))), "{n} {log2_q}");
    }
    for set in HintParameters::ladder() {
        assert_eq!(HintParameters::try_new(set.n(), set.log2_q()).unwrap(), set);
    }
    let sets: Vec<String> = HintParameters::ladder().map(|set| set.to_string()).collect();
    assert_eq!(sets, ["n = 2048, q = 2^47", "n = 2048, q = 2^52", "n = 4096, q = 2^60"]);
}
