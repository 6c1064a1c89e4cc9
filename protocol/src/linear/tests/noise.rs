use super::*;
use crate::he::{Answerer, Query};
use gazelle_ntt::prg::AesRng;

/// The linear layers of GAZELLE's network D and the widest of its CIFAR-10 network.
fn layers(rng: &mut ChaCha20Rng) -> Vec<(&'static str, Layer)> {
    vec![
        ("5×5, 1×28×28 → 16", Layer::conv((1, 16), 28, (5, 1, 0), rng)),
        ("5×5, 16×12×12 → 16", Layer::conv((16, 16), 12, (5, 1, 0), rng)),
        ("dense 256 → 100", Layer::dense(256, 100, rng)),
        ("dense 100 → 10", Layer::dense(100, 10, rng)),
        ("3×3, 64×32×32 → 64", Layer::conv((64, 64), 32, (3, 1, 1), rng)),
    ]
}

#[test]
fn measured_noise_is_under_its_bound() {
    let mut rng = rng(1);
    for (name, layer) in layers(&mut rng) {
        let plan = layer.plan();
        let format = plan.noise();
        let keys = SecretKey::generate(plan.parameters(), &mut rng);
        let mask = layer.random_values(plan.input_len(), &mut rng);
        let bytes = plan.encrypt(&mask, &keys.0, &mut rng).unwrap();
        let mut query = Query::new(plan.parameters(), plan.cost().queries);
        query.read(plan.parameters(), &bytes).unwrap();
        let weights = plan.prepare(&layer.weights).unwrap();
        let expected = layer.clear(&mask, &vec![0; layer.bias.len()]);
        let mut worst = 0;
        for index in 0..plan.cost().answers.min(4) {
            let (positions, places): (Vec<_>, Vec<_>) = plan.packing.results(index).unzip();
            let expected: Vec<u32> = places.iter().map(|&place: &usize| expected[place]).collect();
            let mut answerer = Answerer::new(&keys.1, format);
            answerer.draw(&mut AesRng::new(&[1; 16], index as u64));
            let (block, tile) = (index / plan.packing.tiles(), index % plan.packing.tiles());
            let mut product = Vec::new();
            plan.multiply(&query, tile, &[(block, weights.block(block))], &mut product);
            let noise = answerer.measure_noise(&keys.0, &mut product, &positions, &expected);
            worst = worst.max(noise.iter().map(|x| x.abs()).max().unwrap());
        }
        println!(
            "{name}: {}, {}; k = {}, m = {}, noise at most 2^{:.1} (bound 2^{:.1}, limit 2^{:.1}), {:?}",
            plan.parameters(),
            plan.layout(),
            plan.ring_bits(),
            format.c1_bits,
            (worst as f64).log2(),
            format.worst_noise.log2(),
            plan.parameters().q().log2() - f64::from(plan.ring_bits()) - 2.0,
            plan.cost(),
        );
        assert!(worst > 1000 && (worst as f64) < format.worst_noise);
    }
}
