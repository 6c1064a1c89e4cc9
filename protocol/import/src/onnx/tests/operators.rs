//! Every operator against its definition.

use super::build::{Builder, float, floats, int, ints, ramp, text, whole};
use crate::FloatNetwork;
use crate::onnx::{ImageOptions, proto, read};
use gazelle_model::Shape;

/// Reads a file whose network was trained on pixels as they are.
fn import(file: &[u8], shape: Option<Shape>) -> FloatNetwork {
    let options = ImageOptions { shape, std: vec![1.0 / 255.0], ..ImageOptions::default() };
    read("test", file, &options).unwrap()
}

/// What the network computes from a map.
fn run(network: Builder, image: &[u8]) -> Vec<f32> {
    let flat = network.then("Flatten", vec![], &[]);
    import(&flat.finish(), None).forward(image).unwrap()
}

/// What the network computes from a vector.
fn run_vector(network: Builder, image: &[u8]) -> Vec<f32> {
    let shape = Some(Shape { channels: 1, height: 1, width: image.len() });
    import(&network.finish(), shape).forward(image).unwrap()
}

fn map(height: i64, width: i64) -> Builder {
    Builder::reading(&[1, height, width])
}

#[test]
fn relu_and_clip() {
    let less = |constant| map(1, 3).then("Sub", vec![], &[floats(&[], &[constant])]);
    assert_eq!(run(less(100.0).then("Relu", vec![], &[]), &[90, 100, 255]), [0.0, 0.0, 155.0]);
    let six = [floats(&[], &[0.0]), floats(&[], &[6.0])];
    assert_eq!(run(less(100.0).then("Clip", vec![], &six), &[90, 104, 255]), [0.0, 4.0, 6.0]);
    let six = vec![float("min", 0.0), float("max", 6.0)];
    assert_eq!(run(less(100.0).then("Clip", six, &[]), &[90, 104, 255]), [0.0, 4.0, 6.0]);
    let twice = less(1.0).then("Relu", vec![], &[]).then("Relu", vec![], &[]);
    let nodes = import(&twice.finish(), None).nodes().len();
    assert_eq!(nodes, 2, "a linear map and one ReLU");
}

#[test]
fn max_pooling() {
    let pool = |attributes| map(3, 4).then("MaxPool", attributes, &[]);
    let image = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    let square = ints("kernel_shape", &[2, 2]);
    let step = ints("strides", &[2, 2]);
    assert_eq!(run(pool(vec![square.clone()]), &image), [6., 7., 8., 10., 11., 12.]);
    assert_eq!(run(pool(vec![square.clone(), step.clone()]), &image), [6., 8.]);
    let ceiling = vec![square.clone(), step.clone(), int("ceil_mode", 1)];
    assert_eq!(run(pool(ceiling), &image), [6., 8., 10., 12.]);
    let same = vec![square.clone(), step.clone(), text("auto_pad", "SAME_UPPER")];
    assert_eq!(run(pool(same), &image), [6., 8., 10., 12.]);
    let same = vec![square.clone(), step.clone(), text("auto_pad", "SAME_LOWER")];
    assert_eq!(run(pool(same), &image), [2., 4., 10., 12.]);
    let padded = vec![square, step, ints("pads", &[0, 1, 1, 1])];
    assert_eq!(run(pool(padded), &image), [5., 7., 8., 9., 11., 12.]);
    assert_eq!(run(map(3, 4).then("GlobalMaxPool", vec![], &[]), &image), [12.]);
}

#[test]
fn average_pooling() {
    let pool = |attributes| map(2, 4).then("AveragePool", attributes, &[]);
    let image = [1, 2, 3, 4, 5, 6, 7, 8];
    let square = ints("kernel_shape", &[2, 2]);
    assert_eq!(run(pool(vec![square.clone()]), &image), [3.5, 4.5, 5.5]);
    assert_eq!(run(pool(vec![square.clone(), ints("strides", &[2, 2])]), &image), [3.5, 5.5]);
    let padded = vec![square, ints("pads", &[0, 1, 0, 0]), int("count_include_pad", 1)];
    assert_eq!(run(pool(padded), &image), [1.5, 3.5, 4.5, 5.5]);
    assert_eq!(run(map(2, 4).then("GlobalAveragePool", vec![], &[]), &image), [4.5]);
    let means = [
        map(2, 4).then("ReduceMean", vec![ints("axes", &[2, 3])], &[]),
        map(2, 4).then("ReduceMean", vec![int("keepdims", 0)], &[whole(&[-1, -2])]),
    ];
    for mean in means {
        assert_eq!(run(mean, &image), [4.5]);
    }
}

