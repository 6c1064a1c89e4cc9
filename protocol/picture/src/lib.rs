#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod exif;
mod resize;
#[cfg(test)]
mod tests;

use std::io::Cursor;

use gazelle_model::{Card, Colours, Preprocessing, Resize, Shape};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use exif::Orientation;

/// The most bytes of a picture's file.
pub const MAX_IMAGE_BYTES: usize = 1 << 26;
/// The most rows or columns of a picture.
const MAX_PICTURE_SIDE: usize = 1 << 14;
/// The most pixels of a picture.
const MAX_PIXELS: usize = 1 << 26;

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
        "the image is {width}×{height} pixels and the model reads {expected_width}×{expected_height}; \
         resize it"
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
    /// The picture is scaled to less than the model reads.
    #[error(
        "pictures are scaled to {side} pixels and the model reads {width}×{height}; scale them to the \
         longer of these at least"
    )]
    Resize {
        /// The short side's pixels.
        side: u16,
        /// The model's columns.
        width: usize,
        /// The model's rows.
        height: usize,
    },
    /// The picture is larger than what is decoded.
    #[error(
        "the image is {width}×{height} pixels, and at most {MAX_PICTURE_SIDE} rows or columns and \
         {MAX_PIXELS} pixels are decoded; make it smaller"
    )]
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

/// What a network reads: an image of a shape, and how a picture becomes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageForm {
    /// The image's shape.
    pub shape: Shape,
    /// From a picture's size to the image's.
    pub resize: Resize,
    /// What the image's channels are.
    pub colours: Colours,
}

impl From<Shape> for ImageForm {
    /// Pictures of that size alone.
    fn from(shape: Shape) -> Self {
        Self::new(shape, &Preprocessing::default())
    }
}

impl From<&Card> for ImageForm {
    fn from(card: &Card) -> Self {
        Self::new(card.input, &card.preprocessing)
    }
}

impl ImageForm {
    /// An image of `shape` that is made by `preprocessing`.
    pub fn new(shape: Shape, preprocessing: &Preprocessing) -> Self {
        let Preprocessing { resize, colours, .. } = *preprocessing;
        Self { shape, resize, colours }
    }

    /// Whether pictures have so many channels, and this one a size that can become the image's.
    fn check(&self, width: usize, height: usize) -> Result<(), ImageFault> {
        let Shape { channels, height: rows, width: columns } = self.shape;
        if channels != 1 && channels != 3 {
            return Err(ImageFault::Channels { channels });
        }
        match self.resize {
            Resize::Exact if (width, height) != (columns, rows) => Err(ImageFault::Size {
                width,
                height,
                expected_width: columns,
                expected_height: rows,
            }),
            Resize::ShortSide(side) if usize::from(side) < rows.max(columns) => {
                Err(ImageFault::Resize { side, width: columns, height: rows })
            }
            _ => check_pixels(width, height),
        }
    }
}

/// A decoded picture, upright, before it is known what reads it.
pub struct Picture {
    width: usize,
    height: usize,
    /// Samples of a pixel, 1 to 4.
    samples: usize,
    pixels: Vec<u8>,
}

impl Picture {
    /// Decodes a PNG or JPEG picture and turns it upright, as its EXIF data say.
    ///
    /// # Errors
    ///
    /// Bytes that are neither format or are damaged; transparent pixels; more than 2^14 rows or
    /// columns or 2^26 pixels, which is checked before they are decoded.
    pub fn decode(bytes: &[u8]) -> Result<Self, ImageFault> {
        Self::decode_if(bytes, check_pixels)
    }

    /// A picture that was decoded elsewhere: its pixels row by row, with 1 sample each (grey) or 3 (red,
    /// green, blue).
    ///
    /// # Errors
    ///
    /// Another number of bytes; more than 2^14 rows or columns or 2^26 pixels.
    pub fn from_pixels(width: usize, height: usize, pixels: Vec<u8>) -> Result<Self, ImageFault> {
        check_pixels(width, height)?;
        match [1, 3].into_iter().find(|samples| pixels.len() == samples * width * height) {
            Some(samples) => Ok(Self { width, height, samples, pixels }),
            None => Err(damaged("its pixels have neither 1 nor 3 samples each")),
        }
    }

    fn decode_if(bytes: &[u8], check: impl SizeCheck) -> Result<Self, ImageFault> {
        let (picture, orientation) = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
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
        Ok(orientation.apply(picture))
    }

