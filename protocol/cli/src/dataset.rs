//! Many images from a folder or an IDX file (the format of MNIST and its kin), with labels or
//! without.

use crate::failure::{Failure, Result, While};
use crate::files;
use flate2::read::GzDecoder;
use gazelle_model::{Card, Shape};
use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

/// The most bytes of an IDX file, unpacked.
const MAX_IDX_BYTES: usize = 1 << 30;
/// The most images that are read.
const MAX_IMAGES: usize = 1 << 20;

/// An image and its class.
pub(crate) struct Labelled {
    pub(crate) image: Vec<u8>,
    pub(crate) label: usize,
}

/// At most `most` images of `path`: a folder of PNG and JPEG files (folders in it are entered), or
/// an IDX file, packed by gzip or not.
pub(crate) fn images(path: &Path, shape: Shape, most: usize) -> Result<Vec<Vec<u8>>> {
    let images = if path.is_dir() {
        let files = pictures(path)?;
        let read = |file: &PathBuf| files::read_image(file, shape);
        spread(&files, most).map(read).collect::<Result<Vec<_>>>()?
    } else {
        let images = idx_images(path, shape)?;
        spread(&images, most).cloned().collect()
    };
    match images.is_empty() {
        false => Ok(images),
        true => Err(Failure::new(format!("{}: no images in it", path.display()))),
    }
}

/// The images of an IDX file with their labels from another, or those of a folder that has a folder
/// for each class, called by its name or its number.
pub(crate) fn labelled(path: &Path, labels: Option<&Path>, card: &Card) -> Result<Vec<Labelled>> {
    match labels {
        Some(labels) => {
            let images = idx_images(path, card.input)?;
            let labels = idx_labels(labels, card.classes.len())?;
            if images.len() != labels.len() {
                let (images, labels) = (images.len(), labels.len());
                return Err(Failure::new(format!("{images} images but {labels} labels")));
            }
            let pair = |(image, label)| Labelled { image, label };
            Ok(images.into_iter().zip(labels).map(pair).collect())
        }
        None => folders(path, card),
    }
}

fn folders(path: &Path, card: &Card) -> Result<Vec<Labelled>> {
    let mut all = Vec::new();
    for (label, class) in card.classes.iter().enumerate() {
        let named = [path.join(class), path.join(label.to_string())];
        let Some(folder) = named.iter().find(|folder| folder.is_dir()) else {
            return Err(Failure::new(format!(
                "{}: no folder `{class}` or `{label}` in it; give a folder for each class, or an \
                 IDX file and --labels",
                path.display()
            )));
        };
        for file in pictures(folder)? {
            all.push(Labelled { image: files::read_image(&file, card.input)?, label });
        }
    }
    Ok(all)
}

/// The PNG and JPEG files in a folder and its folders, in order of their names.
fn pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let doing = || format!("cannot read the folder {}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).when(doing)? {
        let path = entry.when(doing)?.path();
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        if path.is_dir() {
            found.extend(pictures(&path)?);
        } else if ["png", "jpg", "jpeg"].iter().any(|known| extension == *known) {
            found.push(path);
        }
        if found.len() > MAX_IMAGES {
            return Err(Failure::new(format!("more than {MAX_IMAGES} images; give fewer")));
        }
    }
    found.sort();
    Ok(found)
}

/// At most `most` of the items, evenly from first to last.
fn spread<T>(items: &[T], most: usize) -> impl Iterator<Item = &T> {
    let count = items.len().min(most);
    (0..count).map(move |i| &items[i * items.len() / count])
}

fn idx_images(path: &Path, shape: Shape) -> Result<Vec<Vec<u8>>> {
    let (dims, values) = read_idx(path)?;
    let fits = match dims[..] {
        [_, height, width] => shape == Shape { channels: 1, height, width },
        [_, channels, height, width] => shape == Shape { channels, height, width },
        _ => false,
    };
    if !fits {
        return Err(Failure::new(format!(
            "{}: its values are {dims:?}; the model reads images of {shape}",
            path.display()
        )));
    }
    Ok(values.chunks_exact(shape.len()).map(<[u8]>::to_vec).collect())
}

fn idx_labels(path: &Path, classes: usize) -> Result<Vec<usize>> {
    let (dims, values) = read_idx(path)?;
    let labels: Vec<usize> = values.iter().map(|&label| label.into()).collect();
    match (dims.len(), labels.iter().find(|&&label| label >= classes)) {
        (1, None) => Ok(labels),
        (1, Some(label)) => Err(Failure::new(format!(
            "{}: it has the label {label}, but the model tells {classes} classes apart",
            path.display()
        ))),
        _ => Err(Failure::new(format!("{}: it holds no labels", path.display()))),
    }
}

/// The sizes and the bytes of an IDX file: `0 (2) ‖ type (1) ‖ sizes (1) ‖ sizes (4 each,
/// big-endian) ‖ values`.
fn read_idx(path: &Path) -> Result<(Vec<usize>, Vec<u8>)> {
    let fault = |what: &str| Failure::new(format!("{}: {what}", path.display()));
    let packed = files::read(path, MAX_IDX_BYTES)?;
    let bytes = if packed.starts_with(&[0x1f, 0x8b]) {
        let mut bytes = Vec::new();
        let mut unpacked = GzDecoder::new(&packed[..]).take(MAX_IDX_BYTES as u64);
        unpacked.read_to_end(&mut bytes).when(|| path.display().to_string())?;
        bytes
    } else {
        packed
    };
    let (&[0, 0, 8, count @ 1..=4], rest) =
        bytes.split_first_chunk().ok_or_else(|| fault("this is not an IDX file of bytes"))?
    else {
        return Err(fault("this is not an IDX file of bytes"));
    };
    let (sizes, values) = rest
        .split_at_checked(4 * usize::from(count))
        .ok_or_else(|| fault("the file is cut off"))?;
    let sizes: Vec<usize> =
        sizes.as_chunks().0.iter().map(|&b| u32::from_be_bytes(b) as usize).collect();
    let total = sizes.iter().try_fold(1usize, |n, &size| n.checked_mul(size));
    match total == Some(values.len()) {
        true => Ok((sizes, values.to_vec())),
        false => Err(fault("it has more or fewer values than its header says")),
    }
}
