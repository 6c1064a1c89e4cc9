//! What a server gives to browsers besides WebSockets.

use tungstenite::http::HeaderValue;

use super::Origin;

/// What a server has for browsers.
#[derive(Clone, Debug, Default)]
pub struct Web {
    /// Places whose pages may open WebSockets here.
    pub origins: Vec<Origin>,
    /// The files of the server's own page, whose scripts may open WebSockets here too; none if it has no
    /// page.
    pub files: &'static [PageFile],
}

/// A file of a page, which is public.
#[derive(Debug)]
pub struct PageFile {
    /// Where it is, as in `/page.js`.
    pub path: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// What is in it.
    pub bytes: &'static [u8],
}

/// What a page from here may do: run its own scripts and their WebAssembly, talk to the server that it came
/// from, and show pictures of its own making.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; \
                      style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

impl Web {
    /// The file at a path.
    pub(super) fn file(&self, path: &str) -> Option<&'static PageFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether a page may open WebSockets: one of the origins, or the server's own page, where `own` is
    /// the server's origin if nobody else can have it.
    pub(super) fn lets_in(&self, said: &HeaderValue, own: Option<&str>) -> bool {
        let named = self.origins.iter().any(|origin| origin.is(said.as_bytes()));
        named
            || (!self.files.is_empty() && own.is_some_and(|own| said.as_bytes() == own.as_bytes()))
    }
}

impl PageFile {
    /// The answer to a request for the file.
    pub(super) fn answer(&self) -> Vec<u8> {
        let Self { media_type, bytes, .. } = self;
        let head = format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: {media_type}\r\n\
             Content-Length: {}\r\nCache-Control: no-cache\r\nContent-Security-Policy: {POLICY}\r\n\
             X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\r\n",
            bytes.len()
        );
        [head.as_bytes(), bytes].concat()
    }
}
