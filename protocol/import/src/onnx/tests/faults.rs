//! Every error, and what it says.

use super::build::{Builder, float, floats, int, ints, ramp, text, whole};
use crate::onnx::proto::{Attribute, Node, Tensor};
use crate::onnx::{ImageOptions, read};
use gazelle_model::{MAX_BLOCKS, Shape};

/// Asserts that the network is refused with an error that says `says`.
fn refused(network: Builder, says: &str) {
    let file = network.finish();
    let error = read("test", &file, &ImageOptions::default()).unwrap_err().to_string();
    assert!(error.contains(says), "{error}\ndoes not say: {says}");
}

fn map() -> Builder {
    Builder::reading(&[2, 4, 4])
}

fn node(op: &str, attributes: Vec<Attribute>, constants: &[Tensor]) -> Builder {
    map().then(op, attributes, constants)
}

#[test]
fn an_unknown_operator_is_named_with_what_is_known() {
    let says = "node `node 1` uses the operator LSTM, which is not supported; supported are Conv, ";
    refused(map().then("Relu", vec![], &[]).then("LSTM", vec![], &[]), says);
    let mut foreign = node("Relu", vec![], &[]);
    foreign.graph().node[0].domain = "com.microsoft".into();
    foreign.graph().node[0].name.clear();
    refused(foreign, "node `value 0` uses the operator com.microsoft.Relu, which is not");
    refused(node("Sigmoid", vec![], &[]), "the operator Sigmoid");
}

#[test]
fn variants_that_are_not_known() {
    let square = ints("kernel_shape", &[2, 2]);
    let kernel = ramp(&[1, 2, 3, 3]);
    let conv = |attribute| node("Conv", vec![attribute], std::slice::from_ref(&kernel));
    let pool = |attribute| node("MaxPool", vec![square.clone(), attribute], &[]);
    let average = |list: &[Attribute]| {
        node("AveragePool", [std::slice::from_ref(&square), list].concat(), &[])
    };
    let flat = || map().then("Flatten", vec![], &[]);
    refused(conv(ints("dilations", &[2, 2])), "node `node 0` (Conv): not supported: dilations");
    refused(conv(ints("strides", &[0, 1])), "strides [0, 1]");
    refused(conv(ints("strides", &[1])), "only maps of two dimensions");
    refused(conv(ints("pads", &[-1, 0, 0, 0])), "pads [-1, 0, 0, 0]");
    refused(conv(ints("pads", &[i64::MAX; 4])), "pads");
    refused(conv(text("auto_pad", "SOMEHOW")), "auto_pad SOMEHOW");
    refused(node("Conv", vec![], &[ramp(&[1, 2, 3])]), "only convolutions over two dimensions");
    refused(average(&[ints("pads", &[1; 4])]), "count_include_pad");
    refused(
        average(&[ints("strides", &[3, 3]), ints("pads", &[0; 4]), int("ceil_mode", 1)]),
        "partial windows",
    );
    refused(pool(ints("kernel_shape", &[5, 5])).then("MaxPool", vec![], &[]), "kernel_shape");
    refused(node("Clip", vec![float("min", -1.0)], &[]), "a lower bound other than 0");
    refused(
        node("Clip", vec![float("min", 0.0), float("max", f32::NAN)], &[]),
        "an upper bound that is not above 0",
    );
    refused(node("Cast", vec![int("to", 7)], &[]), "element type 7");
    refused(node("ReduceMean", vec![ints("axes", &[1])], &[]), "other axes than 2 and 3");
    refused(node("Flatten", vec![int("axis", 2)], &[]), "an axis other than 1");
    refused(node("Reshape", vec![], &[whole(&[1, 4, 8])]), "only to one vector per image");
    refused(flat().then("Softmax", vec![int("axis", 0)], &[]), "an axis other than the classes'");
    refused(flat().then("Gemm", vec![int("transA", 1)], &[ramp(&[32, 2])]), "transA");
    let statistics = [(); 4].map(|()| ramp(&[2]));
    let training = node("BatchNormalization", vec![int("training_mode", 1)], &statistics);
    refused(training, "call model.eval() before the export");
}

