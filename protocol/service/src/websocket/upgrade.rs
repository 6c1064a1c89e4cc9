//! From HTTP to a WebSocket.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream};
use std::time::Instant;

use gazelle_protocol::printable;
use gazelle_protocol::transport::{self, Limit, TransportFault};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use tungstenite::handshake::client::{Response as Answer, generate_key};
use tungstenite::handshake::derive_accept_key;
use tungstenite::handshake::machine::TryParse;
use tungstenite::handshake::server::{Request, create_response, write_response};
use tungstenite::http::{HeaderMap, HeaderName, StatusCode, header};

use super::{PageFile, Web, until};
use crate::Error;

/// The most bytes of a request or an answer.
pub(super) const MAX_HEAD: usize = 8 << 10;
/// The most words of a refusal that a client reads.
const MAX_WORDS: u64 = 512;

/// Whom a server opens WebSockets for.
pub(crate) struct Door<'a> {
    /// The pages that may ask for one, and the server's own; what is no page may ask always.
    pub(crate) web: &'a Web,
    /// What must be for the host that is asked for; nothing without TLS.
    pub(crate) certificate: Option<&'a CertificateDer<'static>>,
}

/// The lines of a request or an answer, and what was read beyond them.
type Head = (Vec<u8>, Vec<u8>);

/// Why there is no WebSocket.
pub(super) enum NoSocket {
    Refused(StatusCode, &'static str),
    /// A file of the server's page was asked for.
    Page(&'static PageFile),
}
use NoSocket::Refused;

/// The server's part: answers a request; the host that it was for, and what came after it.
pub(super) fn answer(
    reader: &mut (impl Read + Limit),
    writer: &mut (impl Write + Limit),
    deadline: Option<Instant>,
    door: &Door<'_>,
) -> Result<(String, Vec<u8>), Error> {
    let result = read_head(reader, deadline).map(|head| match head {
        Some((head, rest)) => door.open(&head).map(|(answer, host)| (answer, host, rest)),
        None => {
            Err(Refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the request is too long"))
        }
    });
    let (text, result) = match result? {
        Ok((answer, host, rest)) => (answer, Ok((host, rest))),
        Err(Refused(status, why)) => {
            (refusal(status, why), Err(Error::WebSocket(format!("no WebSocket: {why}"))))
        }
        Err(NoSocket::Page(file)) => (file.answer(), Err(Error::Page(file.path))),
    };
    writer.limit(until(deadline).map_err(TransportFault::from)?);
    writer.write_all(&text).map_err(TransportFault::from)?;
    writer.flush().map_err(TransportFault::from)?;
    result
}

impl Door<'_> {
    /// The answer to a request that is let in, and the host that it is for.
    pub(super) fn open(&self, head: &[u8]) -> Result<(Vec<u8>, String), NoSocket> {
        let bad = |why| Refused(StatusCode::BAD_REQUEST, why);
        let (_, request) = Request::try_parse(head)
            .ok()
            .flatten()
            .ok_or(bad("this server understands GET of HTTP/1.1 alone"))?;
        let headers = request.headers();
        if !headers.contains_key(header::UPGRADE) {
            return Err(self.page(request.uri().path()));
        }
        let response = create_response(&request)
            .map_err(|_| bad("the request for a WebSocket is not valid"))?;
        let host = only(headers, &header::HOST)?.ok_or(bad("the request names no host"))?;
        let host = host.to_str().map_err(|_| bad("the request names no host"))?;
        if self.certificate.is_some_and(|certificate| !is_for(certificate, host)) {
            let why =
                "this server's certificate is for another host than the one that was asked for";
            return Err(Refused(StatusCode::MISDIRECTED_REQUEST, why));
        }
        let origin = only(headers, &header::ORIGIN)?;
        let own = self.own_origin(host);
        if origin.is_some_and(|said| !self.web.lets_in(said, own.as_deref())) {
            let why = "this server does not serve pages of that origin; its operator may name it with \
                       --origins";
            return Err(Refused(StatusCode::FORBIDDEN, why));
        }
        let mut answer = Vec::new();
        write_response(&mut answer, &response).map_err(|_| bad("there is no answer to that"))?;
        Ok((answer, host.into()))
    }

    /// What a request that wants no WebSocket gets.
    fn page(&self, path: &str) -> NoSocket {
        match self.web.file(path) {
            Some(file) => NoSocket::Page(file),
            None if !self.web.files.is_empty() => {
                Refused(StatusCode::NOT_FOUND, "there is nothing here; this server's page is at /")
            }
            None => {
                let why = "this server classifies images, by WebSocket and for `gazelle classify`";
                Refused(StatusCode::UPGRADE_REQUIRED, why)
            }
        }
    }

    /// The origin of the server's own page at `host`, unless a page of somebody else can have it: without
    /// a certificate, the names that lead here are anybody's, but addresses are not.
    fn own_origin(&self, host: &str) -> Option<String> {
        match self.certificate {
            Some(_) => Some(format!("https://{host}")),
            None => is_address(host).then(|| format!("http://{host}")),
        }
    }
}

/// Whether `host` or `host:port` is an address, or this machine.
fn is_address(host: &str) -> bool {
    let bare = without_port(host);
    bare == "localhost" || bare.parse::<IpAddr>().is_ok()
}

/// The host of `host` or `host:port`.
fn without_port(host: &str) -> &str {
    let bare = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    bare.trim_start_matches('[').trim_end_matches(']')
}

/// The value of a header that must not come twice.
fn only<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a tungstenite::http::HeaderValue>, NoSocket> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(Refused(StatusCode::BAD_REQUEST, "the request says two things")),
    }
}

