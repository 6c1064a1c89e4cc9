//! Files: what is written is read, and what cannot be read is named.

use crate::{Error, files, zoo};

#[test]
fn a_network_is_read_from_disk() {
    let network = zoo::network("c").unwrap();
    let path = std::env::temp_dir().join(format!("gazelle-{}.gazelle", std::process::id()));
    files::write_network(&path, &network).unwrap();
    let read = files::read_network(&path);
    let capped = files::read(&path, 100);
    std::fs::remove_file(&path).unwrap();
    assert!(read.ok() == Some(network));
    assert!(matches!(capped, Err(Error::FileTooLarge { cap: 100, .. })));
    let missing = files::read_network(&path).err().unwrap().to_string();
    assert!(missing.starts_with("cannot read ") && missing.contains(".gazelle: "), "{missing}");
}
