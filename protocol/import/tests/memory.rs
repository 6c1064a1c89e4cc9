//! How much memory reading a file takes: in a process of its own, whose peak the system counts.
#![cfg(target_os = "linux")]

use std::fs;

use gazelle_import::onnx::{ImageOptions, read};

/// Times the file's size,
const TIMES: usize = 20;
/// or so many bytes, whichever is more: maps may be large where files are small.
const LEAST: usize = 256 << 20;

/// A field of a message.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2][..], &varint(bytes.len() as u64), bytes].concat()
}

fn number(field: u8, value: i64) -> Vec<u8> {
    [&[field << 3][..], &varint(value as u64)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn tensor(name: &str, kind: i64, dims: &[i64], raw: &[u8]) -> Vec<u8> {
    let dims = dims.iter().flat_map(|&dim| number(1, dim));
    [dims.collect(), number(2, kind), field(8, name.as_bytes()), field(9, raw)].concat()
}

fn ints(name: &str, values: &[i64]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    tensor(name, 7, &[values.len() as i64], &raw)
}

fn int(name: &str, value: i64) -> Vec<u8> {
    [field(1, name.as_bytes()), number(3, value)].concat()
}

/// A file that reads an image of `dims` and ends in `y`.
#[derive(Default)]
struct File {
    nodes: Vec<u8>,
    constants: Vec<u8>,
}

impl File {
    fn constant(mut self, tensor: &[u8]) -> Self {
        self.constants.extend(field(5, tensor));
        self
    }

    fn node(mut self, operator: &str, inputs: &[&str], output: &str, attributes: &[&[u8]]) -> Self {
        let inputs = inputs.iter().flat_map(|name| field(1, name.as_bytes()));
        let attributes = attributes.iter().flat_map(|attribute| field(5, attribute));
        let (output, operator) = (field(2, output.as_bytes()), field(4, operator.as_bytes()));
        let node = [inputs.collect(), output, operator, attributes.collect()].concat();
        self.nodes.extend(field(1, &node));
        self
    }

    fn finish(self, dims: &[i64]) -> Vec<u8> {
        let dims = [&[1], dims].concat();
        let dims: Vec<u8> = dims.iter().flat_map(|&dim| field(1, &number(1, dim))).collect();
        let kind = field(1, &[number(1, 1), field(2, &dims)].concat());
        let input = field(11, &[field(1, b"x"), field(2, &kind)].concat());
        let output = field(12, &field(1, b"y"));
        let graph = [self.nodes, self.constants, input, output].concat();
        [number(1, 8), field(7, &graph), field(8, &number(2, 17))].concat()
    }
}

/// The process's memory now, or the most since the last reset.
fn resident(peak: bool) -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("a process has a status");
    let field = if peak { "VmHWM:" } else { "VmRSS:" };
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("its memory");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") << 10
}

/// Reads the file; asserts that this took little memory.
fn check(name: &str, file: &[u8], imports: bool) {
    // The peak is counted from here on.
    fs::write("/proc/self/clear_refs", "5").expect("a process may reset its own peak");
    let before = resident(false);
    let network = read(name, file, &ImageOptions::default());
    let taken = resident(true).saturating_sub(before);
    let most = (TIMES * file.len()).max(LEAST);
    let error = network.as_ref().err().map(ToString::to_string);
    println!("{name}: {} bytes, {taken} taken, {error:?}", file.len());
    assert_eq!(network.is_ok(), imports, "{name}: {error:?}");
    assert!(taken <= most, "{name}: {taken} bytes for a file of {}", file.len());
}

/// Weights of each width, as exporters store them; then files of a few hundred bytes that ask for as
/// much as they may.
#[test]
fn reading_takes_at_most_twenty_times_the_file() {
    let flat = |file: File| file.node("Flatten", &["x"], "f", &[]);
    let dense = |file: File| flat(file).node("MatMul", &["f", "w"], "y", &[]).finish(&[1, 64, 64]);
    let weights = |kind, width: usize| tensor("s", kind, &[4096, 4096], &vec![1; width << 24]);
    let scale = tensor("scale", 1, &[], &0.01f32.to_le_bytes());
    let cast = |kind, width| {
        let file = File::default().constant(&weights(kind, width));
        dense(file.node("Cast", &["s"], "w", &[&int("to", 1)]))
    };
    let file = File::default().constant(&weights(3, 1)).constant(&scale);
    check("bytes", &dense(file.node("DequantizeLinear", &["s", "scale"], "w", &[])), true);
    check("halves", &cast(10, 2), true);
    check("singles", &cast(1, 4), true);
    small();
    shapes();
}

/// Constants that are computed.
fn small() {
    let side = ints("side", &[1 << 14, 1 << 14]);
    let made = |file: File| file.node("Relu", &["x"], "y", &[]).finish(&[1, 8, 8]);
    let file = File::default().constant(&side).node("ConstantOfShape", &["side"], "a", &[]);
    check("filled", &dense_of(file), false);
    let column = ints("column", &[0]);
    let file = File::default().constant(&side).constant(&column);
    check("expanded", &dense_of(file.node("Expand", &["column", "side"], "a", &[])), false);
    let mut file = File::default().constant(&ints("a0", &[1; 64]));
    for i in 0..40 {
        let (from, to) = (format!("a{i}"), format!("a{}", i + 1));
        file = file.node("Concat", &[&from, &from], &to, &[&int("axis", 0)]);
    }
    check("doubled", &dense_of(file.node("Cast", &["a40"], "a", &[&int("to", 1)])), false);
    // What nothing reads is not computed.
    let file = File::default().constant(&side).node("ConstantOfShape", &["side"], "a", &[]);
    check("unread", &made(file), false);
}

/// A matrix of what the file makes in `a`.
fn dense_of(file: File) -> Vec<u8> {
    file.node("Flatten", &["x"], "f", &[]).node("MatMul", &["f", "a"], "y", &[]).finish(&[1, 8, 8])
}

/// Networks whose tensors are large.
fn shapes() {
    let one = |name: &str| tensor(name, 1, &[], &0.5f32.to_le_bytes());
    let pads = ints("pads", &[0, 1 << 10, 0, 0, 0, 1 << 10, 0, 0]);
    let file = File::default().constant(&pads).node("Pad", &["x", "pads"], "y", &[]);
    check("channels of zeros", &file.finish(&[4096, 5, 5]), false);
    // A bias for every value of every map.
    let kernel = tensor("k", 1, &[1, 1, 3, 3], &[0; 36]);
    let mut file = File::default().constant(&one("half")).constant(&kernel);
    let around = [int_list("pads", &[1; 4])];
    for i in 0..200 {
        let [x, s, c] = ["x", "s", "c"].map(|name| format!("{name}{i}"));
        let x = if i == 0 { "x".into() } else { x };
        file = file.node("Sub", &[&x, "half"], &s, &[]);
        file = file.node("Conv", &[&s, "k"], &c, &[&around[0]]);
        file = file.node("Relu", &[&c], &format!("x{}", i + 1), &[]);
    }
    check(
        "bias maps",
        &file.node("ReduceMean", &["x200"], "y", &[]).finish(&[1, 1024, 1024]),
        false,
    );
}

fn int_list(name: &str, values: &[i64]) -> Vec<u8> {
    let values = values.iter().flat_map(|&value| number(8, value));
    [field(1, name.as_bytes()), values.collect()].concat()
}
