//! The lemmas of docs/hint.md against integers of any size.

use num_bigint::BigInt;
use proptest::prelude::*;

use super::*;
use crate::he::hint::blinding::public;
use crate::he::hint::modular::{Moduli, Products, Transformed};

/// Coefficient `place` of a·b modulo X^n + 1.
fn coefficient(a: &[BigInt], b: &[i64], place: usize) -> BigInt {
    let n = a.len();
    let term = |(j, &b): (usize, &i64)| match place.checked_sub(j) {
        Some(i) => &a[i] * b,
        None => -(&a[n + place - j] * b),
    };
    b.iter().enumerate().filter(|(_, b)| **b != 0).map(term).sum()
}

fn big(values: impl IntoIterator<Item = u64>) -> Vec<BigInt> {
    values.into_iter().map(BigInt::from).collect()
}

/// The number of least magnitude modulo 2^bits, as i64.
fn modulo(value: &BigInt, bits: u32) -> i64 {
    let q = BigInt::from(1) << 64;
    let residue: BigInt = (value % &q + &q) % &q;
    centred(residue.iter_u64_digits().next().unwrap_or(0), bits)
}

/// A polynomial that was transformed, as signed numbers.
fn small(ring: &Products, polynomial: Transformed) -> Vec<i64> {
    ring.coefficients(polynomial).iter().map(|&x| x as i64).collect()
}

/// Products of the largest numbers that are asked for, and of random ones.
#[test]
fn products_are_exact() {
    let mut rng = rng(1);
    for n in [2048, 4096] {
        let ring = Products::new(n);
        for case in 0..4 {
            let largest = (1u64 << 60) - 1;
            let a: Vec<u64> = (0..n)
                .map(|_| if case == 0 { largest } else { rng.next_u64() >> [0, 4, 17, 0][case] })
                .collect();
            let w: Vec<i16> = (0..n)
                .map(|i| match case {
                    0 => {
                        if i % 2 == 0 {
                            i16::MAX
                        } else {
                            i16::MIN
                        }
                    }
                    1 => (rng.next_u32() % 3) as i16 - 1,
                    _ => rng.next_u32() as i16,
                })
                .collect();
            let product = ring.multiply(&ring.transform(&a), &ring.transform_weights(&w));
            let (a, w) = (big(a), w.iter().map(|&w| w.into()).collect::<Vec<i64>>());
            for place in [0, 1, 77, n / 2, n - 1] {
                assert_eq!(
                    product[place] as i64,
                    modulo(&coefficient(&a, &w, place), 64),
                    "{n} {case}"
                );
            }
        }
    }
}

/// Products term by term are those by transforms: exponents, weights and coefficients at their ends.
#[test]
fn products_by_terms_are_those_by_transforms() {
    let mut rng = rng(3);
    for n in [2048, 4096] {
        let ring = Products::new(n);
        let largest = (1u64 << 60) - 1;
        let a: Vec<u64> =
            (0..n).map(|i| if i % 3 == 0 { largest } else { rng.next_u64() >> 4 }).collect();
        let last = n as u32 - 1;
        let terms = [(0, i16::MAX), (1, i16::MIN), (last / 2, -1), (last, i16::MAX), (77, 0)];
        let mut weights = vec![0; n];
        terms.iter().for_each(|&(exponent, weight)| weights[exponent as usize] = weight);
        let expected = ring.multiply(&ring.transform(&a), &ring.transform_weights(&weights));
        let mut sum = vec![7; n];
        ring.add_terms(&mut sum, &ring.unroll(&a), &terms);
        assert!(sum.iter().zip(&*expected).all(|(&s, e)| s == e.wrapping_add(7)), "{n}");
    }
}

