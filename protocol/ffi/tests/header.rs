//! The header is what cbindgen makes of the sources.

use std::fs;
use std::path::Path;

/// `GAZELLE_WRITE_HEADER=1 cargo test -p gazelle-ffi --test header` writes it anew.
#[test]
fn the_header_is_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(folder.join("cbindgen.toml")).unwrap();
    // Modules are followed from there.
    let builder = cbindgen::Builder::new().with_config(config).with_src(folder.join("src/lib.rs"));
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    let path = folder.join("include/gazelle.h");
    if std::env::var_os("GAZELLE_WRITE_HEADER").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let old = "include/gazelle.h is old: run this test with GAZELLE_WRITE_HEADER=1";
    assert!(fs::read(&path).unwrap() == made, "{old}");
}
