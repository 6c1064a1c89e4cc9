//! The lemmas of docs/hint.md against integers of any size.

use num_bigint::BigInt;
use proptest::prelude::*;

use super::*;
use crate::he::hint::builder::public;
use crate::he::hint::modular::{Products, Transformed};

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
    ring.coefficients(polynomial).into_iter().map(|x| x as i64).collect()
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
            let (s, y) = (format.server_half(a), format.client_half(b));
            prop_assert!(s < 2 << ring_bits && y < 2 << ring_bits);
            prop_assert_eq!(((s + y + 1) >> 1) & ((1 << ring_bits) - 1), u64::from(m));
        }
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
        let a = |place| {
            let layer = hint.layer(0);
            big(ring.coefficients(public(parameters, (layer.seed, 0), place)))
        };
        let known = [a(Place::Key), a(Place::Input(0)), a(Place::Input(1))];
        // e + ε of every polynomial: what was sent, less −a·s and Δ·m.
        let error = |sent: &[u64], place, j: usize| {
            let (a, message) = match place {
                Place::Key => (&known[0], BigInt::ZERO),
                Place::Input(i) => {
                    (&known[1 + i], BigInt::from(messages[i][j]) << (lambda - ring_bits))
                }
            };
            modulo(&(BigInt::from(sent[j]) + coefficient(a, &s, j) - message), lambda)
        };
        for (output, phase) in phases.iter().enumerate() {
            let [u, _] = secret.blinding(n, 0, output);
            let u: Vec<i64> = u.iter().map(|&u| u.into()).collect();
            let published = big(hint.layer(0).coefficients(output));
            let clear = toy.clear(output, &messages);
            // Σᵢ wᵢ·(eᵢ + εᵢ) and u·(e_pk + ε_pk) at coefficient 0.
            let place = 0;
            let terms = |factor: &[i64], of: Place, sent: &[u64]| -> BigInt {
                let met = factor.iter().enumerate().filter(|(_, f)| **f != 0);
                let term = |(e, &f): (usize, &i64)| {
                    let sign = if e > place { -1 } else { 1 };
                    BigInt::from(sign * f) * error(sent, of, (place + n - e) % n)
                };
                met.map(term).sum()
            };
            let weights: Vec<Vec<i64>> = toy.weights[output]
                .iter()
                .map(|weight| weight.iter().map(|&w| w.into()).collect())
                .collect();
            let mut noise = terms(&u, Place::Key, &sent[0]);
            // (e' + δ)·s: of ĉ, less Σ aᵢ·wᵢ and a_pk·u.
            let mut rounding = Vec::new();
            for (j, published) in published.iter().enumerate() {
                let exact: BigInt =
                    (0..2).map(|i| coefficient(&known[1 + i], &weights[i], j)).sum();
                let exact = exact + coefficient(&known[0], &u, j);
                rounding.push(BigInt::from(modulo(&(published - exact), lambda)));
            }
            noise += coefficient(&rounding, &s, place);
            for i in 0..2 {
                noise += terms(&weights[i], Place::Input(i), &sent[1 + i]);
            }
            let phase = phase.server[place].wrapping_add(phase.client[place]);
            let phase = phase.wrapping_sub(clear[place] << (lambda - ring_bits));
            assert_eq!(BigInt::from(centred(phase, lambda)), noise);
            assert!((centred(phase, lambda).unsigned_abs() as f64) < format.noise);
        }
    }
}
