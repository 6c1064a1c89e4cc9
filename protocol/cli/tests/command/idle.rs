//! Clients that have nothing to ask for.

use crate::support::{Server, gazelle, repository, succeed};
use gazelle_import::files;
use gazelle_protocol::{
    session::{Client, Terms},
    transport::{self, Patience},
};
use gazelle_service::{ClientTls, Credentials};
use std::{net::TcpStream, path::Path, thread, time::Duration};

/// Sessions at a time.
const SESSIONS: u64 = 160;

/// Of `/proc/ID/status`: a count, or KiB.
fn status(server: &Server, name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_start_matches(':').split_whitespace().next().unwrap().parse().unwrap()
}

/// Waits until the server has no more threads than that.
fn wait_for_threads(server: &Server, most: u64) {
    for _ in 0..1200 {
        if status(server, "Threads") <= most {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{} threads, not {most}", status(server, "Threads"));
}

pub(crate) fn session(address: &str, tls: &ClientTls) -> Client {
    let patience = Patience::from(Duration::from_secs(600));
    let stream = transport::dial(address).unwrap();
    let secured = gazelle_service::connect(stream, address, tls, patience, None).unwrap();
    Client::connect(secured.channel, &Terms::NONE).unwrap()
}

fn serve(folder: &Path) -> (Server, ClientTls) {
    let keys = folder.to_str().unwrap();
    succeed(["keygen", keys, "--client", "alice"]);
    let most = (4 * SESSIONS).to_string();
    let tls = folder.join("server");
    // With one heap for all threads: how many heaps keep what set-ups free is a matter of chance.
    let server = Server::of(gazelle().env("MALLOC_ARENA_MAX", "1").arg("serve").args([
        "--network",
        "fashion-mnist",
        "--listen",
        "127.0.0.1:0",
        "--max-clients",
        &most,
        "--setup-timeout",
        "600",
        "--timeout",
        "600",
        "--tls",
        tls.to_str().unwrap(),
    ]));
    let tls = ClientTls::new(&Credentials::read(&folder.join("alice")).unwrap()).unwrap();
    (server, tls)
}

/// The most that an idle session may take in KiB. It is the client's public keys, 45 KiB for this network,
/// what transfers go on with, 2 KiB, and the connection.
const MOST: u64 = 64;

/// Silent connections and sessions between two phases take no thread and little memory, and go on when
/// their clients do.
#[test]
fn idle_sessions_cost_next_to_nothing() {
    let grown = memory_of_idle_sessions();
    assert!(grown <= MOST, "{grown} KiB each");
}

/// KiB of each.
fn memory_of_idle_sessions() -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let (server, tls) = serve(folder.path());
    let image = files::read_image(
        repository("models/samples/0000-ankle-boot.png"),
        files::read_network(repository("models/fashion-mnist-d.gazelle")).unwrap().card(),
    );
    let image = image.unwrap();
    let classify = |client: &mut Client| {
        let bundle = client.offline(1, |_, _| ()).unwrap().remove(0);
        client.classify(bundle, &image).unwrap().label()
    };
    // What the first set-ups leave behind is not theirs. An inference would leave room for all that follow.
    let mut first: Vec<_> = (0..40).map(|_| session(&server.address, &tls)).collect();
    thread::sleep(Duration::from_millis(300));
    let (threads, memory) = (status(&server, "Threads"), status(&server, "VmRSS"));
    let silent: Vec<_> =
        (0..SESSIONS).map(|_| TcpStream::connect(&server.address).unwrap()).collect();
    let mut idle: Vec<_> = (0..SESSIONS).map(|_| session(&server.address, &tls)).collect();
    wait_for_threads(&server, threads);
    let grown = status(&server, "VmRSS").saturating_sub(memory) / SESSIONS;
    println!("{grown} KiB each");
    let label = classify(&mut first[0]);
    for client in idle.iter_mut().chain(&mut first).step_by(20) {
        assert_eq!(classify(client), label);
    }
    wait_for_threads(&server, threads);
    drop(silent);
    idle.into_iter().chain(first).for_each(|client| client.close().unwrap());
    grown
}
