//! Many images from a folder or an IDX file (the format of MNIST and its kin), with labels or
//! without.

mod fault;

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use gazelle_model::{Card, Head, Shape};

pub use fault::DatasetFault;

use crate::{Error, ImageForm, files};

/// The most bytes of an IDX file, unpacked.
pub const MAX_IDX_BYTES: usize = 1 << 30;
/// The most images that are read.
pub const MAX_IMAGES: usize = 1 << 20;
/// Extensions of pictures that are not read.
const OTHER_PICTURES: [&str; 9] =
    ["avif", "bmp", "gif", "heic", "heif", "jp2", "tif", "tiff", "webp"];

/// An image and its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// The pixels, in the order of the card's input shape.
    pub image: Vec<u8>,
    /// The class, from 0.
    pub label: usize,
}

/// At most `most` images of `path`: a folder of PNG and JPEG files (folders in it are entered), or
/// an IDX file, packed by gzip or not; those between are left out evenly.
///
/// # Errors
///
/// No images; a file that cannot be read, is none of these, or has images of another shape.
pub fn images(
    path: impl AsRef<Path>,
    form: impl Into<ImageForm>,
    most: usize,
) -> Result<Vec<Vec<u8>>, Error> {
    let (path, form) = (path.as_ref(), form.into());
    let images = if path.is_dir() {
        let files = pictures(path)?;
        let read = |file: &PathBuf| files::read_image(file, form.clone());
        spread(&files, most).map(read).collect::<Result<Vec<_>, _>>()?
    } else {
        let images = idx_images(path, form.shape)?;
        spread(&images, most).cloned().collect()
    };
    match images.is_empty() {
        false => Ok(images),
        true => Err(Error::from(DatasetFault::Empty).in_file(path)),
    }
}

/// The pictures in a folder, or the folders in it, that [`images`] leaves out because they are
/// neither PNG nor JPEG; none if `path` is a file.
///
/// # Errors
///
/// A folder that cannot be read.
pub fn left_out(path: impl AsRef<Path>) -> Result<Vec<PathBuf>, Error> {
    match path.as_ref().is_dir() {
        true => files_of(path.as_ref(), &OTHER_PICTURES),
        false => Ok(Vec::new()),
    }
}

/// The images of an IDX file with their labels from another, or those of a folder that has a folder
/// for each of the card's classes, called by its name or its number.
///
/// # Errors
///
/// Those of [`images`]; a class without a folder, a label that is no class, images and labels that
/// are not as many.
pub fn labelled(
    path: impl AsRef<Path>,
    labels: Option<&Path>,
    card: &Card,
) -> Result<Vec<Labelled>, Error> {
    let classes = classes(card);
    let Some(labels) = labels else { return folders(path.as_ref(), &card.into(), &classes) };
    let images = idx_images(path.as_ref(), card.input)?;
    let labels = idx_labels(labels, classes.len())?;
    if images.len() != labels.len() {
        return Err(DatasetFault::Counts { images: images.len(), labels: labels.len() }.into());
    }
    let pair = |(image, label)| Labelled { image, label };
    Ok(images.into_iter().zip(labels).map(pair).collect())
}

/// The names of the labels: a network that tells whether an image is of its only class has two.
fn classes(card: &Card) -> Vec<String> {
    match (&card.classes[..], &card.head.head) {
        ([one], Head::Thresholds(_)) => vec![format!("not {one}"), one.clone()],
        (all, _) => all.to_vec(),
    }
}

fn folders(path: &Path, form: &ImageForm, classes: &[String]) -> Result<Vec<Labelled>, Error> {
    let mut all = Vec::new();
    for (label, class) in classes.iter().enumerate() {
        let named = [path.join(class), path.join(label.to_string())];
        let Some(folder) = named.iter().find(|folder| folder.is_dir()) else {
            let fault = DatasetFault::Folder { class: class.clone(), label };
            return Err(Error::from(fault).in_file(path));
        };
        for file in pictures(folder)? {
            all.push(Labelled { image: files::read_image(&file, form.clone())?, label });
        }
    }
    Ok(all)
}

/// The PNG and JPEG files in a folder and its folders.
fn pictures(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    files_of(folder, &["png", "jpg", "jpeg"])
}

