//! Files that others must not read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::Error;

/// The most bytes of a file of keys or settings.
const MOST: u64 = 1 << 20;

/// Makes a folder that only its owner can open, if there is none yet.
pub(crate) fn private_folder(path: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(Error::file(path))
}

/// Writes a file that only its owner can read, and that did not exist.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let write = |mut file: File| file.write_all(bytes).and_then(|()| file.sync_all());
    file.and_then(write).map_err(Error::file(path))
}

/// Writes a file, or puts it in the place of an older one as a whole.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::file(&beside)(error));
        }
        _ => {}
    }
    write_new(&beside, bytes)?;
    fs::rename(&beside, path).map_err(Error::file(path))?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Makes what was created, renamed or removed in a folder survive a crash.
pub(crate) fn sync_folder(path: &Path) -> Result<(), Error> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path).and_then(|folder| folder.sync_all()).map_err(Error::file(path))
}

/// The text of a small file.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    let len = fs::metadata(path).map_err(Error::file(path))?.len();
    if len > MOST {
        return Err(Error::content(path, format!("has {len} bytes; at most {MOST} are read")));
    }
    fs::read_to_string(path).map_err(Error::file(path))
}

/// What a small file of TOML says.
///
/// # Errors
/// If it cannot be read, or says something else: in one line, with the number of the file's.
pub fn read_toml<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    parse_toml(&read_text(path)?).map_err(|problem| Error::content(path, problem))
}

/// What a text of TOML says.
pub(crate) fn parse_toml<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        format!("line {line}: {}", error.message().replace('\n', " "))
    })
}

/// The text of a small file, if there is one.
pub(crate) fn read_text_if_any(path: &Path) -> Result<Option<String>, Error> {
    match read_text(path) {
        Err(Error::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Ok(None)
        }
        text => text.map(Some),
    }
}
