//! How much noise a result carries, and how few bits of a hint and of a message leave it exact.
//!
//! With the names of [`super`], a result is the top of A + B ≡ Δ·m + N (mod q), Δ = 2^(λ−k),
//!
//!   N = Σᵢ wᵢ·(eᵢ + εᵢ) + u·(e_pk + ε_pk) + (e′ + δ)·s,
//!
//! ε the truncations of what the client sends, δ those of the hint. It is exact while |N| < Δ/4.
//! S₁ ≥ Σ|w| and S₂ ≥ Σw² over a row are public, |e|, |e′| ≤ η, u and s ternary, so *always*
//!
//!   |N| ≤ (η + 2^(d−1))·S₁ + (η + 2^(D−1))·n + (η + 2^(λ−κ−1))·n.
//!
//! [`Exactness::Always`] asks for that. [`Exactness::Overwhelming`] takes tails instead: a sum of
//! independent terms each sub-Gaussian with factor v and weighted by numbers of square norm W is
//! above c·√(v·W) with probability at most 2·2^−(π+1) = 2^−π for c² = 2·(π+1)·ln 2. The factors are η/2
//! for e (a sum of 2η signs of ½), ⅔ for a ternary s ((1 + 2·cosh x)/3 ≤ exp(x²/3)), 4^d/12 for ε about
//! its mean of ½ (uniform on a grid). The builder checks ‖e′ + δ‖² of each hint, so that the third
//! holds for *every* hint that exists, whoever made it. That ε is uniform is true of ring-LWE samples
//! up to a distinguisher's advantage. A result is wrong with probability at most 2^[`FAILURE_LOG2`].

use super::HintParameters;
use crate::error::Misuse;
use crate::he::parameters::ETA;

/// log2 of the probability that one result is wrong, at most: four tails of 2^−100.
pub const FAILURE_LOG2: i32 = -98;

/// c² of the tails: 2·101·ln 2.
const TAIL: f64 = 202.0 * std::f64::consts::LN_2;

/// D: low bits of the client's public keys that are not sent.
pub(crate) const KEY_DROPPED: u32 = 11;

/// ‖e′ + δ‖² may be this much above its mean: eleven standard deviations.
const NORM: f64 = 1.35;

/// κ − k: a hint's rounding takes about a quarter of the room, or 1/8, or 1/16; where it is bounded by
/// its worst case, up to half, and n = 4096 needs a bit more.
fn hint_bits(exactness: Exactness) -> std::ops::RangeInclusive<u32> {
    match exactness {
        Exactness::Overwhelming => 11..=13,
        Exactness::Always => 14..=17,
    }
}

/// When results may be wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exactness {
    /// With probability at most 2^[`FAILURE_LOG2`] each.
    #[default]
    Overwhelming = 0,
    /// Never, whatever the coins, also those of a party that chooses them badly within their range.
    Always = 1,
}

impl Exactness {
    /// The one of such a byte among the settings.
    pub(crate) fn of_byte(byte: u8) -> Option<Self> {
        [Self::Overwhelming, Self::Always].into_iter().find(|&e| e as u8 == byte)
    }
}

/// The public facts about a layer's weights that the noise depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// k.
    pub ring_bits: u32,
    /// S₁: the largest Σ|w| over the weights of a polynomial's outputs.
    pub sum: f64,
    /// S₂: the largest Σw² over them.
    pub squares: f64,
}

impl Row {
    /// Rows of so many outputs that share a polynomial: a result reads the coefficients that all of their
    /// weights multiply.
    pub(crate) fn times(&self, outputs: usize) -> Self {
        let factor = outputs as f64;
        Self { sum: self.sum * factor, squares: self.squares * factor, ..*self }
    }
}

/// A layer's parameters and the number of bits of all that is sent for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Format {
    /// n and λ.
    pub parameters: HintParameters,
    /// k.
    pub ring_bits: u32,
    /// κ: bits of a hint's coefficient.
    pub hint_bits: u32,
    /// d: low bits of a coefficient that the client does not send; at least 1.
    pub dropped: u32,
    /// What no noise is above, or none but with negligible probability.
    pub noise: f64,
}

