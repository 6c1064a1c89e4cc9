use rand::{Rng, SeedableRng, rngs::ChaCha20Rng};

use super::*;
use crate::error::Misuse;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// The set of the ladder with two primes and n = 4096.
fn two_primes() -> Parameters {
    let mut ladder = Parameters::ladder();
    ladder.find(|set| set.limbs() == 2 && set.n() == 4096).expect("there is one")
}

#[test]
fn every_set_of_the_ladder_is_another_and_secure() {
    let ladder: Vec<_> = Parameters::ladder().collect();
    for (i, set) in ladder.iter().enumerate() {
        assert!(!ladder[..i].contains(set), "{set}");
        let primes: Vec<u64> = set.primes().collect();
        assert_eq!(&Parameters::try_new(set.n(), &primes).unwrap(), set);
    }
    assert!(ladder.iter().is_sorted_by_key(|set| set.n()));
    assert_eq!((ladder[0].n(), ladder[0].limbs()), (2048, 1));
}

#[test]
fn weak_or_unusable_parameters_are_refused() {
    let primes = |n, bits, count| gazelle_ntt::prime::ntt_primes_below(n, bits, count);
    let refused = |n, primes: &[u64]| {
        assert!(
            matches!(Parameters::try_new(n, primes), Err(Misuse::Parameters(_))),
            "{n} {primes:?}"
        );
    };
    // GAZELLE's own n = 2048 with a 60-bit q is below 128 bits of security.
    refused(2048, &primes(2048, 60, 1));
    refused(4096, &primes(4096, 54, 2));
    refused(4096, &primes(4096, 47, 3));
    refused(8192, &primes(8192, 47, 5));
    refused(2048, &primes(2048, 54, 1));
    refused(2048, &primes(2048, 30, 2));
    refused(1024, &primes(1024, 27, 1));
    refused(512, &primes(512, 40, 1));
    refused(4095, &primes(4096, 40, 1));
    let [q] = primes(4096, 47, 1)[..] else { panic!() };
    refused(4096, &[q, q]);
    refused(4096, &[q - 2]);
    refused(4096, &[]);
    refused(4096, &[u64::MAX, 3]);
    refused(
        8192,
        &primes(1024, 47, 60).into_iter().filter(|q| q % 16384 != 1).take(1).collect::<Vec<_>>(),
    );
    Parameters::try_new(4096, &[q]).unwrap();
}

#[test]
fn encodings_are_rounded_exactly() {
    let parameters = two_primes();
    let q: u128 = parameters.primes().map(u128::from).product();
    for k in [1, 2, 9, 21, 31, 32] {
        let encoder = Encoder::new(&parameters, k);
        let top = u32::MAX >> (32 - k);
        let mut values = vec![0, 1, top, top / 2, top / 2 + 1];
        values.extend((0..100).map({
            let mut rng = rng(1);
            move |_| rng.next_u32() & top
        }));
        for m in values {
            // q·m + 2^(k−1) < 2^127.
            let exact = (q * u128::from(m) + (1 << (k - 1))) >> k;
            for (limb, prime) in parameters.primes().enumerate() {
                assert_eq!(u128::from(encoder.limb(limb).encode(m)), exact % u128::from(prime));
            }
        }
        assert_eq!(encoder.limb(0).encode(0), 0);
    }
}

#[test]
fn fractions_are_within_two_units_per_limb() {
    let parameters = two_primes();
    let primes: Vec<u128> = parameters.primes().map(u128::from).collect();
    let q = primes[0] * primes[1];
    let mut rng = rng(2);
    for _ in 0..1000 {
        let c = (u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64())) % q;
        let sum = parameters
            .fractions()
            .iter()
            .zip(&primes)
            .fold(0u64, |sum, (f, p)| sum.wrapping_add(f.of((c % p) as u64)));
        // ⌊2^64·c/q⌋ by long division.
        let (mut exact, mut rest) = (0u64, c);
        for _ in 0..64 {
            rest *= 2;
            exact = exact << 1 | u64::from(rest >= q);
            rest -= if rest >= q { q } else { 0 };
        }
        assert!(exact.wrapping_sub(sum) <= 4, "{exact} {sum}");
    }
}

