//! Pictures as the tensors that a network reads.

use std::io::Cursor;
use std::path::Path;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::file::read_capped;
use super::{MAX_SIDE, ModelError, Shape};

/// The most bytes of a picture's file.
pub const MAX_IMAGE_BYTES: usize = 1 << 26;

/// A decoded picture, before it is known what reads it.
pub struct Picture {
    width: usize,
    height: usize,
    /// Samples of a pixel, 1 to 4.
    samples: usize,
    pixels: Vec<u8>,
}

impl Picture {
    /// Reads the PNG or JPEG file at `path`; see [`Picture::decode`].
    ///
    /// # Errors
    ///
    /// Those of [`Picture::decode`]; a file that cannot be read or is over [`MAX_IMAGE_BYTES`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        Self::decode(&read_capped(path.as_ref(), MAX_IMAGE_BYTES)?)
    }

    /// Decodes a PNG or JPEG picture.
    ///
    /// # Errors
    ///
    /// Bytes that are neither format or are damaged; transparent pixels; more rows or columns than
    /// any network reads, which is checked before the pixels are decoded.
    pub fn decode(bytes: &[u8]) -> Result<Self, ModelError> {
        Self::decode_if(bytes, |width, height| match width.max(height) {
            ..=MAX_SIDE => Ok(()),
            _ => Err(ModelError::ImageTooLarge { width, height }),
        })
    }

    fn decode_if(bytes: &[u8], check: impl SizeCheck) -> Result<Self, ModelError> {
        let picture = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            decode_png(bytes, check)?
        } else if bytes.starts_with(b"\xff\xd8\xff") {
            decode_jpeg(bytes, check)?
        } else {
            return Err(ModelError::NotAnImage);
        };
        let Self { width, height, samples, ref pixels } = picture;
        if pixels.len() != samples * height * width {
            return Err(damaged("its pixels are not all there"));
        }
        // Two and four samples end in the opacity.
        if samples.is_multiple_of(2) && pixels.chunks_exact(samples).any(|p| p[samples - 1] != 255)
        {
            return Err(ModelError::Transparent);
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
    pub fn tensor(&self, shape: Shape) -> Result<Vec<u8>, ModelError> {
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
trait SizeCheck: FnOnce(usize, usize) -> Result<(), ModelError> {}

impl<F: FnOnce(usize, usize) -> Result<(), ModelError>> SizeCheck for F {}

/// Reads the PNG or JPEG file at `path` as a tensor of `shape`; see [`decode_image`].
///
/// # Errors
///
/// Those of [`decode_image`]; a file that cannot be read or is over [`MAX_IMAGE_BYTES`].
pub fn read_image(path: impl AsRef<Path>, shape: Shape) -> Result<Vec<u8>, ModelError> {
    decode_image(&read_capped(path.as_ref(), MAX_IMAGE_BYTES)?, shape)
}

/// Decodes a PNG or JPEG picture to a tensor of `shape`; see [`Picture::tensor`].
///
/// # Errors
///
/// Those of [`Picture::decode`] and [`Picture::tensor`]. The picture's size is checked before it is
/// decoded.
pub fn decode_image(bytes: &[u8], shape: Shape) -> Result<Vec<u8>, ModelError> {
    check_channels(shape)?;
    Picture::decode_if(bytes, |width, height| check_size(width, height, shape))?.tensor(shape)
}

fn check_channels(Shape { channels, .. }: Shape) -> Result<(), ModelError> {
    if channels == 1 || channels == 3 {
        Ok(())
    } else {
        Err(ModelError::ImageChannels { channels })
    }
}

fn decode_png(bytes: &[u8], check: impl SizeCheck) -> Result<Picture, ModelError> {
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

fn decode_jpeg(bytes: &[u8], check: impl SizeCheck) -> Result<Picture, ModelError> {
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

fn check_size(width: usize, height: usize, shape: Shape) -> Result<(), ModelError> {
    match (width, height) == (shape.width, shape.height) {
        true => Ok(()),
        false => Err(ModelError::ImageSize {
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

fn damaged(reason: impl ToString) -> ModelError {
    ModelError::DamagedImage { reason: reason.to_string() }
}
