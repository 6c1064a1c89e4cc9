//! Sessions over WebSockets, and everyone who does not get one.

mod idle;
mod page;
mod torn;

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::thread;

use gazelle_protocol::model::Activation;
use gazelle_protocol::session::{Client, Server, Settings, Terms};
use gazelle_protocol::transport::Kind;
use gazelle_protocol::wire::Access;
use gazelle_tests::parties::tiny_network;
use tempfile::TempDir;
use tungstenite::handshake::client::generate_key;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tungstenite::{Message, WebSocket};

use super::*;
use crate::keygen::Authority;
use crate::{Clients, Credentials, ServerTls, accept};

const PAGE: &str = "https://pages.example";

/// A server without a page of its own, which knows one of somebody else.
fn pages() -> Web {
    Web { origins: vec![PAGE.parse().unwrap()], files: &[] }
}

/// Enough for a peer that is honest, on any machine.
fn patience() -> Patience {
    Duration::from_secs(120).into()
}

/// For one that is to be given up.
fn brief() -> Patience {
    Duration::from_millis(500).into()
}

/// Two ends of a connection over loopback.
fn loopback() -> (TcpStream, TcpStream, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let near = TcpStream::connect(&address).unwrap();
    (near, listener.accept().unwrap().0, address)
}

/// Credentials of a server for these hosts, and of clients.
fn world(hosts: &[&str]) -> (TempDir, ServerTls) {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::open(folder.path()).unwrap();
    authority.server(&hosts.iter().map(|host| host.to_string()).collect::<Vec<_>>(), 30).unwrap();
    authority.client("alice", 30).unwrap();
    authority.token("bob").unwrap();
    let credentials = Credentials::read(&folder.path().join("server")).unwrap();
    let tls = ServerTls::new(&credentials, &Clients::Anyone).unwrap();
    (folder, tls.with_web(pages()))
}

fn credentials(folder: &TempDir, name: &str) -> Credentials {
    Credentials::read(&folder.path().join(name)).unwrap()
}

/// A channel of each party, over TLS with the credentials of `name`.
fn open_both(folder: &TempDir, tls: &ServerTls, name: &str) -> [Result<Secured, Error>; 2] {
    let (near, far, address) = loopback();
    let tls = tls.clone();
    let accepted = thread::spawn(move || accept(far, Instant::now(), &tls, patience(), None));
    let client = ClientTls::new(&credentials(folder, name)).unwrap();
    let connected = connect(near, &address, Some(&client), patience(), None);
    [connected, accepted.join().unwrap()]
}

/// A whole session, on channels that are open.
fn classify(near: Channel, mut far: Channel) {
    let network = tiny_network(Activation::Argmax);
    let image: Vec<u8> = (0..network.card().input.len()).map(|i| i as u8).collect();
    let class = network.forward(&image).unwrap().label();
    let server = Server::new(network, &Settings::default()).unwrap();
    let served = thread::spawn(move || {
        far.receive_access()?;
        server.serve(far).map(|served| served.inferences)
    });
    let mut near = near;
    near.send_access(Access::default()).unwrap();
    let mut client = Client::connect(near, &Terms::NONE).unwrap();
    for bundle in client.offline(2, |_, _| ()).unwrap() {
        assert_eq!(client.classify(bundle, &image).unwrap().label(), Some(class));
    }
    client.close().unwrap();
    assert_eq!(served.join().unwrap().unwrap(), 2);
}

#[test]
fn sessions_over_tls_and_without() {
    let (folder, tls) = world(&["127.0.0.1"]);
    let [near, far] = open_both(&folder, &tls, "alice").map(Result::unwrap);
    assert_eq!(near.binding, far.binding);
    assert!(Clients::Certified.admit(far.certificate, None, Some(&far.binding)).is_ok());
    classify(near.channel, far.channel);
    // And without, as by one that does not know of WebSockets.
    for web in [true, false] {
        let (near, far, address) = loopback();
        let accepted = thread::spawn(move || {
            accept_plaintext(far, Instant::now(), &Web::default(), patience(), None)
        });
        let near = match web {
            true => connect(near, &address, None, patience(), None).unwrap().channel,
            false => {
                let mut channel = transport::begin(near, patience(), None).unwrap();
                channel.send_access(Access::default()).unwrap();
                let mut far = accepted.join().unwrap().unwrap();
                assert!(far.receive_access().unwrap().is_some());
                continue;
            }
        };
        classify(near, accepted.join().unwrap().unwrap());
    }
}