/// The widest numbers whose products with ternary ones one prime tells, all at the end of their range.
#[test]
fn products_modulo_one_prime_are_exact() {
    for n in [2048usize, 4096] {
        let ring = Products::new(n);
        let bits = 46 - n.ilog2();
        let moduli = [bits, bits + 1].map(|bits| ring.moduli_for(bits));
        assert_eq!(moduli, [Moduli::First, Moduli::Both]);
        for (value, factor) in
            [(1 << (bits - 1), 1), (1 << (bits - 1), -1), ((1 << (bits - 1)) - 1, -1)]
        {
            let signed = centred(value, bits);
            // Coefficient j adds the first j + 1 and takes off the others.
            let expected = (0..n as i64).map(|j| signed * factor * (2 * j + 2 - n as i64));
            let [short, whole] = [Moduli::First, Moduli::Both]
                .map(|primes| ring.transform_small(&vec![factor as i8; n], primes));
            for ternary in [short, whole] {
                let product =
                    ring.multiply(&ring.transform_for_ternary(&vec![value; n], bits), &ternary);
                assert!(
                    product.iter().map(|&x| x as i64).eq(expected.clone()),
                    "{n} {value} {factor}"
                );
            }
        }
    }
}

/// The same for a ternary polynomial with a zero, known by the same primes: a bit more, and to its edge.
#[test]
fn products_with_ternary_polynomials_that_have_a_zero_are_exact() {
    for (n, widest) in [(2048usize, 36), (4096, 35)] {
        let ring = Products::new(n);
        let edges = [widest, widest + 1];
        let expected = [Moduli::First, Moduli::Both];
        assert_eq!(edges.map(|bits| ring.moduli_alone(bits)), expected, "{n}");
        for (bits, moduli) in edges.into_iter().zip(expected) {
            for (value, factor) in [(1 << (bits - 1), 1), (1 << (bits - 1), -1)] {
                let signed = centred(value, bits);
                let mut ternary = vec![factor as i8; n];
                ternary[0] = 0;
                // Coefficient j adds the first j + 1 but one and takes off the others.
                let expected = (0..n as i64).map(|j| signed * factor * (2 * j + 1 - n as i64));
                let polynomial = ring.transform_signed(&vec![value; n], bits, moduli);
                let product = ring.multiply(&polynomial, &ring.transform_small(&ternary, moduli));
                let product = product.iter().map(|&x| x as i64);
                assert!(product.eq(expected), "{n} {bits} {factor}");
            }
        }
    }
}

proptest! {
    /// Lemma 1: roundings of two parts of a phase that is closer than Δ/4 to Δ·m.
    #[test]
    fn halves_of_close_phases_are_exact(
        set in 0usize..3,
        ring_bits in 1u32..=32,
        m: u32,
        a: u64,
        edge in -2i64..=2,
        at_edge: bool,
        error in -1.0f64..1.0,
    ) {
        let parameters = HintParameters::ladder().nth(set).unwrap();
        let lambda = parameters.log2_q();
        let format =
            Format { parameters, ring_bits, hint_bits: lambda, dropped: 1, noise: 0.0 };
        let q = BigInt::from(1) << lambda;
        let delta = BigInt::from(1) << (lambda - ring_bits);
        let m = m >> (32 - ring_bits);
        // A at an edge of a rounding, or anywhere; the noise up to Δ/4 − 1 either way.
        let quarter = 1i64 << (lambda - ring_bits - 2);
        let a = if at_edge { a / quarter as u64 * quarter as u64 } else { a };
        let a = (BigInt::from(a) + edge) % &q;
        let noise = ((error * quarter as f64) as i64).clamp(1 - quarter, quarter - 1);
        for noise in [noise, quarter - 1, 1 - quarter, 0] {
            let b = &delta * m + noise - &a;
            let [a, b] = [&a, &b].map(|x| modulo(x, 64) as u64);
            let (s, y) = (format.rounding().server_half(a), format.rounding().client_half(b));
            prop_assert!(s < 2 << ring_bits && y < 2 << ring_bits);
            prop_assert_eq!(((s + y + 1) >> 1) & ((1 << ring_bits) - 1), u64::from(m));
        }
    }
}

/// What the parties drew and sent for one tile, as integers.
struct Transcript {
    /// The public polynomials: a_pk, then the aᵢ.
    public: Vec<Vec<BigInt>>,
    /// s.
    secret: Vec<i64>,
    /// Δ·m for each polynomial that was sent: 0, then Δ·mᵢ.
    scaled: Vec<Vec<BigInt>>,
    /// b, then the cᵢ.
    sent: Vec<Vec<u64>>,
    lambda: u32,
}

