//! Weights become integers whose sums stay.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};
use rayon::prelude::*;

use super::moments::Covariance;

/// The cells of kernels whose weights are rounded at once.
pub(super) const LINES: usize = 256;
/// How many times all weights of a row are looked at, at most.
const PASSES: usize = 4;
/// How far a weight may move from its exact value: this part of the largest integer, and [`STEPS`] at least.
/// Covariances know directions in which sums hardly vary, along which weights would drift without end.
const REACH: f64 = 1.0 / 64.0;
/// See [`REACH`].
const STEPS: f64 = 2.0;

/// Weights as integers.
pub(super) struct Rounded {
    pub(super) weights: Vec<i16>,
    /// Of each row.
    pub(super) powers: Vec<Powers>,
}

/// What the sums of a row vary by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Powers {
    /// The variance of the exact sums.
    pub(super) signal: f64,
    /// What rounding the weights adds.
    pub(super) noise: f64,
    /// What inputs add that are independent, each with variance 1.
    pub(super) white: f64,
}

impl Powers {
    pub(super) fn add(&mut self, other: &Self) {
        self.signal += other.signal;
        self.noise += other.noise;
        self.white += other.white;
    }
}

/// The integers between −`largest` and `largest` of the `exact` weights of rows of `row` weights with
/// kernels of `cells` each, all of whose inputs have the `covariance`. Each kernel is rounded by itself
/// ([`kernel`]); then one weight after another goes to the integer that leaves the least noise in the
/// sums beside all others, as long as that becomes less. (Behdin et al., "QuantEase:
/// Optimization-based Quantization for Language Models", 2023: coordinate descent.)
/// Without a covariance, kernels are all that is looked at, as if inputs were independent.
pub(super) fn rows(
    exact: &[f64],
    [row, cells]: [usize; 2],
    largest: f64,
    covariance: Option<&Covariance>,
) -> Rounded {
    let mut rounded = vec![0f64; exact.len()];
    rounded.par_chunks_mut(row).zip(exact.par_chunks(row)).for_each(|(rounded, exact)| {
        let kernels = rounded.chunks_exact_mut(cells).zip(exact.chunks_exact(cells));
        kernels.for_each(|(rounded, exact)| kernel(exact, largest, rounded));
    });
    let powers = match covariance {
        Some(covariance) => descend(&mut rounded, exact, row, largest, covariance),
        None => exact.chunks_exact(row).zip(rounded.chunks_exact(row)).map(independent).collect(),
    };
    Rounded { weights: rounded.into_par_iter().map(|w| w as i16).collect(), powers }
}

fn squares(exact: &[f64]) -> f64 {
    exact.iter().map(|w| w * w).sum()
}

/// What the sums of a row vary by if its inputs are independent.
fn independent((exact, rounded): (&[f64], &[f64])) -> Powers {
    let noise = exact.iter().zip(rounded).map(|(w, r)| (w - r) * (w - r)).sum();
    Powers { signal: squares(exact), noise, white: squares(exact) }
}

fn errors(rounded: &[f64], exact: &[f64]) -> Vec<f64> {
    rounded.iter().zip(exact).map(|(r, w)| r - w).collect()
}

/// Moves the weights of all rows; what their sums vary by in the end.
fn descend(
    rounded: &mut [f64],
    exact: &[f64],
    row: usize,
    largest: f64,
    covariance: &Covariance,
) -> Vec<Powers> {
    let mut gradients = covariance.times(&errors(rounded, exact), row);
    let responses = covariance.times(exact, row);
    let rows = rounded.par_chunks_exact_mut(row).zip(gradients.par_chunks_exact_mut(row));
    let exact = exact.par_chunks_exact(row).zip(responses.par_chunks_exact(row));
    let powers = rows.zip(exact).map(|((rounded, gradients), (exact, response))| {
        covariance.descend(rounded, gradients, exact, largest);
        let noise = covariance.dot(&errors(rounded, exact), gradients);
        Powers { signal: covariance.dot(exact, response), noise, white: squares(exact) }
    });
    powers.collect()
}

