//! The functions that activations compute, on real numbers.

use core::f32::consts::{LN_2, PI};

/// A function of one value.
#[derive(Clone, Debug, PartialEq)]
pub enum FloatFunction {
    /// min(max(x, least), most); either bound may be infinite.
    Clamp {
        /// The smallest result, at most 0.
        least: f32,
        /// The largest result, at least 0.
        most: f32,
    },
    /// x above 0 and slope·x below: a slope for all channels or one for each, 0 to 1.
    Leaky {
        /// The slopes.
        slopes: Vec<f32>,
    },
    /// x·min(max(x + 3, 0), 6) / 6.
    HardSwish,
    /// x / (1 + e^−x).
    Silu,
    /// x·Φ(x), Φ the normal distribution.
    Gelu,
    /// x·(1 + tanh(√(2/π)·(x + 0.044715·x³))) / 2.
    GeluTanh,
    /// 1 / (1 + e^−x).
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// max(x, 0) less the even part of a [`Bend`]; with the odd part beside it, all of the function.
    LessEvenPart(Bend),
    /// Less the odd part of a [`Bend`].
    LessOddPart(Bend),
}

/// A function as what max(x, 0) exceeds it by, g(x) = max(x, 0) − f(x), whose limits on either side are
/// constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bend {
    /// ELU: x above 0 and α·(e^x − 1) below.
    Elu {
        /// α, above 0.
        alpha: f32,
    },
    /// Mish: x·tanh(ln(1 + e^x)).
    Mish,
    /// Softplus less its value at 0: ln(1 + e^x) − ln 2.
    Softplus,
}

impl Bend {
    /// g(x).
    fn at(self, x: f32) -> f32 {
        match self {
            Self::Elu { alpha } => -alpha * x.min(0.0).exp_m1(),
            Self::Mish => {
                // tanh(ln(1 + e)) = (e² + 2e) / (e² + 2e + 2); 1 less it is 2 over the same.
                let e = (-x.abs()).exp();
                match x >= 0.0 {
                    true => 2.0 * x * e * e / (1.0 + 2.0 * e + 2.0 * e * e),
                    false => -x * (e * e + 2.0 * e) / (e * e + 2.0 * e + 2.0),
                }
            }
            Self::Softplus => LN_2 - (-x.abs()).exp().ln_1p(),
        }
    }

    /// (g(x) + g(−x)) / 2.
    fn even(self, x: f32) -> f32 {
        (self.at(x) + self.at(-x)) / 2.0
    }

    /// (g(x) − g(−x)) / 2: at most 0 for x ≥ 0.
    fn odd(self, x: f32) -> f32 {
        (self.at(x) - self.at(-x)) / 2.0
    }

    /// Whether g has no odd part.
    pub(crate) fn is_even(self) -> bool {
        self == Self::Softplus
    }
}

impl FloatFunction {
    /// max(x, 0).
    pub const RELU: Self = Self::Clamp { least: 0.0, most: f32::INFINITY };
    /// x itself.
    pub const IDENTITY: Self = Self::Clamp { least: f32::NEG_INFINITY, most: f32::INFINITY };

    /// The function's value for `x` of a channel.
    pub fn apply(&self, x: f32, channel: usize) -> f32 {
        match self {
            Self::Clamp { least, most } => x.max(*least).min(*most),
            Self::Leaky { slopes } if x < 0.0 => {
                x * slopes[if slopes.len() == 1 { 0 } else { channel }]
            }
            Self::Leaky { .. } => x,
            Self::HardSwish | Self::Silu | Self::Gelu | Self::GeluTanh | Self::LessEvenPart(_) => {
                x.max(0.0) - self.bump(x.abs())
            }
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Tanh => x.tanh(),
            Self::LessOddPart(bend) => -bend.odd(x),
        }
    }

    /// g in f(x) = max(x, 0) − g(|x|), of x ≥ 0; 0 for functions that are none of these.
    pub(crate) fn bump(&self, x: f32) -> f32 {
        match self {
            Self::HardSwish => x * (3.0 - x).max(0.0) / 6.0,
            Self::Silu => x / (1.0 + x.exp()),
            Self::Gelu => x * normal_tail(x.into()) as f32,
            Self::GeluTanh => {
                let inner = (2.0 / PI).sqrt() * (x + 0.044715 * x * x * x);
                // (1 − tanh u) / 2, without the difference of near numbers.
                x / (1.0 + (2.0 * inner).exp())
            }
            Self::LessEvenPart(bend) => bend.even(x),
            _ => 0.0,
        }
    }

    /// Where the bump, or the distance to the function's limit, is next to nothing.
    pub(crate) fn bound(&self) -> f64 {
        match self {
            Self::HardSwish => 3.0,
            Self::Gelu | Self::GeluTanh => 4.0,
            Self::Tanh => 3.5,
            Self::LessEvenPart(Bend::Elu { .. }) => 5.0,
            Self::LessEvenPart(Bend::Softplus) => 6.0,
            _ => 7.0,
        }
    }
}

/// 1 − Φ(x) for x ≥ 0. With the fraction of Abramowitz and Stegun, Handbook of Mathematical
/// Functions, 26.2.17: the error is under 7.5·10^−8.
fn normal_tail(x: f64) -> f64 {
    const B: [f64; 5] = [0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429];
    let t = 1.0 / (1.0 + 0.2316419 * x);
    let density = (-x * x / 2.0).exp() / (2.0 * core::f64::consts::PI).sqrt();
    density * B.iter().rev().fold(0.0, |sum, b| (sum + b) * t)
}
