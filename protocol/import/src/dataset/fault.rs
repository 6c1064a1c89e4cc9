//! What can be wrong with a data set.

use gazelle_model::Shape;

/// What is wrong with a data set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetFault {
    /// There are no images.
    #[error("no images in it; those that are read are PNG and JPEG files, or IDX files")]
    Empty,
    /// There are too many images.
    #[error("more than {0} images; give fewer")]
    TooMany(usize),
    /// There are not as many labels as images.
    #[error("{images} images but {labels} labels")]
    Counts {
        /// How many images.
        images: usize,
        /// How many labels.
        labels: usize,
    },
    /// A class has no folder.
    #[error(
        "no folder `{class}` or `{label}` in it; give a folder for each class, or an IDX file and \
         --labels"
    )]
    Folder {
        /// The class's name.
        class: String,
        /// Its number.
        label: usize,
    },
    /// The images have another shape than the model reads.
    #[error("its values are {sizes:?}; the model reads images of {expected}")]
    Sizes {
        /// The file's sizes.
        sizes: Vec<usize>,
        /// What the model reads.
        expected: Shape,
    },
    /// A label is none of the model's.
    #[error("it has the label {label}, but the model tells {classes} classes apart")]
    Label {
        /// The label.
        label: usize,
        /// How many classes there are.
        classes: usize,
    },
    /// An IDX file that should hold labels holds something else.
    #[error("it holds no labels")]
    NoLabels,
    /// The file is no IDX file of bytes.
    #[error("this is not an IDX file of bytes")]
    NotIdx,
    /// The file ends within its header.
    #[error("the file is cut off")]
    Truncated,
    /// The file is longer or shorter than its header says.
    #[error("it has more or fewer values than its header says")]
    Length,
    /// The file is packed by gzip and does not unpack.
    #[error("it does not unpack: {reason}")]
    Packed {
        /// What the decoder says.
        reason: String,
    },
}