/// Far more than all buffers on the way hold, both ways at the same time.
#[test]
fn both_parties_send_in_bulk_at_once() {
    const FRAMES: usize = 24;
    let (folder, tls) = world(&["127.0.0.1"]);
    let threads = open_both(&folder, &tls, "alice").map(|secured| {
        let mut channel = secured.unwrap().channel;
        thread::spawn(move || {
            for i in 0..FRAMES {
                channel.send(Kind::Tables, vec![i as u8; 1 << 20]).unwrap();
            }
            for i in 0..FRAMES {
                let got = channel.receive(Kind::Tables, 1 << 20).unwrap();
                assert!(got.iter().all(|&byte| byte == i as u8));
            }
        })
    });
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_token_is_good_in_its_websocket_alone() {
    let (folder, tls) = world(&["127.0.0.1"]);
    let clients = Clients::read(&folder.path().join("server/clients.toml")).unwrap();
    let bob = credentials(&folder, "bob");
    let [near, far] = open_both(&folder, &tls, "bob").map(Result::unwrap);
    let proof = bob.token().unwrap().prove(&near.binding);
    assert_eq!(clients.admit(None, Some(&proof), Some(&far.binding)).unwrap().name, "bob");
    let [_, again] = open_both(&folder, &tls, "bob").map(Result::unwrap);
    assert!(clients.admit(None, Some(&proof), Some(&again.binding)).is_err());
    // Nor where somebody else passes the challenge on, for a client that believes another host.
    let challenge = [7; CHALLENGE_LEN];
    let [model, evil] =
        ["model.example", "evil.example"].map(|host| websocket_binding(&challenge, host));
    assert_ne!(model, evil);
}

/// What a server answers to a request, and how it ends.
fn answer_to(request: &str, web: Web) -> (String, String) {
    let (mut near, far, _) = loopback();
    let accepted =
        thread::spawn(move || accept_plaintext(far, Instant::now(), &web, patience(), None));
    near.write_all(request.as_bytes()).unwrap();
    let end = accepted.join().unwrap().map(drop);
    let mut text = Vec::new();
    // A connection that is reset has said what it had to.
    let _ = near.read_to_end(&mut text);
    let end = end.err().map(|error| error.to_string()).unwrap_or_default();
    (String::from_utf8_lossy(&text).into_owned(), end)
}

fn request(lines: &str) -> String {
    let key = generate_key();
    format!(
        "GET / HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{lines}\r\n"
    )
}

#[test]
fn requests_that_are_answered_or_refused() {
    let long = format!("X: {}\r\n", "x".repeat(upgrade::MAX_HEAD));
    let page = format!("Origin: {PAGE}\r\n");
    for (request, status) in [
        (request(""), "101 "),
        (request(&page), "101 "),
        (request("Origin: https://evil.example\r\n"), "403 "),
        (request("Origin: null\r\n"), "403 "),
        (request(&format!("{page}{page}")), "400 "),
        (request("Host: there\r\n"), "400 "),
        (request("").replace("Host: here\r\n", ""), "400 "),
        (request("").replace("Version: 13", "Version: 8"), "400 "),
        (request("").replace("Upgrade: websocket\r\n", ""), "426 "),
        (request("").replace("GET /", "GET /\u{7}"), "400 "),
        (request("").replace("HTTP/1.1", "HTTP/1.0"), "400 "),
        (request(&long), "431 "),
    ] {
        let (answer, end) = answer_to(&request, pages());
        let request: String = request.chars().take(200).collect();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer} {end}");
        let opened = status == "101 ";
        assert_eq!(end.contains("no WebSocket: "), !opened, "{request}: {end}");
        assert!(opened || answer.ends_with('\n'), "{answer}");
    }
    for text in ["https://a.example", "http://localhost:8080"] {
        assert_eq!(text.parse::<Origin>().unwrap().to_string(), text);
    }
    for text in ["a.example", "https://", "https://a/", "https://a?b", "ftp://a", "https://u@a"] {
        assert!(text.parse::<Origin>().is_err(), "{text}");
    }
}

