//! Servers that send without an end.

use crate::support::{ONCE, Server, gazelle, repository};
use std::{
    fs,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    process::Stdio,
    thread,
    time::Duration,
};

/// What a client may take for an inference, in MiB, and for itself.
const ALLOWED: u64 = 64;
const PROGRAM: u64 = 32;

/// Where servers turn hostile, in bytes: in the greeting, the card, and the messages of each phase.
const TURNS: [u64; 7] = [0, 3, 40, 400, 4_000, 40_000, 2_000_000];

/// A server that is honest for so many bytes, and then sends others as long as somebody reads them.
fn flood(server: &Server, honest: u64, byte: u8) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = server.address.clone();
    thread::spawn(move || -> io::Result<()> {
        let (mut client, _) = listener.accept()?;
        let server = TcpStream::connect(server)?;
        let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || io::copy(&mut from_client, &mut to_server));
        io::copy(&mut server.take(honest), &mut client)?;
        loop {
            client.write_all(&[byte; 1 << 16])?;
        }
    });
    address
}

/// The most memory in MiB that a client of such a server takes until it says what is wrong.
fn peak(address: &str) -> u64 {
    let mut client = gazelle()
        .args(["classify", "--plaintext", "--timeout", "5", "--setup-timeout", "5"])
        .args(ONCE)
        .args(["--max-memory", &ALLOWED.to_string(), "--server", address])
        .arg(repository("models/samples/0000-ankle-boot.png"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (status, mut peak) = (format!("/proc/{}/status", client.id()), 0);
    while client.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let most = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
        let most = most.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
        peak = most.unwrap_or(0).max(peak);
        thread::sleep(Duration::from_millis(2));
    }
    let output = client.wait_with_output().unwrap();
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && line.starts_with("gazelle: "), "{line}");
    assert!(line.lines().count() == 1 && output.stdout.is_empty(), "{line}");
    peak >> 10
}

#[test]
fn a_server_does_not_fill_its_clients_memory() {
    let server = Server::start(&["--network", "fashion-mnist"]);
    for (honest, byte) in TURNS.into_iter().flat_map(|turn| [(turn, 0), (turn, 2), (turn, 255)]) {
        let peak = peak(&flood(&server, honest, byte));
        assert!(peak <= ALLOWED + PROGRAM, "{peak} MiB after {honest} honest bytes, then {byte}");
    }
}
