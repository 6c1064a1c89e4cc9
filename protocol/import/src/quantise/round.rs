//! Weights become integers whose sums stay.

/// The integers, between −`largest` and `largest`, of the weights with which an output channel reads
/// one channel. Neighbouring values of a map are much alike, so that errors which add up to nothing
/// leave little noise: the weights that are nearest to their other integer go there, until the sum of
/// the errors is at most one half. (Guo et al., "SQuant: On-the-Fly Data-Free Quantization via
/// Diagonal Hessian Approximation", ICLR 2022, within kernels.)
pub(super) fn kernel(exact: &[f64], largest: f64) -> Vec<f64> {
    let mut rounded: Vec<f64> = exact.iter().map(|w| w.round().clamp(-largest, largest)).collect();
    let errors: Vec<f64> = rounded.iter().zip(exact).map(|(r, w)| r - w).collect();
    let sum: f64 = errors.iter().sum();
    let (step, count) = (-sum.signum(), sum.abs().round() as usize);
    if count > 0 {
        let movable = |&i: &usize| errors[i] * step < 0.0 && (rounded[i] + step).abs() <= largest;
        let mut order: Vec<usize> = (0..exact.len()).filter(movable).collect();
        order.sort_by(|&a, &b| errors[b].abs().total_cmp(&errors[a].abs()));
        order.iter().take(count).for_each(|&i| rounded[i] += step);
    }
    rounded
}

#[cfg(test)]
mod tests {
    use super::kernel;

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