#[test]
fn keys_round_trip_and_malformed_ones_are_rejected() {
    let parameters = two_primes();
    let (_, key) = SecretKey::generate(&parameters, &mut rng(3));
    let bytes = key.as_bytes();
    assert_eq!(bytes.len(), PublicKey::encoded_len(&parameters));
    let parsed = PublicKey::from_bytes(&parameters, bytes).unwrap();
    for limb in 0..parameters.limbs() {
        assert_eq!(parsed.limb(limb), key.limb(limb));
    }
    let rejected = |bytes: &[u8]| {
        assert!(PublicKey::from_bytes(&parameters, bytes).is_err());
    };
    rejected(&[]);
    rejected(&bytes[..31]);
    rejected(&bytes[..bytes.len() - 1]);
    rejected(&[bytes, &[0]].concat());
    // A first residue of 2^38 − 1 is not below its prime.
    rejected(&[&bytes[..16], &[0xff; 5], &bytes[21..]].concat());
}

#[test]
fn a_public_key_encrypts_zero_up_to_small_noise() {
    let parameters = two_primes();
    let (secret, key) = SecretKey::generate(&parameters, &mut rng(4));
    for (limb, plan) in parameters.plans().iter().enumerate() {
        let (p0, p1) = key.limb(limb);
        let mut phase = vec![0; parameters.n()];
        plan.pointwise_mul(&mut phase, p1, secret.limb(limb));
        phase.iter_mut().zip(p0).for_each(|(x, &p)| *x = plan.modulus().add(*x, p));
        plan.inverse(&mut phase);
        let q = plan.modulus().value();
        assert!(phase.iter().all(|&x| x <= 21 || x >= q - 21));
    }
}

/// The smallest q that is exact, and one bit less.
#[test]
fn a_layer_one_bit_past_the_bound_is_refused() {
    let [q] = gazelle_ntt::prime::ntt_primes_below(2048, 47, 1)[..] else { panic!() };
    let parameters = Parameters::try_new(2048, &[q]).unwrap();
    let weights = noise::Weights { ring_bits: 23, row_sum: 32768.0, rows: 2 };
    // 21·65536 + 16384 + 42·2048 is 2^20.5; q/2^(23 + 2) is 2^22.
    let answer = noise::Answer::choose(&parameters, &weights).unwrap();
    assert_eq!(answer.worst_noise, 1_478_656.0);
    // (T + 1)/2^m is at most (1 − 0.353)/2^25: T = 138.5, so m = 25 + 8.
    assert_eq!(answer.c1_bits, 33);
    let wider = noise::Weights { ring_bits: 24, ..weights };
    assert_eq!(noise::Answer::choose(&parameters, &wider).unwrap().c1_bits, 35);
    let too_wide = noise::Weights { ring_bits: 25, ..weights };
    assert!(matches!(noise::Answer::choose(&parameters, &too_wide), Err(Misuse::Layer(_))));
    noise::Answer::choose(&two_primes(), &noise::Weights { ring_bits: 32, ..weights }).unwrap();
}

/// The lemma of [`noise`], in units of 2^−48, around every edge.
#[test]
fn halves_of_close_phases_are_exact() {
    const ONE: i64 = 1 << 48;
    let mut rng = rng(5);
    for k in [1, 2, 9, 21, 32] {
        let (cell, half) = (ONE >> k, ONE >> (k + 1));
        for case in 0..20_000 {
            let m = (rng.next_u32() >> (32 - k)) as i64;
            let random = (rng.next_u64() >> 16) as i64;
            let a = if case % 2 == 0 { random } else { random / half * half + case % 5 - 2 };
            let error = [0, cell / 4 - 1, 1 - cell / 4, (random % cell) / 4][case as usize % 4];
            let b = (m * cell + error - a).rem_euclid(ONE);
            let s = (a + half / 2).rem_euclid(ONE) / half;
            let y = b / half;
            assert_eq!(((s + y + 1) % (2 << k)) >> 1, m, "{k} {a} {error}");
        }
    }
}
