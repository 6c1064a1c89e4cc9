//! The server's own page, and pages of others under its names.

use super::*;

const FILES: &[PageFile] = &[
    PageFile { path: "/", media_type: "text/html; charset=utf-8", bytes: b"<p>page</p>" },
    PageFile {
        path: "/client.wasm",
        media_type: "application/wasm",
        bytes: &[0, 0x61, 0x73, 0x6d],
    },
];

fn own() -> Web {
    Web { files: FILES, ..pages() }
}

#[test]
fn the_page_is_given_to_whoever_asks() {
    let get = |path: &str| answer_to(&format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n"), own());
    let (answer, end) = get("/");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n<p>page</p>"));
    assert!(answer.contains("Content-Security-Policy: default-src 'none';"), "{answer}");
    assert_eq!(end, "gave / to a browser");
    let (answer, _) = get("/client.wasm?1");
    assert!(answer.contains("Content-Type: application/wasm\r\nContent-Length: 4\r\n"), "{answer}");
    for path in ["/../client.wasm", "/page", "//", "/CLIENT.wasm"] {
        let (answer, end) = get(path);
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
        assert!(end.contains("there is nothing here"), "{path}: {end}");
    }
}

/// A page of somebody else may be shown under any name that leads to the server, but not under its
/// address, nor under a name that its certificate is for.
#[test]
fn scripts_of_its_own_page_alone_open_websockets() {
    let status = |host: &str, origin: &str, web| {
        let request = request(&format!("Origin: {origin}\r\n"));
        let (answer, _) = answer_to(&request.replace("Host: here", &format!("Host: {host}")), web);
        answer[9..12].to_string()
    };
    for host in ["127.0.0.1:7464", "localhost", "[::1]:7464", "192.0.2.1"] {
        assert_eq!(status(host, &format!("http://{host}"), own()), "101", "{host}");
        assert_eq!(status(host, &format!("http://{host}"), pages()), "403", "{host}");
        assert_eq!(status(host, &format!("https://{host}"), own()), "403", "{host}");
    }
    assert_eq!(status("evil.example:7464", "http://evil.example:7464", own()), "403");
    assert_eq!(status("127.0.0.1:7464", "http://127.0.0.1:8000", own()), "403");
    assert_eq!(status("127.0.0.1:7464", PAGE, own()), "101");
}

#[test]
fn over_tls_the_page_is_that_of_the_certificates_hosts() {
    let (_folder, tls) = world(&["localhost"]);
    let own = own();
    for (host, origin, lets_in) in [
        ("localhost:1", "https://localhost:1", true),
        ("localhost:1", "http://localhost:1", false),
        ("evil.example:1", "https://evil.example:1", false),
    ] {
        let door = Door { web: &own, certificate: Some(&tls.certificate) };
        let head = request(&format!("Origin: {origin}\r\n")).replace("here", host);
        assert_eq!(door.open(head.as_bytes()).is_ok(), lets_in, "{host} {origin}");
    }
}