#[test]
fn a_client_is_told_why_it_gets_no_websocket() {
    let (folder, tls) = world(&["localhost", "127.0.0.1"]);
    // A relay under a name of its own, with the words that its victim would say to it.
    let (near, far, _) = loopback();
    let accepted = thread::spawn(move || accept(far, Instant::now(), &tls, patience(), None));
    let client = ClientTls::new(&credentials(&folder, "alice")).unwrap().for_web();
    let tls::Shaken { ends, .. } =
        tls::shake_server(near, Instant::now(), "localhost:1", &client, patience()).unwrap();
    let told = ask(ends, "evil.example:1").err().unwrap().to_string();
    assert!(told.contains("421") && told.contains("for another host"), "{told}");
    let theirs = accepted.join().unwrap().err().unwrap().to_string();
    assert!(theirs.contains("for another host"), "{theirs}");
    // One that does not speak HTTP.
    let (near, mut far, address) = loopback();
    far.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").unwrap();
    let told = connect(near, &address, None, patience(), None).err().unwrap().to_string();
    assert!(told.contains("does not speak WebSocket"), "{told}");
    // One that says nothing, and one that drips.
    for drips in [false, true] {
        let (mut near, far, _) = loopback();
        let start = Instant::now();
        let accepted = thread::spawn(move || {
            accept_plaintext(far, start, &Web::default(), brief(), None).err()
        });
        // More than the other side waits for, unless each byte earned time.
        let drip = |_| near.write_all(b"G").map(|()| thread::sleep(Duration::from_millis(50)));
        let _ = (0..if drips { 2000 } else { 0 }).try_for_each(drip);
        let end = accepted.join().unwrap().unwrap();
        assert!(matches!(end, Error::Transport(TransportFault::TimedOut)), "{end}");
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    }
}

/// A server's channel, which waits so long in a phase, and a WebSocket of somebody else's making to it,
/// beyond the challenge.
fn strange(phase: Duration) -> (Channel, WebSocket<TcpStream>) {
    let (near, far, address) = loopback();
    let accepted = thread::spawn(move || {
        let patience = Patience { phase, ..patience() };
        accept_plaintext(far, Instant::now(), &Web::default(), patience, None).unwrap()
    });
    let url = format!("ws://{address}/");
    let (mut socket, _) = tungstenite::client(url, near).unwrap();
    assert_eq!(socket.read().unwrap().into_data().len(), CHALLENGE_LEN);
    (accepted.join().unwrap(), socket)
}

/// A frame of Gazelle's, as its bytes.
fn frame(payload: &[u8]) -> Vec<u8> {
    let kind = [Kind::Bye as u8];
    [&kind, &(payload.len() as u32).to_le_bytes()[..], payload].concat()
}

