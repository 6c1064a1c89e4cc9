//! How a picture becomes the image that a network reads: the client's part of a model.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{CardFault, MAX_SIDE, Shape};

/// From a picture to the image, the same on every client.
///
/// The image's values are the picture's 8-bit pixels: what a network was trained to do with them
/// (scaling, mean and deviation) is folded into its first linear map, whose [`crate::Bias::Map`]
/// makes that exact where the map pads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Preprocessing {
    /// From the picture's size to the image's.
    pub resize: Resize,
    /// What the image's channels are.
    pub colours: Colours,
    /// What a pixel stands for; `None` for the pixel itself.
    pub normalisation: Option<Normalisation>,
}

/// From a picture's size to the image's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Resize {
    /// The picture has the image's size; others are refused.
    #[default]
    Exact,
    /// The whole picture is scaled to the image's size, whatever its proportions.
    Stretch,
    /// The picture is scaled until its short side has this many pixels; the image is its centre.
    ShortSide(u16),
}

/// What an image's channels are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Colours {
    /// Those of the picture: one of grey, or red, green and blue.
    #[default]
    Stored,
    /// One channel of grey, also of a colour picture.
    Grey,
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// What a pixel x of channel c stands for in the trained network: (x / unit − mean_c) / std_c.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Normalisation {
    /// What a pixel is divided by.
    pub unit: PixelUnit,
    /// The mean of each channel, in units of 2^−16.
    pub mean: Vec<i32>,
    /// The standard deviation of each channel, in units of 2^−16; above 0.
    pub std: Vec<u32>,
}

/// What a pixel is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PixelUnit {
    /// 255: pixels are 0 to 1.
    #[default]
    Full,
    /// 1: pixels are 0 to 255.
    Step,
}

impl Preprocessing {
    /// Checks that it can yield an image of shape `input`.
    pub(crate) fn check(&self, input: Shape) -> Result<(), CardFault> {
        let fault = |part| Err(CardFault::Preprocessing { part });
        let channels = match self.colours {
            Colours::Stored => input.channels,
            Colours::Grey => 1,
            Colours::Rgb | Colours::Bgr => 3,
        };
        if channels != input.channels {
            return fault("colours");
        }
        if let Resize::ShortSide(side) = self.resize {
            let side = usize::from(side);
            if side < input.height.max(input.width) || side > MAX_SIDE {
                return fault("resizing");
            }
        }
        match &self.normalisation {
            Some(Normalisation { mean, std, .. })
                if mean.len() != channels || std.len() != channels || std.contains(&0) =>
            {
                fault("normalisation")
            }
            _ => Ok(()),
        }
    }
}
