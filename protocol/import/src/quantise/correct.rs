//! Biases that keep every mean.

use gazelle_model::{Block, Network, Node, Shape};
use rayon::prelude::*;

use crate::Error;
use crate::exact::{Exact, add_biases};

/// The fewest images whose means tell rounding from chance.
pub(super) const LEAST_IMAGES: usize = 16;
/// The largest bias.
const MAX_BIAS: i64 = 1 << 30;

/// What the sums of one linear node stand for.
pub(super) struct Meaning {
    /// What a sum of a real 1 is: one for all channels, or one for each.
    pub(super) per_unit: Vec<f64>,
    /// What is added so that a shift rounds: one for all channels, or one for each.
    pub(super) halves: Vec<i32>,
}

/// Changes the biases, one linear node after another, so that on `images` each channel's sums have
/// the mean that they have in floating point, `means[tensor]`: what rounding and clipping did before
/// is undone in the mean. (Nagel et al., ICCV 2019, section 4.2, with measured means.) Returns the
/// network and the values that its head reads for the images. With few images biases stay. `watch` is
/// told how many nodes are done, and of how many.
pub(super) fn correct(
    network: Network,
    meanings: &[Meaning],
    means: &[Vec<f64>],
    images: &[&Vec<u8>],
    watch: impl Fn(usize, usize),
) -> Result<(Network, Vec<Vec<i32>>), Error> {
    let exact = Exact::new(&network)?;
    let (card, mut blocks) = (network.card(), network.blocks().to_vec());
    let pixels = |image: &&Vec<u8>| image.iter().map(|&pixel| pixel.into()).collect();
    let mut tensors: Vec<Vec<Vec<u32>>> = vec![images.iter().map(pixels).collect()];
    let mut linear_nodes = 0..;
    for (i, node) in card.nodes.iter().enumerate() {
        let linear = matches!(node, Node::Linear(_)).then(|| linear_nodes.next()).flatten();
        let of_image = |image| exact.node(node, linear, |tensor| &tensors[tensor][image]);
        let mut values: Vec<Vec<u32>> = (0..images.len()).into_par_iter().map(of_image).collect();
        if let Some(n) = linear {
            values.par_iter_mut().for_each(|values| add_biases(values, &blocks[n].bias));
            if images.len() >= LEAST_IMAGES {
                let shape = exact.tensors()[i + 1].shape;
                let missing = missing(&values, shape, &meanings[n], &means[i + 1]);
                add(&mut blocks[n], &mut values, &missing);
            }
        }
        tensors.push(values);
        watch(i + 1, card.nodes.len());
        for input in node.inputs().filter(|&input| exact.is_last(input, i)) {
            tensors[input] = Vec::new();
        }
    }
    let signed = |y: Vec<u32>| y.into_iter().map(|y| y as i32).collect();
    let logits = std::mem::take(&mut tensors[card.head.input]).into_iter().map(signed).collect();
    Ok((Network::with_least_sum_bits(card.clone(), blocks)?, logits))
}

/// What each channel's sums lack to their mean.
fn missing(values: &[Vec<u32>], shape: Shape, meaning: &Meaning, means: &[f64]) -> Vec<i32> {
    let len = shape.map_len();
    let missing = |(c, mean): (usize, &f64)| {
        let sum_of = |map: &[u32]| map.iter().map(|&y| i64::from(y as i32)).sum::<i64>();
        let sum: i64 = values.iter().map(|values| sum_of(&values[c * len..][..len])).sum();
        let of = |list: &[f64]| list[if list.len() == 1 { 0 } else { c }];
        let half = meaning.halves[if meaning.halves.len() == 1 { 0 } else { c }];
        let expected = mean * of(&meaning.per_unit) + f64::from(half);
        (expected - sum as f64 / (len * values.len()) as f64).round() as i32
    };
    means.par_iter().enumerate().map(missing).collect()
}

/// Adds what is missing to biases and sums.
fn add(block: &mut Block, values: &mut [Vec<u32>], missing: &[i32]) {
    let run = block.bias.len() / missing.len();
    let mut added = missing.to_vec();
    for (biases, added) in block.bias.chunks_exact_mut(run).zip(&mut added) {
        let sum = |bias: i32, more: i32| i64::from(bias) + i64::from(more);
        if biases.iter().any(|&bias| sum(bias, *added).abs() > MAX_BIAS) {
            *added = 0;
        }
        biases.iter_mut().for_each(|bias| *bias += *added);
    }
    values.par_iter_mut().for_each(|values| {
        let len = values.len() / added.len();
        for (map, &added) in values.chunks_exact_mut(len).zip(&added) {
            map.iter_mut().for_each(|y| *y = y.wrapping_add(added as u32));
        }
    });
}
