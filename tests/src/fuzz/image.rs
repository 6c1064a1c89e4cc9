//! Pictures.

use gazelle_import::{ImageFault, decode_image};
use gazelle_model::Shape;

/// Pixels of the largest picture that is decoded.
const PIXELS: usize = 1 << 16;

/// A picture of the size that it states decodes to every pixel, in grey and in colour alike.
pub fn image_decode(data: &[u8]) {
    let one = Shape { channels: 1, height: 1, width: 1 };
    let grey = match decode_image(data, one) {
        Err(ImageFault::Size { width, height, .. })
            if width.checked_mul(height).is_some_and(|pixels| pixels <= PIXELS) =>
        {
            Shape { channels: 1, height, width }
        }
        _ => one,
    };
    let colour = Shape { channels: 3, ..grey };
    match (decode_image(data, grey), decode_image(data, colour)) {
        (Ok(luma), Ok(pixels)) => {
            assert_eq!(luma.len(), grey.len());
            assert_eq!(pixels.len(), colour.len());
        }
        (grey, colour) => assert_eq!(grey, colour),
    }
}
