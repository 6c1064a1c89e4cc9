//! Both parties over TLS, and everyone who must not get in.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use gazelle_protocol::Error as ProtocolError;
use gazelle_protocol::model::Activation;
use gazelle_protocol::session::{Client, Server, Settings, Terms};
use gazelle_protocol::transport::{Kind, Patience, TransportFault};
use gazelle_protocol::wire::Access;
use gazelle_tests::parties::tiny_network;
use tempfile::TempDir;

use super::*;
use crate::keygen::Authority;

const DAYS: u32 = 30;

fn patience() -> Patience {
    Duration::from_secs(120).into()
}

/// An authority with a server for this machine.
struct World {
    folder: TempDir,
    authority: Authority,
}

impl World {
    fn new() -> Self {
        Self::for_hosts(&["localhost", "127.0.0.1"], DAYS)
    }

    fn for_hosts(hosts: &[&str], days: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::open(folder.path()).unwrap();
        let hosts: Vec<String> = hosts.iter().map(|host| host.to_string()).collect();
        authority.server(&hosts, days).unwrap();
        Self { folder, authority }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn client(&self, name: &str) -> ClientTls {
        let folder = self.path(name);
        let folder = match folder.exists() {
            true => folder,
            false => self.authority.client(name, DAYS).unwrap(),
        };
        ClientTls::new(&Credentials::read(&folder).unwrap()).unwrap()
    }

    fn server(&self, clients: &Clients) -> ServerTls {
        ServerTls::new(&Credentials::read(&self.path("server")).unwrap(), clients).unwrap()
    }
}

/// Two ends of a connection over loopback.
fn loopback() -> (TcpStream, TcpStream, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let near = TcpStream::connect(&address).unwrap();
    (near, listener.accept().unwrap().0, address)
}

/// Both parties' sides of a handshake.
fn handshake(client: &ClientTls, server: &ServerTls) -> [Result<Secured, Error>; 2] {
    let (near, far, address) = loopback();
    let server = server.clone();
    let accepted = thread::spawn(move || accept(far, Instant::now(), &server, patience(), None));
    let connected = connect(near, &address, client, patience(), None);
    [connected, accepted.join().unwrap()]
}

/// What the client is told by the handshake or at its first read, and the server by the handshake.
fn refused(client: &ClientTls, server: &ServerTls) -> [String; 2] {
    let [client, server] = handshake(client, server);
    let theirs = server.err().expect("the handshake fails").to_string();
    let ours = match client {
        Err(error) => error.to_string(),
        Ok(mut secured) => secured.channel.receive(Kind::Hello, 76).unwrap_err().to_string(),
    };
    [ours, theirs]
}

#[test]
fn a_session_over_tls() {
    let world = World::new();
    let clients = Clients::Certified;
    let [near, far] =
        handshake(&world.client("alice"), &world.server(&clients)).map(Result::unwrap);
    assert_eq!(near.binding, far.binding);
    assert!(clients.admit(far.certificate, None, Some(&far.binding)).is_ok());
    let network = tiny_network(Activation::Argmax);
    let image: Vec<u8> = (0..network.card().input.len()).map(|i| i as u8).collect();
    let class = network.forward(&image).unwrap().label();
    let server = Server::new(network, &Settings::default()).unwrap();
    let served = thread::spawn(move || {
        let mut channel = far.channel;
        let access = channel.receive_access()?;
        server.serve(channel).map(|served| (access, served.inferences))
    });
    let mut channel = near.channel;
    let access = Access { model: "tiny".into(), ..Access::default() };
    channel.send_access(access.clone()).unwrap();
    let mut client = Client::connect(channel, &Terms::NONE).unwrap();
    for bundle in client.offline(2, |_, _| ()).unwrap() {
        assert_eq!(client.classify(bundle, &image).unwrap().label(), Some(class));
    }
    client.close().unwrap();
    assert_eq!(served.join().unwrap().unwrap(), (Some(access), 2));
}

/// Far more than all buffers on the way hold, both ways at the same time.
#[test]
fn both_parties_send_in_bulk_at_once() {
    const FRAMES: usize = 48;
    let world = World::new();
    let ends = handshake(&world.client("alice"), &world.server(&Clients::Anyone));
    let threads = ends.map(|secured| {
        let mut channel = secured.unwrap().channel;
        thread::spawn(move || {
            for i in 0..FRAMES {
                channel.send(Kind::Tables, vec![i as u8; 1 << 20]).unwrap();
                if i >= 8 {
                    let got = channel.receive(Kind::Tables, 1 << 20).unwrap();
                    assert!(got.iter().all(|&byte| byte == i as u8 - 8));
                }
            }
            for i in FRAMES - 8..FRAMES {
                let got = channel.receive(Kind::Tables, 1 << 20).unwrap();
                assert!(got.iter().all(|&byte| byte == i as u8));
            }
        })
    });
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_server_of_another_name() {
    let world = World::for_hosts(&["model.example"], DAYS);
    let [ours, _] = refused(&world.client("alice"), &world.server(&Clients::Certified));
    assert!(ours.contains("not for this host") && ours.contains("model.example"), "{ours}");
}

#[test]
fn expired_certificates() {
    let world = World::for_hosts(&["127.0.0.1"], 0);
    world.authority.client("late", 0).unwrap();
    thread::sleep(Duration::from_millis(2100));
    let server = world.server(&Clients::Certified);
    let [ours, theirs] = refused(&world.client("alice"), &server);
    assert!(ours.contains("has expired"), "{ours}");
    assert!(theirs.contains("this party's certificate has expired"), "{theirs}");

    let fresh = World::new();
    std::fs::rename(world.path("late"), fresh.path("late")).unwrap();
    std::fs::copy(world.path("ca/ca.crt"), fresh.path("server/ca.crt")).unwrap();
    std::fs::copy(fresh.path("ca/ca.crt"), fresh.path("late/ca.crt")).unwrap();
    let [ours, theirs] = refused(&fresh.client("late"), &fresh.server(&Clients::Certified));
    assert!(ours.contains("this party's certificate has expired"), "{ours}");
    assert!(theirs.contains("has expired"), "{theirs}");
}

#[test]
fn a_revoked_certificate() {
    let world = World::new();
    let (alice, bob) = (world.client("alice"), world.client("bob"));
    let list = world.authority.revoke("alice").unwrap();
    assert!(list.ends_with("server/ca.crl"));
    let server = world.server(&Clients::Certified);
    let [ours, theirs] = refused(&alice, &server);
    assert!(ours.contains("is revoked"), "{ours}");
    assert!(theirs.contains("is revoked"), "{theirs}");
    assert!(handshake(&bob, &server).iter().all(Result::is_ok));
    let nobody = world.authority.revoke("carol").unwrap_err().to_string();
    assert!(nobody.contains("names no certificate of carol"), "{nobody}");
}

#[test]
fn certificates_of_another_authority_or_none() {
    let (world, other) = (World::new(), World::new());
    let server = world.server(&Clients::Certified);
    let [ours, _] = refused(&other.client("alice"), &server);
    assert!(ours.contains("another authority"), "{ours}");
    // One that believes the server, and is not believed.
    let mallory = other.client("mallory");
    drop(mallory);
    std::fs::copy(world.path("ca/ca.crt"), other.path("mallory/ca.crt")).unwrap();
    let [_, theirs] = refused(&other.client("mallory"), &server);
    assert!(theirs.contains("another authority"), "{theirs}");
    // One without a certificate.
    world.authority.token("bob").unwrap();
    let [ours, theirs] = refused(&world.client("bob"), &server);
    assert!(ours.contains("asks for a certificate"), "{ours}");
    assert!(theirs.contains("no certificate"), "{theirs}");
    // A server's certificate is not a client's.
    let folder = Credentials::read(&world.path("server")).unwrap();
    let [_, theirs] = refused(&ClientTls::new(&folder).unwrap(), &server);
    assert!(theirs.contains("another role"), "{theirs}");
}

#[test]
fn tokens_are_known_unknown_or_replayed() {
    let world = World::new();
    for name in ["bob", "carol"] {
        world.authority.token(name).unwrap();
    }
    let path = world.path("server/clients.toml");
    let clients = Clients::read(&path).unwrap();
    let token = |name: &str| {
        let credentials = Credentials::read(&world.path(name)).unwrap();
        credentials.token().unwrap().prove(&[0; 32]);
        credentials
    };
    let (tls, server) = (world.client("bob"), world.server(&clients));
    let [near, far] = handshake(&tls, &server).map(Result::unwrap);
    let proof = token("bob").token().unwrap().prove(&near.binding);
    let admitted = clients.admit(far.certificate, Some(&proof), Some(&far.binding));
    assert_eq!(admitted.unwrap().name, "bob");
    // The same words over another connection.
    let [_, again] = handshake(&tls, &server).map(Result::unwrap);
    let replayed = clients.admit(again.certificate, Some(&proof), Some(&again.binding));
    assert!(replayed.unwrap_err().contains("does not belong to this connection"));
    // A token that was taken out of the list.
    let text = std::fs::read_to_string(&path).unwrap();
    let carol = text.find("\n[[client]]\nname = \"carol\"").unwrap();
    std::fs::write(&path, &text[..carol]).unwrap();
    let clients = Clients::read(&path).unwrap();
    let proof = token("carol").token().unwrap().prove(&near.binding);
    let unknown = clients.admit(far.certificate, Some(&proof), Some(&far.binding));
    assert!(unknown.unwrap_err().contains("does not know you"));
}

/// Ends TLS on both sides with the server's own key, and passes on what comes.
#[test]
fn a_relay_that_both_sides_believe_gets_nothing_through() {
    let world = World::new();
    let (tls, alice) = (world.server(&Clients::Anyone), world.client("alice"));
    let (near, middle, address) = loopback();
    let (onward, far, _) = loopback();
    let (relay, server) = (tls.clone(), tls);
    let served = thread::spawn(move || {
        let secured = accept(far, Instant::now(), &server, patience(), None).unwrap();
        let server = Server::new(tiny_network(Activation::Argmax), &Settings::default()).unwrap();
        server.serve(secured.channel)
    });
    let eve = world.client("eve");
    let passed = address.clone();
    let relay = thread::spawn(move || pass_on(middle, onward, &passed, &relay, &eve));
    let secured = connect(near, &address, &alice, patience(), None).unwrap();
    let result = Client::connect(secured.channel, &Terms::NONE).map(|_| ());
    let altered = matches!(result, Err(ProtocolError::Transport(TransportFault::Altered)));
    assert!(altered, "{result:?}");
    assert!(served.join().unwrap().is_err());
    relay.join().unwrap();
}

fn pass_on(
    middle: TcpStream,
    onward: TcpStream,
    address: &str,
    relay: &ServerTls,
    eve: &ClientTls,
) {
    let raw = |connection: Connection, stream: TcpStream| {
        let mut connection = connection;
        handshake::run(&mut connection, &stream, None).unwrap();
        stream::ends(connection, stream, Instant::now(), Patience::UNLIMITED, [0; 32])
    };
    let towards_client = ServerConnection::new(Arc::clone(&relay.config)).unwrap();
    let mut client = raw(towards_client.into(), middle);
    let name = ServerName::try_from(address.split(':').next().unwrap().to_string()).unwrap();
    let towards_server = ClientConnection::new(Arc::clone(&eve.0), name).unwrap();
    let mut server = raw(towards_server.into(), onward);
    let up = thread::spawn(move || {
        let _ = io::copy(&mut client.reader, &mut server.writer);
    });
    let _ = io::copy(&mut server.reader, &mut client.writer);
    drop((server.reader, client.writer));
    let _ = up.join();
}

#[test]
fn silence_and_garbage_end_the_handshake() {
    let world = World::new();
    let server = world.server(&Clients::Anyone);
    let brief: Patience = Duration::from_millis(300).into();
    let (mut near, far, _) = loopback();
    near.write_all(&[22, 3, 1]).unwrap();
    let start = Instant::now();
    let silent = accept(far, start, &server, brief, None).err().unwrap();
    assert!(matches!(silent, Error::Transport(TransportFault::TimedOut)), "{silent}");
    assert!(start.elapsed() < Duration::from_secs(60));
    let (mut near, far, _) = loopback();
    near.write_all(&[7; 100]).unwrap();
    let garbage = accept(far, Instant::now(), &server, patience(), None).err().unwrap().to_string();
    assert!(garbage.contains("does not speak TLS"), "{garbage}");
    // A client, of a server that answers something else.
    let (near, mut far, address) = loopback();
    far.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").unwrap();
    let other = connect(near, &address, &world.client("alice"), patience(), None).err().unwrap();
    assert!(other.to_string().contains("does not speak TLS"), "{other}");
}

#[test]
fn folders_that_do_not_hold_what_they_should() {
    let world = World::new();
    let alice = world.authority.client("alice", DAYS).unwrap();
    let fault = |file: &str, text: Option<&str>| {
        let path = alice.join(file);
        let before = std::fs::read(&path).ok();
        match text {
            Some(text) => std::fs::write(&path, text).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let result = Credentials::read(&alice).and_then(|found| ClientTls::new(&found));
        match before {
            Some(before) => std::fs::write(&path, before).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        result.err().expect("it is refused").to_string()
    };
    for (file, text, words) in [
        ("ca.crt", None, "ask the server's operator"),
        ("ca.crt", Some("no certificate"), "holds nothing"),
        ("tls.key", None, "is missing beside tls.crt"),
        ("tls.key", Some("-----BEGIN"), "no private key"),
        ("tls.crt", None, "has no tls.crt beside it"),
        ("token", Some("12345"), "is no token"),
    ] {
        let problem = fault(file, text);
        assert!(problem.contains(words) && problem.contains(file), "{file}: {problem}");
    }
    assert!(Credentials::read(&world.path("nobody")).is_err());
    assert!(ServerTls::new(&Credentials::read(&alice).unwrap(), &Clients::Certified).is_ok());
    world.authority.token("bob").unwrap();
    let bob = Credentials::read(&world.path("bob")).unwrap();
    assert!(ServerTls::new(&bob, &Clients::Certified).is_err());
    let again = world.authority.client("alice", DAYS).unwrap_err().to_string();
    assert!(again.contains("exists already"), "{again}");
    for name in ["", "ca", "../x", ".x", "a b"] {
        assert!(world.authority.client(name, DAYS).is_err(), "{name}");
    }
}