#[test]
fn shapes_that_do_not_fit() {
    let flat = || map().then("Flatten", vec![], &[]);
    refused(node("Conv", vec![], &[ramp(&[1, 3, 3, 3])]), "do not fit an input of 2 channels");
    refused(node("Conv", vec![int("group", 0)], &[ramp(&[1, 2, 3, 3])]), "0 groups do not fit");
    refused(node("Conv", vec![], &[ramp(&[1, 2, 5, 3])]), "a window of 5×3");
    refused(node("Conv", vec![], &[ramp(&[1, 2, 3, 3]), ramp(&[2])]), "2 biases for 1 outputs");
    let other = vec![ints("kernel_shape", &[2, 3])];
    refused(node("Conv", other, &[ramp(&[1, 2, 3, 3])]), "kernel_shape is not the weights' shape");
    refused(node("MatMul", vec![], &[ramp(&[4, 4])]), "put a Flatten before it");
    refused(flat().then("MatMul", vec![], &[ramp(&[31, 2])]), "takes 31 values, but 32 reach it");
    refused(flat().then("Conv", vec![], &[ramp(&[1, 2, 3, 3])]), "a vector reaches it");
    refused(node("Mul", vec![], &[ramp(&[4])]), "only one value, or one per channel");
    let statistics = [(); 4].map(|()| ramp(&[3]));
    refused(node("BatchNormalization", vec![], &statistics), "its parameters are not 2 values");
}

#[test]
fn inputs_that_are_missing_or_in_the_wrong_place() {
    refused(node("Conv", vec![], &[]), "its weights is missing");
    refused(node("MaxPool", vec![], &[]), "its kernel_shape is missing");
    refused(node("Reshape", vec![], &[]), "its target shape is missing");
    refused(node("Conv", vec![], &[whole(&[1])]), "weights of shape [1]");
    let constants = [ramp(&[1, 2, 1, 1])];
    let mut swapped = node("Conv", vec![], &constants);
    swapped.graph().node[0].input.reverse();
    refused(swapped, "(Conv):");
    let mut unmade = node("Relu", vec![], &[]);
    unmade.graph().node[0].input[0] = "nowhere".into();
    refused(unmade, "reads `nowhere`, which no node before it makes");
    let mut twice = node("Relu", vec![], &[]).then("Relu", vec![], &[]);
    twice.graph().node[1].output = vec!["value 0".into()];
    refused(twice, "makes `value 0`, which was made before");
}

#[test]
fn structures_that_the_protocol_cannot_express() {
    let kernel = [ramp(&[2, 2, 1, 1])];
    let conv = |network: Builder| network.then("Conv", vec![], &kernel);
    refused(conv(conv(map())), "follows the linear node `node 0` with no ReLU between them");
    let pool = |network: Builder, op| network.then(op, vec![ints("kernel_shape", &[2, 2])], &[]);
    refused(pool(conv(map()), "AveragePool"), "put a ReLU there, or the pooling before `node 0`");
    refused(pool(conv(map()), "MaxPool"), "ends in max pooling with no ReLU before it");
    let twice = pool(pool(conv(map()), "MaxPool"), "MaxPool");
    refused(twice, "follows another max pooling with no ReLU between");
    let less = || node("Sub", vec![], &[floats(&[], &[1.0])]);
    refused(pool(less(), "MaxPool"), "reads values that may be negative");
    let padded = less().then("Conv", vec![ints("pads", &[1; 4])], &kernel);
    refused(padded, "pads with zeros after a step that moves the zero");
    let negative = pool(conv(map()), "MaxPool").then("Mul", vec![], &[floats(&[], &[-1.0])]);
    refused(negative, "scales by a negative value after max pooling");
    let each = conv(map()).then("Flatten", vec![], &[]).then("Mul", vec![], &[ramp(&[32])]);
    refused(each, "scales a flattened convolution value by value");
    let after = node("Flatten", vec![], &[]).then("Softmax", vec![], &[]).then("Relu", vec![], &[]);
    refused(after, "follows `node 1` (Softmax), which must be last");
    let mut residual = node("Relu", vec![], &[]).then("Add", vec![], &[]);
    residual.graph().node[1].input.push("image".into());
    refused(residual, "branches, such as residual connections");
}

#[test]
fn what_the_network_reads_and_returns() {
    refused(map(), "the network has no operators");
    let mut outputs = node("Relu", vec![], &[]);
    let output = outputs.graph().input[0].clone();
    outputs.graph().output.push(output);
    refused(outputs, "the network has 2 outputs; export one that returns the class values alone");
    refused(Builder::reading(&[2, 4]).then("Relu", vec![], &[]), "it must be batch × channels");
    refused(Builder::reading(&[1, 0, 4]).then("Relu", vec![], &[]), "all but the batch fixed");
    refused(Builder::reading(&[1, 1 << 24, 1]).then("Relu", vec![], &[]), "is too large");
    refused(Builder::reading(&[9]).then("Relu", vec![], &[]), "state the image's shape");
    let mut two = node("Relu", vec![], &[]);
    let input = two.graph().input[0].clone();
    two.graph().input.push(input);
    refused(two, "the network has 2 inputs");
    let mut whole_numbers = node("Relu", vec![], &[]);
    let input = &mut whole_numbers.graph().input[0];
    input.r#type.as_mut().unwrap().tensor_type.as_mut().unwrap().elem_type = 7;
    refused(whole_numbers, "is not in 32-bit floating point");
    let mut untyped = node("Relu", vec![], &[]);
    untyped.graph().input[0].r#type = None;
    refused(untyped, "is not a tensor");
    let mut old = node("Relu", vec![], &[]);
    old.model.opset_import[0].version = 6;
    refused(old, "version 6 of ONNX's operators");
    let mut empty = map();
    empty.model.graph = None;
    let file = prost::Message::encode_to_vec(&empty.model);
    assert!(read("test", &file, &ImageOptions::default()).is_err());
    let shape = Some(Shape { channels: 1, height: 4, width: 4 });
    let options = ImageOptions { shape, ..ImageOptions::default() };
    let error = read("test", &node("Relu", vec![], &[]).finish(), &options).unwrap_err();
    assert!(error.to_string().contains("reads images of 2×4×4, not 1×4×4"), "{error}");
}

