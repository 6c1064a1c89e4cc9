//! Pictures: what they decode to, and what is refused.

use crate::{ImageFault, ImageForm, Picture, decode_image};
use gazelle_model::{Colours, Resize, Shape};

const GREY_JPEG: &[u8] = include_bytes!("tests/grey.jpg");
const COLOUR_JPEG: &[u8] = include_bytes!("tests/colour.jpg");

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

#[test]
fn a_palette_that_ends_within_a_colour_is_damage() {
    let torn = include_bytes!("tests/palette-torn.png");
    let fault = decode_image(torn, shape(1, 1, 1)).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "the image is damaged or of a kind that is not supported: its palette ends within a colour"
    );
}

fn form(shape: Shape, resize: Resize, colours: Colours) -> ImageForm {
    ImageForm { shape, resize, colours }
}

fn grey_png(width: u32, height: u32, samples: &[u8]) -> Vec<u8> {
    png((width, height), png::ColorType::Grayscale, png::BitDepth::Eight, samples)
}

/// The weights of a triangle by hand, and Pillow's results for the same pictures to one level.
#[test]
fn pictures_are_resized_in_integers() {
    let stretch = |width, height, samples: &[u8], to| {
        let form = form(to, Resize::Stretch, Colours::Stored);
        decode_image(&grey_png(width, height, samples), form).unwrap()
    };
    // Twice as wide: three quarters and one quarter between two pixels.
    assert_eq!(stretch(2, 1, &[0, 100], shape(1, 1, 4)), [0, 25, 75, 100]);
    // Half as wide: weights 3, 3, 1 at the ends and 1, 3, 3 there.
    assert_eq!(stretch(4, 1, &[0, 70, 140, 210], shape(1, 1, 2)), [50, 160]);
    // A constant stays what it is, and so does every picture of the image's size.
    assert!(stretch(13, 7, &[201; 91], shape(1, 5, 31)).iter().all(|&p| p == 201));
    let samples: Vec<u8> = (0..35).map(|i| i * 7).collect();
    assert_eq!(stretch(7, 5, &samples, shape(1, 5, 7)), samples);
    // Pillow 13.0: Image.resize((3, 2), Image.Resampling.BILINEAR).
    let pillow = [55, 70, 85, 153, 168, 183];
    let ours = stretch(7, 5, &samples, shape(1, 2, 3));
    assert!(ours.iter().zip(pillow).all(|(a, b)| a.abs_diff(b) <= 1), "{ours:?}");
}

/// The short side gets its pixels, the long side as many in proportion, and the centre is kept.
#[test]
fn the_centre_is_cut_out() {
    let cut = |width, height, samples: &[u8], side, to| {
        let form = form(to, Resize::ShortSide(side), Colours::Stored);
        decode_image(&grey_png(width, height, samples), form).unwrap()
    };
    assert_eq!(cut(5, 1, &[1, 2, 3, 4, 5], 1, shape(1, 1, 1)), [3]);
    // Of two middles the left, of the next two the right, as rounding to even has it.
    assert_eq!(cut(4, 1, &[1, 2, 3, 4], 1, shape(1, 1, 1)), [3]);
    assert_eq!(cut(2, 1, &[1, 2], 1, shape(1, 1, 1)), [1]);
    assert_eq!(cut(1, 5, &[1, 2, 3, 4, 5], 1, shape(1, 1, 1)), [3]);
    // A strip that would become 2^26 pixels long is cut before it is made.
    let strip = vec![9; 16384];
    assert_eq!(cut(16384, 1, &strip, 4096, shape(1, 2, 3)), [9; 6]);
}

#[test]
fn channels_come_in_the_stated_order() {
    let pixel = png((1, 1), png::ColorType::Rgb, png::BitDepth::Eight, &[200, 40, 90]);
    let one = |channels, colours| {
        decode_image(&pixel, form(shape(channels, 1, 1), Resize::Exact, colours)).unwrap()
    };
    assert_eq!(one(3, Colours::Rgb), [200, 40, 90]);
    assert_eq!(one(3, Colours::Bgr), [90, 40, 200]);
    assert_eq!(one(1, Colours::Grey), [94]);
}

/// A picture of 3 × 2 pixels with each orientation of EXIF, in either byte order.
#[test]
fn pictures_are_turned_upright() {
    let upright = |orientation: u16, little: bool| {
        let short = |v: u16| if little { v.to_le_bytes() } else { v.to_be_bytes() };
        let long = |v: u32| if little { v.to_le_bytes() } else { v.to_be_bytes() };
        let head: &[u8] = if little { b"II*\0" } else { b"MM\0*" };
        let entry =
            [&short(0x0112)[..], &short(3), &long(1), &short(orientation), &[0; 2]].concat();
        let exif = [head, &long(8), &short(1), &entry, &[0; 4]].concat();
        let mut bytes = Vec::new();
        let mut info = png::Info::with_size(3, 2);
        info.exif_metadata = Some(exif.into());
        let mut encoder = png::Encoder::with_info(&mut bytes, info).unwrap();
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(&[1, 2, 3, 4, 5, 6]).unwrap();
        let turned = (5..=8).contains(&orientation);
        let shape = if turned { shape(1, 3, 2) } else { shape(1, 2, 3) };
        Picture::decode(&bytes).unwrap().tensor(shape).unwrap()
    };
    let expected = [
        [1, 2, 3, 4, 5, 6],
        [3, 2, 1, 6, 5, 4],
        [6, 5, 4, 3, 2, 1],
        [4, 5, 6, 1, 2, 3],
        [1, 4, 2, 5, 3, 6],
        [4, 1, 5, 2, 6, 3],
        [6, 3, 5, 2, 4, 1],
        [3, 6, 2, 5, 1, 4],
    ];
    for little in [true, false] {
        for (i, expected) in expected.iter().enumerate() {
            assert_eq!(upright(i as u16 + 1, little), expected, "{}", i + 1);
        }
        assert_eq!(upright(0, little), expected[0]);
        assert_eq!(upright(9, little), expected[0]);
    }
}

/// The same picture as stored and with the note that it was held upside down.
#[test]
fn a_jpeg_that_was_held_upside_down() {
    let head: &[u8] =
        b"\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x03\0\0\0\0\0\0\0";
    let noted = [&COLOUR_JPEG[..2], head, &COLOUR_JPEG[2..]].concat();
    let grey = shape(1, 8, 16);
    let mut stored = decode_image(COLOUR_JPEG, grey).unwrap();
    stored.reverse();
    assert_eq!(decode_image(&noted, grey).unwrap(), stored);
}

#[test]
fn pictures_scaled_to_less_than_the_image_are_refused() {
    for side in [0, 15] {
        let form = form(shape(1, 8, 16), Resize::ShortSide(side), Colours::Stored);
        let fault = ImageFault::Resize { side, width: 16, height: 8 };
        assert_eq!(decode_image(GREY_JPEG, form), Err(fault));
    }
}

#[test]
fn pixels_that_were_decoded_elsewhere() {
    let form = shape(3, 1, 2);
    let colour = Picture::from_pixels(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap();
    assert_eq!(colour.tensor(form), Ok(vec![1, 4, 2, 5, 3, 6]));
    let grey = Picture::from_pixels(2, 1, vec![7, 8]).unwrap();
    assert_eq!(grey.tensor(form), Ok([7, 8].repeat(3)));
    for (width, height, bytes) in [(2, 1, 3), (2, 1, 4), (2, 1, 0), (0, 1, 0), (1 << 15, 1, 0)] {
        assert!(Picture::from_pixels(width, height, vec![0; bytes]).is_err());
    }
}
