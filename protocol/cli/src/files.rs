//! Reading the user's files, with messages that name them.

use crate::failure::{Failure, Result, While};
use gazelle_import::{Error, files};
use gazelle_model::{Network, Shape};
use std::{fs::File, path::Path};

/// The network of a model file.
pub(crate) fn read_network(path: &Path) -> Result<Network> {
    files::read_network(path).map_err(|error| naming(path, &error))
}

/// The pixels of a PNG or JPEG file, in the order of `shape`.
pub(crate) fn read_image(path: &Path, shape: Shape) -> Result<Vec<u8>> {
    files::read_image(path, shape).map_err(|error| naming(path, &error))
}

/// Writes a network's model file.
pub(crate) fn write_network(path: &Path, network: &Network) -> Result<()> {
    files::write_network(path, network).map_err(|error| naming(path, &error))
}

/// A file's bytes, at most `most`.
pub(crate) fn read(path: &Path, most: usize) -> Result<Vec<u8>> {
    files::read(path, most).map_err(|error| naming(path, &error))
}

/// Fails if there is no file that can be opened.
pub(crate) fn check_readable(path: &Path) -> Result<()> {
    File::open(path).map(drop).when(|| format!("cannot read {}", path.display()))
}

/// The error's line, with the file's name unless it has it already.
fn naming(path: &Path, error: &Error) -> Failure {
    match error {
        Error::Io { .. } | Error::FileTooLarge { .. } => Failure::new(error.to_string()),
        _ => Failure::new(format!("{}: {error}", path.display())),
    }
}
