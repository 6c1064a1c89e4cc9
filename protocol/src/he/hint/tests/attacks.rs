//! Attacks that the rules of the hint are there for: each succeeds where its rule is broken, and fails
//! where it is kept.

use super::*;
use crate::he::hint::blinding::public;
use crate::he::hint::modular::Moduli;

/// Weights of ±7, eight in one output: 15^4 combinations on either side of a meet in the middle.
const LARGEST: i64 = 7;
const TAPS: usize = 8;
const COMBINATIONS: usize = (2 * LARGEST as usize + 1).pow(TAPS as u32 / 2);

/// A layer of one input and one output whose weights stand at −0, −1, …: coefficient j of a·w is
/// Σᵢ wᵢ·a_(j+i).
fn small_layer(rng: &mut ChaCha20Rng) -> (Toy, Vec<i64>) {
    let mut toy = Toy::new((1, 1), (TAPS, LARGEST as i16), 20, rng);
    let weights: Vec<i64> = (0..TAPS).map(|_| i64::from(rng.next_u32() % 15) - LARGEST).collect();
    let polynomial = &mut toy.weights[0][0];
    polynomial.fill(0);
    let n = polynomial.len();
    for (i, &w) in weights.iter().enumerate() {
        polynomial[(n - i) % n] = if i == 0 { w } else { -w } as i16;
    }
    (toy, weights)
}

fn public_input(hint: &Hint) -> Vec<u64> {
    let layer = hint.layer(0);
    let parameters = &layer.layer.format.parameters;
    let a = public(parameters, (layer.seed, 0), Place::Input(0));
    parameters.products().coefficients(a).to_vec()
}

/// The small weights with Σᵢ wᵢ·a_(j+i) = c_j up to `tolerance` modulo q, if there are any: guess half
/// of them, look the other half up by what one coefficient leaves for it, check the few that match.
fn solve(a: &[u64], c: &[u64], lambda: u32, tolerance: u64) -> Option<Vec<i64>> {
    let unit = 64 - lambda;
    let tolerance = tolerance << unit;
    let half = |j: usize, first: usize, guess: usize| {
        let terms = weights(guess).enumerate();
        terms.fold(0u64, |sum, (i, w)| {
            sum.wrapping_add((a[j + first + i] << unit).wrapping_mul(w as u64))
        })
    };
    let fits = |j: usize, low: usize, high: usize| {
        let sum = half(j, 0, low).wrapping_add(half(j, TAPS / 2, high));
        (c[j] << unit).wrapping_sub(sum).wrapping_add(tolerance) <= 2 * tolerance
    };
    let mut lows: Vec<(u64, usize)> = (0..COMBINATIONS).map(|g| (half(0, 0, g), g)).collect();
    lows.sort_unstable();
    for high in 0..COMBINATIONS {
        let left = (c[0] << unit).wrapping_sub(half(0, TAPS / 2, high));
        let start = lows.partition_point(|&(sum, _)| sum < left.saturating_sub(tolerance));
        let near =
            lows[start..].iter().take_while(|(sum, _)| *sum <= left.saturating_add(tolerance));
        for &(_, low) in near {
            if (1..64).all(|j| fits(j, low, high)) {
                return Some(weights(low).chain(weights(high)).collect());
            }
        }
    }
    None
}

/// The four weights that a number stands for.
fn weights(guess: usize) -> impl Iterator<Item = i64> {
    let base = 2 * LARGEST as usize + 1;
    (0..TAPS as u32 / 2).map(move |i| (guess / base.pow(i) % base) as i64 - LARGEST)
}

#[test]
fn a_hint_without_its_mask_gives_the_weights_away() {
    let (toy, expected) = small_layer(&mut rng(9));
    let (hint, secret) = toy.hint(&mut rng(10));
    let format = &toy.layer.format;
    let (lambda, mask) = (format.parameters.log2_q(), format.parameters.mask());
    let tolerance = (1 << (lambda - format.hint_bits)) + 21;
    let published = hint.layer(0).coefficients(0);
    let a = public_input(&hint);
    assert_eq!(solve(&a, &published, lambda, tolerance), None, "with its mask");

    let layer = hint.layer(0);
    let key = public(&format.parameters, (layer.seed, 0), Place::Key);
    let ring = format.parameters.products();
    let [u, _] = secret.blinding(format.parameters.n(), 0, 0);
    let masking = ring.multiply(&key, &ring.transform_small(&u, Moduli::Both));
    let unmasked: Vec<u64> =
        published.iter().zip(&*masking).map(|(c, m)| c.wrapping_sub(*m) & mask).collect();
    assert_eq!(solve(&a, &unmasked, lambda, tolerance), Some(expected));
}

