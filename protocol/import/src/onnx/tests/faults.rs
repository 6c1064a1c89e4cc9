//! Every error, and what it says.

use super::build::{Builder, float, floats, int, ints, ramp, text, whole};
use crate::onnx::proto::{Attribute, Node, Tensor};
use crate::onnx::{ImageOptions, read};
use gazelle_model::{Colours, Resize, Shape};

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
    let says = "node `node 1` uses the operator Det, which is not supported; supported are Conv, ";
    refused(map().then("Relu", vec![], &[]).then("Det", vec![], &[]), says);
    for (operator, says) in [
        ("LSTM", "use a convolutional network"),
        ("LRN", "batch normalisation"),
        ("LayerNormalization", "batch normalisation"),
        ("GroupNormalization", "batch normalisation"),
        ("InstanceNormalization", "batch normalisation"),
        ("Attention", "use a convolutional network"),
        ("Resize", "resize the picture before"),
        ("ConvTranspose", "upsample by copies"),
        ("GatherND", "adaptive pooling whose windows differ in size"),
        ("Softsign", "train with ReLU"),
        ("QuantizeLinear", "import the one in floating point"),
    ] {
        refused(node(operator, vec![], &[]), says);
    }
    let mut foreign = node("Relu", vec![], &[]);
    foreign.graph().node[0].domain = "com.microsoft".into();
    foreign.graph().node[0].name.clear();
    refused(foreign, "node `value 0` uses the operator com.microsoft.Relu, which is not");
    refused(node("Sinh", vec![], &[]), "the operator Sinh");
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
    refused(conv(ints("dilations", &[2, 2])), "node `node 0` (Conv): a window of 5×5");
    refused(pool(ints("dilations", &[2, 2])), "pooling with dilations");
    refused(conv(ints("strides", &[0, 1])), "strides [0, 1]");
    refused(conv(ints("strides", &[1])), "only maps of two dimensions");
    refused(conv(ints("pads", &[-1, 0, 0, 0])), "pads [-1, 0, 0, 0]");
    refused(conv(ints("pads", &[i64::MAX; 4])), "pads");
    refused(conv(text("auto_pad", "SOMEHOW")), "auto_pad SOMEHOW");
    refused(node("Conv", vec![], &[ramp(&[1, 2, 3])]), "only convolutions over rows and columns");
    refused(average(&[ints("pads", &[2; 4])]), "windows that do not fit");
    refused(pool(ints("kernel_shape", &[5, 5])).then("MaxPool", vec![], &[]), "kernel_shape");
    refused(node("Clip", vec![float("min", 1.0), float("max", 0.5)], &[]), "leave nothing");
    refused(
        node("Clip", vec![float("min", 0.0), float("max", f32::NAN)], &[]),
        "which leave nothing",
    );
    refused(node("Cast", vec![int("to", 7)], &[]).then("Relu", vec![], &[]), "element type 7");
    refused(
        node("ReduceMean", vec![ints("axes", &[1])], &[]),
        "other axes than the rows and columns",
    );
    refused(node("Reshape", vec![], &[whole(&[1, 5, 8])]), "cannot be rearranged like this");
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
    refused(node("MatMul", vec![], &[ramp(&[4, 4])]), "use a Flatten or a convolution");
    refused(flat().then("MatMul", vec![], &[ramp(&[31, 2])]), "takes 31 values, but 32 reach it");
    refused(
        flat().then("Conv", vec![], &[ramp(&[1, 2, 3, 3])]),
        "reads a tensor whose axes mix channels",
    );
    refused(node("Mul", vec![], &[ramp(&[4])]), "ends in a tensor of [1, 2, 4, 4]");
    let statistics = [(); 4].map(|()| ramp(&[3]));
    refused(node("BatchNormalization", vec![], &statistics), "its parameters are not 2 values");
}

#[test]
fn inputs_that_are_missing_or_in_the_wrong_place() {
    refused(node("Conv", vec![], &[]), "its weights is missing");
    refused(node("MaxPool", vec![], &[]), "its kernel_shape is missing");
    refused(node("Reshape", vec![], &[]), "cannot be rearranged like this");
    refused(node("Conv", vec![], &[whole(&[1])]), "its weights is missing");
    let constants = [ramp(&[1, 2, 1, 1])];
    let mut swapped = node("Conv", vec![], &constants);
    swapped.graph().node[0].input.reverse();
    refused(swapped, "(Conv):");
    let mut unmade = node("Relu", vec![], &[]);
    unmade.graph().node[0].input[0] = "nowhere".into();
    refused(unmade, "the network reads 0 inputs");
    let mut twice = node("Relu", vec![], &[]).then("Relu", vec![], &[]);
    twice.graph().node[1].output = vec!["value 0".into()];
    refused(twice, "makes `value 0`, which another node makes too");
}