impl Transcript {
    /// Coefficient j of e + ε of a polynomial: what was sent, less −a·s and Δ·m.
    fn error(&self, polynomial: usize, j: usize) -> i64 {
        let sent = BigInt::from(self.sent[polynomial][j]);
        let product = coefficient(&self.public[polynomial], &self.secret, j);
        modulo(&(sent + product - &self.scaled[polynomial][j]), self.lambda)
    }

    /// Coefficient 0 of factor·(e + ε).
    fn spread(&self, polynomial: usize, factor: &[i64]) -> BigInt {
        let met = factor.iter().enumerate().filter(|(_, f)| **f != 0);
        let term = |(j, &f): (usize, &i64)| match j {
            0 => BigInt::from(f) * self.error(polynomial, 0),
            _ => BigInt::from(-f) * self.error(polynomial, factor.len() - j),
        };
        met.map(term).sum()
    }

    /// Coefficient 0 of (e′ + δ)·s: of ĉ, less a_pk·u and Σ aᵢ·wᵢ.
    fn rounding(&self, published: &[BigInt], factors: &[Vec<i64>]) -> BigInt {
        let error = |(j, published): (usize, &BigInt)| {
            let products = self.public.iter().zip(factors);
            let exact: BigInt = products.map(|(a, factor)| coefficient(a, factor, j)).sum();
            BigInt::from(modulo(&(published - exact), self.lambda))
        };
        let errors: Vec<BigInt> = published.iter().enumerate().map(error).collect();
        coefficient(&errors, &self.secret, 0)
    }
}

/// Lemma 2: what A + B is beside Δ·m, term by term.
#[test]
fn the_noise_is_what_the_lemma_says() {
    let rng = &mut rng(2);
    for ring_bits in [9, 23, 31] {
        let toy = Toy::new((2, 1), (12, 127), ring_bits, rng);
        let format = &toy.layer.format;
        let (parameters, ring) = (&format.parameters, format.parameters.products());
        let (n, lambda) = (parameters.n(), parameters.log2_q());
        let (hint, secret) = toy.hint(rng);
        let one_time = OneTimeSecret::random(parameters, rng);
        let s = small(ring, one_time.0.clone());
        let messages = toy.messages(rng);
        // The same coins for what the server gets and for the phases.
        let twin = OneTimeSecret(one_time.0.clone());
        let (sent, _) = toy.correlate(&hint, twin, &messages, &mut self::rng(18));
        let phases = toy.run(&hint, &secret, one_time, &messages, &mut self::rng(18));
        let seed = hint.layer(0).seed;
        let public = [Place::Key, Place::Input(0), Place::Input(1)]
            .map(|place| big(ring.coefficients(public(parameters, (seed, 0), place)).to_vec()));
        let scale = |&m: &u32| BigInt::from(m) << (lambda - ring_bits);
        let scaled = messages.iter().map(|m| m.iter().map(scale).collect());
        let scaled = [vec![BigInt::ZERO; n]].into_iter().chain(scaled).collect();
        let transcript = Transcript { public: public.into(), secret: s, scaled, sent, lambda };
        for (output, phase) in phases.iter().enumerate() {
            let [u, _] = secret.blinding(n, 0, output);
            let u = u.iter().map(|&u| u.into()).collect();
            let weights = toy.weights[output].iter().map(|w| w.iter().map(|&w| w.into()).collect());
            let factors: Vec<Vec<i64>> = [u].into_iter().chain(weights).collect();
            let spread = factors.iter().enumerate().map(|(i, f)| transcript.spread(i, f));
            let published = big(hint.layer(0).coefficients(output));
            let noise = spread.sum::<BigInt>() + transcript.rounding(&published, &factors);
            let clear = toy.clear(output, &messages)[0] << (lambda - ring_bits);
            let phase = phase.server[0].wrapping_add(phase.client[0]).wrapping_sub(clear);
            assert_eq!(BigInt::from(centred(phase, lambda)), noise);
            assert!((centred(phase, lambda).unsigned_abs() as f64) < format.noise);
        }
    }
}
