//! The address for whoever runs the server: whether it is well, and what it has done.

use super::Shared;
use crate::failure::{Result, While};
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// How long a request and its answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The most bytes of a request.
const MOST: usize = 8 << 10;

/// Answers `GET /healthz`, `/readyz` and `/metrics` at an address, one request after the other; where
/// that is.
pub(super) fn start(address: SocketAddr, shared: Arc<Shared>) -> Result<SocketAddr> {
    let cannot = || format!("cannot listen on {address}; choose another --admin address");
    let listener = TcpListener::bind(address).when(cannot)?;
    let address = listener.local_addr().when(cannot)?;
    let answer_all = move || {
        for stream in listener.incoming().flatten() {
            // Who asks and leaves misses the answer.
            let _ = answer(&stream, &shared);
        }
    };
    thread::Builder::new().spawn(answer_all).when(cannot)?;
    Ok(address)
}

fn answer(mut stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    let path = path(stream)?;
    let (status, body) = match path.as_deref() {
        Some("/healthz") => ("200 OK", "ok\n".into()),
        Some("/readyz") if shared.is_ready() => ("200 OK", "ready\n".into()),
        Some("/readyz") => ("503 Service Unavailable", "shutting down\n".into()),
        Some("/metrics") => ("200 OK", shared.metrics_text()),
        Some(_) => ("404 Not Found", "there are /healthz, /readyz and /metrics\n".into()),
        None => ("400 Bad Request", "GET is understood alone\n".into()),
    };
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&[head.as_bytes(), body.as_bytes()].concat())
}

/// The path of a request, whose headers are read and left alone.
fn path(mut stream: &TcpStream) -> io::Result<Option<String>> {
    let end = Instant::now() + PATIENCE;
    let (mut request, mut piece) = (Vec::new(), [0; 1 << 10]);
    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || request.len() > MOST {
            return Ok(None);
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut piece)? {
            0 => return Ok(None),
            read => request.extend_from_slice(&piece[..read]),
        }
    }
    let request = String::from_utf8_lossy(&request);
    let mut words = request.lines().next().unwrap_or_default().split(' ');
    Ok(words.next().filter(|method| *method == "GET").and(words.next()).map(String::from))
}