#[test]
fn image_options_are_checked() {
    let file = node("Relu", vec![], &[]).finish();
    let with = |mean: &[f64], std: &[f64]| {
        let options =
            ImageOptions { mean: mean.into(), std: std.into(), ..ImageOptions::default() };
        read("test", &file, &options).unwrap_err().to_string()
    };
    assert!(with(&[0.5; 3], &[]).contains("3 values of mean for 2 channels"));
    for std in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(with(&[], &[std]).contains("std above 0"), "{std}");
    }
    let options = ImageOptions { classes: vec!["one".into()], ..ImageOptions::default() };
    let error = read("test", &file, &options).unwrap_err().to_string();
    assert!(error.contains("1 class names for 32 outputs"), "{error}");
}

#[test]
fn constants_that_are_damaged_or_elsewhere() {
    let with = |tensor: Tensor| node("Conv", vec![], &[tensor]);
    let good = ramp(&[1, 2, 1, 1]);
    refused(with(Tensor { data_location: 1, ..good.clone() }), "external_data=False");
    refused(with(Tensor { data_type: 10, ..good.clone() }), "has element type 10");
    refused(with(Tensor { float_data: vec![1.0], ..good.clone() }), "has 1 values instead of 2");
    for dims in [vec![-1, 2], vec![1 << 62, 1 << 62], vec![0, 1 << 62], vec![1 << 29]] {
        refused(with(Tensor { dims, ..good.clone() }), "has the impossible shape");
    }
    let raw = Tensor { float_data: vec![], raw_data: vec![0; 9], ..good.clone() };
    refused(with(raw), "the file is damaged");
    refused(with(Tensor { dims: vec![0, 2, 1, 1], float_data: vec![], ..good }), "(Conv)");
    let infinite = floats(&[1, 2, 1, 1], &[f32::INFINITY, 0.0]);
    assert!(read("test", &with(infinite).finish(), &ImageOptions::default()).is_err());
}

/// Small files whose networks would be large.
#[test]
fn nothing_grows_without_bound() {
    let mut doubling = map();
    doubling.graph().initializer.push(Tensor { name: "double 0".into(), ..whole(&[1]) });
    for i in 0..40 {
        let input = vec![format!("double {i}"); 2];
        let output = vec![format!("double {}", i + 1)];
        let node = Node { input, output, op_type: "Concat".into(), ..Node::default() };
        doubling.graph().node.push(node);
    }
    refused(doubling, "other than shapes, of up to 64 whole numbers");

    let padded = vec![ints("pads", &[4096; 4])];
    refused(node("Conv", padded, &[ramp(&[2, 2, 1, 1])]), "too large");

    let window = || vec![ints("kernel_shape", &[1, 1])];
    let deep =
        (0..=MAX_BLOCKS + 1).fold(map(), |network, _| network.then("MaxPool", window(), &[]));
    refused(deep, "one too many");
}

/// Every cut and every changed byte gives a network or an error.
#[test]
fn damaged_files_never_panic() {
    let file = map()
        .then("Conv", vec![ints("pads", &[1; 4])], &[ramp(&[2, 2, 3, 3]), ramp(&[2])])
        .then("Relu", vec![], &[])
        .then("MaxPool", vec![ints("kernel_shape", &[2, 2])], &[])
        .then("Reshape", vec![], &[whole(&[0, -1])])
        .dense(18, 3)
        .finish();
    let options = ImageOptions::default();
    assert!(read("test", &file, &options).is_ok());
    for len in 0..file.len() {
        let _ = read("test", &file[..len], &options);
        for flip in [1, 2, 8, 0x80, 0xff] {
            let mut damaged = file.clone();
            damaged[len] ^= flip;
            let _ = read("test", &damaged, &options);
        }
    }
    assert!(read("test", b"not ONNX", &options).is_err());
}
