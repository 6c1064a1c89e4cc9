//! Every backend against the scalar one: every size and prime class, inputs at the edges.

use gazelle_ntt::{Plan, VectorBackend, prime};

/// Residues at the edges of [0, q) and between.
fn inputs(n: usize, q: u64) -> Vec<Vec<u64>> {
    let mix = |i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) % q;
    let kinds: [&dyn Fn(u64) -> u64; 7] = [
        &|_| 0,
        &|_| 1,
        &|_| q - 1,
        &|i| (q - 1) * (i & 1),
        &|i| (q - 1) * (i >> 1 & 1),
        &|i| i % 251 % q,
        &mix,
    ];
    kinds.iter().map(|f| (0..n as u64).map(f).collect()).collect()
}

/// What a lazy transform leaves of `input`: in its range, then reduced.
fn reduced(plan: &Plan, lazy: fn(&Plan, &mut [u64]), input: &[u64]) -> Vec<u64> {
    let mut a = input.to_vec();
    lazy(plan, &mut a);
    assert!(a.iter().all(|&x| x < 2 * plan.modulus().value()), "{plan:?}");
    plan.reduce(&mut a);
    a
}

#[test]
fn lazy_transforms_agree_when_reduced() {
    for bits in [20, 46, 47, 48, 50, 51, 61, 62] {
        for n in (3..=12).map(|log_n| 1 << log_n) {
            let Some(&q) = prime::ntt_primes_below(n, bits, 1).first() else { continue };
            for backend in VectorBackend::available() {
                let plan = Plan::with_backend(n, q, backend).unwrap();
                for (kind, input) in inputs(n, q).into_iter().enumerate() {
                    let id = format!("{} n {n} q {q} input {kind}", backend.name());
                    let (mut forward, mut inverse) = (input.clone(), input.clone());
                    plan.forward(&mut forward);
                    plan.inverse(&mut inverse);
                    assert!(reduced(&plan, Plan::forward_lazy, &input) == forward, "forward {id}");
                    assert!(reduced(&plan, Plan::inverse_lazy, &input) == inverse, "inverse {id}");
                }
            }
        }
    }
}

#[test]
fn transforms_agree_with_the_scalar_ones() {
    let slow = cfg!(debug_assertions) || cfg!(target_arch = "wasm32");
    let largest = if slow { 13 } else { 17 };
    for bits in [20, 30, 32, 45, 46, 47, 48, 49, 50, 51, 52, 55, 60, 61, 62] {
        for n in (3..=largest).map(|log_n| 1 << log_n) {
            let Some(&q) = prime::ntt_primes_below(n, bits, 1).first() else { continue };
            let scalar = Plan::with_backend(n, q, VectorBackend::SCALAR).unwrap();
            for backend in VectorBackend::available().into_iter().skip(1) {
                let plan = Plan::with_backend(n, q, backend).unwrap();
                for (kind, input) in inputs(n, q).into_iter().enumerate() {
                    let id = format!("{} n {n} q {q} input {kind}", backend.name());
                    let (mut expected, mut found) = (input.clone(), input.clone());
                    scalar.forward(&mut expected);
                    plan.forward(&mut found);
                    assert!(found == expected, "forward {id}");
                    plan.inverse(&mut found);
                    assert!(found == input, "inverse {id}");
                    let (mut expected, mut found) = (input.clone(), input);
                    scalar.inverse(&mut expected);
                    plan.inverse(&mut found);
                    assert!(found == expected, "inverse of any {id}");
                }
            }
        }
    }
}
