//! Why an ONNX file cannot be imported.

/// Why an ONNX file cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxFault {
    /// The bytes are not an ONNX model.
    #[error("this is not an ONNX file, or it is damaged: {0}")]
    Encoding(String),
    /// Weights lie in a file beside the model.
    #[error(
        "the values of `{tensor}` lie in another file, which is not beside the model; export the \
         network again with `torch.onnx.export(..., external_data=False)`"
    )]
    ExternalData {
        /// The tensor's name.
        tensor: String,
    },
    /// A constant cannot be read.
    #[error("the tensor `{tensor}` {what}")]
    Tensor {
        /// The tensor's name.
        tensor: String,
        /// What is wrong with it.
        what: String,
    },
    /// The network's inputs or outputs are not one image and one vector of class values.
    #[error("{0}")]
    Interface(String),
    /// An operator that import does not know.
    #[error(
        "node `{node}` uses the operator {operator}, which is not supported; supported are {supported}"
    )]
    Operator {
        /// The node's name, or its output if it has none.
        node: String,
        /// Its operator, with its domain if that is not ONNX's own.
        operator: String,
        /// What import knows.
        supported: &'static str,
    },
    /// An operator that cannot be computed, and what to use instead.
    #[error("node `{node}` ({operator}) is {advice}")]
    Replace {
        /// The node's name, or its output if it has none.
        node: String,
        /// Its operator.
        operator: String,
        /// What it is, and what to do.
        advice: &'static str,
    },
    /// A node that import knows, used in a way that it does not.
    #[error("node `{node}` ({operator}): {fault}")]
    Node {
        /// The node's name, or its output if it has none.
        node: String,
        /// Its operator.
        operator: String,
        /// What is wrong.
        fault: NodeFault,
    },
}

/// What is wrong with a node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NodeFault {
    /// A variant of the operator that import does not know.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// An input or an attribute is missing or is not a constant.
    #[error("its {0} is missing or is not a constant of the expected kind")]
    Missing(&'static str),
    /// The shapes do not fit.
    #[error("{0}")]
    Shape(String),
    /// The order of operators is one that the protocol cannot express.
    #[error("{0}")]
    Structure(String),
}
