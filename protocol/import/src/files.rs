//! Files of networks and pictures, read within a cap.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use gazelle_model::{MAX_FILE_BYTES, Network};
use gazelle_picture::{ImageForm, MAX_IMAGE_BYTES, Picture, decode_image};

use crate::Error;

/// Reads a network from the model file at `path`; see [`Network::from_bytes`].
///
/// # Errors
///
/// Those of [`Network::from_bytes`]; a file that cannot be read or is over [`MAX_FILE_BYTES`].
pub fn read_network(path: impl AsRef<Path>) -> Result<Network, Error> {
    let bytes = read(&path, MAX_FILE_BYTES)?;
    Network::from_bytes(&bytes).map_err(|error| Error::from(error).in_file(path))
}

/// Writes the network's file to `path`; see [`Network::to_bytes`].
///
/// # Errors
///
/// Those of [`Network::to_bytes`]; a file that cannot be written.
pub fn write_network(path: impl AsRef<Path>, network: &Network) -> Result<(), Error> {
    let path = path.as_ref();
    let bytes = network.to_bytes().map_err(|error| Error::from(error).in_file(path))?;
    let failed = |error| io_error("write", path, &error);
    // Beside it first: whoever reads the path finds the old file or the new one, never a part.
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, path)).map_err(failed)
}

/// Reads the PNG or JPEG file at `path` as an image of a form; see [`decode_image`].
///
/// # Errors
///
/// Those of [`decode_image`]; a file that cannot be read or is over [`MAX_IMAGE_BYTES`].
pub fn read_image(path: impl AsRef<Path>, form: impl Into<ImageForm>) -> Result<Vec<u8>, Error> {
    let bytes = read(&path, MAX_IMAGE_BYTES)?;
    decode_image(&bytes, form).map_err(|error| Error::from(error).in_file(path))
}

/// Reads the PNG or JPEG file at `path`, whatever its size; see [`Picture::decode`].
///
/// # Errors
///
/// Those of [`Picture::decode`]; a file that cannot be read or is over [`MAX_IMAGE_BYTES`].
pub fn read_picture(path: impl AsRef<Path>) -> Result<Picture, Error> {
    let bytes = read(&path, MAX_IMAGE_BYTES)?;
    Picture::decode(&bytes).map_err(|error| Error::from(error).in_file(path))
}

/// The whole file at `path`, of at most `cap` bytes.
///
/// # Errors
///
/// A file that cannot be read or is over the cap.
pub fn read(path: impl AsRef<Path>, cap: usize) -> Result<Vec<u8>, Error> {
    let path = path.as_ref();
    let failed = |error| io_error("read", path, &error);
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(failed)?
        .take(cap as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    match bytes.len() > cap {
        true => Err(Error::FileTooLarge { path: path.display().to_string(), cap }),
        false => Ok(bytes),
    }
}

/// At most `length` bytes of the file at `path`, from byte `offset` on.
pub(crate) fn read_part(
    path: impl AsRef<Path>,
    offset: u64,
    length: usize,
) -> Result<Vec<u8>, Error> {
    let path = path.as_ref();
    let failed = |error| io_error("read", path, &error);
    let mut file = File::open(path).map_err(failed)?;
    file.seek(SeekFrom::Start(offset)).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(length as u64).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

pub(crate) fn io_error(action: &'static str, path: &Path, error: &std::io::Error) -> Error {
    let reason = match error.kind() {
        ErrorKind::IsADirectory => "it is a folder; name a file".into(),
        _ => error.to_string(),
    };
    Error::Io { action, path: path.display().to_string(), reason }
}
