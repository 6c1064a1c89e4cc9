//! Why something from outside cannot be read, or cannot become integers.

use std::path::Path;

use gazelle_model::{CardFault, ModelError};
use gazelle_picture::ImageFault;

use crate::dataset::DatasetFault;
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
    /// A data set cannot be read.
    #[error(transparent)]
    Dataset(#[from] DatasetFault),
    /// What a file or folder holds is not what it must be.
    #[error("{path}: {fault}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        fault: Box<Error>,
    },
    /// A weight in floating point is not a number.
    #[error("{node}: a weight is infinite or not a number; train the network again")]
    NotFinite {
        /// Where it stands in the file that the network came from.
        node: String,
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

impl Error {
    /// The error with the file or folder that it is about, unless it names it already.
    pub fn in_file(self, path: impl AsRef<Path>) -> Self {
        match self {
            Self::Io { .. } | Self::FileTooLarge { .. } | Self::File { .. } => self,
            _ => Self::File { path: path.as_ref().display().to_string(), fault: Box::new(self) },
        }
    }
}

impl From<CardFault> for Error {
    fn from(fault: CardFault) -> Self {
        Self::Model(fault.into())
    }
}