#[test]
fn arithmetic_with_constants() {
    let on_two = |op, tensor: &proto::Tensor| {
        run(Builder::reading(&[2, 1, 1]).then(op, vec![], std::slice::from_ref(tensor)), &[8, 20])
    };
    for dims in [&[2, 1, 1][..], &[1, 2, 1, 1]] {
        let constant = floats(dims, &[2.0, -4.0]);
        assert_eq!(on_two("Add", &constant), [10.0, 16.0]);
        assert_eq!(on_two("Sub", &constant), [6.0, 24.0]);
        assert_eq!(on_two("Mul", &constant), [16.0, -80.0]);
        assert_eq!(on_two("Div", &constant), [4.0, -5.0]);
    }
    assert_eq!(on_two("Add", &floats(&[1], &[0.5])), [8.5, 20.5]);
    let mut mirrored = Builder::reading(&[2, 1, 1]).then("Sub", vec![], &[floats(&[], &[9.0])]);
    mirrored.graph().node[0].input.reverse();
    assert_eq!(run(mirrored, &[8, 20]), [1.0, -11.0]);
}

#[test]
fn convolution_with_groups_strides_and_padding() {
    let attributes = vec![int("group", 2), ints("strides", &[1, 2]), ints("pads", &[0, 1, 0, 0])];
    let weights = floats(&[2, 1, 1, 2], &[1.0, 10.0, -1.0, 2.0]);
    let constants = [weights, floats(&[2], &[0.5, 0.0])];
    let network = Builder::reading(&[2, 1, 3]).then("Conv", attributes, &constants);
    // Windows (0, 1), (2, 3) of the first map, (0, 4), (5, 6) of the second.
    assert_eq!(run(network, &[1, 2, 3, 4, 5, 6]), [10.5, 32.5, 8.0, 7.0]);
}

#[test]
fn dense_layers() {
    let weights = floats(&[3, 2], &[1., 2., 3., 4., 5., 6.]);
    let transposed = floats(&[2, 3], &[1., 3., 5., 2., 4., 6.]);
    let bias = floats(&[2], &[10., 20.]);
    let three = || Builder::reading(&[3]);
    let image = [1, 10, 100];
    let product = [531.0, 642.0];
    assert_eq!(
        run_vector(three().then("MatMul", vec![], std::slice::from_ref(&weights)), &image),
        product
    );
    assert_eq!(
        run_vector(three().then("Gemm", vec![], std::slice::from_ref(&weights)), &image),
        product
    );
    let added = [541.0, 662.0];
    let plain = [weights, bias.clone()];
    assert_eq!(run_vector(three().then("Gemm", vec![], &plain), &image), added);
    let turned = [transposed, bias];
    let network = three().then("Gemm", vec![int("transB", 1)], &turned);
    assert_eq!(run_vector(network, &image), added);
    let scaled = vec![int("transB", 1), float("alpha", 2.0), float("beta", 0.5)];
    assert_eq!(run_vector(three().then("Gemm", scaled, &turned), &image), [1067.0, 1294.0]);
}

/// Gain 2, offset 1, mean 3, variance 4 − ε: 2·(x − 3)/2 + 1 = x − 2.
fn normalised(network: Builder) -> Builder {
    let values = [2.0, 1.0, 3.0, 4.0 - 1e-3].map(|v| floats(&[1], &[v]));
    network.then("BatchNormalization", vec![float("epsilon", 1e-3)], &values)
}

#[test]
fn batch_normalisation_before_and_after_a_convolution() {
    let near = |got: Vec<f32>, expected: &[f32]| {
        assert_eq!(got.len(), expected.len());
        assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4), "{got:?}");
    };
    let weights = floats(&[1, 1, 1, 2], &[3.0, -1.0]);
    let conv = |network: Builder| network.then("Conv", vec![], std::slice::from_ref(&weights));
    near(run(normalised(map(1, 3)), &[5, 6, 7]), &[3., 4., 5.]);
    near(run(normalised(conv(map(1, 3))), &[5, 6, 7]), &[7., 9.]);
    near(run(conv(normalised(map(1, 3))), &[5, 6, 7]), &[5., 7.]);
}

#[test]
fn shapes_and_what_changes_nothing() {
    let to_vector: [(&str, &[i64]); 5] = [
        ("Flatten", &[]),
        ("Reshape", &[0, -1]),
        ("Reshape", &[1, 6]),
        ("Reshape", &[-1, 6]),
        ("Reshape", &[1, -1]),
    ];
    for (op, target) in to_vector {
        let constants: Vec<_> = if op == "Reshape" { vec![whole(target)] } else { vec![] };
        let network = map(2, 3).then(op, vec![], &constants).dense(6, 2);
        let plain = map(2, 3).then("Flatten", vec![], &[]).dense(6, 2);
        let image = [1, 2, 3, 4, 5, 6];
        assert_eq!(run(network, &image), run(plain, &image), "{op} {target:?}");
    }
    let squeezed = map(2, 3)
        .then("GlobalAveragePool", vec![], &[])
        .then("Squeeze", vec![], &[whole(&[2, 3])])
        .then("Dropout", vec![], &[])
        .then("Identity", vec![], &[])
        .then("Cast", vec![int("to", 1)], &[]);
    assert_eq!(run(squeezed, &[1, 2, 3, 4, 5, 6]), [3.5]);
}

