//! Products of polynomials: known answers, the schoolbook, and properties.

use gazelle_ntt::{Plan, VectorBackend, prime};
use proptest::prelude::*;

const CLASSES: [u32; 10] = [20, 30, 46, 47, 48, 49, 50, 51, 60, 62];

fn multiply(plan: &Plan, a: &[u64], b: &[u64]) -> Vec<u64> {
    let (mut x, mut y) = (a.to_vec(), b.to_vec());
    plan.forward(&mut x);
    plan.forward(&mut y);
    let mut product = vec![0; a.len()];
    plan.pointwise_mul(&mut product, &x, &y);
    plan.inverse(&mut product);
    product
}

fn schoolbook(plan: &Plan, a: &[u64], b: &[u64]) -> Vec<u64> {
    let (n, modulus) = (plan.n(), plan.modulus());
    let mut product = vec![0; n];
    for (i, &x) in a.iter().enumerate() {
        for (j, &y) in b.iter().enumerate() {
            let (term, at) = (modulus.mul(x, y), (i + j) % n);
            let sign = if i + j < n { term } else { modulus.neg(term) };
            product[at] = modulus.add(product[at], sign);
        }
    }
    product
}

/// Vectors with their origin in `vectors/transforms.json`.
#[test]
fn known_answers() {
    let file: serde_json::Value =
        serde_json::from_str(include_str!("vectors/transforms.json")).unwrap();
    for case in file["cases"].as_array().unwrap() {
        let field = |name: &str| -> Vec<u64> {
            case[name].as_array().unwrap().iter().map(|x| x.as_u64().unwrap()).collect()
        };
        let (n, q) = (case["n"].as_u64().unwrap() as usize, case["q"].as_u64().unwrap());
        for backend in VectorBackend::available() {
            let plan = Plan::with_backend(n, q, backend).unwrap();
            let (a, b) = (field("a"), field("b"));
            let mut transform = a.clone();
            plan.forward(&mut transform);
            assert_eq!(transform, field("transform_of_a"), "{} {n} {q}", backend.name());
            assert_eq!(multiply(&plan, &a, &b), field("product"), "{} {n} {q}", backend.name());
        }
    }
}

#[test]
fn every_backend_multiplies_like_the_schoolbook() {
    for bits in CLASSES {
        for n in [8, 16, 32, 64, 128, 256, 512] {
            let q = prime::ntt_primes_below(n, bits, 1)[0];
            let edge = |f: &dyn Fn(u64) -> u64| (0..n as u64).map(f).collect::<Vec<_>>();
            let largest = edge(&|_| q - 1);
            let alternating = edge(&|i| (q - 1) * (i & 1));
            let mixed = edge(&|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) % q);
            for backend in VectorBackend::available() {
                let plan = Plan::with_backend(n, q, backend).unwrap();
                for (a, b) in [(&largest, &largest), (&largest, &mixed), (&alternating, &mixed)] {
                    let id = format!("{} n {n} q {q}", backend.name());
                    assert_eq!(multiply(&plan, a, b), schoolbook(&plan, a, b), "{id}");
                }
            }
        }
    }
}

/// A batch is its polynomials one by one.
#[test]
fn batches_are_transformed_polynomial_by_polynomial() {
    for backend in VectorBackend::available() {
        let plan = Plan::with_backend(64, prime::ntt_primes_below(64, 47, 1)[0], backend).unwrap();
        let batch: Vec<u64> = (0..192).collect();
        let (mut whole, mut parts) = (batch.clone(), batch.clone());
        plan.forward(&mut whole);
        parts.chunks_mut(64).for_each(|part| plan.forward(part));
        assert_eq!(whole, parts);
        plan.inverse(&mut whole);
        assert_eq!(whole, batch);
    }
}

fn plan_and_polynomials() -> impl Strategy<Value = (Plan, Vec<u64>, Vec<u64>)> {
    let backends = VectorBackend::available();
    (prop::sample::select(backends), prop::sample::select(&CLASSES[..]), 3u32..=11).prop_flat_map(
        |(backend, bits, log_n)| {
            let n = 1 << log_n;
            let q = prime::ntt_primes_below(n, bits, 1)[0];
            let plan = Plan::with_backend(n, q, backend).unwrap();
            let residue = prop_oneof![Just(0), Just(1), Just(q - 1), 0..q];
            let polynomial = prop::collection::vec(residue, n);
            (Just(plan), polynomial.clone(), polynomial)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn round_trips_and_linearity((plan, a, b) in plan_and_polynomials()) {
        let (mut x, mut y) = (a.clone(), b.clone());
        plan.forward(&mut x);
        plan.forward(&mut y);
        prop_assert!(x.iter().all(|&x| x < plan.modulus().value()));

        let (mut sum, mut expected) = (a.clone(), x.clone());
        plan.add_assign(&mut sum, &b);
        plan.forward(&mut sum);
        plan.add_assign(&mut expected, &y);
        prop_assert_eq!(&sum, &expected);

        plan.sub_assign(&mut sum, &y);
        plan.inverse(&mut sum);
        prop_assert_eq!(&sum, &a);

        let mut negative = a.clone();
        plan.negate(&mut negative);
        plan.scale_assign(&mut negative, plan.modulus().value() - 1);
        prop_assert_eq!(negative, a);
    }

    #[test]
    fn inner_products_are_sums_of_products(
        (plan, a, b) in plan_and_polynomials(),
        count in 0usize..=80,
    ) {
        let mut expected = vec![0; plan.n()];
        for _ in 0..count {
            plan.pointwise_mul_add(&mut expected, &a, &b);
        }
        let mut found = vec![1; plan.n()];
        plan.inner_product(&mut found, &vec![(&a[..], &b[..]); count]);
        prop_assert_eq!(&found, &expected);
        let (mut first, mut second) = (vec![1; plan.n()], vec![1; plan.n()]);
        plan.inner_products([&mut first, &mut second], &vec![(&a[..], [&b[..], &a[..]]); count]);
        prop_assert_eq!(&first, &expected);
    }
}
