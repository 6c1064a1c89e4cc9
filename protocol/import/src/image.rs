//! Pictures as the tensors that a network reads.

use std::io::Cursor;

use gazelle_model::{MAX_SIDE, Shape};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The most bytes of a picture's file.
pub const MAX_IMAGE_BYTES: usize = 1 << 26;

/// Why a picture cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageFault {
    /// The picture is neither PNG nor JPEG.
    #[error("this is not a PNG or JPEG image; convert it to one of them")]
    NotAnImage,
    /// The picture cannot be decoded.
    #[error("the image is damaged or of a kind that is not supported: {reason}")]
    Damaged {
        /// What the decoder says.
        reason: String,
    },
    /// The picture has another size than the model reads.
    #[error(
        "the image is {width}×{height} pixels and the model reads {expected_width}×{expected_height}; resize it"
    )]
    Size {
        /// The picture's columns.
        width: usize,
        /// The picture's rows.
        height: usize,
        /// The model's columns.
        expected_width: usize,
        /// The model's rows.
        expected_height: usize,
    },
    /// The picture is larger than any model reads.
    #[error("the image is {width}×{height} pixels, more than any model reads; resize it")]
    TooLarge {
        /// The picture's columns.
        width: usize,
        /// The picture's rows.
        height: usize,
    },
    /// The picture has transparent pixels.
    #[error("the image has transparent pixels; save it without transparency")]
    Transparent,
    /// The model does not read pictures.
    #[error("the model reads {channels} channels; images have 1 or 3")]
    Channels {
        /// The model's channels.
        channels: usize,
    },
}

/// A decoded picture, before it is known what reads it.
pub struct Picture {
    width: usize,
    height: usize,
    /// Samples of a pixel, 1 to 4.
    samples: usize,
    pixels: Vec<u8>,
}

impl Picture {
    /// Decodes a PNG or JPEG picture.
    ///
    /// # Errors
    ///
    /// Bytes that are neither format or are damaged; transparent pixels; more rows or columns than
    /// any network reads, which is checked before the pixels are decoded.
    pub fn decode(bytes: &[u8]) -> Result<Self, ImageFault> {
        Self::decode_if(bytes, |width, height| match width.max(height) {
            ..=MAX_SIDE => Ok(()),
            _ => Err(ImageFault::TooLarge { width, height }),
        })
    }

    fn decode_if(bytes: &[u8], check: impl SizeCheck) -> Result<Self, ImageFault> {
        let picture = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            decode_png(bytes, check)?
        } else if bytes.starts_with(b"\xff\xd8\xff") {
            decode_jpeg(bytes, check)?
        } else {
            return Err(ImageFault::NotAnImage);
        };
        let Self { width, height, samples, ref pixels } = picture;
        if pixels.len() != samples * height * width {
            return Err(damaged("its pixels are not all there"));
        }
        // Two and four samples end in the opacity.
        if samples.is_multiple_of(2) && pixels.chunks_exact(samples).any(|p| p[samples - 1] != 255)
        {
            return Err(ImageFault::Transparent);
        }
        Ok(picture)
    }

    /// The picture as a tensor of `shape`, of 1 (grey) or 3 (red, green, blue) channels: the pixels,
    /// channel by channel, row by row.
    ///
    /// Grey comes from colour by the integer luma (19595 R + 38470 G + 7471 B + 2^15) >> 16, the
    /// ITU-R BT.601 weights in 16 bits; colour from grey by repetition. 16-bit samples keep their
    /// upper half.
    ///
    /// # Errors
    ///
    /// A size other than the shape's; a shape of another number of channels.
    pub fn tensor(&self, shape: Shape) -> Result<Vec<u8>, ImageFault> {
        check_channels(shape)?;
        check_size(self.width, self.height, shape)?;
        let channel = |c: usize| {
            let pixels = self.pixels.chunks_exact(self.samples);
            pixels.map(move |pixel| match (self.samples >= 3, shape.channels) {
                (true, 1) => luma(pixel),
                (true, _) => pixel[c],
                (false, _) => pixel[0],
            })
        };
        Ok((0..shape.channels).flat_map(channel).collect())
    }
}

/// Looks at a picture's width and height before its pixels are decoded.
trait SizeCheck: FnOnce(usize, usize) -> Result<(), ImageFault> {}

impl<F: FnOnce(usize, usize) -> Result<(), ImageFault>> SizeCheck for F {}

/// Decodes a PNG or JPEG picture to a tensor of `shape`; see [`Picture::tensor`].
///
/// # Errors
///
/// Those of [`Picture::decode`] and [`Picture::tensor`]. The picture's size is checked before it is
/// decoded.
pub fn decode_image(bytes: &[u8], shape: Shape) -> Result<Vec<u8>, ImageFault> {
    check_channels(shape)?;
    Picture::decode_if(bytes, |width, height| check_size(width, height, shape))?.tensor(shape)
}

fn check_channels(Shape { channels, .. }: Shape) -> Result<(), ImageFault> {
    if channels == 1 || channels == 3 { Ok(()) } else { Err(ImageFault::Channels { channels }) }
}

fn decode_png(bytes: &[u8], check: impl SizeCheck) -> Result<Picture, ImageFault> {
    let limits = png::Limits { bytes: MAX_IMAGE_BYTES };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(damaged)?;
    let (width, height) = reader.info().size();
    let (width, height) = (width as usize, height as usize);
    check(width, height)?;
    let size = reader.output_buffer_size().ok_or_else(|| damaged("it is too large"))?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).map_err(damaged)?;
    pixels.truncate(frame.buffer_size());
    Ok(Picture { width, height, samples: frame.color_type.samples(), pixels })
}

fn decode_jpeg(bytes: &[u8], check: impl SizeCheck) -> Result<Picture, ImageFault> {
    let options = DecoderOptions::new_safe().set_strict_mode(true);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    let (width, height) = decoder.dimensions().ok_or_else(|| damaged("it has no size"))?;
    check(width, height)?;
    let (samples, colours) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (1, ColorSpace::Luma),
        _ => (3, ColorSpace::RGB),
    };
    decoder.set_options(options.jpeg_set_out_colorspace(colours));
    Ok(Picture { width, height, samples, pixels: decoder.decode().map_err(damaged)? })
}

fn check_size(width: usize, height: usize, shape: Shape) -> Result<(), ImageFault> {
    match (width, height) == (shape.width, shape.height) {
        true => Ok(()),
        false => Err(ImageFault::Size {
            width,
            height,
            expected_width: shape.width,
            expected_height: shape.height,
        }),
    }
}

fn luma(rgb: &[u8]) -> u8 {
    let [r, g, b] = [rgb[0], rgb[1], rgb[2]].map(u32::from);
    // The weights sum to 2^16: at most 255.
    ((19595 * r + 38470 * g + 7471 * b + (1 << 15)) >> 16) as u8
}

fn damaged(reason: impl ToString) -> ImageFault {
    ImageFault::Damaged { reason: reason.to_string() }
}
