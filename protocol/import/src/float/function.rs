//! The functions that activations compute, on real numbers.

use core::f32::consts::PI;

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
            Self::HardSwish | Self::Silu | Self::Gelu | Self::GeluTanh => {
                x.max(0.0) - self.bump(x.abs())
            }
            Self::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Self::Tanh => x.tanh(),
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
            _ => 0.0,
        }
    }

    /// Where the bump, or the distance to the function's limit, is next to nothing.
    pub(crate) fn bound(&self) -> f64 {
        match self {
            Self::HardSwish => 3.0,
            Self::Gelu | Self::GeluTanh => 4.0,
            Self::Tanh => 3.5,
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
