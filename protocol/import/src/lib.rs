#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod dataset;
mod error;
mod exact;
pub mod files;
mod float;
pub mod onnx;
mod quantise;
#[cfg(test)]
mod tests;
pub mod zoo;

pub use error::Error;
pub use exact::Exact;
pub use float::{
    Bend, FloatActivation, FloatFunction, FloatHead, FloatLinear, FloatNetwork, FloatNode,
    FloatTerm,
};
pub use gazelle_picture::{ImageFault, ImageForm, MAX_IMAGE_BYTES, Picture, decode_image};
pub use quantise::{
    ActivationChoice, Calibration, Choice, Quantised, Quantiser, Step, Watch, quantise,
};
