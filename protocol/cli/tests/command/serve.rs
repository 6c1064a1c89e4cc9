//! A server and its clients as processes of their own.

use crate::support::{ONCE, Server, fail, repository, seated, succeed};
use std::{
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    slice,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

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

/// Images that one command names share the round trips, up to as many as go together; each gets its own class.
#[test]
fn many_images_together() {
    let server = Server::start(&["--network", "fashion-mnist"]);
    let samples = samples();
    let classify = |files: &[PathBuf]| {
        let arguments = ["classify", "--plaintext", "--server", &server.address];
        succeed(arguments.into_iter().chain(files.iter().map(|file| file.to_str().unwrap())))
    };
    let rounds = |text: &str| -> u64 {
        let line = text.lines().find(|line| line.starts_with("online")).expect(text);
        line.split_whitespace().last().unwrap().parse().unwrap()
    };
    let one = rounds(&classify(&samples[..1]));
    let text = classify(&samples);
    assert!(samples.len() == 20 && rounds(&text) < 20 * one / 2, "{one} round trips, then\n{text}");
    for (file, line) in samples.iter().zip(text.lines()) {
        assert!(
            line.starts_with(classify(slice::from_ref(file)).lines().next().unwrap()),
            "{text}"
        );
    }
}

#[test]
fn every_hash_garbles() {
    for hash in ["mitccrh", "mitccrh-strict", "fixed-key"] {
        let server = Server::start(&["--network", "fashion-mnist", "--hash", hash]);
        let image = samples()[0].clone();
        let text = succeed([
            "classify",
            "--plaintext",
            "--server",
            &server.address,
            image.to_str().unwrap(),
        ]);
        assert!(text.contains("Ankle boot"), "{hash}: {text}");
    }
}

#[test]
fn clients_at_the_same_time() {
    let server = Server::start(&["--network", "fashion-mnist"]);
    let files = samples();
    thread::scope(|scope| {
        for file in &files[..3] {
            let arguments =
                ["classify", "--plaintext", "--server", &server.address, file.to_str().unwrap()];
            scope.spawn(move || succeed(arguments));
        }
    });
}

#[test]
fn values_only_where_the_server_reveals_them() {
    let files = samples();
    let image = files[0].to_str().unwrap();
    let strict = Server::start(&["--network", "fashion-mnist"]);
    let text = succeed(["classify", "--plaintext", "--server", &strict.address, image]);
    assert!(text.contains("Ankle boot") && !text.contains("Trouser"), "{text}");
    let open = Server::start(&["--network", "fashion-mnist", "--reveal", "values"]);
    let text = succeed(["classify", "--plaintext", "--server", &open.address, image]);
    assert!(text.contains("Ankle boot") && text.contains("Trouser"), "{text}");
}

#[test]
fn one_client_too_many_is_told_so() {
    let server = Server::start(&["--network", "fashion-mnist", "--max-clients", "1"]);
    let seated = seated(&server.address);
    let image = samples()[0].clone();
    let arguments =
        ["classify", "--plaintext", "--server", &server.address, image.to_str().unwrap()];
    let line = fail(3, arguments.into_iter().chain(ONCE));
    assert!(line.contains("all seats of this server are taken"), "{line}");
    drop(seated);
}

/// Whoever says nothing, or begins to and stops, keeps no seat from anyone, even of the same address.
#[test]
fn clients_that_say_nothing_have_no_seat() {
    let arguments = ["--network", "fashion-mnist", "--max-clients", "2", "--setup-timeout", "10"];
    let server = Server::start(&arguments);
    let connect = |_| TcpStream::connect(&server.address).unwrap();
    let mut squatters: Vec<_> = (0..200).map(connect).collect();
    thread::sleep(Duration::from_millis(1200));
    squatters.extend((0..200).map(connect));
    // A header of a greeting.
    squatters.iter_mut().step_by(2).for_each(|socket| drop(socket.write_all(&[1, 76, 0, 0, 0])));
    let image = samples()[0].clone();
    for _ in 0..3 {
        succeed(["classify", "--plaintext", "--server", &server.address, image.to_str().unwrap()]);
    }
    drop(squatters);
}

/// What a client that is turned away is told; at once, on whichever machine, compared with the second or
/// more for each of the fifty that stand before it and do not read.
fn told(address: &str) -> String {
    let start = Instant::now();
    let mut refused = TcpStream::connect(address).unwrap();
    refused.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // It greets, as clients do, before it listens.
    refused.write_all(&[1; 81]).unwrap();
    let mut words = Vec::new();
    // Whoever is thrown out of the hall may hear nothing.
    let _ = refused.read_to_end(&mut words);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    String::from_utf8_lossy(words.get(5..).unwrap_or_default()).into()
}

/// Everyone who is turned away stays and does not read: the next one is told why all the same.
#[test]
fn a_crowd_does_not_hold_the_server_up() {
    let server = Server::start(&["--network", "fashion-mnist", "--max-clients", "1"]);
    let seated = seated(&server.address);
    let crowd: Vec<_> = (0..50).map(|_| TcpStream::connect(&server.address).unwrap()).collect();
    for _ in 0..3 {
        assert_eq!(told(&server.address), "all seats of this server are taken; try again later");
    }
    drop(seated);
    let image = samples()[0].clone();
    succeed(["classify", "--plaintext", "--server", &server.address, image.to_str().unwrap()]);
    drop(crowd);
}

/// One address has its own seats and no more, however slowly it says however little.
#[test]
fn squatters_leave_seats_for_others() {
    let arguments = ["--network", "fashion-mnist", "--max-clients", "4"];
    let limits = ["--max-per-address", "2", "--setup-timeout", "5"];
    let server = Server::start_at("[::]:0", &[&arguments[..], &limits].concat());
    let port = server.address.rsplit(':').next().unwrap();
    let (v4, v6) = (format!("127.0.0.1:{port}"), format!("[::1]:{port}"));
    if TcpStream::connect(&v6).is_err() {
        return eprintln!("skipped: this machine has one address of its own only");
    }
    let over = AtomicBool::new(false);
    let squat = || {
        while !over.load(Ordering::Relaxed) {
            let Ok(mut seat) = TcpStream::connect(&v4) else { continue };
            // The header of a greeting, then a byte a while, until the server has had enough.
            let header = [1, 76, 0, 0, 0];
            let bytes = header.iter().chain(b"GAZELLE\n").chain(&[0; 68]);
            for byte in bytes {
                thread::sleep(Duration::from_millis(100));
                if over.load(Ordering::Relaxed) || seat.write_all(&[*byte]).is_err() {
                    break;
                }
            }
        }
    };
    let image = samples()[0].clone();
    thread::scope(|scope| {
        (0..8).for_each(|_| drop(scope.spawn(squat)));
        // Until both of its seats are taken, it has one for whoever asks.
        let start = Instant::now();
        while !told(&v4).starts_with("too many sessions come from this address") {
            assert!(start.elapsed() < Duration::from_secs(60), "one address has all seats");
        }
        let start = Instant::now();
        let classify = ["classify", "--plaintext", "--server", &v6, "--retry", "120"];
        while start.elapsed() < Duration::from_secs(6) {
            succeed(classify.into_iter().chain(image.to_str()));
        }
        over.store(true, Ordering::Relaxed);
    });
}

/// Nobody reads the log: more lines than pipe and queue hold change nothing.
#[test]
fn an_unread_log_stops_nothing() {
    let server = Server::start(&["--network", "fashion-mnist", "--max-clients", "64"]);
    // About 80 bytes a line, and a pipe takes 64 KiB.
    for _ in 0..2500 {
        drop(TcpStream::connect(&server.address).unwrap());
    }
    let image = samples()[0].clone();
    succeed(["classify", "--plaintext", "--server", &server.address, image.to_str().unwrap()]);
}

#[test]
fn every_client_that_is_turned_away_is_in_the_log() {
    let mut server = Server::start(&["--network", "fashion-mnist", "--max-clients", "1"]);
    let seated = seated(&server.address);
    told(&server.address);
    assert!(server.line().starts_with("card "));
    assert!(server.line().starts_with("ready after "));
    let line = server.line();
    assert!(line.contains("refused: all seats"), "{line}");
    drop(seated);
    let line = server.line();
    assert!(line.starts_with("session 1, 127.0.0.1:") && line.contains("closed"), "{line}");
}
