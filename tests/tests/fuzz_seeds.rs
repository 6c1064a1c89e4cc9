//! Replays the seeds of the fuzz targets, and what fuzzing once found, on any toolchain.

use gazelle_tests::fuzz::TARGETS;
use std::{fs, path::Path};

#[test]
fn every_target_returns_on_its_seeds() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
    for (name, body) in TARGETS {
        let folder = seeds.join(name);
        let files = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let mut count = 0;
        for file in files {
            body(&fs::read(file.unwrap().path()).unwrap());
            count += 1;
        }
        assert!(count > 0, "{} has no seeds", folder.display());
        body(&[]);
    }
}

#[test]
fn every_target_has_a_body_and_every_body_a_target() {
    let manifest = include_str!("../../fuzz/Cargo.toml");
    let bins: Vec<&str> =
        manifest.lines().filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")).collect();
    let names: Vec<String> = TARGETS.iter().map(|(name, _)| format!("{name}.rs\"")).collect();
    assert_eq!(bins, names, "fuzz/Cargo.toml lists the targets of gazelle_tests::fuzz, in order");
}