#[test]
fn what_another_implementation_sends() {
    let (mut channel, mut socket) = strange(patience().phase);
    let bytes = frame(&[5; 100_000]);
    // Cut where it happens, with an empty message and a ping between.
    for (i, piece) in bytes.chunks(30_000).enumerate() {
        socket.send(Message::binary(piece.to_vec())).unwrap();
        socket.send(Message::binary(Vec::new())).unwrap();
        socket.send(Message::Ping(vec![i as u8].into())).unwrap();
    }
    assert_eq!(channel.receive(Kind::Bye, 100_000).unwrap(), vec![5; 100_000]);
    // Pings are answered, if only the last of several.
    channel.send(Kind::Bye, vec![6; 200_000]).unwrap();
    let (mut data, mut pongs) = (Vec::new(), Vec::new());
    while data.len() < 200_005 || pongs.is_empty() {
        match socket.read().unwrap() {
            Message::Binary(piece) => data.extend_from_slice(&piece),
            Message::Pong(payload) => pongs.extend_from_slice(&payload),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(data, frame(&[6; 200_000]));
    assert!(pongs.is_sorted());
    // A close is answered, and ends the session.
    socket.close(None).unwrap();
    let end = channel.receive(Kind::Bye, 1).unwrap_err().to_string();
    assert!(end.contains("closed the connection"), "{end}");
    drop(channel);
    while socket.read().is_ok() {}
}

/// What a server says of raw bytes on an open WebSocket.
fn end_of(bytes: &[u8]) -> String {
    let (mut channel, mut socket) = strange(patience().phase);
    socket.get_mut().write_all(bytes).unwrap();
    socket.get_mut().shutdown(std::net::Shutdown::Write).unwrap();
    channel.receive(Kind::Bye, 100).unwrap_err().to_string()
}

/// A frame of a client's, masked with zeros, with the header that says `len`.
fn raw(opcode: OpCode, change: impl FnOnce(&mut FrameHeader), len: u64, payload: &[u8]) -> Vec<u8> {
    let mut header = FrameHeader { opcode, mask: Some([0; 4]), ..FrameHeader::default() };
    change(&mut header);
    let mut bytes = Vec::new();
    header.format(len, &mut bytes).unwrap();
    bytes.extend_from_slice(payload);
    bytes
}

#[test]
fn frames_that_break_the_protocol() {
    let (binary, none) = (OpCode::Data(Data::Binary), |_: &mut FrameHeader| ());
    let open = |header: &mut FrameHeader| header.is_final = false;
    let part = |opcode, len| raw(opcode, open, len, &vec![0; len as usize]);
    let ping = OpCode::Control(Control::Ping);
    let endless = [part(binary, 8), part(OpCode::Data(Data::Continue), 8)].concat();
    for (bytes, words) in [
        (raw(OpCode::Data(Data::Text), none, 2, b"hi"), "sent text"),
        (raw(binary, |header| header.mask = None, 1, &[1]), "masked by the wrong party"),
        (raw(binary, |header| header.rsv1 = true, 1, &[1]), "an extension"),
        (raw(binary, none, reader::MAX_FRAME + 1, &[]), "too long"),
        (raw(binary, none, u64::MAX, &[]), "too long"),
        (raw(ping, none, 126, &[0; 126]), "too long"),
        (raw(ping, open, 1, &[0]), "too long"),
        (raw(OpCode::Data(Data::Continue), none, 1, &[1]), "out of order"),
        ([part(binary, 1), raw(binary, none, 1, &[1])].concat(), "out of order"),
        (vec![0x83, 0x80, 0, 0, 0, 0], "no known kind"),
        // Torn: in a header, in a frame's data, in a message between two frames.
        (vec![0x82], "closed the connection"),
        (raw(binary, none, 3, &[1, 2]), "closed the connection"),
        (endless, "instead of its farewell"),
    ] {
        let end = end_of(&bytes);
        assert!(end.contains(words), "{words}: {end}");
    }
    // A message is not longer for coming in pieces.
    let (mut channel, mut socket) = strange(patience().phase);
    let piece = raw(OpCode::Data(Data::Continue), open, 1 << 24, &[]);
    let send = thread::spawn(move || {
        let zeros = vec![0; 1 << 20];
        let start = [&frame(&[])[..1], &(100u32 << 20).to_le_bytes()].concat();
        let first = raw(OpCode::Data(Data::Binary), open, 5, &start);
        let _ = socket.get_mut().write_all(&first);
        for _ in 0..5 {
            let _ = socket.get_mut().write_all(&piece);
            (0..16).for_each(|_| drop(socket.get_mut().write_all(&zeros)));
        }
    });
    let end = channel.receive(Kind::Bye, 100 << 20).unwrap_err().to_string();
    assert!(end.contains("too long"), "{end}");
    drop(channel);
    send.join().unwrap();
}

/// Pings and empty frames are no progress.
#[test]
fn frames_without_data_earn_no_time() {
    for bytes in [
        raw(OpCode::Control(Control::Ping), |_| (), 0, &[]),
        raw(OpCode::Data(Data::Binary), |_| (), 0, &[]),
    ] {
        let (mut channel, mut socket) = strange(brief().phase);
        let start = Instant::now();
        let flood = thread::spawn(move || {
            while socket.get_mut().write_all(&bytes).is_ok()
                && start.elapsed() < Duration::from_secs(120)
            {
                thread::sleep(Duration::from_millis(5));
            }
        });
        let end = channel.receive(Kind::Bye, 1).unwrap_err().to_string();
        assert!(end.contains("too slow"), "{end}");
        assert!(start.elapsed() < Duration::from_secs(60));
        drop(channel);
        flood.join().unwrap();
    }
}
