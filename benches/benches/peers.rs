//! The bench `ntt` with public crates beside Gazelle's backends, in one process and on the same
//! inputs. tfhe-ntt's inverse leaves out the factor 1/n: its `ntt_inverse` is that and `normalize`,
//! `ntt_inverse_unscaled` that alone.
//!
//! `tfhe-ntt` is that crate with default features, `tfhe-ntt-avx2` the same without its AVX-512
//! (`cargo bench --bench peers --no-default-features`). Where q is below 2^32 it is its 32-bit plan.

mod transforms;

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use transforms::{Aligned, Contestant, Input};

const TFHE_NTT: &str = if cfg!(feature = "tfhe-ntt-avx512") { "tfhe-ntt" } else { "tfhe-ntt-avx2" };

/// tfhe-ntt's 64-bit or 32-bit plan.
macro_rules! tfhe_ntt {
    ($input:expr, $plan:path, $word:ty) => {{
        let input = $input;
        let narrow = |a: &[u64]| Aligned::new(a.iter().map(|&x| x as $word));
        let plan = || <$plan>::try_new(input.n, input.q as $word).expect("a prime of this size");
        let (forward, inverse, unscaled, mul, sum) = (plan(), plan(), plan(), plan(), plan());
        let left: Vec<_> = input.left.iter().map(|a| narrow(a)).collect();
        let right: Vec<_> = input.right.iter().map(|b| narrow(b)).collect();
        let (mut a, mut b, mut c) = (left[0].clone(), left[0].clone(), left[0].clone());
        let (mut d, factor, mut sums) =
            (left[0].clone(), right[0].clone(), Aligned::zeros(input.n));
        Contestant {
            name: TFHE_NTT.into(),
            forward: Box::new(move || forward.fwd(black_box(&mut a))),
            inverse: Box::new(move || {
                inverse.inv(black_box(&mut b));
                inverse.normalize(black_box(&mut b));
            }),
            inverse_unscaled: Some(Box::new(move || unscaled.inv(black_box(&mut c)))),
            pointwise_mul: Box::new(move || mul.mul_assign_normalize(black_box(&mut d), &factor)),
            inner_product: Box::new(move || {
                sums.fill(0);
                for (a, b) in left.iter().zip(&right) {
                    sum.mul_accumulate(black_box(&mut sums), a, b);
                }
            }),
            inner_products: None,
        }
    }};
}

fn fhe_math(input: &Input) -> Contestant<'_> {
    let q = fhe_math::zq::Modulus::new(input.q).expect("below 2^62");
    let operator = fhe_math::ntt::NttOperator::new(&q, input.n).expect("a prime of this size");
    let (forward, inverse, mul, sum) = (operator.clone(), operator, q.clone(), q);
    let (mut a, mut b) = (input.left[0].clone(), input.left[0].clone());
    let (mut c, mut d, mut product) = (a.clone(), Aligned::zeros(input.n), Aligned::zeros(input.n));
    Contestant {
        name: "fhe-math".into(),
        forward: Box::new(move || forward.forward(black_box(&mut a))),
        inverse: Box::new(move || inverse.backward(black_box(&mut b))),
        inverse_unscaled: None,
        pointwise_mul: Box::new(move || mul.mul_vec(black_box(&mut c), &input.right[0])),
        inner_product: Box::new(move || {
            d.fill(0);
            for (a, b) in input.left.iter().zip(&input.right) {
                product.copy_from_slice(a);
                sum.mul_vec(black_box(&mut product), b);
                sum.add_vec(black_box(&mut d), &product);
            }
        }),
        inner_products: None,
    }
}

fn contestants(input: &Input) -> Vec<Contestant<'_>> {
    let mut all = transforms::gazelle(input);
    all.push(if input.q < 1 << 32 {
        tfhe_ntt!(input, tfhe_ntt::prime32::Plan, u32)
    } else {
        tfhe_ntt!(input, tfhe_ntt::prime64::Plan, u64)
    });
    all.push(fhe_math(input));
    all
}

fn peers(c: &mut Criterion) {
    println!("{TFHE_NTT} 0.7.1, fhe-math 0.1.1");
    transforms::run(c, contestants);
}

criterion_group!(benches, peers);
criterion_main!(benches);
