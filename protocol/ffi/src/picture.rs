//! Pictures, as the server's model reads them.

use gazelle_picture::Picture;

use crate::client::GazelleClient;
use crate::handle;
use crate::memory::{input, output, shared};
use crate::program::check_len;
use crate::status::{Failure, GazelleStatus, call};

/// A decoded picture. It never changes: any number of threads may use it at once.
pub struct GazellePicture(Picture);

/// Decodes a PNG or JPEG file of `len` bytes. Decode pictures before there is a session: the time that it
/// takes says something about them. The handle is to be freed with `gazelle_picture_free`.
///
/// # Safety
/// `file` has `len` bytes, `picture` room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_picture_decode(
    file: *const u8,
    len: usize,
    picture: *mut *mut GazellePicture,
) -> GazelleStatus {
    call(|| {
        // SAFETY: the caller's promise.
        unsafe {
            handle::make(picture, || {
                let decoded = Picture::decode(input("file", file, len)?);
                Ok(GazellePicture(decoded.map_err(|e| Failure::new(GazelleStatus::Input, e))?))
            })
        }
    })
}

/// Frees a picture; null is none.
///
/// # Safety
/// `picture` is null or a handle that was not freed, and no thread uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_picture_free(picture: *mut GazellePicture) {
    // SAFETY: the caller's promise.
    unsafe { handle::free(picture) }
}

/// The pixels of a picture as the server's model reads them: the same as the command line's, bit for bit.
/// `len` is channels·height·width.
///
/// # Safety
/// `picture` and `client` are handles, `pixels` has room for `len` bytes, which no other thread uses
/// meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gazelle_picture_pixels(
    picture: *const GazellePicture,
    client: *const GazelleClient,
    pixels: *mut u8,
    len: usize,
) -> GazelleStatus {
    call(|| {
        // SAFETY: the caller's promise.
        let (picture, client, out) = unsafe {
            let out = output("pixels", pixels, len, &[])?;
            (shared("picture", picture)?, shared("client", client)?, out)
        };
        check_len("pixels", client.model.pixels(), len)?;
        let tensor = picture.0.tensor(&client.form);
        out.copy_from_slice(&tensor.map_err(|error| Failure::new(GazelleStatus::Input, error))?);
        Ok(())
    })
}
