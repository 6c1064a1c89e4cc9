//! Peers that are of another release, or that leave in the middle.

use crate::support::{Server, fail, gazelle, repository, succeed};
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::Stdio,
    thread,
};

const SAMPLE: &str = "models/samples/0000-ankle-boot.png";

/// Where a greeting's version and parameters stand, after the frame's header and the magic.
const VERSION: usize = 5 + 8;
const PARAMETERS: usize = VERSION + 4;

/// A server that greets as `server` does, but for one bit in the byte at `position`.
fn of_another_release(server: &Server, position: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = server.address.clone();
    thread::spawn(move || -> io::Result<()> {
        let (mut client, _) = listener.accept()?;
        let mut server = TcpStream::connect(server)?;
        let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || io::copy(&mut from_client, &mut to_server));
        let mut greeting = vec![0; position + 1];
        server.read_exact(&mut greeting)?;
        greeting[position] ^= 2;
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
    for (position, words) in [(VERSION, "version"), (PARAMETERS, "parameters")] {
        let address = of_another_release(&server, position);
        let line = fail(1, ["classify", "--server", &address, image.to_str().unwrap()]);
        assert!(line.contains(&address) && line.contains(words), "{line}");
    }
    // The server goes on.
    succeed(["classify", "--server", &server.address, image.to_str().unwrap()]);
}

#[test]
fn a_server_that_is_killed_between_images() {
    let server = Server::start(&["--network", "fashion-mnist"]);
    let address = server.address.clone();
    let image = repository(SAMPLE);
    let mut client = gazelle()
        .args(["classify", "--json", "--server", &address])
        .args(vec![image; 1000])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    drop(server);
    let classified = lines.map_while(Result::ok).count();
    let output = client.wait_with_output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(classified < 999);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(errors.starts_with("gazelle: ") && errors.contains(&address), "{errors}");
}

#[test]
fn a_client_that_is_killed_ends_alone() {
    let server = Server::start(&["--network", "fashion-mnist"]);
    let image = repository(SAMPLE);
    let mut client = gazelle()
        .args(["classify", "--json", "--server", &server.address])
        .args(vec![&image; 1000])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    client.kill().unwrap();
    client.wait().unwrap();
    succeed(["classify", "--server", &server.address, image.to_str().unwrap()]);
}