#[test]
fn two_hints_under_one_seed_give_the_change_of_weights_away() {
    let (mut toy, first) = small_layer(&mut rng(11));
    let format = toy.layer.format.clone();
    let lambda = format.parameters.log2_q();
    let secret = HintSecret::random(&mut rng(12));
    let build = |toy: &Toy| {
        let weights = |_: usize, o: usize, i: usize, w: &mut Vec<Term>| toy.write(o, i, w);
        let layers = vec![toy.layer.clone()];
        Hint::build_with(layers, &[7; 32], &[1; 16], &secret, weights).unwrap()
    };
    let before = build(&toy);
    let n = format.parameters.n();
    let mut expected = vec![0; TAPS];
    for (i, &w) in first.iter().enumerate() {
        expected[i] = if w > 0 { -2 } else { 1 };
        toy.weights[0][0][(n - i) % n] += if i == 0 { expected[i] } else { -expected[i] } as i16;
    }
    let difference = |after: &Hint| -> Vec<u64> {
        let [after, before] = [after, &before].map(|hint| hint.layer(0).coefficients(0));
        after
            .iter()
            .zip(before)
            .map(|(a, b)| a.wrapping_sub(b) & format.parameters.mask())
            .collect()
    };
    let (a, tolerance) = (public_input(&before), (2 << (lambda - format.hint_bits)) + 42);
    assert_eq!(solve(&a, &difference(&build(&toy)), lambda, tolerance), Some(expected));
    // As hints are built: a seed and a secret of its own for each.
    let (fresh, _) = toy.hint(&mut rng(13));
    assert_eq!(solve(&a, &difference(&fresh), lambda, tolerance), None);
}

/// Under one secret the messages of two images differ by Δ·(m − m') and small errors.
#[test]
fn equal_secrets_give_the_difference_of_messages_away() {
    let rng = &mut rng(14);
    let (toy, _) = small_layer(rng);
    let Format { parameters, ring_bits, .. } = &toy.layer.format;
    let (hint, _) = toy.hint(rng);
    let top = parameters.log2_q() - ring_bits;
    let messages = [toy.messages(rng), toy.messages(rng)];
    let modulo = |x: u64| x & ((1 << ring_bits) - 1);
    let differences = messages[0][0].iter().zip(&messages[1][0]);
    let expected: Vec<u64> =
        differences.map(|(&a, &b)| modulo(u64::from(a).wrapping_sub(b.into()))).collect();
    let mut seen = |secrets: [OneTimeSecret; 2]| -> usize {
        let sent: Vec<_> = secrets
            .into_iter()
            .zip(&messages)
            .map(|(secret, messages)| toy.correlate(&hint, secret, messages, rng).0.remove(1))
            .collect();
        let rounded =
            |(&a, &b): (&u64, &u64)| modulo(a.wrapping_sub(b).wrapping_add(1 << (top - 1)) >> top);
        let guesses = sent[0].iter().zip(&sent[1]).map(rounded);
        guesses.zip(&expected).filter(|(guess, expected)| guess == *expected).count()
    };
    let secret = |seed| OneTimeSecret::random(parameters, &mut self::rng(seed));
    assert_eq!(seen([secret(15), secret(15)]), parameters.n());
    assert!(seen([secret(15), secret(16)]) < 10);
}

/// A server that deviates publishes ĉ = X^(p−j)·a + X^(p−m)·a' for a map, a and a' of the map's input and
/// of the next map's. Under one secret result p of the map then holds r_j + r'_m and what the server
/// knows. Its activation, made to let that through, has the client return it less r'_m: r_j.
#[test]
fn deviating_server_hint_reads_a_mask_through_another_under_one_secret_only() {
    let rng = &mut rng(17);
    let (toy, _) = small_layer(rng);
    let Format { parameters, ring_bits, hint_bits, .. } = &toy.layer.format;
    let (n, lambda, ring) = (parameters.n(), parameters.log2_q(), parameters.products());
    let top = lambda - ring_bits;
    let modulo = |x: u64| x & ((1 << ring_bits) - 1);
    let layers = vec![toy.layer.clone(), toy.layer.clone()];
    let weights = |_: usize, o: usize, i: usize, w: &mut Vec<Term>| toy.write(o, i, w);
    let (mut hint, _) = Hint::build(layers, &[7; 32], weights, rng).unwrap();
    let (p, j, m) = (5, 700, 40);
    // X^e for e below 0 is −X^(n+e).
    let shifted = |layer: usize, place: usize| {
        let mut power = vec![0; n];
        power[(n + p - place) % n] = if p < place { -1 } else { 1 };
        let a = public(parameters, (hint.layer(0).seed, layer), Place::Input(0));
        ring.multiply(&a, &ring.transform_small(&power, Moduli::Both))
    };
    let unsent = lambda - hint_bits;
    let crafted: Vec<u64> = shifted(0, j)
        .iter()
        .zip(&*shifted(1, m))
        .map(|(a, b)| a.wrapping_add(*b) >> unsent & ((1 << hint_bits) - 1))
        .collect();
    hint.publish(0, 0, &crafted);

    let mut recovered = |one_secret: bool| {
        let mut right = 0;
        for seed in 0..20 {
            let masks = [toy.messages(rng), toy.messages(rng)];
            let secret = |map| {
                let seed = 100 + 2 * seed + if one_secret { 0 } else { map };
                OneTimeSecret::random(parameters, &mut self::rng(seed))
            };
            let (first, products) = toy.correlate_layer(&hint, 0, secret(0), &masks[0], rng);
            let (second, _) = toy.correlate_layer(&hint, 1, secret(1), &masks[1], rng);
            let half = toy.layer.format.rounding().client_half(products[0][p]) >> 1;
            let returned = half.wrapping_sub(masks[1][0][m].into());
            // −a·s − a'·s is Δ·(r + r') less what was sent.
            let known = first[1][j] + second[1][m];
            let guess = modulo(returned.wrapping_add(known.div_ceil(1 << top)));
            right += usize::from(guess == u64::from(masks[0][0][j]));
        }
        right
    };
    assert!(recovered(true) >= 19);
    assert_eq!(recovered(false), 0);
}
