//! Transforms and pointwise operations of every backend of this CPU:
//! `{ntt_forward,ntt_inverse,pointwise_mul,inner_product,inner_products}/<backend>/n<size>/q<bits>`.
//! An inner product has 16 pairs; `inner_products` are two that share their left factors.

mod transforms;

use criterion::{Criterion, criterion_group, criterion_main};

fn ntt(c: &mut Criterion) {
    transforms::run(c, transforms::gazelle);
}

criterion_group!(benches, ntt);
criterion_main!(benches);