impl Covariance {
    /// Moves the weights of a row. `gradients` are the covariance times its errors, `cells × depth`: half
    /// the gradient of the noise.
    fn descend(&self, rounded: &mut [f64], gradients: &mut [f32], exact: &[f64], largest: f64) {
        let Self { depth, channels, cells: correlations } = self;
        let (depth, cells) = (*depth, rounded.len() / self.depth);
        let reach = (REACH * largest).max(STEPS);
        for _ in 0..PASSES {
            let mut moved = false;
            let kernels = rounded.chunks_exact_mut(cells).zip(exact.chunks_exact(cells));
            for (c, (kernel, exact)) in kernels.enumerate() {
                let column = &channels[c * depth..][..depth];
                for (u, (weight, exact)) in kernel.iter_mut().zip(exact).enumerate() {
                    let correlations = &correlations[u * cells..][..cells];
                    let curvature = column[c] * correlations[u];
                    let gradient = gradients[u * depth + c];
                    if gradient.abs() * 2.0 <= curvature * 1.001 {
                        continue;
                    }
                    let target = *weight - f64::from(gradient / curvature);
                    let target = target.clamp(exact - reach, exact + reach).round();
                    let target = target.clamp(-largest, largest);
                    let step = (target - *weight) as f32;
                    if step == 0.0 || !step.is_finite() {
                        continue;
                    }
                    (*weight, moved) = (target, true);
                    for (gradients, correlation) in
                        gradients.chunks_exact_mut(depth).zip(correlations)
                    {
                        let step = step * correlation;
                        gradients.iter_mut().zip(column).for_each(|(g, c)| *g += step * c);
                    }
                }
            }
            if !moved {
                break;
            }
        }
    }

    /// The covariance times each row, `rows × cells × depth`.
    fn times(&self, rows: &[f64], row: usize) -> Vec<f32> {
        let (depth, cells) = (self.depth, row / self.depth);
        // Of each row a line for each cell: what correlates with it, by channels.
        let mut lines = vec![0f32; rows.len()];
        for (row, lines) in rows.chunks_exact(row).zip(lines.chunks_exact_mut(row)) {
            for (v, line) in lines.chunks_exact_mut(depth).enumerate() {
                let correlations = &self.cells[v * cells..][..cells];
                for (x, kernel) in line.iter_mut().zip(row.chunks_exact(cells)) {
                    let products = kernel.iter().zip(correlations);
                    *x = products.map(|(w, &c)| *w as f32 * c).sum();
                }
            }
        }
        let mut product = vec![0f32; rows.len()];
        let shape = (rows.len() / depth, depth);
        let lines = ArrayView2::from_shape(shape, &lines).expect("lines of a channel each");
        let channels = ArrayView2::from_shape((depth, depth), &self.channels).expect("a square");
        let mut out = ArrayViewMut2::from_shape(shape, &mut product).expect("as many");
        general_mat_mul(1.0, &lines, &channels, 0.0, &mut out);
        product
    }

    /// The sum of the products of a row and of what [`Covariance::times`] gives for one.
    fn dot(&self, row: &[f64], response: &[f32]) -> f64 {
        let kernels = row.chunks_exact(row.len() / self.depth).enumerate();
        let cells = kernels.flat_map(|(c, kernel)| {
            kernel.iter().enumerate().map(move |(u, w)| w * f64::from(response[u * self.depth + c]))
        });
        cells.sum()
    }
}

/// The integers, between −`largest` and `largest`, of the weights with which an output channel reads
/// one channel. Neighbouring values of a map are much alike, so that errors which add up to nothing
/// leave little noise: the weights that are nearest to their other integer go there, until the sum of
/// the errors is at most one half. (Guo et al., "SQuant: On-the-Fly Data-Free Quantization via
/// Diagonal Hessian Approximation", ICLR 2022, within kernels.)
fn kernel(exact: &[f64], largest: f64, rounded: &mut [f64]) {
    let mut sum = 0.0;
    for (r, w) in rounded.iter_mut().zip(exact) {
        *r = w.round().clamp(-largest, largest);
        sum += *r - w;
    }
    let (step, count) = (-f64::signum(sum), sum.abs().round() as usize);
    if count > 0 {
        let errors = errors(rounded, exact);
        let movable = |&i: &usize| errors[i] * step < 0.0 && (rounded[i] + step).abs() <= largest;
        let mut order: Vec<usize> = (0..exact.len()).filter(movable).collect();
        order.sort_by(|&a, &b| errors[b].abs().total_cmp(&errors[a].abs()));
        order.iter().take(count).for_each(|&i| rounded[i] += step);
    }
}

#[cfg(test)]
mod tests {
    use super::{Covariance, rows};

    fn kernel(exact: &[f64], largest: f64) -> Vec<f64> {
        let mut rounded = vec![0.0; exact.len()];
        super::kernel(exact, largest, &mut rounded);
        rounded
    }

    /// Values of one sign that go together: errors of one sign add up, and those of both cancel.
    fn alike(depth: usize, cells: usize) -> Covariance {
        let of = |count: usize, next: f32| -> Vec<f32> {
            let at = |i: usize| next.powi((i / count).abs_diff(i % count) as i32);
            (0..count * count).map(at).collect()
        };
        Covariance { depth, channels: of(depth, 0.9), cells: of(cells, 0.8) }
    }

    /// The definition: Σ e·C·R·e over all pairs of weights.
    fn noise(errors: &[f64], covariance: &Covariance) -> f64 {
        let (depth, cells) = (covariance.depth, errors.len() / covariance.depth);
        let pair = |i: usize, j: usize| {
            let channels = covariance.channels[i / cells * depth + j / cells];
            let both = channels * covariance.cells[i % cells * cells + j % cells];
            errors[i] * errors[j] * f64::from(both)
        };
        (0..errors.len()).flat_map(|i| (0..errors.len()).map(move |j| pair(i, j))).sum()
    }

