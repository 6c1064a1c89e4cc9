//! Servers that share a database: `tests/postgres.sh` starts one, and says where.

use crate::support::{Server, repository, succeed};
use std::{fs, path::Path};

const SAMPLE: &str = "models/samples/0000-ankle-boot.png";

fn replica(folder: &Path, database: &str) -> Server {
    let key = folder.join("store.key");
    let start = ["--plaintext", "--network", "fashion-mnist", "--listen", "127.0.0.1:0"];
    let store = ["--store", database, "--store-key", key.to_str().unwrap()];
    Server::run(&[&start[..], &store].concat())
}

fn client(command: &str, folder: &Path, address: &str, last: &[&str]) -> Vec<String> {
    let store = folder.join("client");
    let arguments =
        [command, "--plaintext", "--server", address, "--store", store.to_str().unwrap()];
    [&arguments[..], last].concat().into_iter().map(String::from).collect()
}

/// Three replicas; what was prepared with the first, which is killed then, the others serve. A
/// balancer would give all of them one address.
#[test]
fn replicas_serve_what_another_has_prepared() {
    let Ok(database) = std::env::var("GAZELLE_POSTGRES") else {
        return eprintln!("skipped: GAZELLE_POSTGRES names no database");
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let replicas = [(); 3].map(|()| replica(folder, &database));
    let [first, second, third] = replicas;
    let own = |server: &Server| folder.join("client").join(server.address.replace(':', "_"));
    succeed(client("prepare", folder, &first.address, &["--count", "4"]));
    let halves = own(&first);
    drop(first);
    let image = repository(SAMPLE);
    let image = image.to_str().unwrap();
    fs::rename(&halves, own(&second)).unwrap();
    let text = succeed(client("classify", folder, &second.address, &[image, image]));
    assert!(text.contains("Ankle boot"), "{text}");
    fs::rename(own(&second), own(&third)).unwrap();
    let text = succeed(client("classify", folder, &third.address, &[image, image]));
    let offline = text.lines().find(|line| line.contains("offline")).expect("a line of it");
    assert!(offline.split_whitespace().skip(1).all(|word| word == "0" || word == "0.000"));
}
