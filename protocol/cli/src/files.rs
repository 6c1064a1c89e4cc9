//! Reading the user's files, with messages that name them.

use crate::failure::{Result, While};
use gazelle_import::files;
use gazelle_model::{Network, Shape};
use std::{fs::File, path::Path};

/// The network of a model file.
pub(crate) fn read_network(path: &Path) -> Result<Network> {
    Ok(files::read_network(path)?)
}

/// The pixels of a PNG or JPEG file, in the order of `shape`.
pub(crate) fn read_image(path: &Path, shape: Shape) -> Result<Vec<u8>> {
    Ok(files::read_image(path, shape)?)
}

/// Fails if there is no file that can be opened.
pub(crate) fn check_readable(path: &Path) -> Result<()> {
    File::open(path).map(drop).when(|| format!("cannot read {}", path.display()))
}
