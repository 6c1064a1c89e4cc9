//! Pictures: what they decode to, and what is refused.

use crate::{ImageFault, decode_image};
use gazelle_model::Shape;

const GREY_JPEG: &[u8] = include_bytes!("grey.jpg");
const COLOUR_JPEG: &[u8] = include_bytes!("colour.jpg");

fn shape(channels: usize, height: usize, width: usize) -> Shape {
    Shape { channels, height, width }
}

fn png(size: (u32, u32), colour: png::ColorType, depth: png::BitDepth, samples: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, size.0, size.1);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    if colour == png::ColorType::Indexed {
        encoder.set_palette(vec![1, 2, 3, 40, 50, 60]);
    }
    encoder.write_header().unwrap().write_image_data(samples).unwrap();
    bytes
}

#[test]
fn png_of_every_kind() {
    use png::BitDepth::{Eight, One, Sixteen};
    use png::ColorType::{Grayscale, GrayscaleAlpha, Indexed, Rgb, Rgba};
    let (grey, colour) = (shape(1, 1, 2), shape(3, 1, 2));
    let decode = |kind, depth, samples: &[u8], shape| {
        decode_image(&png((2, 1), kind, depth, samples), shape).unwrap()
    };
    assert_eq!(decode(Grayscale, Eight, &[7, 9], grey), [7, 9]);
    assert_eq!(decode(Grayscale, Eight, &[7, 9], colour), [7, 9, 7, 9, 7, 9]);
    assert_eq!(decode(Grayscale, Sixteen, &[7, 255, 9, 0], grey), [7, 9]);
    assert_eq!(decode(Grayscale, One, &[0b0100_0000], grey), [0, 255]);
    assert_eq!(decode(GrayscaleAlpha, Eight, &[7, 255, 9, 255], grey), [7, 9]);
    assert_eq!(decode(Rgb, Eight, &[1, 2, 3, 4, 5, 6], colour), [1, 4, 2, 5, 3, 6]);
    assert_eq!(decode(Rgb, Eight, &[255, 255, 255, 200, 40, 90], grey), [255, 94]);
    assert_eq!(decode(Rgba, Eight, &[1, 2, 3, 255, 4, 5, 6, 255], colour), [1, 4, 2, 5, 3, 6]);
    assert_eq!(decode(Indexed, One, &[0b0100_0000], colour), [1, 40, 2, 50, 3, 60]);
    let clear = png((2, 1), Rgba, Eight, &[1, 2, 3, 255, 4, 5, 6, 254]);
    assert_eq!(decode_image(&clear, colour), Err(ImageFault::Transparent));
}

#[test]
fn jpeg_in_grey_and_colour() {
    let near = |values: &[u8], expected: [u8; 2]| {
        let row = expected.map(|value| [value; 8]).concat();
        values.iter().zip(row.iter().cycle()).all(|(a, b)| a.abs_diff(*b) <= 3)
    };
    let grey = shape(1, 8, 16);
    assert!(near(&decode_image(GREY_JPEG, grey).unwrap(), [94, 139]));
    assert!(near(&decode_image(COLOUR_JPEG, grey).unwrap(), [94, 139]));
    let colour = decode_image(COLOUR_JPEG, shape(3, 8, 16)).unwrap();
    assert_eq!(colour.len(), 3 * 128);
    for (map, expected) in colour.chunks_exact(128).zip([[200, 10], [40, 220], [90, 60]]) {
        assert!(near(map, expected), "{map:?}");
    }
}

#[test]
fn another_size_is_named() {
    let png = png((2, 1), png::ColorType::Grayscale, png::BitDepth::Eight, &[7, 9]);
    let fault = decode_image(&png, shape(1, 28, 28)).unwrap_err();
    let text = "the image is 2×1 pixels and the model reads 28×28; resize it";
    assert_eq!(fault.to_string(), text);
    let fault = decode_image(COLOUR_JPEG, shape(3, 16, 8)).unwrap_err();
    assert!(fault.to_string().contains("16×8 pixels and the model reads 8×16"));
}

#[test]
fn what_is_no_picture_is_refused() {
    let grey = shape(1, 8, 16);
    assert_eq!(decode_image(b"", grey), Err(ImageFault::NotAnImage));
    assert_eq!(decode_image(b"GIF89a", grey), Err(ImageFault::NotAnImage));
    let fault = ImageFault::Channels { channels: 2 };
    assert_eq!(decode_image(GREY_JPEG, shape(2, 8, 16)), Err(fault));
}

#[test]
fn damage_is_an_error_and_never_a_panic() {
    let samples: Vec<u8> = (0..128).collect();
    let png = png((16, 8), png::ColorType::Grayscale, png::BitDepth::Eight, &samples);
    for whole in [&png[..], GREY_JPEG, COLOUR_JPEG] {
        for len in 0..whole.len() {
            // A JPEG that lacks its end marker alone still has every pixel.
            let decoded = decode_image(&whole[..len], shape(1, 8, 16));
            assert!(decoded.is_err() || decoded.unwrap().len() == 128, "{len}");
            let mut flipped = whole.to_vec();
            flipped[len] ^= 0x5a;
            if let Ok(pixels) = decode_image(&flipped, shape(1, 8, 16)) {
                assert_eq!(pixels.len(), 128);
            }
        }
    }
}
