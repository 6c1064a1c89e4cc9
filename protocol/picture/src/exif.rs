//! How a camera was held: the orientation in a picture's EXIF data.

use super::Picture;

/// The tag of the orientation (EXIF 2.32, section 4.6.5).
const ORIENTATION: u16 = 0x0112;

/// What brings the pixels as stored upright: number 1 to 8 of EXIF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Orientation(u8);

impl Orientation {
    pub(super) const UPRIGHT: Self = Self(1);

    /// That which EXIF data tell; upright where they do not.
    pub(super) fn read(exif: Option<&[u8]>) -> Self {
        exif.and_then(find).map_or(Self::UPRIGHT, Self)
    }

    /// Whether rows become columns.
    fn turns(self) -> bool {
        self.0 >= 5
    }

    /// Columns and rows of the upright picture.
    pub(super) fn size(self, width: usize, height: usize) -> (usize, usize) {
        if self.turns() { (height, width) } else { (width, height) }
    }

    /// The picture upright.
    pub(super) fn apply(self, picture: Picture) -> Picture {
        if self == Self::UPRIGHT {
            return picture;
        }
        let Picture { width, height, samples, pixels } = picture;
        let (columns, rows) = self.size(width, height);
        let mut upright = Vec::with_capacity(pixels.len());
        for y in 0..rows {
            for x in 0..columns {
                let (right, down) = (columns - 1 - x, rows - 1 - y);
                let (column, row) = match self.0 {
                    2 => (right, y),
                    3 => (right, down),
                    4 => (x, down),
                    5 => (y, x),
                    6 => (y, right),
                    7 => (down, right),
                    _ => (down, x),
                };
                upright.extend_from_slice(&pixels[(row * width + column) * samples..][..samples]);
            }
        }
        Picture { width: columns, height: rows, samples, pixels: upright }
    }
}

/// The orientation in EXIF data: a TIFF header, then a directory of 12 bytes an entry.
fn find(exif: &[u8]) -> Option<u8> {
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = *tiff.get(at..)?.first_chunk::<2>()?;
        Some(if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let long = *tiff.get(4..)?.first_chunk::<4>()?;
    let long = if little { u32::from_le_bytes(long) } else { u32::from_be_bytes(long) };
    let directory = usize::try_from(long).ok()?;
    let entries = usize::from(short(directory)?);
    let at = |i: usize| directory.checked_add(2 + 12 * i);
    let entry = (0..entries).map_while(at).find(|&at| short(at) == Some(ORIENTATION))?;
    let number = short(entry.checked_add(8)?)?;
    u8::try_from(number).ok().filter(|number| (1..=8).contains(number))
}
