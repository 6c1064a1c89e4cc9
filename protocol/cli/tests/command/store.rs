//! Inferences that are prepared ahead of time, and what is killed in between.

use crate::support::{Server, fail, gazelle, repository, run, succeed};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::Duration,
};

pub(crate) const SAMPLE: &str = "models/samples/0000-ankle-boot.png";

pub(crate) fn serve(folder: &Path, address: &str) -> Server {
    let store = folder.join("server.sqlite");
    let store = store.to_str().unwrap();
    let start = ["--plaintext", "--network", "fashion-mnist", "--listen", address];
    Server::run(&[&start[..], &["--store", store]].concat())
}

/// `gazelle COMMAND` with a client's store, as far as the image or the count.
pub(crate) fn client(command: &str, folder: &Path, address: &str, last: &[&str]) -> Vec<String> {
    let store = folder.join("client");
    let arguments =
        [command, "--plaintext", "--server", address, "--store", store.to_str().unwrap()];
    [&arguments[..], last].concat().into_iter().map(String::from).collect()
}

/// The client's halves that wait.
pub(crate) fn ready(folder: &Path) -> Vec<PathBuf> {
    let Ok(servers) = fs::read_dir(folder.join("client")) else { return Vec::new() };
    let servers = servers.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let files = servers.flat_map(|server| fs::read_dir(server).unwrap());
    let files = files.map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|ending| ending == "ready")).collect()
}

/// All that was classified had been prepared before.
fn assert_no_offline_phase(text: &str) {
    let offline = text.lines().find(|line| line.contains("offline")).expect("a line of it");
    let words = offline.split_whitespace().skip(1);
    assert!(words.into_iter().all(|word| word == "0" || word == "0.000"), "{offline}");
}

#[test]
fn prepared_once_and_used_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let image = repository(SAMPLE);
    let image = image.to_str().unwrap();
    let server = serve(folder, "127.0.0.1:0");
    let address = server.address.clone();
    let text = succeed(client("prepare", folder, &address, &["--count", "2"]));
    assert!(text.contains("2 prepared; 2 wait for this model"), "{text}");
    let text = succeed(client("prepare", folder, &address, &["--json"]));
    assert!(text.starts_with("{\"prepared\":1,\"waiting\":3,\"offline\":{"), "{text}");
    drop(server);
    let _server = serve(folder, &address);
    let text = succeed(client("classify", folder, &address, &[image, image]));
    assert!(text.contains("Ankle boot"), "{text}");
    assert_no_offline_phase(&text);
    assert_eq!(ready(folder).len(), 1);
    // The one that is left, and one that is prepared now.
    succeed(client("classify", folder, &address, &[image, image]));
    assert_eq!(ready(folder).len(), 0);
}

/// Of stored inferences too, no more are used at a time than the client has memory for.
#[test]
fn stored_inferences_within_the_memory_of_a_client() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let image = repository(SAMPLE);
    let image = image.to_str().unwrap();
    let server = serve(folder, "127.0.0.1:0");
    let limits = [&["--max-memory", "8"][..], &[]];
    let rounds = limits.map(|limit| {
        succeed(client("prepare", folder, &server.address, &["--count", "2"]));
        let last = [limit, &[image, image]].concat();
        let text = succeed(client("classify", folder, &server.address, &last));
        assert_no_offline_phase(&text);
        let online = text.lines().find(|line| line.starts_with("online")).unwrap();
        online.split_whitespace().last().unwrap().parse::<u32>().unwrap()
    });
    assert_eq!(rounds[0], 2 * rounds[1]);
}

/// A server that has lost its store, or was restored from a copy: the client goes through what it has, and
/// prepares what it needs.
#[test]
fn inferences_that_the_server_does_not_have() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let image = repository(SAMPLE);
    let image = image.to_str().unwrap();
    let server = serve(folder, "127.0.0.1:0");
    let address = server.address.clone();
    succeed(client("prepare", folder, &address, &["--count", "2"]));
    drop(server);
    for file in ["server.sqlite", "server.sqlite-wal", "server.sqlite-shm"] {
        // The last two are there or not.
        let _ = fs::remove_file(folder.join(file));
    }
    let _server = serve(folder, &address);
    succeed(client("prepare", folder, &address, &["--count", "1"]));
    let text = succeed(client("classify", folder, &address, &[image, image]));
    assert_eq!(text.matches("Ankle boot").count(), 2, "{text}");
    assert!(text.contains("2 stored inferences were refused and are gone"), "{text}");
    assert_eq!(ready(folder).len(), 0);
}

/// One server prepares, and another over the same store classifies.
#[test]
fn a_server_that_prepares_for_another() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let [preparing, classifying] = [(); 2].map(|()| serve(folder, "127.0.0.1:0"));
    let (there, image) = (classifying.address.as_str(), repository(SAMPLE));
    let image = image.to_str().unwrap();
    let last = ["--count", "2", "--classify-at", there];
    succeed(client("prepare", folder, &preparing.address, &last));
    drop(preparing);
    let text = succeed(client("classify", folder, there, &[image, image]));
    assert_eq!(text.matches("Ankle boot").count(), 2, "{text}");
    assert_no_offline_phase(&text);
    assert!(ready(folder).is_empty());
}

#[test]
fn stores_that_are_missing_or_of_another_key() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(&["--network", "fashion-mnist"]);
    let line = fail(3, client("prepare", folder, &server.address, &[]));
    assert!(line.contains("--store"), "{line}");
    let line = fail(1, ["prepare", "--plaintext", "--server", &server.address]);
    assert!(line.contains("--store DIR"), "{line}");
    let keeping = serve(folder, "127.0.0.1:0");
    succeed(client("prepare", folder, &keeping.address, &[]));
    fs::remove_file(folder.join("client/store.key")).unwrap();
    let image = repository(SAMPLE);
    let classify = client("classify", folder, &keeping.address, &[image.to_str().unwrap()]);
    let line = fail(1, &classify);
    assert!(line.contains("another key or passphrase"), "{line}");
    let words = gazelle().args(&classify).env("GAZELLE_STORE_PASSPHRASE", "words").output();
    assert!(String::from_utf8_lossy(&words.unwrap().stderr).contains("another key"));
}

/// Whoever is killed, and whenever: what waits on the client's side can be used, once, and nothing
/// that was used comes back.
#[test]
fn parties_that_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let image = repository(SAMPLE);
    let image = image.to_str().unwrap();
    let mut server = serve(folder, "127.0.0.1:0");
    let address = server.address.clone();
    let rounds = std::env::var("GAZELLE_KILLS").ok().and_then(|text| text.parse().ok());
    for round in 0..rounds.unwrap_or(12) {
        let command = if round % 3 == 0 { "prepare" } else { "classify" };
        let last: &[&str] = if round % 3 == 0 { &["--count", "4"] } else { &[image, image] };
        let mut running = gazelle()
            .args(client(command, folder, &address, last))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // A few of them get to their end.
        thread::sleep(Duration::from_millis(15 + 23 * (round % 12)));
        if round % 2 == 0 {
            running.kill().unwrap();
        } else {
            drop(server);
            server = serve(folder, &address);
        }
        running.wait().unwrap();
    }
    succeed(client("prepare", folder, &address, &["--count", "1"]));
    let waiting = ready(folder).len();
    let images = vec![image; waiting];
    let text = succeed(client("classify", folder, &address, &images));
    assert_eq!(text.matches("Ankle boot").count(), waiting, "{text}");
    assert_eq!(ready(folder).len(), 0);
    // Every half that waited has been spent on the server's side too.
    let output = run(client("classify", folder, &address, &[image]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
