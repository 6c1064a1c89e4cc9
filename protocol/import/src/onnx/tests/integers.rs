//! What files become in integers, beside floating point.

use super::build::{Builder, floats, int, ints, whole};
use crate::onnx::{ImageOptions, proto::Attribute, read};
use crate::{Error, FloatNetwork, Quantiser};

fn import(network: Builder) -> FloatNetwork {
    let options = ImageOptions { std: vec![1.0 / 255.0], ..ImageOptions::default() };
    read("test", &network.finish(), &options).unwrap()
}

fn images(network: &FloatNetwork) -> Vec<Vec<u8>> {
    let pixel = |i: usize, seed: usize| ((i * i * 7 + i * (2 * seed + 151) / 4) % 256) as u8;
    let image = |seed| (0..network.input().len()).map(|i| pixel(i, seed)).collect();
    (0..20).map(image).collect()
}

/// Asserts that every value in integers is the one in floating point times one factor, up to
/// `error` of the largest.
fn follows(network: Builder, error: f64) -> Result<(), Error> {
    let decibels = follows_closely(network, error)?;
    assert!(decibels > 20.0, "{decibels} dB");
    Ok(())
}

/// The same; gives the importer's signal to noise, which is low where values hardly vary from image to
/// image.
fn follows_closely(network: Builder, error: f64) -> Result<f64, Error> {
    let float = import(network.then("Flatten", vec![], &[]));
    let images = images(&float);
    let quantised = Quantiser::default().run(&float, &images)?;
    let [mut integers, mut reals] = [vec![], vec![]];
    for image in &images {
        let trace = quantised.network.forward(image)?;
        integers.extend(trace.logits().iter().map(|&y| f64::from(y)));
        reals.extend(float.forward(image)?.into_iter().map(f64::from));
    }
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let factor = dot(&integers, &reals) / dot(&integers, &integers);
    let most = reals.iter().fold(0.0, |most: f64, y| most.max(y.abs()));
    for (i, (&y, &real)) in integers.iter().zip(&reals).enumerate() {
        let difference = (y * factor - real).abs() / most;
        assert!(difference <= error, "value {i}: {} beside {real}", y * factor);
    }
    Ok(quantised.signal_to_noise)
}

fn square(side: i64) -> Vec<Attribute> {
    vec![ints("kernel_shape", &[side, side]), ints("strides", &[side, side])]
}

#[test]
fn a_maximum_of_averages_follows_them() {
    let average = |side| Builder::reading(&[2, 12, 12]).then("AveragePool", square(side), &[]);
    for side in [2, 3, 4] {
        follows(average(side).then("GlobalMaxPool", vec![], &[]), 0.02).unwrap();
        follows(average(side).then("MaxPool", square(2), &[]), 0.02).unwrap();
        let relu = average(side).then("Relu", vec![], &[]);
        follows(relu.then("MaxPool", square(2), &[]), 0.02).unwrap();
    }
}

/// Signed values and pixels, which have more than 256 steps together and units of their own.
fn joined() -> Builder {
    let mut network = Builder::reading(&[2, 12, 12])
        .then("Conv", vec![], &[floats(&[2, 2, 1, 1], &[-0.5, 0.25, 0.25, -0.5])])
        .then("Concat", vec![int("axis", 1)], &[]);
    network.graph().node[1].input.push("image".into());
    network
}

#[test]
fn joined_channels_that_are_pooled_last_are_comparable() {
    for pooling in ["GlobalMaxPool", "GlobalAveragePool"] {
        let decibels = follows_closely(joined().then(pooling, vec![], &[]), 0.02).unwrap();
        assert!(decibels > 15.0, "{pooling}: {decibels} dB");
    }
}

#[test]
fn a_maximum_of_joined_channels_follows_them() {
    let pooled = joined().then("MaxPool", square(2), &[]).then("Flatten", vec![], &[]);
    follows(pooled.dense(4 * 6 * 6, 3), 0.02).unwrap();
}

#[test]
fn rows_and_columns_in_another_order_are_refused() {
    let says = "rows or columns backwards, in another order or several times";
    let refused = |network: Builder| {
        let file = network.then("Flatten", vec![], &[]).finish();
        let error = read("test", &file, &ImageOptions::default()).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    };
    let map = || Builder::reading(&[1, 4, 4]);
    let one = |value| whole(&[value]);
    for axis in [2, 3, -1] {
        let bounds = [one(-1), one(-100), one(axis), one(-1)];
        refused(map().then("Slice", vec![], &bounds));
        for places in [&[1, 0, 2, 3][..], &[0, 0, 0, 0], &[0, 0, 1, 1, 2, 2, 3, 3], &[3, 1, 0]] {
            let along = vec![int("axis", axis)];
            refused(map().then("Gather", along, &[whole(places)]));
        }
    }
    let copies = map().then("Gather", vec![int("axis", 0)], &[whole(&[0, 0])]);
    let error = read("test", &copies.finish(), &ImageOptions::default()).unwrap_err().to_string();
    assert!(error.contains("copies along an axis of size 1"), "{error}");
}
