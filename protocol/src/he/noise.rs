//! How much noise an answer carries, how much flood drowns it, and how few bits still decrypt.
//!
//! A result is a coefficient of Σⱼ wⱼ·cⱼ + pk·u + (0, e′) − ⌊q·t/2^k⌉ (see [`super`]). Before the
//! flood its phase differs from q/2^k·(result) by
//!
//!   N = Σⱼ wⱼ·eⱼ + Σⱼ wⱼ·εⱼ − ε + (e·u + e′·s)
//!
//! with eⱼ the queries' errors and εⱼ the rounding of their encodings, |ε| ≤ ½. A product with eⱼ
//! meets *every* coefficient of wⱼ; one with εⱼ meets only those of the result's own row, because
//! zero encodes exactly and the other rows meet zeros. With S ≥ Σⱼ‖wⱼ‖₁ and ρ the same for a row:
//!
//! * **worst case** |N| ≤ B = η·S + ρ/2 + ½ + 2·η·n, since |e|, |e′| ≤ η and u, s are ternary;
//! * **mean** E|N| ≤ √E N² and, the errors being independent of variance η/2 and the εⱼ pairwise
//!   independent of variance ≤ 1/12 + 4^−k and mean ≤ 2^−(k+1) (the masks are uniform),
//!   E N² ≤ (η/2 + 1/12 + 4^−k)·w_max·S + (2^−(k+1)·ρ)² + η/2·n·4/3, to which ½ is added for ε.
//!
//! **Flood.** A uniform flood over 2^b consecutive integers hides a shift N up to statistical
//! distance |N|/2^b; R results, jointly and given all that the client knows, up to R·E|N|/2^b.
//! Required: 2^(b−1) ≥ 2^40·B, and R·E|N|/2^b ≤ 2^−40 for the layer.
//!
//! **Decryption** of c₁ at m bits and c₀ at τ bits is exact while
//!
//!   2^m/q·(B + 2^(b−1)) + T + 2^(m−τ−1) + 1 < 2^(m−k−1)
//!
//! where T bounds δ·s, δ the rounding errors of c₁. c₁ is pseudo-random given s (it holds a·u + e′),
//! and for uniform c₁ the δᵢ are independent and uniform on a symmetric grid in (−½, ½), because q
//! is odd. Such a variable is a uniform one on [−½, ½] minus an independent symmetric one, so its
//! moment generating function is at most exp(x²/24), and with ternary s:
//! Pr[|δ·s| > T] ≤ 2·exp(−6T²/n). T = √(n/6·81·ln 2) makes that 2^−80 per result, below 2^−60 for
//! all that an inference reveals (up to 2^20 results). The 1 covers the fixed-point fractions.

use super::Parameters;
use super::parameters::ETA;
use crate::error::Misuse;

/// Flooding required beyond the noise, in bits.
pub const STATISTICAL_BITS: u32 = 40;

/// Extra bits of c₁ and c₀ beyond k that are tried.
const EXTRA_BITS: u32 = 16;

/// The widest flood that is sampled.
const MAX_FLOOD_BITS: i32 = 126;

/// The public facts about a layer's weights that the noise depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// k.
    pub ring_bits: u32,
    /// w_max: the largest |w|.
    pub largest: f64,
    /// ρ: the largest Σ|w| over one output's row.
    pub row_sum: f64,
    /// How many rows share an answer polynomial; S is this times ρ.
    pub rows: usize,
    /// R: results of the layer.
    pub results: usize,
    /// The most results in one answer polynomial.
    pub results_per_answer: usize,
}

/// The format of a layer's answers: what is added, and how many bits are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// k.
    pub ring_bits: u32,
    /// m: bits of each of c₁'s n coefficients.
    pub c1_bits: u32,
    /// τ: bits of each of c₀'s result coefficients.
    pub c0_bits: u32,
    /// b: the flood is uniform in [−2^(b−1), 2^(b−1)).
    pub flood_bits: u32,
    /// B: no noise is larger.
    pub worst_noise: f64,
    /// A bound on E|N|.
    pub mean_noise: f64,
    /// log2 of the statistical distance between a layer's answers and simulated ones.
    pub distance_log2: f64,
}

