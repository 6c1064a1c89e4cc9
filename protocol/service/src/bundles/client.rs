//! A client's halves: a file each.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use gazelle_protocol::bundle::ClientBundle;
use gazelle_protocol::session::NetworkPlan;
use ring::rand::{SecureRandom, SystemRandom};

use super::StoreKey;
use crate::{Error, domain, files, hex};

/// How the name of a half that waits ends.
const READY: &str = "ready";
/// How the name of a half that is spent ends, until the file is gone.
const SPENT: &str = "spent";

/// The halves of one client for one server, in a folder that only its owner can open.
///
/// A file is called `PLAN-NUMBER.ready`: 16 digits of the plan for which it was prepared, and 32 of a
/// random number. Renaming it to `.spent` takes it from all other processes, and the folder is synced
/// before anything of it is used.
pub struct ClientStore {
    folder: PathBuf,
    key: StoreKey,
}

impl ClientStore {
    /// Opens the folder, or makes it. Halves older than `lifetime` are taken away, and what an
    /// earlier process has left of spent ones.
    ///
    /// # Errors
    /// If the folder cannot be used, or was made with another key.
    pub fn open(folder: &Path, key: StoreKey, lifetime: Duration) -> Result<Self, Error> {
        files::private_folder(folder)?;
        key.check(&folder.join("key-check"))?;
        let store = Self { folder: folder.into(), key };
        store.sweep(lifetime)?;
        Ok(store)
    }

    /// How many halves wait for a network of this plan.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn count(&self, plan: &NetworkPlan) -> Result<usize, Error> {
        Ok(self.ready(plan)?.len())
    }

    /// How many wait for other networks or versions.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn others(&self, plan: &NetworkPlan) -> Result<usize, Error> {
        Ok(self.with_ending(READY)?.len() - self.count(plan)?)
    }

    /// Stores a half.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn put(&self, plan: &NetworkPlan, bundle: ClientBundle) -> Result<(), Error> {
        let mut number = [0; 16];
        let none = |_| Error::Tls("the operating system gives no randomness".into());
        SystemRandom::new().fill(&mut number).map_err(none)?;
        let path = self.folder.join(format!("{}-{}.{READY}", prefix(plan), *hex::text(&number)));
        let blob = self.key.seal(bundle.into_bytes(plan), &about(plan, &number))?;
        files::replace(&path, &blob)
    }

    /// Takes a half for its only use; none if none is left. It is gone from the disk, whatever
    /// happens, before this returns.
    ///
    /// # Errors
    /// If the folder cannot be changed, or the half is damaged; it is spent then.
    pub fn take(&self, plan: &NetworkPlan) -> Result<Option<ClientBundle>, Error> {
        for path in self.ready(plan)? {
            let spent = path.with_extension(SPENT);
            match fs::rename(&path, &spent) {
                // Another process was faster.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                renamed => renamed.map_err(Error::file(&path))?,
            }
            files::sync_folder(&self.folder)?;
            let bundle = self.read(plan, &spent);
            fs::remove_file(&spent).map_err(Error::file(&spent))?;
            return bundle.map(Some);
        }
        Ok(None)
    }

    fn read(&self, plan: &NetworkPlan, path: &Path) -> Result<ClientBundle, Error> {
        let damaged = || Error::content(path, "is damaged; prepare a new inference");
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let number = stem.split_once('-').and_then(|(_, digits)| hex::read::<16>(digits));
        let number = number.ok_or_else(damaged)?;
        // Whatever is longer is none.
        let most = ClientBundle::encoded_len(plan) as u64 + 64;
        let mut blob = Vec::new();
        let file = File::open(path).map_err(Error::file(path))?;
        file.take(most).read_to_end(&mut blob).map_err(Error::file(path))?;
        let plain = self.key.open_blob(blob, &about(plan, &number)).ok_or_else(damaged)?;
        ClientBundle::from_bytes(plan, &plain).map_err(|fault| Error::content(path, fault))
    }

    /// The files of a plan that wait, oldest first.
    fn ready(&self, plan: &NetworkPlan) -> Result<Vec<PathBuf>, Error> {
        let prefix = prefix(plan);
        let of_plan = |path: &PathBuf| {
            path.file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(prefix.as_bytes()))
        };
        let mut files: Vec<_> = self.with_ending(READY)?.into_iter().filter(of_plan).collect();
        files.sort_by_cached_key(|path| modified(path).ok());
        Ok(files)
    }

    fn with_ending(&self, ending: &str) -> Result<Vec<PathBuf>, Error> {
        let entries = fs::read_dir(&self.folder).map_err(Error::file(&self.folder))?;
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        let paths: Vec<_> = paths.collect::<Result<_, _>>().map_err(Error::file(&self.folder))?;
        Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|e| e == ending)).collect())
    }

    fn sweep(&self, lifetime: Duration) -> Result<(), Error> {
        let old = |path: &PathBuf| {
            let age = modified(path).ok().and_then(|at| SystemTime::now().duration_since(at).ok());
            age.is_some_and(|age| age > lifetime)
        };
        let expired = self.with_ending(READY)?.into_iter().filter(old);
        // A process that is using one right now has read it already, or fails for its age.
        let left = self.with_ending(SPENT)?.into_iter().chain(self.with_ending("new")?);
        let left = left.filter(|path| {
            let age = modified(path).ok().and_then(|at| SystemTime::now().duration_since(at).ok());
            age.is_some_and(|age| age > LEFT_BEHIND)
        });
        for path in expired.chain(left) {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(Error::file(&path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// A file that is being written or used is younger than this.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

fn modified(path: &Path) -> std::io::Result<SystemTime> {
    fs::metadata(path)?.modified()
}

fn prefix(plan: &NetworkPlan) -> String {
    hex::text(&plan.name()[..8]).to_string()
}

fn about(plan: &NetworkPlan, number: &[u8; 16]) -> Vec<u8> {
    [domain::CLIENT_HALF, plan.name(), number].concat()
}
