//! How much noise a result carries, and how few bits of c₁ leave both parties' roundings exact.
//!
//! A result is a coefficient of c = Σⱼ wⱼ·cⱼ + pk·u + (0, e′) (see [`super`]). In units of the
//! torus, where a residue c counts c/q modulo 1, the server holds A = c₀/q and the client
//! B = c₁·s/q, and
//!
//!   A + B ≡ m/2^k + N/q  (mod 1),   N = Σⱼ wⱼ·(eⱼ + εⱼ) + e·u + e′·s,
//!
//! m the result in Z_{2^k}, eⱼ the queries' errors and εⱼ the roundings of their encodings,
//! |ε| ≤ ½. (q/2^k·2^k ≡ 0, so a product over the integers need not be reduced.) A product with eⱼ
//! meets *every* coefficient of wⱼ; one with εⱼ meets only those of the result's own row, because
//! zero encodes exactly and the other rows meet zeros. With S ≥ Σⱼ‖wⱼ‖₁ and ρ the same for a row,
//! |e|, |e′| ≤ η and u, s ternary, *always*
//!
//!   |N| ≤ B_N = η·S + ρ/2 + 2·η·n.
//!
//! **Rounding.** The client knows c₁ rounded to m bits, so its B is wrong by δ·s/2^m, δ the rounding
//! errors. Each party rounds its part to k + 1 bits: s = ⌊2^(k+1)·A⌉ and y = ⌊2^(k+1)·B⌋.
//!
//! *Lemma.* If A + B ≡ m/2^k + ε (mod 1) and |ε| < ¼·2^−k, then (s + y + 1) >> 1 ≡ m mod 2^k.
//!
//! *Proof.* 2^(k+1)·A = s + α with α ∈ [−½, ½) and 2^(k+1)·B = y + β with β ∈ [0, 1), so
//! s + y − 2m ≡ 2^(k+1)·ε − α − β modulo 2^(k+1). The right side lies in (−½ − ½ − 1, ½ + ½) and is
//! an integer: −1 or 0. ∎
//!
//! So results are exact while
//!
//!   B_N/q + (T + 1)/2^m < ¼·2^−k
//!
//! where T bounds |δ·s| and the 1 covers the fixed-point fractions of both parties. c₁ is
//! pseudo-random given s (it holds a·u + e′), and for uniform c₁ the δᵢ are independent and uniform
//! on a symmetric grid in (−½, ½), because q is odd. Such a variable is a uniform one on [−½, ½]
//! minus an independent symmetric one, so its moment generating function is at most exp(x²/24),
//! and with ternary s: Pr[|δ·s| > T] ≤ 2·exp(−6T²/n). T = √(n/6·81·ln 2) makes that
//! 2^[`FAILURE_LOG2`] for each result. Nothing else about exactness is left to chance, and privacy
//! does not rest on any of this.

use super::Parameters;
use super::parameters::ETA;
use crate::error::Misuse;

/// log2 of the probability that one result is wrong, at most.
pub const FAILURE_LOG2: i32 = -80;

/// The public facts about a layer's weights that the noise depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// k.
    pub ring_bits: u32,
    /// ρ: the largest Σ|w| over one output's row.
    pub row_sum: f64,
    /// How many rows share an answer polynomial; S is this times ρ.
    pub rows: usize,
}

/// The format of a layer's answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// k.
    pub ring_bits: u32,
    /// m: bits of each of c₁'s n coefficients.
    pub c1_bits: u32,
    /// B_N: no noise is larger.
    pub worst_noise: f64,
}

impl Answer {
    /// The format with the fewest bits that is exact.
    ///
    /// # Errors
    /// [`Misuse::Layer`] if none is.
    pub fn choose(parameters: &Parameters, weights: &Weights) -> Result<Self, Misuse> {
        let ring_bits = weights.ring_bits;
        let worst_noise = worst_noise(parameters, weights);
        let rounding = rounding(parameters.n());
        // One part in 2^40 covers the rounding of q and of this arithmetic. No logarithms, so that
        // both parties decide alike on any machine.
        let quarter = power(-(ring_bits as i32) - 2) * (1.0 - power(-40));
        let room = quarter - worst_noise / parameters.q();
        let exact = |bits: &u32| room * power(*bits as i32) > rounding;
        match (ring_bits + 2..=parameters.max_c1_bits()).find(exact) {
            Some(c1_bits) => Ok(Self { ring_bits, c1_bits, worst_noise }),
            None => Err(Misuse::Layer(format!(
                "results modulo 2^{ring_bits} with a noise of up to 2^{:.1} are not exact with \
                 {parameters}; q would have to be above 2^{:.1}",
                worst_noise.log2(),
                worst_noise.log2() + f64::from(ring_bits) + 2.0
            ))),
        }
    }
}

/// B_N.
fn worst_noise(parameters: &Parameters, weights: &Weights) -> f64 {
    let eta = f64::from(ETA);
    let sum = weights.rows as f64 * weights.row_sum;
    eta * sum + 0.5 * weights.row_sum + 2.0 * eta * parameters.n() as f64
}

/// T + 1, in units of the last of m bits.
fn rounding(n: usize) -> f64 {
    let exponent = f64::from(1 - FAILURE_LOG2) * std::f64::consts::LN_2;
    (n as f64 / 6.0 * exponent).sqrt() + 1.0
}

/// 2^e.
fn power(e: i32) -> f64 {
    2f64.powi(e)
}
