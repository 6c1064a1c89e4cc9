//! Servers and clients with credentials.

use crate::support::{Server, fail, repository, succeed};
use std::{
    path::Path,
    process::{Command, Stdio},
};

const SAMPLE: &str = "models/samples/0000-ankle-boot.png";

/// Runs `gazelle keygen` in a folder.
fn keygen(folder: &Path, arguments: &[&str]) -> String {
    succeed([&["keygen", folder.to_str().unwrap()], arguments].concat())
}

fn serve(folder: &Path, arguments: &[&str]) -> Server {
    let tls = folder.join("server");
    let start = ["--network", "fashion-mnist", "--listen", "127.0.0.1:0", "--tls"];
    Server::run(&[&start[..], &[tls.to_str().unwrap()], arguments].concat())
}

/// The words of `gazelle classify` with a client's credentials.
fn classify(folder: &Path, client: &str, server: &Server) -> Vec<String> {
    let tls = folder.join(client);
    let image = repository(SAMPLE);
    let [tls, image] = [&tls, &image].map(|path| path.to_str().unwrap());
    ["classify", "--tls", tls, "--server", &server.address, image].map(String::from).to_vec()
}

#[test]
fn clients_with_a_certificate_and_with_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path();
    let text = keygen(keys, &["--client", "alice", "--token", "bob"]);
    assert!(text.contains("localhost") && text.contains("alice: a certificate"), "{text}");
    let mut server = serve(keys, &[]);
    assert!(server.line().starts_with("card "));
    assert!(server.line().starts_with("ready after "));
    for client in ["alice", "bob"] {
        assert!(succeed(classify(keys, client, &server)).contains("Ankle boot"));
        let line = server.line();
        assert!(line.contains(&format!(", {client}: 1 images classified")), "{line}");
    }
    // Made later, without the server's list having been read again.
    keygen(keys, &["--client", "carol"]);
    let line = fail(3, classify(keys, "carol", &server));
    assert!(line.contains("this server does not know you"), "{line}");
    let line = server.line();
    assert!(line.contains("refused: this server does not know you"), "{line}");
}

#[test]
fn a_model_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path();
    keygen(keys, &["--client", "alice"]);
    let server = serve(keys, &[]);
    let ask = |name: &str| {
        let mut arguments = classify(keys, "alice", &server);
        arguments.extend(["--model".into(), name.into()]);
        arguments
    };
    let line = fail(3, ask("chest"));
    let name = line.trim().rsplit(", but ").next().unwrap();
    assert!(succeed(ask(name)).contains("Ankle boot"));
    fail(2, ask(""));
}

#[test]
fn whoever_is_served_without_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path();
    keygen(keys, &["--client", "alice", "--token", "bob"]);
    let anyone = serve(keys, &["--anyone"]);
    std::fs::remove_file(keys.join("server/clients.toml")).unwrap();
    let certified = serve(keys, &[]);
    succeed(classify(keys, "alice", &certified));
    let line = fail(1, classify(keys, "bob", &certified));
    assert!(line.contains("asks for a certificate"), "{line}");
    succeed(classify(keys, "bob", &anyone));
    let line = fail(2, ["serve", "--network", "fashion-mnist", "--plaintext", "--anyone"]);
    assert!(line.contains("--plaintext") && line.contains("--anyone"), "{line}");
}

#[test]
fn parties_that_protect_the_connection_differently() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path();
    keygen(keys, &["--client", "alice"]);
    let plain = Server::start(&["--network", "fashion-mnist"]);
    let line = fail(1, classify(keys, "alice", &plain));
    assert!(line.contains("does not speak TLS"), "{line}");
    let server = serve(keys, &[]);
    let image = repository(SAMPLE);
    let plaintext =
        ["classify", "--plaintext", "--server", &server.address, image.to_str().unwrap()];
    let line = fail(1, plaintext);
    assert!(line.ends_with("check the address, and whether the server wants --tls\n"), "{line}");
    succeed(classify(keys, "alice", &server));
}

#[test]
fn plaintext_stays_on_this_machine() {
    let serve = ["serve", "--network", "fashion-mnist", "--listen", "0.0.0.0:0", "--plaintext"];
    let line = fail(1, serve);
    assert!(line.contains("--plaintext=anywhere") && line.contains("--tls"), "{line}");
    let image = repository(SAMPLE);
    let image = image.to_str().unwrap();
    let classify = ["classify", "--server", "192.0.2.1:7464", "--plaintext", image];
    let line = fail(1, classify);
    assert!(line.contains("--plaintext=anywhere") && line.contains("--tls"), "{line}");
    // Without either, nothing runs.
    for arguments in [&["serve", "--network", "fashion-mnist"][..], &["classify", image]] {
        let line = fail(2, arguments);
        assert!(line.contains("--tls") && line.contains("--plaintext"), "{line}");
    }
}

