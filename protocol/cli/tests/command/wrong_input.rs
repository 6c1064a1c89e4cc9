//! Every wrong input ends in one line that says what to do, exit code 2 for usage, 1 for failures.

use crate::support::{ONCE, Server, fail, gazelle, repository, run, succeed, write_png};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::Stdio,
    time::Duration,
};

const SAMPLE: &str = "models/samples/0000-ankle-boot.png";

#[test]
fn usage_errors_exit_with_2() {
    let line = fail(2, ["demo", "--nonsense"]);
    assert!(line.contains("--nonsense") && line.contains("--help"), "{line}");
    let line = fail(2, ["classify", "--plaintext"]);
    assert!(line.contains("<IMAGE>"), "{line}");
    let line = fail(2, ["serve", "--plaintext"]);
    assert!(line.contains("--model"), "{line}");
    let line = fail(2, ["serve", "--plaintext", "--model", "x", "--listen", "nowhere"]);
    assert!(line.contains("nowhere"), "{line}");
    let line = fail(2, ["serve", "--plaintext", "--model", "x", "--listen", "localhost"]);
    assert!(line.contains("an address of this machine and a port, as in"), "{line}");
    let line = fail(2, ["serve", "--plaintext", "--model", "x", "--max-clients", "0"]);
    assert!(line.contains("a number from 1 on"), "{line}");
    let line = fail(2, ["demo", "--netwrk", "fashion-mnist"]);
    assert!(line.contains("found; tip: ") && line.contains("--network"), "{line}");
    let line =
        fail(2, ["serve", "--plaintext", "--network", "fashion-mnist", "--threads", "100000"]);
    assert!(line.contains("1024"), "{line}");
    let line = fail(2, ["demo", "--network", "nonsense"]);
    assert!(line.contains("nonsense"), "{line}");
    let bare = run::<&str>([]);
    assert_eq!(bare.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&bare.stderr).contains("classify"));
    assert!(succeed(["help", "serve"]).contains("--max-clients"));
}

#[test]
fn a_file_that_is_not_there() {
    for command in [
        &["demo", "--image", "no/such.png"][..],
        &["serve", "--plaintext", "--model", "no/such.gz"],
        &["inspect", "no/such.gz"],
        &["classify", "--plaintext", "--server", "127.0.0.1:1", "no/such.png"],
        &["import", "no/such.onnx", "--calibrate", ".", "-o", "unwritten.gz"],
    ] {
        let line = fail(1, command);
        assert!(line.contains("no/such."), "{line}");
        assert!(line.to_lowercase().contains("no such file"), "{line}");
    }
}

#[test]
fn a_file_that_is_no_image() {
    let file = repository("Cargo.toml");
    let line = fail(1, ["demo", "--image", file.to_str().unwrap()]);
    assert!(line.contains("PNG") && line.contains("Cargo.toml"), "{line}");
}

#[test]
fn a_folder_instead_of_an_image() {
    let folder = repository("models/samples");
    let line = fail(1, ["classify", "--plaintext", folder.to_str().unwrap()]);
    assert!(line.contains("samples: it is a folder; name a file"), "{line}");
}

#[test]
fn an_image_larger_than_is_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("huge.jpg");
    let mut bytes = std::fs::read(repository("protocol/picture/src/tests/grey.jpg")).unwrap();
    // The frame's header: marker, length, depth, height and width.
    let at = bytes.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    bytes[at + 5..at + 9].copy_from_slice(&[0x75, 0x30, 0x75, 0x30]);
    std::fs::write(&file, bytes).unwrap();
    let line = fail(1, ["classify", "--plaintext", file.to_str().unwrap()]);
    assert!(line.contains("30000×30000") && line.contains("at most 16384 rows"), "{line}");
}

#[test]
fn an_image_of_another_size() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("wide.png");
    write_png(&image, 31, 17);
    let line = fail(1, ["demo", "--image", image.to_str().unwrap()]);
    assert!(line.contains("31") && line.contains("17") && line.contains("28"), "{line}");

    let server = Server::start(&["--network", "fashion-mnist"]);
    let line =
        fail(1, ["classify", "--plaintext", "--server", &server.address, image.to_str().unwrap()]);
    assert!(line.contains("31") && line.contains("17") && line.contains("28"), "{line}");
}

