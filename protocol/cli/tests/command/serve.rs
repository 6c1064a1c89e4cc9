//! A server and its clients as processes of their own.

use crate::support::{Server, fail, repository, succeed};
use std::{io::Read, path::PathBuf};

/// The sample images with their class names, in order.
fn samples() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(repository("models/samples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "png"))
        .collect();
    files.sort();
    files
}

#[test]
fn many_images_one_after_another() {
    let server = Server::start(&["--network", "fashion-mnist"]);
    let files = &samples()[..3];
    let mut arguments = vec!["classify".into(), "--server".into(), server.address.clone()];
    arguments.extend(files.iter().map(|file| file.to_str().unwrap().to_string()));
    let text = succeed(&arguments);
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(text.contains(name), "no {name} in:\n{text}");
    }
}

#[test]
fn every_hash_garbles() {
    for hash in ["mitccrh", "mitccrh-strict", "fixed-key"] {
        let server = Server::start(&["--network", "fashion-mnist", "--hash", hash]);
        let image = samples()[0].clone();
        let text = succeed(["classify", "--server", &server.address, image.to_str().unwrap()]);
        assert!(text.contains("Ankle boot"), "{hash}: {text}");
    }
}

#[test]
fn clients_at_the_same_time() {
    let server = Server::start(&["--network", "fashion-mnist"]);
    let files = samples();
    std::thread::scope(|scope| {
        for file in &files[..3] {
            let arguments = ["classify", "--server", &server.address, file.to_str().unwrap()];
            scope.spawn(move || succeed(arguments));
        }
    });
}

#[test]
fn logits_only_where_the_server_allows_them() {
    let files = samples();
    let image = files[0].to_str().unwrap();
    let strict = Server::start(&["--network", "fashion-mnist"]);
    let text = succeed(["classify", "--server", &strict.address, image]);
    assert!(text.contains("Ankle boot") && !text.contains("Trouser"), "{text}");
    let open = Server::start(&["--network", "fashion-mnist", "--allow-logits"]);
    let text = succeed(["classify", "--server", &open.address, image]);
    assert!(text.contains("Ankle boot") && text.contains("Trouser"), "{text}");
}

#[test]
fn one_client_too_many_is_told_so() {
    let server = Server::start(&["--network", "fashion-mnist", "--max-clients", "1"]);
    // A client that has connected first and says nothing.
    let seated = std::net::TcpStream::connect(&server.address).unwrap();
    let image = samples()[0].clone();
    let arguments = ["classify", "--server", &server.address, image.to_str().unwrap()];
    let line = fail(1, arguments);
    assert!(line.contains("too many clients"), "{line}");
    drop(seated);
}

#[test]
fn a_client_that_says_nothing_gives_its_place_up() {
    let arguments = ["--network", "fashion-mnist", "--max-clients", "2", "--timeout", "1"];
    let server = Server::start(&arguments);
    let silent = [(); 2].map(|()| std::net::TcpStream::connect(&server.address).unwrap());
    let image = samples()[0].clone();
    let arguments = ["classify", "--server", &server.address, image.to_str().unwrap()];
    let line = fail(1, arguments);
    assert!(line.contains("too many clients"), "{line}");
    std::thread::sleep(std::time::Duration::from_secs(2));
    succeed(arguments);
    drop(silent);
}

/// Everyone who is turned away stays and says nothing: the listener goes on.
#[test]
fn a_crowd_does_not_hold_the_server_up() {
    let server = Server::start(&["--network", "fashion-mnist", "--max-clients", "1"]);
    let seated = std::net::TcpStream::connect(&server.address).unwrap();
    let mut crowd: Vec<_> =
        (0..50).map(|_| std::net::TcpStream::connect(&server.address).unwrap()).collect();
    // Too many even to be told: the connection ends at once, so all before it are dealt with.
    assert_eq!(crowd[49].read(&mut [0]).unwrap(), 0);
    drop(seated);
    std::thread::sleep(std::time::Duration::from_millis(300));
    let image = samples()[0].clone();
    succeed(["classify", "--server", &server.address, image.to_str().unwrap()]);
    drop(crowd);
}