#[test]
fn a_convolution_before_a_flatten_feeds_a_dense_layer() {
    let network = map(2, 3)
        .then("Conv", vec![], &[ramp(&[2, 1, 1, 1])])
        .then("Relu", vec![], &[])
        .then("MaxPool", vec![ints("kernel_shape", &[2, 2])], &[])
        .then("Flatten", vec![], &[])
        .then("Mul", vec![], &[ramp(&[4])])
        .dense(4, 3);
    let float = import(&network.finish(), None);
    assert_eq!(float.nodes().len(), 3);
    assert_eq!(float.classes(), ["class 0", "class 1", "class 2"]);
}

#[test]
fn constants_in_every_encoding() {
    let values = [1.5f32, -2.0, 0.25];
    let plain = floats(&[3, 1], &values);
    let raw = |data_type, raw_data: Vec<u8>| proto::Tensor {
        dims: vec![3, 1],
        data_type,
        raw_data,
        ..proto::Tensor::default()
    };
    let singles = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let doubles = values.iter().flat_map(|&v| f64::from(v).to_le_bytes()).collect();
    let double_data = values.iter().map(|&v| v.into()).collect();
    let tensors = [
        raw(proto::data_type::FLOAT, singles),
        raw(proto::data_type::DOUBLE, doubles),
        proto::Tensor { double_data, ..raw(proto::data_type::DOUBLE, vec![]) },
        plain,
    ];
    for tensor in tensors {
        let network = Builder::reading(&[3]).then("MatMul", vec![], std::slice::from_ref(&tensor));
        assert_eq!(run_vector(network, &[2, 1, 4]), [2.0], "{tensor:?}");
    }
}

#[test]
fn a_constant_node_is_a_constant() {
    let mut network = map(1, 3).then("Mul", vec![], &[floats(&[], &[3.0])]);
    let t = network.graph().initializer.pop();
    let output = vec![t.as_ref().unwrap().name.clone()];
    let value = proto::Attribute { name: "value".into(), t, ..proto::Attribute::default() };
    let op_type = "Constant".into();
    let node = proto::Node { output, op_type, attribute: vec![value], ..proto::Node::default() };
    network.graph().node.insert(0, node);
    assert_eq!(run(network, &[1, 2, 3]), [3., 6., 9.]);
}

#[test]
fn a_transposed_constant_is_a_constant() {
    let matrix = floats(&[2, 3], &[1., 2., 3., 10., 20., 30.]);
    let mut network = Builder::reading(&[3]).then("MatMul", vec![], &[matrix]);
    let input = vec![std::mem::replace(&mut network.graph().node[0].input[1], "turned".into())];
    let (output, op_type) = (vec!["turned".into()], "Transpose".into());
    let node = proto::Node { input, output, op_type, ..proto::Node::default() };
    network.graph().node.insert(0, node);
    assert_eq!(run_vector(network, &[1, 1, 2]), [9., 90.]);
}