impl Format {
    /// The first set of [`HintParameters::ladder`] that is exact, with the largest d.
    ///
    /// # Errors
    /// [`Misuse::Layer`] if none is.
    pub fn choose(row: &Row, exactness: Exactness) -> Result<Self, Misuse> {
        let mut refusal = Misuse::Layer("there are no parameters".into());
        for parameters in HintParameters::ladder() {
            match Self::with_parameters(&parameters, row, exactness) {
                Ok(format) => return Ok(format),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    /// The format of one set with the largest d, and of those the one with the smallest κ.
    ///
    /// # Errors
    /// [`Misuse::Layer`] if none is exact.
    pub fn with_parameters(
        parameters: &HintParameters,
        row: &Row,
        exactness: Exactness,
    ) -> Result<Self, Misuse> {
        let formats = Self::all_with_parameters(parameters, row, exactness);
        let best =
            formats.reduce(|best, next| if next.dropped > best.dropped { next } else { best });
        let (k, lambda) = (row.ring_bits, parameters.log2_q());
        best.ok_or_else(|| {
            let most = (k + hint_bits(exactness).end()).min(lambda);
            let least = noise(parameters, row, (most, 1), exactness);
            Misuse::Layer(format!(
                "results modulo 2^{k} with a noise of up to 2^{:.1} are not exact with {parameters}; \
                 q would have to be above 2^{:.1}",
                least.log2(),
                least.log2() + f64::from(k) + 2.0
            ))
        })
    }

    /// The exact formats of one set: for each κ that there is the one with the largest d.
    pub(crate) fn all_with_parameters(
        parameters: &HintParameters,
        row: &Row,
        exactness: Exactness,
    ) -> impl Iterator<Item = Self> {
        let (k, lambda) = (row.ring_bits, parameters.log2_q());
        let largest = move |hint_bits: u32| {
            let formats = (1..=lambda.saturating_sub(k + 2)).rev().map(|dropped| {
                let noise = noise(parameters, row, (hint_bits, dropped), exactness);
                Self { parameters: parameters.clone(), ring_bits: k, hint_bits, dropped, noise }
            });
            formats.into_iter().find(Self::is_exact)
        };
        hint_bits(exactness).map(move |more| (k + more).min(lambda)).filter_map(largest)
    }

    /// Whether the noise is below Δ/4. One part in 2^40 covers the rounding of this arithmetic, of which
    /// every step is exactly rounded: both parties decide alike on any machine.
    fn is_exact(&self) -> bool {
        self.noise < self.limit() * (1.0 - power(-40))
    }

    /// Δ/4: what the noise must be below.
    pub fn limit(&self) -> f64 {
        power(self.parameters.log2_q() as i32 - self.ring_bits as i32 - 2)
    }

    /// Bits of a coefficient that the client sends, of which k are not needed where it may choose the
    /// value that it encrypts.
    pub fn sent_bits(&self) -> u32 {
        self.parameters.log2_q() - self.dropped
    }

    /// The bits of a sent coefficient below its top k.
    pub fn digit_bits(&self) -> u32 {
        self.sent_bits() - self.ring_bits
    }

    /// A coefficient of the client's message as it is sent: c modulo q without its lowest d bits.
    pub fn truncate(&self, c: u64) -> u64 {
        (c & self.parameters.mask()) >> self.dropped
    }

    /// What rounds phases to halves.
    pub(crate) fn rounding(&self) -> Rounding {
        let dropped = self.parameters.log2_q() - self.ring_bits - 1;
        Rounding { mask: self.parameters.mask(), dropped }
    }

    /// What ‖e′ + δ‖² of a published polynomial is at most.
    pub(crate) fn largest_norm(&self) -> f64 {
        largest_norm(&self.parameters, self.hint_bits)
    }
}

/// How a phase modulo q becomes a half of k + 1 bits.
#[derive(Clone, Copy)]
pub(crate) struct Rounding {
    /// q − 1.
    mask: u64,
    dropped: u32,
}

impl Rounding {
    /// The client's half y of a result from its part B of the phase.
    #[inline(always)]
    pub(crate) fn client_half(self, phase: u64) -> u64 {
        (phase & self.mask) >> self.dropped
    }

    /// The server's half s of a result from its part A of the phase.
    #[inline(always)]
    pub(crate) fn server_half(self, phase: u64) -> u64 {
        (phase.wrapping_add(1 << (self.dropped - 1)) & self.mask) >> self.dropped
    }
}

fn largest_norm(parameters: &HintParameters, hint_bits: u32) -> f64 {
    let rounding = power(2 * (parameters.log2_q() - hint_bits) as i32) / 12.0;
    NORM * parameters.n() as f64 * (variance() + rounding)
}

/// Of e.
fn variance() -> f64 {
    f64::from(ETA) / 2.0
}

fn noise(
    parameters: &HintParameters,
    row: &Row,
    (hint_bits, dropped): (u32, u32),
    exactness: Exactness,
) -> f64 {
    let n = parameters.n() as f64;
    let unsent = power(dropped as i32);
    let key_unsent = power(KEY_DROPPED as i32);
    match exactness {
        Exactness::Always => {
            let eta = f64::from(ETA);
            let hint = power(parameters.log2_q() as i32 - hint_bits as i32 - 1);
            (eta + unsent / 2.0) * row.sum + (2.0 * eta + key_unsent / 2.0 + hint) * n
        }
        Exactness::Overwhelming => {
            let errors = variance() * (row.squares + n);
            let hint = largest_norm(parameters, hint_bits) * 2.0 / 3.0;
            let truncation = unsent * unsent * row.squares / 12.0;
            let key = key_unsent * key_unsent * n / 12.0;
            let tails = [errors, hint, truncation, key].map(|square| (TAIL * square).sqrt());
            // The means of ε: ½ for each weight and each coefficient of u.
            tails.iter().sum::<f64>() + (row.sum + n) / 2.0
        }
    }
}

/// 2^e.
fn power(e: i32) -> f64 {
    2f64.powi(e)
}
