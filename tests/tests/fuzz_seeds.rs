//! Replays the seeds of the fuzz targets, and what fuzzing once found, on any toolchain.

use gazelle_model::Network;
use gazelle_tests::{fuzz::TARGETS, random};
use proptest::{strategy::Strategy, strategy::ValueTree, test_runner::TestRunner};
use std::{
    fs,
    path::{Path, PathBuf},
};

fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds")
}

#[test]
fn every_target_returns_on_its_seeds() {
    let seeds = seeds();
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

/// Seeds that are valid encodings change with the encoding: `cargo test -p gazelle-tests -- --ignored`.
#[test]
#[ignore = "writes to fuzz/seeds"]
fn write_the_seeds_of_encodings() {
    let mut runner = TestRunner::deterministic();
    let write = |name: String, network: Network| {
        let card = network.card().to_bytes().unwrap();
        let file = network.to_bytes().unwrap();
        fs::write(seeds().join(format!("card_wire/{name}")), card).unwrap();
        fs::write(seeds().join(format!("model_file/{name}")), file).unwrap();
    };
    for i in 0..6 {
        let chain = random::networks().new_tree(&mut runner).unwrap().current().build();
        write(format!("random-{i}"), chain.0);
    }
    for i in 0..6 {
        let graph = random::graphs().new_tree(&mut runner).unwrap().current().build();
        write(format!("graph-{i}"), graph.0);
    }
}