impl Answer {
    /// The format with the widest flood that decrypts, and among those the fewest bytes.
    ///
    /// # Errors
    /// [`Misuse::Layer`] if no format both decrypts and hides the noise.
    pub fn choose(parameters: &Parameters, weights: &Weights) -> Result<Self, Misuse> {
        let k = weights.ring_bits;
        let (worst_noise, mean_noise) =
            (worst_noise(parameters, weights), mean_noise(parameters, weights));
        let mut best: Option<(i32, std::cmp::Reverse<usize>, u32, u32)> = None;
        for c1_bits in k + 1..=(k + EXTRA_BITS).min(parameters.max_c1_bits()) {
            for c0_bits in k + 1..=c1_bits {
                let Some(flood_bits) = flood_bits(parameters, worst_noise, k, c1_bits, c0_bits)
                else {
                    continue;
                };
                let bits = parameters.n() * c1_bits as usize
                    + weights.results_per_answer * c0_bits as usize;
                best = best.max(Some((flood_bits, std::cmp::Reverse(bits), c1_bits, c0_bits)));
            }
        }
        let Some((flood_bits, _, c1_bits, c0_bits)) = best else {
            return Err(Misuse::Layer(format!(
                "answers modulo 2^{k} do not decrypt with {parameters}"
            )));
        };
        let distance = weights.results as f64 * mean_noise;
        let distance_log2 = distance.log2() - f64::from(flood_bits);
        let flood_bits = flood_bits as u32;
        let answer = Self {
            ring_bits: k,
            c1_bits,
            c0_bits,
            flood_bits,
            worst_noise,
            mean_noise,
            distance_log2,
        };
        // Compared without logarithms, so that both parties decide alike on any machine.
        let required = power(STATISTICAL_BITS as i32);
        if power(flood_bits as i32 - 1) < required * worst_noise
            || power(flood_bits as i32) < required * distance
        {
            return Err(Misuse::Layer(format!(
                "with {parameters} the flood exceeds the noise of answers modulo 2^{k} by {:.1} \
                 bits and leaves a statistical distance of 2^{distance_log2:.1}; both must be at \
                 least {STATISTICAL_BITS} bits",
                answer.flood_margin_log2()
            )));
        }
        Ok(answer)
    }

    /// log2 of the flood's bound over the worst noise.
    pub fn flood_margin_log2(&self) -> f64 {
        f64::from(self.flood_bits) - 1.0 - self.worst_noise.log2()
    }
}

/// B.
fn worst_noise(parameters: &Parameters, weights: &Weights) -> f64 {
    let eta = f64::from(ETA);
    let sum = weights.rows as f64 * weights.row_sum;
    eta * sum + 0.5 * (weights.row_sum + 1.0) + 2.0 * eta * parameters.n() as f64
}

/// A bound on E|N|.
fn mean_noise(parameters: &Parameters, weights: &Weights) -> f64 {
    let variance = 0.5 * f64::from(ETA);
    let step = power(-(weights.ring_bits as i32));
    let square_sum = weights.largest * weights.rows as f64 * weights.row_sum;
    let rounding_mean = 0.5 * step * weights.row_sum;
    let second_moment = (variance + 1.0 / 12.0 + step * step) * square_sum
        + rounding_mean * rounding_mean
        + variance * parameters.n() as f64 * (4.0 / 3.0);
    second_moment.sqrt() + 0.5
}

/// The largest b that decrypts, if any flood does.
fn flood_bits(
    parameters: &Parameters,
    worst: f64,
    k: u32,
    c1_bits: u32,
    c0_bits: u32,
) -> Option<i32> {
    let tail = (parameters.n() as f64 / 6.0 * 81.0 * std::f64::consts::LN_2).sqrt();
    let window =
        power((c1_bits - k) as i32 - 1) - tail - power((c1_bits - c0_bits) as i32 - 1) - 1.0;
    // One part in 2^40 covers the rounding of q and of this arithmetic.
    let room = window * (parameters.q() / power(c1_bits as i32)) * (1.0 - power(-40)) - worst;
    // The exponent of a finite number of at least 1 is ⌊log2⌋ of it.
    (room >= 1.0).then(|| ((room.to_bits() >> 52) as i32 - 1022).min(MAX_FLOOD_BITS))
}

/// 2^e.
fn power(e: i32) -> f64 {
    2f64.powi(e)
}