/// The files with these extensions in a folder and its folders, in order of their names. Hidden
/// files are left out, and a folder that several links lead to counts once.
fn files_of(folder: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    enter(folder, extensions, &mut HashSet::new(), &mut found)?;
    found.sort();
    Ok(found)
}

/// Collects the files of a folder that was not `entered` before.
fn enter(
    folder: &Path,
    extensions: &[&str],
    entered: &mut HashSet<PathBuf>,
    found: &mut Vec<PathBuf>,
) -> Result<(), Error> {
    let failed = |error| files::io_error("read the folder", folder, &error);
    if !entered.insert(folder.canonicalize().map_err(failed)?) {
        return Ok(());
    }
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    // A folder is found under the first of its names.
    paths.sort();
    for path in paths {
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        if path.is_dir() {
            enter(&path, extensions, entered, found)?;
        } else if !hidden && extensions.iter().any(|known| extension == *known) {
            found.push(path);
        }
        if found.len() > MAX_IMAGES {
            return Err(Error::from(DatasetFault::TooMany(MAX_IMAGES)).in_file(folder));
        }
    }
    Ok(())
}

/// At most `most` of the items, evenly from first to last.
fn spread<T>(items: &[T], most: usize) -> impl Iterator<Item = &T> {
    let count = items.len().min(most);
    (0..count).map(move |i| &items[i * items.len() / count])
}

fn idx_images(path: &Path, shape: Shape) -> Result<Vec<Vec<u8>>, Error> {
    let (sizes, values) = read_idx(path)?;
    let fits = match sizes[..] {
        [_, height, width] => shape == Shape { channels: 1, height, width },
        [_, channels, height, width] => shape == Shape { channels, height, width },
        _ => false,
    };
    match fits {
        true => Ok(values.chunks_exact(shape.len()).map(<[u8]>::to_vec).collect()),
        false => Err(Error::from(DatasetFault::Sizes { sizes, expected: shape }).in_file(path)),
    }
}

fn idx_labels(path: &Path, classes: usize) -> Result<Vec<usize>, Error> {
    let (sizes, values) = read_idx(path)?;
    let labels: Vec<usize> = values.iter().map(|&label| label.into()).collect();
    let fault = match (sizes.len(), labels.iter().find(|&&label| label >= classes)) {
        (1, None) => return Ok(labels),
        (1, Some(&label)) => DatasetFault::Label { label, classes },
        _ => DatasetFault::NoLabels,
    };
    Err(Error::from(fault).in_file(path))
}

/// The sizes and the values of the IDX file at `path`, packed by gzip or not.
fn read_idx(path: &Path) -> Result<(Vec<usize>, Vec<u8>), Error> {
    let packed = files::read(path, MAX_IDX_BYTES)?;
    parse_idx(packed).map_err(|fault| Error::from(fault).in_file(path))
}

/// `0 (2) ‖ type (1) ‖ dimensions (1) ‖ sizes (4 each, big-endian) ‖ values`.
fn parse_idx(packed: Vec<u8>) -> Result<(Vec<usize>, Vec<u8>), DatasetFault> {
    let bytes = if packed.starts_with(&[0x1f, 0x8b]) { unpack(&packed)? } else { packed };
    let Some((&[0, 0, 8, count @ 1..=4], rest)) = bytes.split_first_chunk() else {
        return Err(DatasetFault::NotIdx);
    };
    let (sizes, values) =
        rest.split_at_checked(4 * usize::from(count)).ok_or(DatasetFault::Truncated)?;
    let sizes: Vec<usize> =
        sizes.as_chunks().0.iter().map(|&b| u32::from_be_bytes(b) as usize).collect();
    let total = sizes.iter().try_fold(1usize, |n, &size| n.checked_mul(size));
    match total == Some(values.len()) {
        true => Ok((sizes, values.to_vec())),
        false => Err(DatasetFault::Length),
    }
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, DatasetFault> {
    let mut bytes = Vec::new();
    GzDecoder::new(packed)
        .take(MAX_IDX_BYTES as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| DatasetFault::Packed { reason: error.to_string() })?;
    Ok(bytes)
}