#[test]
fn a_model_that_does_not_parse() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broken.gz");
    std::fs::write(&file, b"this is no model").unwrap();
    for arguments in [&["inspect"][..], &["serve", "--plaintext", "--model"]] {
        let line = fail(1, arguments.iter().copied().chain([file.to_str().unwrap()]));
        assert!(line.contains("broken.gz") && line.contains("gazelle import"), "{line}");
    }
    let output = folder.path().join("out.gz");
    let line = fail(
        1,
        ["import", file.to_str().unwrap(), "--calibrate", ".", "-o", output.to_str().unwrap()],
    );
    assert!(line.contains("broken.gz") && line.contains("ONNX"), "{line}");
    assert!(!output.exists());
}

#[test]
fn a_server_that_is_not_there() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let image = repository(SAMPLE);
    let classify = ["classify", "--plaintext", "--server", &free, image.to_str().unwrap()];
    let line = fail(4, classify.into_iter().chain(ONCE));
    assert!(line.contains(&free) && line.contains("Gazelle server"), "{line}");

    for server in ["not an address", "127.0.0.1", "::1"] {
        let line =
            fail(2, ["classify", "--plaintext", "--server", server, image.to_str().unwrap()]);
        assert!(line.contains(server) && line.contains("and a port"), "{line}");
    }
}

#[test]
fn a_reader_that_has_left() {
    let model = repository("models/fashion-mnist-d.gazelle");
    for arguments in [&["--help"][..], &["inspect", model.to_str().unwrap()], &["demo", "--json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = gazelle().args(arguments).stdout(writer).stderr(Stdio::piped()).spawn();
        let output = child.unwrap().wait_with_output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{errors}");
        assert_eq!(errors, "");
    }
}

/// What a command says beside its result does not decide how it ends, nor stop it on its way.
#[test]
fn a_reader_of_errors_that_has_left() {
    let image = repository(SAMPLE);
    let nobody = ["classify", "--plaintext", "--server", "127.0.0.1:1", "--retry", "1"];
    let unreachable = [&nobody[..], &[image.to_str().unwrap()]].concat();
    for (arguments, code) in
        [(&unreachable[..], 4), (&["inspect", "none"], 1), (&["no"], 2), (&[], 2)]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = gazelle().args(arguments).stdout(Stdio::null()).stderr(writer).status();
        assert_eq!(status.unwrap().code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn an_address_that_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let line =
        fail(1, ["serve", "--plaintext", "--network", "fashion-mnist", "--listen", &address]);
    assert!(line.contains(&address), "{line}");
}

/// A peer that answers every connection with `reply`, whatever it is asked.
fn impostor(reply: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(reply);
        }
    });
    address
}

#[test]
fn a_peer_that_is_no_gazelle_server() {
    let image = repository(SAMPLE);
    let http = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    for (code, reply) in [(1, &http[..]), (4, b""), (1, &[0; 64])] {
        let address = impostor(reply);
        let classify = ["classify", "--plaintext", "--server", &address, image.to_str().unwrap()];
        let line = fail(code, classify.into_iter().chain(ONCE));
        assert!(line.contains(&address), "{line}");
    }
}

#[test]
fn a_peer_that_stays_silent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let image = repository(SAMPLE);
    let line = fail(
        4,
        [
            "classify",
            "--plaintext",
            "--timeout",
            "1",
            "--server",
            &address,
            image.to_str().unwrap(),
        ]
        .into_iter()
        .chain(ONCE),
    );
    assert!(line.contains(&address) && line.contains("--timeout"), "{line}");
}

#[test]
fn a_client_that_sends_nonsense_ends_alone() {
    let server = Server::start(&["--network", "fashion-mnist"]);
    for nonsense in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 4096], &[0; 4096], b""] {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let _ = stream.write_all(nonsense);
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        // It hangs up, perhaps after saying why.
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let image = repository(SAMPLE);
    let output =
        run(["classify", "--plaintext", "--server", &server.address, image.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
