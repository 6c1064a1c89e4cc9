//! Clients that try again, where that may help.

use crate::idle::session;
use crate::store::{SAMPLE, client, ready, serve};
use crate::support::{ONCE, Server, fail, gazelle, repository, seated, sit, succeed};
use gazelle_service::{ClientTls, Credentials};
use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    process::{Child, Stdio},
};

/// For tries that end well before: what they wait for is brought about by the test.
const LONG: [&str; 2] = ["--retry", "600"];

/// A client that runs, and what it says meanwhile.
struct Running {
    child: Child,
    errors: BufReader<std::process::ChildStderr>,
}

impl Running {
    fn start<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Self {
        let mut command = gazelle();
        command.args(arguments).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        Self { child, errors }
    }

    /// The next line that says that there will be another try.
    fn trouble(&mut self) -> String {
        let mut line = String::new();
        self.errors.read_line(&mut line).unwrap();
        assert!(line.starts_with("gazelle: trying again in "), "{line}");
        line
    }

    /// What it has printed, if it ends well.
    fn succeed(mut self) -> String {
        let mut errors = String::new();
        self.errors.read_to_string(&mut errors).unwrap();
        let output = self.child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{errors}");
        assert!(
            errors.lines().all(|line| line.starts_with("gazelle: trying again in ")),
            "{errors}"
        );
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn a_server_that_comes_up_late() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let image = repository(SAMPLE);
    let classify = ["classify", "--plaintext", "--server", &free, image.to_str().unwrap()];
    let mut client = Running::start(classify.into_iter().chain(LONG));
    let line = client.trouble();
    assert!(line.contains(&free) && line.contains("cannot reach"), "{line}");
    let _server = Server::start_at(&free, &["--network", "fashion-mnist"]);
    assert!(client.succeed().contains("Ankle boot"));
}

/// A server that is full says so before there is TLS or a WebSocket, and takes clients in that wait.
#[test]
fn a_server_that_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    succeed(["keygen", folder.to_str().unwrap(), "--client", "alice"]);
    let (own, keys, image) = (folder.join("server"), folder.join("alice"), repository(SAMPLE));
    let [own, keys, image] = [&own, &keys, &image].map(|path| path.to_str().unwrap());
    let one = ["--network", "fashion-mnist", "--max-clients", "1"];
    let server = Server::run(&[&one[..], &["--listen", "127.0.0.1:0", "--tls", own]].concat());
    let tls = ClientTls::new(&Credentials::read(keys.as_ref()).unwrap()).unwrap();
    let sitting = sit(session(&server.address, &tls));
    let classify = ["classify", "--tls", keys, "--server", &server.address, image];
    let words = "all seats of this server are taken; try again later";
    for last in [&ONCE[..], &["--retry", "0", "--websocket"]] {
        let line = fail(3, [&classify[..], last].concat());
        assert!(line.contains(words), "{line}");
    }
    let mut client = Running::start(classify.into_iter().chain(LONG));
    assert!(client.trouble().contains(words));
    drop(sitting);
    assert!(client.succeed().contains("Ankle boot"));

    let plain = Server::start(&one);
    let _seated = seated(&plain.address);
    let classify = ["classify", "--plaintext", "--websocket", "--server", &plain.address, image];
    let line = fail(3, classify.into_iter().chain(ONCE));
    assert!(line.contains(words), "{line}");
}

/// The server dies in the middle of an online phase: what was used there is used nowhere else.
#[test]
fn a_spent_inference_is_not_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = serve(folder, "127.0.0.1:0");
    let target = server.address.clone();
    let way = crate::kills::Way::start(target.clone());
    succeed(client("prepare", folder, &way.address, &["--count", "3"]));
    let before = ready(folder);
    let image = repository(SAMPLE);
    let [retry, long] = LONG;
    let last = [retry, long, image.to_str().unwrap()];
    let classify = client("classify", folder, &way.address, &last);
    way.kill_online(server.id());
    let mut client = Running::start(&classify);
    way.wait_for_kills(1);
    drop(server);
    let line = client.trouble();
    assert!(line.contains(&way.address), "{line}");
    let _server = serve(folder, &target);
    let text = client.succeed();
    assert_eq!(text.matches("Ankle boot").count(), 1, "{text}");
    // The second one was as good as new.
    assert!(!text.contains("refused"), "{text}");
    let after = ready(folder);
    assert_eq!((before.len(), after.len()), (3, 1));
    assert!(after.iter().all(|path| before.contains(path)));
}

/// Where servers die again and again, each death but the first costs one stored inference.
#[test]
fn several_images_of_servers_that_die() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = serve(folder, "127.0.0.1:0");
    let target = server.address.clone();
    let way = crate::kills::Way::start(target.clone());
    succeed(client("prepare", folder, &way.address, &["--count", "10"]));
    let image = repository(SAMPLE);
    let last = [&LONG[..], &[image.to_str().unwrap(); 4]].concat();
    let classify = client("classify", folder, &way.address, &last);
    way.kill_online(server.id());
    let client = Running::start(&classify);
    way.wait_for_kills(1);
    drop(server);
    let server = serve(folder, &target);
    way.kill_online(server.id());
    way.wait_for_kills(2);
    drop(server);
    let _server = serve(folder, &target);
    let text = client.succeed();
    assert_eq!(text.matches("Ankle boot").count(), 4, "{text}");
    // Four with the first death, one with the second, then one and three.
    assert_eq!(ready(folder).len(), 1);
}
