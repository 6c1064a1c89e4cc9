//! Reading the user's files, with messages that name them.

use crate::{
    failure::{Failure, Result},
    pixel_args::PixelArgs,
};
use gazelle_import::{FloatNetwork, Picture, files, onnx};
use gazelle_model::{Card, Colours, Network, Shape};
use std::{fs, path::Path};

/// The network of a model file.
pub(crate) fn read_network(path: &Path) -> Result<Network> {
    Ok(files::read_network(path)?)
}

/// The image that a network of `card` reads of a PNG or JPEG file.
pub(crate) fn read_image(path: &Path, card: &Card) -> Result<Vec<u8>> {
    Ok(files::read_image(path, card)?)
}

/// The picture of a PNG or JPEG file, whatever its size.
pub(crate) fn read_picture(path: &Path) -> Result<Picture> {
    Ok(files::read_picture(path)?)
}

/// Reads an ONNX file; the network gets the file's name if it has none.
pub(crate) fn read_onnx(
    path: &Path,
    name: Option<&str>,
    classes: &[String],
    pixels: &PixelArgs,
) -> Result<FloatNetwork> {
    let bytes = files::read(path, onnx::MAX_ONNX_BYTES)?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let options = onnx::ImageOptions {
        shape: pixels.shape.as_deref().map(shape).transpose()?,
        mean: pixels.mean.clone(),
        std: pixels.std.clone(),
        classes: classes.to_vec(),
        output: pixels.output_name.clone(),
        unit: pixels.pixels.unwrap_or_default(),
        resize: pixels.resize.unwrap_or_default(),
        colours: pixels.colours.map(Colours::from).unwrap_or_default(),
        folder: path.parent().map(Path::to_path_buf),
    };
    Ok(onnx::read(name.unwrap_or(&stem), &bytes, &options).map_err(|error| error.in_file(path))?)
}

/// Refuses to write over the network that is read, or where nothing can be written.
pub(crate) fn check_output(network: &Path, output: &Path) -> Result<()> {
    let same = match (fs::canonicalize(network), fs::canonicalize(output)) {
        (Ok(network), Ok(output)) => network == output,
        _ => false,
    };
    if same {
        let line =
            format!("{} is the network itself; name another file to write", output.display());
        return Err(Failure::new(line));
    }
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder.is_none_or(Path::is_dir) {
        true => Ok(()),
        false => {
            Err(Failure::new(format!("cannot write {}: there is no such folder", output.display())))
        }
    }
}

/// `CHANNELS,HEIGHT,WIDTH`.
fn shape(sizes: &[usize]) -> Result<Shape> {
    match *sizes {
        [channels, height, width] => Ok(Shape { channels, height, width }),
        _ => Err(Failure::new("--shape takes CHANNELS,HEIGHT,WIDTH as in 1,28,28")),
    }
}