    #[test]
    fn rows_have_the_noise_that_is_told_and_less_than_kernels_by_themselves() {
        let (depth, cells, count) = (12, 9, 40);
        let covariance = alike(depth, cells);
        let row = depth * cells;
        let weight = |i: usize| (i * 7919 % 10_007) as f64 / 400.0 - 12.5;
        let exact: Vec<f64> = (0..row * count).map(weight).collect();
        let rounded = rows(&exact, [row, cells], 12.0, Some(&covariance));
        let alone = rows(&exact, [row, cells], 12.0, None);
        let [mut less, mut more] = [0.0, 0.0];
        for r in 0..count {
            let errors = |of: &super::Rounded| -> Vec<f64> {
                let own = of.weights[r * row..][..row].iter().zip(&exact[r * row..]);
                own.map(|(&w, exact)| f64::from(w) - exact).collect()
            };
            let own = noise(&errors(&rounded), &covariance);
            let told = rounded.powers[r].noise;
            assert!((own - told).abs() < 1e-3 * own + 1e-3, "{own} {told}");
            let signal = noise(&exact[r * row..][..row], &covariance);
            assert!((signal / rounded.powers[r].signal - 1.0).abs() < 1e-3);
            (less, more) = (less + own, more + noise(&errors(&alone), &covariance));
        }
        assert!(less * 2.0 < more, "{less} {more}");
        assert!(rounded.weights.iter().all(|w| w.abs() <= 12));
    }

    /// What few images tell need not be the covariance of anything: here every step asks for a larger one.
    #[test]
    fn weights_stay_near_their_values_whatever_the_covariance() {
        let covariance =
            Covariance { depth: 2, channels: vec![1.0, 3.0, 3.0, 1.0], cells: vec![1.0] };
        for (largest, reach) in [(12.0, 2.5), (127.0, 2.5), (32767.0, 512.5)] {
            let exact = [largest / 3.0 + 0.4, largest / 5.0 + 0.3];
            let rounded = rows(&exact, [2, 1], largest, Some(&covariance)).weights;
            let far = |(&w, exact): (&i16, f64)| (f64::from(w) - exact).abs();
            let far = rounded.iter().zip(exact).map(far).fold(0.0, f64::max);
            assert!(1.0 < far && far <= reach, "{rounded:?} of {exact:?}");
        }
    }

    /// No weight that moves alone leaves less.
    #[test]
    fn no_step_leaves_less_noise() {
        let covariance = alike(3, 2);
        for seed in 0..20 {
            let exact: Vec<f64> =
                (0..6).map(|i| ((seed * 31 + i * 17) % 97) as f64 / 9.7).collect();
            let rounded = rows(&exact, [6, 2], 100.0, Some(&covariance)).weights;
            let of = |steps: [i32; 6]| {
                let error = |i: usize| f64::from(i32::from(rounded[i]) + steps[i]) - exact[i];
                noise(&(0..6).map(error).collect::<Vec<_>>(), &covariance)
            };
            let all = (0..3i32.pow(6)).map(|n| [0, 1, 2, 3, 4, 5].map(|i| n / 3i32.pow(i) % 3 - 1));
            let single = all.filter(|steps| steps.iter().filter(|&&s| s != 0).count() == 1);
            let own = of([0; 6]);
            assert!(single.map(of).all(|other| own <= other * 1.01 + 1e-4), "{exact:?}");
        }
    }

    #[test]
    fn errors_of_a_kernel_add_up_to_at_most_a_half() {
        assert_eq!(kernel(&[0.45, 0.4, 0.3, -0.2], 127.0), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(kernel(&[-0.45, -0.4, -0.3, 0.2], 127.0), [-1.0, 0.0, 0.0, 0.0]);
        assert_eq!(kernel(&[2.6, 1.6, 0.6, 3.7], 127.0), [3.0, 2.0, 0.0, 4.0]);
        // One that has no place to go stays.
        assert_eq!(kernel(&[7.45, 0.4, 0.3], 7.0), [7.0, 1.0, 0.0]);
        assert_eq!(kernel(&[3.3], 7.0), [3.0]);
        let weights: Vec<f64> = (0..25).map(|i| f64::from(i * i % 37) * 0.37 - 6.0).collect();
        let rounded = kernel(&weights, 127.0);
        let errors: Vec<f64> = rounded.iter().zip(&weights).map(|(r, w)| r - w).collect();
        assert!(errors.iter().sum::<f64>().abs() <= 0.5 + 1e-9, "{errors:?}");
        assert!(errors.iter().all(|e| e.abs() < 1.0) && rounded.iter().all(|r| r.fract() == 0.0));
    }
}
