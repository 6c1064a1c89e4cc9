//! The product of two polynomials modulo X^n + 1 and a prime.
//!
//! `cargo run --release -p gazelle-ntt --example polynomial_product`

use gazelle_ntt::{Error, Plan, prime};

fn main() -> Result<(), Error> {
    let n = 4096;
    let q = prime::ntt_primes_below(n, 47, 1)[0];
    let plan = Plan::try_new(n, q)?;

    // a = 1 + 2X and b = X^(n−1): their product is X^(n−1) + 2X^n = X^(n−1) − 2.
    let (mut a, mut b) = (vec![0; n], vec![0; n]);
    (a[0], a[1], b[n - 1]) = (1, 2, 1);

    plan.forward(&mut a);
    plan.forward(&mut b);
    let mut product = vec![0; n];
    plan.pointwise_mul(&mut product, &a, &b);
    plan.inverse(&mut product);

    assert_eq!((product[0], product[n - 1]), (q - 2, 1));
    assert!(product[1..n - 1].iter().all(|&c| c == 0));
    println!("(1 + 2X)·X^{} = X^{} − 2 modulo X^{n} + 1 and {q}", n - 1, n - 1);
    println!("backend: {}", plan.backend().name());
    Ok(())
}
