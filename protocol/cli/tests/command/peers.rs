//! Peers that are of another release, or that leave in the middle.

use crate::support::{ONCE, Server, fail, gazelle, repository, succeed};
use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    ops::Range,
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

const SAMPLE: &str = "models/samples/0000-ankle-boot.png";

/// Where a greeting's version and parameters stand, after the frame's header and the magic.
const VERSION: usize = 5 + 8;
const PARAMETERS: usize = VERSION + 4;

/// A server that greets as `server` does, but for one bit in each byte of `positions`.
fn of_another_release(server: &Server, positions: Range<usize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = server.address.clone();
    thread::spawn(move || -> io::Result<()> {
        let (mut client, _) = listener.accept()?;
        let mut server = TcpStream::connect(server)?;
        let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || io::copy(&mut from_client, &mut to_server));
        let mut greeting = vec![0; positions.end];
        server.read_exact(&mut greeting)?;
        greeting[positions].iter_mut().for_each(|byte| *byte ^= 4);
        client.write_all(&greeting)?;
        io::copy(&mut server, &mut client)?;
        Ok(())
    });
    address
}

#[test]
fn another_release() {
    let server = Server::start(&["--network", "fashion-mnist"]);
    let image = repository(SAMPLE);
    // The oldest and the newest version, and the hash of the parameters.
    let places = [(VERSION..VERSION + 2, "version"), (PARAMETERS..PARAMETERS + 1, "parameters")];
    for (positions, words) in places {
        let address = of_another_release(&server, positions);
        let line =
            fail(1, ["classify", "--plaintext", "--server", &address, image.to_str().unwrap()]);
        assert!(line.contains(&address) && line.contains(words), "{line}");
    }
    // The server goes on.
    succeed(["classify", "--plaintext", "--server", &server.address, image.to_str().unwrap()]);
}

/// Passes a client's session with `server` on; how many bytes the server has sent so far.
pub(crate) fn counting(server: &Server) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = server.address.clone();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    thread::spawn(move || -> io::Result<()> {
        let (mut client, _) = listener.accept()?;
        let mut server = TcpStream::connect(server)?;
        let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || io::copy(&mut from_client, &mut to_server));
        let mut piece = vec![0; 1 << 16];
        while let Ok(len @ 1..) = server.read(&mut piece) {
            client.write_all(&piece[..len])?;
            counted.fetch_add(len, Ordering::Relaxed);
        }
        client.shutdown(Shutdown::Both)
    });
    (address, count)
}

/// Waits until a server has sent what a few images need.
pub(crate) fn wait_for_images(count: &AtomicUsize) {
    while count.load(Ordering::Relaxed) < 50 << 20 {
        thread::sleep(Duration::from_millis(5));
    }
}

/// A client of many images.
pub(crate) fn busy_client(address: &str) -> Child {
    gazelle()
        .args(["classify", "--plaintext", "--json", "--server", address])
        .args(ONCE)
        .args(vec![repository(SAMPLE); 1000])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What is classified by then is printed, and the rest is an error.
#[test]
fn a_server_that_is_killed_between_images() {
    let server = Server::start(&["--network", "fashion-mnist"]);
    let (address, count) = counting(&server);
    let client = busy_client(&address);
    wait_for_images(&count);
    drop(server);
    let output = client.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let classified = String::from_utf8(output.stdout).unwrap();
    let classified = classified.lines().filter(|line| line.contains("Ankle boot")).count();
    assert!((1..999).contains(&classified), "{classified}");
    assert_eq!(output.status.code(), Some(4), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.starts_with("gazelle: ") && errors.contains(&address), "{errors}");
}

#[test]
fn a_client_that_is_killed_ends_alone() {
    let server = Server::start(&["--network", "fashion-mnist"]);
    let (address, count) = counting(&server);
    let mut client = busy_client(&address);
    wait_for_images(&count);
    client.kill().unwrap();
    client.wait().unwrap();
    let image = repository(SAMPLE);
    succeed(["classify", "--plaintext", "--server", &server.address, image.to_str().unwrap()]);
}

/// A client that knows the model's card accepts no other.
#[test]
fn the_card_that_a_client_expects() {
    let model = repository("models/fashion-mnist-d.gazelle");
    let inspected = succeed(["inspect", model.to_str().unwrap()]);
    let right = inspected.lines().find_map(|line| line.strip_prefix("card ")).expect(&inspected);
    let wrong = "0".repeat(64);
    let image = repository(SAMPLE);
    // What the server reveals is no matter of the card.
    for arguments in [&[][..], &["--reveal", "values"]] {
        let arguments = [&["--network", "fashion-mnist"], arguments].concat();
        let mut server = Server::start(&arguments);
        let line = server.line();
        assert!(line.starts_with(&format!("card {right} ")), "{line}");
        let classify = |card: &str| {
            let image = image.to_str().unwrap();
            ["classify", "--plaintext", "--server", &server.address, "--card", card, image]
                .map(String::from)
        };
        succeed(classify(right));
        let line = fail(1, classify(&wrong));
        assert!(line.contains(right) && line.contains(wrong.as_str()), "{line}");
        assert!(line.contains("no session") && !line.contains("broke"), "{line}");
    }
    let line = fail(2, ["classify", "--plaintext", "--card", &right[1..], image.to_str().unwrap()]);
    assert!(line.contains("64 digits"), "{line}");
}

/// What a model costs a client is known before anything is sent.
#[test]
fn a_model_that_costs_more_than_is_allowed() {
    let server = Server::start(&["--network", "fashion-mnist"]);
    let image = repository(SAMPLE);
    for limit in ["--max-memory", "--max-download"] {
        let image = image.to_str().unwrap();
        let line =
            fail(1, ["classify", "--plaintext", "--server", &server.address, limit, "1", image]);
        assert!(line.contains(limit) && line.contains("1.0 MiB"), "{line}");
        assert!(!line.contains("1 inferences"), "{line}");
    }
}