/// What a scanner sees: one version, modern ciphers, and no connection for other protocols.
#[test]
fn what_openssl_may_connect_with() {
    if Command::new("openssl").arg("version").output().is_err() {
        return eprintln!("skipped: there is no openssl");
    }
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path();
    keygen(keys, &["--client", "alice", "--token", "bob"]);
    let server = serve(keys, &[]);
    let scan = |arguments: &[&str]| {
        let authority = keys.join("alice/ca.crt");
        let start = ["s_client", "-connect", &server.address, "-verify_return_error", "-CAfile"];
        let mut scan = Command::new("openssl");
        scan.args(start).arg(authority).args(arguments).stdin(Stdio::null());
        let output = scan.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    };
    let good = ["-tls1_3", "-alpn", "gazelle", "-verify_ip", "127.0.0.1"];
    for cipher in
        ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]
    {
        let (connected, text) = scan(&[&good[..], &["-ciphersuites", cipher]].concat());
        assert!(connected && text.contains(&format!("TLSv1.3, Cipher is {cipher}")), "{text}");
        assert!(text.contains("Verify return code: 0 (ok)"), "{text}");
        assert!(!text.contains("Post-Handshake New Session Ticket arrived"), "{text}");
    }
    for bad in [
        &["-tls1_2"][..],
        &["-tls1_1"],
        &["-tls1_3", "-alpn", "h2"],
        &["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"],
        &["-tls1_3", "-alpn", "gazelle", "-groups", "ffdhe2048"],
        &["-tls1_3", "-alpn", "gazelle", "-verify_ip", "192.0.2.1"],
    ] {
        let (connected, text) = scan(bad);
        assert!(!connected, "{bad:?}: {text}");
    }
    succeed(classify(keys, "alice", &server));
}

#[test]
fn credentials_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path();
    keygen(keys, &["--client", "alice"]);
    let line = fail(1, ["keygen", keys.to_str().unwrap(), "--client", "alice"]);
    assert!(line.contains("exists already"), "{line}");
    let line = fail(1, ["keygen", keys.to_str().unwrap(), "--revoke", "bob"]);
    assert!(line.contains("names no certificate of bob"), "{line}");
    let image = repository(SAMPLE);
    let empty = keys.join("alice");
    std::fs::remove_file(empty.join("ca.crt")).unwrap();
    let line = fail(1, ["classify", "--tls", empty.to_str().unwrap(), image.to_str().unwrap()]);
    assert!(line.contains("ca.crt") && line.contains("is missing"), "{line}");
    let text = keygen(keys, &["--revoke", "alice", "--json"]);
    assert!(text.contains("\"what\":\"alice is revoked"), "{text}");
}

/// As browsers connect: with a certificate, with a token, and without TLS.
#[test]
fn clients_over_websockets() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path();
    keygen(keys, &["--client", "alice", "--token", "bob"]);
    let mut server = serve(keys, &["--origins", "https://a.example,https://b.example"]);
    assert!(server.line().starts_with("card "));
    assert!(server.line().starts_with("ready after "));
    let web = |client: &str| {
        let mut arguments = classify(keys, client, &server);
        arguments.push("--websocket".into());
        arguments
    };
    for client in ["alice", "bob"] {
        assert!(succeed(web(client)).contains("Ankle boot"));
    }
    let mut scan = Command::new("curl");
    let tls = keys.join("alice");
    let file = |name: &str| tls.join(name).to_str().unwrap().to_string();
    let [authority, certificate, key] = ["ca.crt", "tls.crt", "tls.key"].map(file);
    let url = format!("https://{}/", server.address);
    scan.args(["--silent", "--max-time", "10", "--cacert", &authority, "--cert", &certificate]);
    if let Ok(page) = scan.args(["--key", &key, &url]).output() {
        let text = String::from_utf8_lossy(&page.stdout).into_owned();
        assert!(text.contains("by WebSocket and for `gazelle classify`"), "{text}");
    }
    // A store's inferences are the same over both.
    drop(server);
    let store = keys.join("bundles.sqlite");
    let server = serve(keys, &["--store", store.to_str().unwrap()]);
    let half = keys.join("prepared");
    let mut prepare = classify(keys, "alice", &server);
    prepare.pop();
    prepare[0] = "prepare".into();
    let kept = ["--store", half.to_str().unwrap()].map(String::from);
    succeed([&prepare[..], &kept, &["--websocket".into()]].concat());
    let text = succeed([classify(keys, "alice", &server), kept.to_vec()].concat());
    assert!(text.contains("Ankle boot"), "{text}");
    let line = fail(2, ["serve", "--network", "fashion-mnist", "--plaintext", "--origins", "a/b"]);
    assert!(line.contains("an origin is https://HOST"), "{line}");
    let plain = Server::start(&["--network", "fashion-mnist"]);
    let image = repository(SAMPLE);
    let plaintext = ["classify", "--plaintext", "--websocket", "--server", &plain.address];
    assert!(succeed([&plaintext[..], &[image.to_str().unwrap()]].concat()).contains("Ankle boot"));
}
