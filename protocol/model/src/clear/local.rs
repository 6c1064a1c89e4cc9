//! Local nodes: what each party does with its own shares, and sliding windows.

use alloc::vec::Vec;

use crate::{Node, Scaled, Select, Shape, SumPool, Upsample, Window};

/// What a local node yields, modulo 2^32; `read` gives the shape and the values of a tensor, or one
/// party's shares of them, reduced modulo 2^32 too. A smaller ring Z_{2^k} reduces the result.
///
/// # Panics
///
/// If the node is not local, or a tensor has not the shape that a checked card gives it.
pub fn local<'a>(node: &Node, read: impl Fn(usize) -> (Shape, &'a [u32])) -> Vec<u32> {
    match node {
        Node::Sum(parts) => sum(parts, |tensor| read(tensor).1),
        Node::Concat(parts) => parts.iter().flat_map(|&part| read(part).1).copied().collect(),
        Node::Select(Select { input, channels }) => {
            let (shape, x) = read(*input);
            let map = |&channel: &u32| &x[channel as usize * shape.map_len()..][..shape.map_len()];
            channels.iter().flat_map(map).copied().collect()
        }
        Node::Upsample(upsample) => {
            let (shape, x) = read(upsample.input);
            upsample.copies(shape, x)
        }
        Node::SumPool(pool) => {
            let (shape, x) = read(pool.input);
            pool.sums(shape, x)
        }
        Node::Linear(_) | Node::Activation(_) => panic!("the node is not local"),
    }
}

fn sum<'a>(parts: &[Scaled], read: impl Fn(usize) -> &'a [u32]) -> Vec<u32> {
    let mut sums: Vec<u32> = Vec::new();
    for &Scaled { input, factor } in parts {
        let x = read(input);
        sums.resize(x.len(), 0);
        let scaled = x.iter().map(|x| x.wrapping_mul(factor as u32));
        sums.iter_mut().zip(scaled).for_each(|(sum, x)| *sum = sum.wrapping_add(x));
    }
    sums
}

impl Upsample {
    fn copies(&self, input: Shape, x: &[u32]) -> Vec<u32> {
        let mut y = Vec::with_capacity(x.len() * self.factor.cells());
        for row in x.chunks_exact(input.width) {
            for _ in 0..self.factor.height {
                let copies = |&x: &u32| core::iter::repeat_n(x, self.factor.width);
                y.extend(row.iter().flat_map(copies));
            }
        }
        y
    }
}

impl SumPool {
    fn sums(&self, input: Shape, x: &[u32]) -> Vec<u32> {
        let mut sums = pool(&self.window, x, input, 0, u32::wrapping_add);
        let [rows, columns] = self.factors(input).expect("checked windows have a divisor");
        for map in sums.chunks_exact_mut(rows.len() * columns.len()) {
            for (row, by_row) in map.chunks_exact_mut(columns.len()).zip(&rows) {
                let factors = columns.iter().map(|by_column| (by_row * by_column) as u32);
                row.iter_mut().zip(factors).for_each(|(sum, m)| *sum = sum.wrapping_mul(m));
            }
        }
        sums
    }
}

/// Folds `join` over the cells of each window of each map, beginning with `start`.
///
/// # Panics
///
/// If the window does not fit maps of `input`.
pub fn pool<T: Copy>(
    window: &Window,
    values: &[T],
    input: Shape,
    start: T,
    join: impl Fn(T, T) -> T,
) -> Vec<T> {
    let [rows, columns] = window.axes(input).expect("a checked window fits its map");
    let mut pooled = Vec::with_capacity(input.channels * rows.output * columns.output);
    for map in values.chunks_exact(input.map_len()) {
        for i in 0..rows.output {
            for j in 0..columns.output {
                let row = |r: usize| &map[r * input.width..][columns.cells(j)];
                pooled.push(rows.cells(i).flat_map(row).copied().fold(start, &join));
            }
        }
    }
    pooled
}
