//! Why something from outside cannot be read, or cannot become integers.

use gazelle_model::{CardFault, ModelError};

use crate::image::ImageFault;
use crate::onnx::OnnxFault;

/// The error of this crate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The model, or an image for it, is not what it must be.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// An ONNX file cannot be imported.
    #[error(transparent)]
    Onnx(#[from] OnnxFault),
    /// A picture cannot be read.
    #[error(transparent)]
    Image(#[from] ImageFault),
    /// A weight in floating point is not a number.
    #[error("block {block} has a weight that is infinite or not a number; train the network again")]
    NotFinite {
        /// The block, from 0.
        block: usize,
    },
    /// There are no images to measure activations on.
    #[error("there are no calibration images; give some that are like those to be classified")]
    NoImages,
    /// A layer cannot be quantised.
    #[error("{node}: {what}")]
    Quantise {
        /// Where it stands in the file that the network came from.
        node: String,
        /// What is wrong and what to do.
        what: &'static str,
    },
    /// A file cannot be read or written.
    #[error("cannot {action} {path}: {reason}")]
    Io {
        /// "read" or "write".
        action: &'static str,
        /// The file.
        path: String,
        /// What the operating system says.
        reason: String,
    },
    /// A file is longer than any that makes sense.
    #[error("{path} has more than {cap} bytes, the most that is read; give another file")]
    FileTooLarge {
        /// The file.
        path: String,
        /// The most bytes.
        cap: usize,
    },
}

impl From<CardFault> for Error {
    fn from(fault: CardFault) -> Self {
        Self::Model(fault.into())
    }
}