/// Open sizes, rows first, and one of two outputs: what the file leaves to the user.
#[test]
fn what_the_options_state() {
    let shape = Some(Shape::new(1, 2, 3));
    let pooled = |dims: &[i64]| {
        Builder::reading(dims).then("GlobalMaxPool", vec![], &[]).then("Flatten", vec![], &[])
    };
    let open = import(&pooled(&[1, 0, 0]).finish(), shape);
    assert_eq!(open.forward(&[1, 2, 9, 4, 5, 6]).unwrap(), [9.0]);
    let mut two = Builder::reading(&[2, 1, 1]).then("Relu", vec![], &[]);
    let other = proto::ValueInfo { name: "image".into(), r#type: None };
    two.graph().output.push(other);
    let options = ImageOptions {
        output: Some("value 0".into()),
        std: vec![1.0 / 255.0],
        ..ImageOptions::default()
    };
    let file = two.finish();
    assert_eq!(read("test", &file, &options).unwrap().forward(&[3, 7]).unwrap(), [3.0, 7.0]);
    let wrong = ImageOptions { output: Some("value 9".into()), ..options };
    assert!(read("test", &file, &wrong).unwrap_err().to_string().contains("it has `image`"));
}

/// Weights in a file beside the model; a place outside of its folder is refused.
#[test]
fn weights_in_a_file_beside_the_model() {
    let folder = std::env::temp_dir().join(format!("gazelle-side-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let bytes: Vec<u8> = [0f32, 1.5, -2.0, 0.25].iter().flat_map(|v| v.to_le_bytes()).collect();
    std::fs::write(folder.join("weights.bin"), bytes).unwrap();
    let entry = |key: &str, value: &str| proto::Entry { key: key.into(), value: value.into() };
    let tensor = |location: &str| proto::Tensor {
        external_data: vec![
            entry("location", location),
            entry("offset", "4"),
            entry("length", "12"),
        ],
        data_location: 1,
        ..proto::Tensor { float_data: vec![], ..floats(&[3, 1], &[]) }
    };
    let network = |location: &str| {
        let three = Builder::reading(&[1, 1, 3]).then("Flatten", vec![], &[]);
        three.then("MatMul", vec![], &[tensor(location)]).finish()
    };
    let options = ImageOptions {
        folder: Some(folder.clone()),
        std: vec![1.0 / 255.0],
        ..ImageOptions::default()
    };
    let float = read("test", &network("weights.bin"), &options).unwrap();
    assert_eq!(float.forward(&[2, 1, 4]).unwrap(), [2.0]);
    let outside = read("test", &network("../weights.bin"), &options).unwrap_err().to_string();
    assert!(outside.contains("outside of the model's folder"), "{outside}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn pixels_are_normalised_as_the_options_say() {
    let file = Builder::reading(&[2, 1, 1]).then("Relu", vec![], &[]).finish();
    let options = ImageOptions { mean: vec![0.2, 0.4], std: vec![0.5], ..ImageOptions::default() };
    let outputs = read("test", &file, &options).unwrap().forward(&[255, 51]).unwrap();
    let expected = [1.6, 0.0];
    assert!(outputs.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{outputs:?}");
}

/// Around tensors, the bounds of the integers; around weights, what they stand for.
#[test]
fn a_file_that_is_quantised_already() {
    let bytes = |kind: i32, dims: &[i64], raw: &[u8]| proto::Tensor {
        dims: dims.into(),
        data_type: kind,
        raw_data: raw.to_vec(),
        ..proto::Tensor::default()
    };
    let (signed, unsigned) = (proto::data_type::INT8, proto::data_type::UINT8);
    let around = |network: Builder, scale: f32, zero: &proto::Tensor| {
        let constants = [floats(&[], &[scale]), zero.clone()];
        network.then("QuantizeLinear", vec![], &constants).then(
            "DequantizeLinear",
            vec![],
            &constants,
        )
    };
    let less = || map(1, 4).then("Sub", vec![], &[floats(&[], &[100.0])]);
    let image = [0, 90, 110, 255];
    // 0 to 255 halves, and −128 + 28 to 127 + 28 quarters.
    let wide = around(less(), 0.5, &bytes(unsigned, &[], &[0]));
    assert_eq!(run(wide, &image), [0.0, 0.0, 10.0, 127.5]);
    let centred = around(less(), 0.25, &bytes(signed, &[], &[(-28i8) as u8]));
    assert_eq!(run(centred, &image), [-25.0, -10.0, 10.0, 38.75]);
    // The image has its bounds, and so have what pooling leaves of bounded values.
    let stays = around(map(1, 4), 0.5, &bytes(unsigned, &[], &[0]));
    assert_eq!(run(stays, &image), [0.0, 90.0, 110.0, 255.0]);
    let once = around(less(), 0.5, &bytes(unsigned, &[], &[0]));
    let pooled = once.then("MaxPool", vec![ints("kernel_shape", &[1, 2])], &[]);
    let pooled = around(pooled, 0.5, &bytes(unsigned, &[], &[0]));
    let flat = pooled.then("Flatten", vec![], &[]).finish();
    assert_eq!(import(&flat, None).nodes().len(), 2, "a linear map and one activation");
    // One scale for each output channel: (3 − 1)·2 and (−1 − 0)·0.5.
    let mut conv = map(1, 4).then("Conv", vec![], &[floats(&[2, 1, 1, 1], &[0.0; 2])]);
    let graph = conv.graph();
    graph.node[0].input[1] = "weights".into();
    let parts = [
        ("w", bytes(signed, &[2, 1, 1, 1], &[3, 255])),
        ("s", floats(&[2], &[2.0, 0.5])),
        ("z", bytes(signed, &[2], &[1, 0])),
    ];
    for (name, tensor) in parts {
        graph.initializer.push(proto::Tensor { name: name.into(), ..tensor });
    }
    let (op_type, attribute) = ("DequantizeLinear".into(), vec![int("axis", 0)]);
    let input = ["w", "s", "z"].map(String::from).to_vec();
    let output = vec!["weights".into()];
    graph.node.push(proto::Node { input, output, op_type, attribute, ..proto::Node::default() });
    assert_eq!(run(conv, &[1, 2, 3, 4]), [4.0, 8.0, 12.0, 16.0, -0.5, -1.0, -1.5, -2.0]);
}
