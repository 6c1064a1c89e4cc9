//! Servers' hints, kept between sessions in the user's cache.

use gazelle_protocol::session::{Client, HintCache, HintName};
use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// The most hints that are kept; the oldest go first.
const MOST: usize = 16;

/// The client with the user's cache, if there is a place for one.
pub(crate) fn cached(client: Client) -> Client {
    match folder(env::var_os("XDG_CACHE_HOME").map(Into::into), env::var_os("HOME").map(Into::into))
    {
        Some(folder) => client.with_hints(FileCache { folder }),
        None => client,
    }
}

/// The names and bytes of the hints in the user's cache, in the order of names.
pub(crate) fn kept() -> Vec<(String, u64)> {
    let folder =
        folder(env::var_os("XDG_CACHE_HOME").map(Into::into), env::var_os("HOME").map(Into::into));
    let entries = folder.and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten();
    let hint = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let is_name = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_name.then_some((name, entry.metadata().ok()?.len()))
    };
    let mut kept: Vec<_> = entries.flatten().filter_map(hint).collect();
    kept.sort();
    kept
}

/// `$XDG_CACHE_HOME/gazelle/hints`, by default `~/.cache/gazelle/hints`.
fn folder(cache: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let cache = cache.filter(|path| path.is_absolute());
    let cache = cache.or_else(|| Some(home?.join(".cache")))?;
    Some(cache.join("gazelle").join("hints"))
}

/// A folder with a file for each hint, which has its name.
struct FileCache {
    folder: PathBuf,
}

/// A cache that cannot be read or written is none: nobody is told.
impl HintCache for FileCache {
    fn get(&mut self, name: &HintName) -> Option<Vec<u8>> {
        fs::read(self.folder.join(name.to_string())).ok()
    }

    fn put(&mut self, name: &HintName, bytes: &[u8]) {
        let _ = write(&self.folder, &name.to_string(), bytes);
    }
}

/// Writes a file as a whole or not at all, and removes the oldest ones.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(folder.join(name))?;
    let mut kept: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        kept.push((entry.metadata()?.modified()?, entry.path()));
    }
    kept.sort();
    let oldest = kept.len().saturating_sub(MOST);
    kept[..oldest].iter().try_for_each(|(_, path)| fs::remove_file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_come_back_and_the_oldest_go() {
        let place = tempfile::tempdir().unwrap();
        let mut cache = FileCache { folder: place.path().join("gazelle").join("hints") };
        let name = |i: usize| HintName([i as u8; 32]);
        assert_eq!(cache.get(&name(0)), None);
        for i in 0..MOST + 3 {
            cache.put(&name(i), &[i as u8; 5]);
            assert_eq!(cache.get(&name(i)), Some(vec![i as u8; 5]));
        }
        let kept = (0..MOST + 3).filter(|&i| cache.get(&name(i)).is_some()).count();
        assert_eq!(kept, MOST);
        cache.put(&name(MOST + 2), b"anew");
        assert_eq!(cache.get(&name(MOST + 2)).as_deref(), Some(&b"anew"[..]));
    }

    #[test]
    fn the_cache_is_where_the_user_has_caches() {
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(folder(path("/c"), path("/h")), path("/c/gazelle/hints"));
        for cache in [None, path(""), path("relative")] {
            assert_eq!(folder(cache, path("/h")), path("/h/.cache/gazelle/hints"));
        }
        assert_eq!(folder(None, None), None);
    }
}