#[test]
fn structures_that_the_protocol_cannot_express() {
    let softmax = || node("Flatten", vec![], &[]).then("Softmax", vec![], &[]);
    refused(softmax().then("Relu", vec![], &[]), "a Softmax that is not the last step");
    let mut product = node("Relu", vec![], &[]).then("Mul", vec![], &[]);
    product.graph().node[1].input.push("image".into());
    refused(product, "as squeeze-and-excitation does");
    let mut other = node("ReduceMean", vec![ints("axes", &[2, 3])], &[]).then("Add", vec![], &[]);
    other.graph().node[1].input.push("image".into());
    refused(other, "only tensors of one shape");
    let mut circle = node("Relu", vec![], &[]).then("Add", vec![], &[]);
    circle.graph().node[0].input[0] = "value 1".into();
    refused(circle, "which is made of its own result");
    refused(node("Relu", vec![], &[]), "ends in a tensor of [1, 2, 4, 4]");
    let mirrored =
        node("Pad", vec![text("mode", "reflect"), ints("pads", &[0, 0, 1, 1, 0, 0, 1, 1])], &[]);
    refused(mirrored, "the mode reflect; pad with zeros");
}

#[test]
fn what_the_network_reads_and_returns() {
    refused(map(), "the network reads 0 inputs");
    let mut outputs = node("Relu", vec![], &[]);
    let output = outputs.graph().input[0].clone();
    outputs.graph().output.push(output);
    refused(outputs, "the network has 2 outputs, `image`, `value 0`; choose one");
    refused(Builder::reading(&[2, 4]).then("Relu", vec![], &[]), "it must be batch × channels");
    refused(Builder::reading(&[1, 0, 4]).then("Relu", vec![], &[]), "state them with `--shape");
    refused(Builder::reading(&[1, 1 << 24, 1]).then("Relu", vec![], &[]), "is too large");
    refused(Builder::reading(&[9]).then("Relu", vec![], &[]), "state the image's shape");
    let mut two = node("Relu", vec![], &[]);
    let input = two.graph().input[0].clone();
    two.graph().input.push(input);
    refused(two, "the network reads 2 inputs");
    let mut whole_numbers = node("Relu", vec![], &[]);
    let input = &mut whole_numbers.graph().input[0];
    input.r#type.as_mut().unwrap().tensor_type.as_mut().unwrap().elem_type = 7;
    refused(whole_numbers, "is not in floating point");
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
    assert!(error.to_string().contains("is an image of 2×4×4, not 1×4×4"), "{error}");
}

#[test]
fn image_options_are_checked() {
    let file = node("Relu", vec![], &[]).then("Flatten", vec![], &[]).finish();
    let with = |mean: &[f64], std: &[f64]| {
        let options =
            ImageOptions { mean: mean.into(), std: std.into(), ..ImageOptions::default() };
        read("test", &file, &options).unwrap_err().to_string()
    };
    assert!(with(&[0.5; 3], &[]).contains("3 values of mean for 2 channels"));
    for std in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(with(&[], &[std]).contains("std above 0"), "{std}");
    }
}

#[test]
fn constants_that_are_damaged_or_elsewhere() {
    let with = |tensor: Tensor| node("Conv", vec![], &[tensor]);
    let good = ramp(&[1, 2, 1, 1]);
    refused(with(Tensor { data_location: 1, ..good.clone() }), "external_data=False");
    refused(with(Tensor { data_type: 8, ..good.clone() }), "has element type 8");
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
    let mut doubling = doubling.then("Reshape", vec![], &[whole(&[1])]);
    doubling.graph().node.last_mut().unwrap().input[1] = "double 40".into();
    refused(doubling, "this computation on constants");

    let padded = vec![ints("pads", &[4096; 4])];
    refused(node("Conv", padded, &[ramp(&[2, 2, 1, 1])]), "too large");
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

#[test]
fn options_that_do_not_fit_the_network() {
    let with = |options: ImageOptions, outputs: usize| {
        let file = map().then("Flatten", vec![], &[]).dense(32, outputs).finish();
        read("test", &file, &options).unwrap_err().to_string()
    };
    let resize = |side| ImageOptions { resize: Resize::ShortSide(side), ..Default::default() };
    for side in [0, 3] {
        let says = format!(
            "`--resize {side}` makes pictures smaller than the image of 4×4; give at least 4, or \
             `--resize stretch`"
        );
        assert_eq!(with(resize(side), 3), says);
    }
    assert_eq!(with(resize(5000), 3), "`--resize 5000` is more than 4096, the most");
    let colours = |colours| ImageOptions { colours, ..Default::default() };
    assert!(with(colours(Colours::Grey), 3).starts_with("`--colours grey` is of one channel and"));
    assert!(with(colours(Colours::Bgr), 3).contains("3 channels and the network reads 2"));
    let named = |names: &[&str]| ImageOptions {
        classes: names.iter().map(ToString::to_string).collect(),
        ..Default::default()
    };
    assert!(with(named(&["a", "b", "a"]), 3).contains("the class name `a` is given twice"));
    assert!(with(named(&["a", "b"]), 3).contains("2 class names for 3 outputs"));
    assert!(
        with(named(&["dog", "cat"]), 1).contains("name that class alone, as in `--classes cat`")
    );
}
