//! Which programs the nodes of a card are, and on which values they run.

use std::collections::BTreeMap;
use std::ops::Range;

use gazelle_garble::Program;

use super::GarbledPlan;
use super::plan::Lanes;
use crate::model::{ActivationNode, Function, Head, HeadNode, Shape, Tensor, Window};

impl GarbledPlan {
    /// An activation that reads tensor `input` and yields tensor `output`.
    pub fn of_node(node: &ActivationNode, input: Tensor, output: Tensor) -> Self {
        let mut order = Vec::with_capacity(output.shape.len());
        let mut programs: Vec<(Program, Range<usize>)> = Vec::new();
        let mut offsets = vec![0; input.shape.len()];
        let (read, map) = (input.shape.map_len(), output.shape.map_len());
        for (program, channels) in by_channel(node, input.shape.channels, output.ring_bits) {
            let first = order.len();
            for channel in channels {
                order.extend((channel * map..(channel + 1) * map).map(|place| place as u32));
                offsets[channel * read..][..read].fill(program.input_offset());
            }
            programs.push((program, first..order.len()));
        }
        let sources = match node.max_pool {
            None => order.clone(),
            Some(window) => {
                let sources = windows(&window, input.shape, output.shape);
                let reorder = |sources: &[u32]| -> Vec<u32> {
                    order.iter().map(|&place| sources[place as usize]).collect()
                };
                sources.chunks_exact(order.len()).flat_map(reorder).collect()
            }
        };
        Self::new(programs, Lanes { sources, places: order, offsets })
    }

    /// The head, which reads tensor `input`.
    pub fn of_head(head: &HeadNode, input: Tensor) -> Self {
        let (ring_bits, values) = (head.sum_bits + 1, input.shape.len());
        let classes = values;
        let mut offsets = vec![0; values];
        let (program, instances) = match head.head {
            Head::Class => (Program::Argmax { ring_bits, classes }, 1),
            Head::Top(places) => (Program::TopK { ring_bits, classes, places: places as usize }, 1),
            Head::Confidence(bounds) => (Program::Confidence { ring_bits, classes, bounds }, 1),
            Head::Values => (Program::Reveal { ring_bits }, values),
            Head::Thresholds(ref least) => {
                offsets = least.iter().map(|t| t.wrapping_neg() as u32).collect();
                (Program::NonNegative { ring_bits }, values)
            }
        };
        let sources = (0..values as u32).collect();
        let places = (0..head.head.results(values) as u32).collect();
        Self::new(vec![(program, 0..instances)], Lanes { sources, places, offsets })
    }
}

/// The program of each channel: what drops as many bits and has the same slope is one program, and
/// runs on its channels together.
fn by_channel(
    node: &ActivationNode,
    channels: usize,
    out_ring_bits: u32,
) -> impl Iterator<Item = (Program, Vec<usize>)> {
    let mut groups: BTreeMap<(u32, u16), Vec<usize>> = BTreeMap::new();
    for channel in 0..channels {
        let slope = match &node.function {
            Function::Leaky { slopes, .. } => slopes[if slopes.len() == 1 { 0 } else { channel }],
            _ => 0,
        };
        groups.entry((node.shift.of(channel), slope)).or_default().push(channel);
    }
    groups.into_iter().map(move |((shift, slope), channels)| {
        (program(node, shift, slope.into(), out_ring_bits), channels)
    })
}

fn program(node: &ActivationNode, shift: u32, slope: u32, out_ring_bits: u32) -> Program {
    let ring_bits = node.sum_bits + 1;
    let window = node.max_pool.map_or(1, |window| window.kernel.cells());
    match node.function {
        Function::RELU => Program::Relu { ring_bits, shift, window, out_ring_bits },
        Function::Clamp { least, most } => {
            let (least, most) = (least.into(), most.into());
            Program::Clamp { ring_bits, shift, window, least, most, out_ring_bits }
        }
        Function::Leaky { slope_shift, least, most, .. } => {
            let (least, most) = (least.into(), most.into());
            Program::Leaky {
                ring_bits,
                shift,
                window,
                slope,
                slope_shift,
                least,
                most,
                out_ring_bits,
            }
        }
        Function::ReluMinusTable { ref table, step } => {
            let index_shift = shift.wrapping_add_signed(step.into());
            let table = table.clone();
            Program::ReluMinusTable { ring_bits, shift, index_shift, table, out_ring_bits }
        }
        Function::Odd { ref table, centre } => {
            let (table, centre) = (table.clone(), centre.into());
            Program::Odd { ring_bits, shift, table, centre, out_ring_bits }
        }
    }
}

/// The places of a pooling window's sums, window position after window position. Where
/// padding clips a window, one of its own sums stands in for each missing one: a maximum does not
/// change when a value is repeated.
fn windows(window: &Window, input: Shape, output: Shape) -> Vec<u32> {
    let Window { kernel, stride, padding } = *window;
    // The cell of the map at step `i` and position `u`, moved into the map if it is outside: the
    // window touches the map, so the moved cell belongs to it.
    let cell = |i: usize, u: usize, stride: usize, before: usize, size: usize| {
        (i * stride + u).saturating_sub(before).min(size - 1)
    };
    let mut sources = Vec::with_capacity(kernel.height * kernel.width * output.len());
    for u in 0..kernel.height {
        for v in 0..kernel.width {
            for c in 0..output.channels {
                for i in 0..output.height {
                    let row = cell(i, u, stride.height, padding.top, input.height);
                    for j in 0..output.width {
                        let column = cell(j, v, stride.width, padding.left, input.width);
                        sources.push(((c * input.height + row) * input.width + column) as u32);
                    }
                }
            }
        }
    }
    sources
}