/// Whether a certificate is for `host` or `host:port`.
fn is_for(certificate: &CertificateDer<'_>, host: &str) -> bool {
    let (Ok(name), Ok(certificate)) =
        (ServerName::try_from(without_port(host)), ParsedCertificate::try_from(certificate))
    else {
        return false;
    };
    verify_server_name(&certificate, &name).is_ok()
}

/// An answer that opens nothing.
fn refusal(status: StatusCode, why: &str) -> Vec<u8> {
    let length = why.len() + 1;
    let upgrade = match status {
        StatusCode::UPGRADE_REQUIRED => "Upgrade: websocket\r\n",
        _ => "",
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\n{upgrade}Content-Type: text/plain; \
         charset=utf-8\r\nContent-Length: {length}\r\n\r\n{why}\n"
    );
    head.into_bytes()
}

/// The client's part: asks for a WebSocket at `host`, over `stream` if that is TCP; what came after the
/// answer.
pub(super) fn request(
    reader: &mut (impl Read + Limit),
    writer: &mut (impl Write + Limit),
    deadline: Option<Instant>,
    host: &str,
    stream: Option<&TcpStream>,
) -> Result<Vec<u8>, Error> {
    let key = generate_key();
    let head = format!(
        "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    );
    writer.limit(until(deadline).map_err(TransportFault::from)?);
    writer.write_all(head.as_bytes()).map_err(TransportFault::from)?;
    writer.flush().map_err(TransportFault::from)?;
    // A server that has no room answers without HTTP.
    let words = stream.map(|stream| transport::hears_refusal(stream, deadline)).transpose()?;
    if let Some(words) = words.flatten() {
        return Err(Error::turned_away(words));
    }
    let other = || Error::WebSocket("the peer does not speak WebSocket; check the address".into());
    let (head, rest) = read_head(reader, deadline)?.ok_or_else(other)?;
    let answer = Answer::try_parse(&head).ok().flatten().ok_or_else(other)?.1;
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        let mut words = rest;
        // What there is of them.
        let _ = reader.take(MAX_WORDS).read_to_end(&mut words);
        let words = String::from_utf8_lossy(&words);
        let words = printable(words.lines().next().unwrap_or_default());
        return Err(refused(answer.status(), &words));
    }
    let accepted = answer.headers().get(header::SEC_WEBSOCKET_ACCEPT);
    match accepted.is_some_and(|accepted| accepted == derive_accept_key(key.as_bytes()).as_str()) {
        true => Ok(rest),
        false => Err(other()),
    }
}

/// What an answer means that opens no WebSocket: the peer, or a proxy before it, may be away for the
/// moment.
fn refused(status: StatusCode, words: &str) -> Error {
    let line = format!("the peer answers {status}: {words}");
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Error::turned_away(format!("{line}; try again later")),
        _ => Error::WebSocket(line),
    }
}

/// Reads up to the empty line that ends a head, which belongs to it; none if the head is too long.
fn read_head(
    reader: &mut (impl Read + Limit),
    deadline: Option<Instant>,
) -> Result<Option<Head>, Error> {
    let mut head = Vec::new();
    let mut piece = [0; 1 << 10];
    loop {
        reader.limit(until(deadline).map_err(TransportFault::from)?);
        let read = reader.read(&mut piece).map_err(TransportFault::from)?;
        if read == 0 {
            return Err(TransportFault::Closed.into());
        }
        let looked = head.len().saturating_sub(3);
        head.extend_from_slice(&piece[..read]);
        if let Some(at) = head[looked..].windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = head.split_off(looked + at + 4);
            return Ok((head.len() <= MAX_HEAD).then_some((head, rest)));
        }
        if head.len() > MAX_HEAD {
            return Ok(None);
        }
    }
}
