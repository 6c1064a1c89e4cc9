//! Reading the user's files, with messages that name them.

use crate::failure::{Failure, Result, While};
use gazelle_protocol::model::{self, ModelError, Network, Picture, Shape};
use std::{fs::File, io::Read, path::Path};

/// The network of a model file.
pub(crate) fn read_network(path: &Path) -> Result<Network> {
    Network::read(path).map_err(|error| naming(path, &error))
}

/// The pixels of a PNG or JPEG file, in the order of `shape`.
pub(crate) fn read_image(path: &Path, shape: Shape) -> Result<Vec<u8>> {
    model::read_image(path, shape).map_err(|error| naming(path, &error))
}

/// The picture of a PNG or JPEG file, whatever its size.
pub(crate) fn read_picture(path: &Path) -> Result<Picture> {
    Picture::read(path).map_err(|error| naming(path, &error))
}

/// A file's bytes, at most `most`.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let doing = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)).when(doing)?;
    match bytes.len() as u64 <= most {
        true => Ok(bytes),
        false => Err(Failure::new(format!("{}: more than {most} bytes", path.display()))),
    }
}

/// The error's line, with the file's name unless it has it already.
pub(crate) fn naming(path: &Path, error: &ModelError) -> Failure {
    match error {
        ModelError::Io { .. } | ModelError::FileTooLarge { .. } => Failure::new(error.to_string()),
        _ => Failure::new(format!("{}: {error}", path.display())),
    }
}