    /// The image for a network that reads 1 channel (grey) or 3: the pixels, channel by channel, row
    /// by row.
    ///
    /// Grey comes from colour by the integer luma (19595 R + 38470 G + 7471 B + 2^15) >> 16, the
    /// ITU-R BT.601 weights in 16 bits; colour from grey by repetition. 16-bit samples keep their
    /// upper half. Then the picture is resized, as the form says, in integers.
    ///
    /// # Errors
    ///
    /// A size other than the shape's, if the form does not resize; a shape of another number of
    /// channels.
    pub fn tensor(&self, form: impl Into<ImageForm>) -> Result<Vec<u8>, ImageFault> {
        let form = form.into();
        form.check(self.width, self.height)?;
        let map = |c: usize| {
            let map = self.map(c, &form);
            match form.resize {
                Resize::Exact => map,
                _ => resize::resize(form.resize, &map, [self.width, self.height], form.shape),
            }
        };
        Ok((0..form.shape.channels).flat_map(map).collect())
    }

    /// Channel c of the picture in the form's colours.
    fn map(&self, c: usize, form: &ImageForm) -> Vec<u8> {
        let c = if form.colours == Colours::Bgr { 2 - c } else { c };
        let pixel = |pixel: &[u8]| match (self.samples >= 3, form.shape.channels) {
            (true, 1) => luma(pixel),
            (true, _) => pixel[c],
            (false, _) => pixel[0],
        };
        self.pixels.chunks_exact(self.samples).map(pixel).collect()
    }
}

/// A picture as it is stored, and what brings it upright.
type Stored = (Picture, Orientation);

/// Looks at the upright picture's width and height before its pixels are decoded.
trait SizeCheck: FnOnce(usize, usize) -> Result<(), ImageFault> {}

impl<F: FnOnce(usize, usize) -> Result<(), ImageFault>> SizeCheck for F {}

/// Decodes a PNG or JPEG picture to the image of a form; see [`Picture::tensor`].
///
/// # Errors
///
/// Those of [`Picture::decode`] and [`Picture::tensor`]. The picture's size is checked before it is
/// decoded.
pub fn decode_image(bytes: &[u8], form: impl Into<ImageForm>) -> Result<Vec<u8>, ImageFault> {
    let form = form.into();
    Picture::decode_if(bytes, |width, height| form.check(width, height))?.tensor(form)
}

fn check_pixels(width: usize, height: usize) -> Result<(), ImageFault> {
    if width.min(height) == 0 {
        return Err(damaged("it has no pixels"));
    }
    let fits = width.max(height) <= MAX_PICTURE_SIDE && width * height <= MAX_PIXELS;
    if fits { Ok(()) } else { Err(ImageFault::TooLarge { width, height }) }
}

fn decode_png(bytes: &[u8], check: impl SizeCheck) -> Result<Stored, ImageFault> {
    let limits = png::Limits { bytes: MAX_IMAGE_BYTES };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(damaged)?;
    // The decoder counts on whole colours, three bytes each.
    if reader.info().palette.as_ref().is_some_and(|palette| !palette.len().is_multiple_of(3)) {
        return Err(damaged("its palette ends within a colour"));
    }
    let (width, height) = reader.info().size();
    let (width, height) = (width as usize, height as usize);
    let orientation = Orientation::read(reader.info().exif_metadata.as_deref());
    let (columns, rows) = orientation.size(width, height);
    check(columns, rows)?;
    let size = reader.output_buffer_size().ok_or_else(|| damaged("it is too large"))?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).map_err(damaged)?;
    pixels.truncate(frame.buffer_size());
    let samples = frame.color_type.samples();
    Ok((Picture { width, height, samples, pixels }, orientation))
}

fn decode_jpeg(bytes: &[u8], check: impl SizeCheck) -> Result<Stored, ImageFault> {
    // All that the format has: larger pictures than are decoded are told of below.
    let options = DecoderOptions::new_safe()
        .set_strict_mode(true)
        .set_max_width(u16::MAX.into())
        .set_max_height(u16::MAX.into());
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    let (width, height) = decoder.dimensions().ok_or_else(|| damaged("it has no size"))?;
    let orientation = Orientation::read(decoder.exif().map(Vec::as_slice));
    let (columns, rows) = orientation.size(width, height);
    check(columns, rows)?;
    let (samples, colours) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (1, ColorSpace::Luma),
        _ => (3, ColorSpace::RGB),
    };
    decoder.set_options(options.jpeg_set_out_colorspace(colours));
    let pixels = decoder.decode().map_err(damaged)?;
    Ok((Picture { width, height, samples, pixels }, orientation))
}

fn luma(rgb: &[u8]) -> u8 {
    let [r, g, b] = [rgb[0], rgb[1], rgb[2]].map(u32::from);
    // The weights sum to 2^16: at most 255.
    ((19595 * r + 38470 * g + 7471 * b + (1 << 15)) >> 16) as u8
}

fn damaged(reason: impl ToString) -> ImageFault {
    ImageFault::Damaged { reason: reason.to_string() }
}
