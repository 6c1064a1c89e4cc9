//! What to do about an operator that import does not know.

use super::fault::OnnxFault;
use super::graph::{name, operator};
use super::proto::Node;

/// The operators that import knows, for messages.
const SUPPORTED: &str = "Conv, Gemm, MatMul, BatchNormalization, Add, Sub, Mul, Div and Sum, Relu, \
     Clip, Min, Max, LeakyRelu, PRelu, HardSwish, Swish, Gelu, Elu, Selu, Celu, Mish, Softplus, \
     Sigmoid, HardSigmoid and Tanh, \
     MaxPool, AveragePool, GlobalMaxPool, GlobalAveragePool, ReduceMean and ReduceMax over the map, \
     Pad with zeros, Concat, Split, Slice and Gather of channels, Reshape, Flatten, Squeeze, \
     Unsqueeze and Transpose, Dropout, Identity, Cast, a final Softmax, LogSoftmax, Sigmoid, ArgMax \
     or TopK, and computations on constants";

pub(super) fn unknown(node: &Node) -> OnnxFault {
    let operator = operator(node);
    match advice(&operator) {
        Some(advice) => OnnxFault::Replace { node: name(node), operator, advice },
        None => OnnxFault::Operator { node: name(node), operator, supported: SUPPORTED },
    }
}

fn advice(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "LRN" => "local response normalisation; train with batch normalisation, or leave it out",
        "LayerNormalization"
        | "GroupNormalization"
        | "InstanceNormalization"
        | "MeanVarianceNormalization"
        | "RMSNormalization"
        | "LpNormalization" => {
            "a normalisation by what the image gives; train with batch normalisation"
        }
        "LSTM" | "GRU" | "RNN" | "Scan" | "Loop" | "If" => {
            "recurrence or control flow; use a convolutional network"
        }
        "Attention" | "MultiHeadAttention" | "Einsum" => "attention; use a convolutional network",
        "Softmax" | "LogSoftmax" => {
            "a Softmax that is not the last step, as attention has; use a convolutional network"
        }
        "ConvTranspose" => "a transposed convolution; upsample by copies and convolve",
        "Resize" | "Upsample" => "resizing in the network; resize the picture before",
        "GatherND" | "GatherElements" | "ScatterND" | "ScatterElements" => {
            "a choice of single values, as adaptive pooling whose windows differ in size is exported; \
             use a pooling with a fixed window"
        }
        "Softsign" | "Erf" => {
            "an activation that is not computed privately; train with ReLU, SiLU, GELU or ELU"
        }
        "QuantizeLinear"
        | "DequantizeLinear"
        | "QLinearConv"
        | "QLinearMatMul"
        | "ConvInteger"
        | "DynamicQuantizeLinear"
        | "MatMulInteger" => {
            "a quantised network; import the one in floating point that it was made of"
        }
        _ => return None,
    })
}
