//! Data sets: folders and IDX files are read whole and in order, and what is wrong is named.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use flate2::{Compression, write::GzEncoder};
use gazelle_model::{Card, Shape};

use crate::dataset::{DatasetFault, images, labelled, left_out};
use crate::{Error, zoo};

const SHAPE: Shape = Shape { channels: 1, height: 2, width: 3 };

/// A folder that goes when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gazelle-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn idx(sizes: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, sizes.len() as u8];
    sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
    [bytes, values.to_vec()].concat()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn png(value: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 3, 2);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&[value; 6]).unwrap();
    bytes
}

fn card(classes: &[&str]) -> Card {
    let classes = classes.iter().map(|&class| class.into()).collect();
    let (card, _) = zoo::network("a").unwrap().into_parts();
    Card { input: SHAPE, classes, ..card }
}

fn fault(error: Error) -> DatasetFault {
    match error {
        Error::Dataset(fault) => fault,
        Error::File { fault: error, .. } => fault(*error),
        other => panic!("{other}"),
    }
}

#[test]
fn idx_files_packed_and_not() {
    let folder = Folder::new("idx");
    let values: Vec<u8> = (0..24).collect();
    let plain = folder.file("plain", &idx(&[4, 2, 3], &values));
    let gzip = folder.file("gzip", &packed(&idx(&[4, 1, 2, 3], &values)));
    for file in [&plain, &gzip] {
        let all = images(file, SHAPE, 100).unwrap();
        assert_eq!(all.concat(), values);
        // Evenly from first to last.
        assert_eq!(images(file, SHAPE, 2).unwrap(), [&all[0][..], &all[2]]);
    }
    let labels = folder.file("labels", &idx(&[4], &[1, 0, 1, 1]));
    let set = labelled(&gzip, Some(&labels), &card(&["a", "b"])).unwrap();
    assert_eq!(set.iter().map(|one| one.label).collect::<Vec<_>>(), [1, 0, 1, 1]);
    assert_eq!(set[3].image, values[18..]);
}

#[test]
fn folders_of_pictures() {
    let folder = Folder::new("pictures");
    for (name, value) in [("cat/1.png", 10), ("cat/deeper/2.PNG", 20), ("1/a.png", 30)] {
        folder.file(name, &png(value));
    }
    folder.file("cat/notes.txt", b"no picture");
    let set = labelled(&folder.0, None, &card(&["cat", "dog"])).unwrap();
    let found: Vec<_> = set.iter().map(|one| (one.label, one.image[0])).collect();
    assert_eq!(found, [(0, 10), (0, 20), (1, 30)]);
    assert_eq!(images(&folder.0, SHAPE, 9).unwrap().len(), 3);
    let missing = labelled(&folder.0, None, &card(&["cat", "dog", "bird"])).unwrap_err();
    assert_eq!(fault(missing), DatasetFault::Folder { class: "bird".into(), label: 2 });
    let broken = folder.file("1/b.png", b"\x89PNG\r\n\x1a\n");
    let message = images(&folder.0, SHAPE, 9).unwrap_err().to_string();
    assert!(message.starts_with(&broken.display().to_string()), "{message}");
}

#[test]
fn faults_are_told_apart() {
    let folder = Folder::new("faults");
    let set = |bytes: &[u8]| fault(images(folder.file("set", bytes), SHAPE, 9).unwrap_err());
    assert_eq!(set(b"GIF89a"), DatasetFault::NotIdx);
    assert_eq!(set(&[0, 0, 8, 2, 0, 0, 0, 1]), DatasetFault::Truncated);
    assert_eq!(set(&idx(&[2, 2, 3], &[0; 11])), DatasetFault::Length);
    assert_eq!(set(&idx(&[u32::MAX; 4], &[0; 11])), DatasetFault::Length);
    assert_eq!(set(&idx(&[0, 2, 3], &[])), DatasetFault::Empty);
    let sizes = DatasetFault::Sizes { sizes: vec![1, 3, 2], expected: SHAPE };
    assert_eq!(set(&idx(&[1, 3, 2], &[0; 6])), sizes);
    assert!(matches!(set(&packed(b"x")[..15]), DatasetFault::Packed { .. }));

    let pictures = folder.file("pictures", &idx(&[2, 2, 3], &[0; 12]));
    let labels = |bytes: &[u8]| {
        let labels = folder.file("labels", bytes);
        fault(labelled(&pictures, Some(&labels), &card(&["a"])).unwrap_err())
    };
    assert_eq!(labels(&idx(&[3], &[0; 3])), DatasetFault::Counts { images: 2, labels: 3 });
    assert_eq!(labels(&idx(&[2], &[0, 1])), DatasetFault::Label { label: 1, classes: 1 });
    assert_eq!(labels(&idx(&[1, 2], &[0, 0])), DatasetFault::NoLabels);
}

/// Links that lead back, or twice to the same folder, and files that an archiver hid.
#[cfg(unix)]
#[test]
fn every_picture_counts_once() {
    let folder = Folder::new("links");
    folder.file("cats/a.png", &png(7));
    folder.file("cats/._a.png", b"no picture");
    for link in ["cats/itself", "again", "cats/above"] {
        let target = if link == "again" { folder.0.join("cats") } else { folder.0.clone() };
        std::os::unix::fs::symlink(target, folder.0.join(link)).unwrap();
    }
    assert_eq!(images(&folder.0, SHAPE, 10).unwrap(), [vec![7; 6]]);
}

#[test]
fn pictures_of_other_kinds_are_told() {
    let folder = Folder::new("others");
    folder.file("a/one.png", &png(7));
    let bitmap = folder.file("a/two.BMP", b"BM");
    let other = folder.file("three.webp", b"RIFF");
    folder.file("a/notes.txt", b"");
    assert_eq!(left_out(&folder.0).unwrap(), [bitmap, other]);
    assert_eq!(images(&folder.0, SHAPE, 9).unwrap().len(), 1);
}
