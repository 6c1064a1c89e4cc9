//! Bundles: what one inference's offline phase leaves each party, to be used up online.
//!
//! A bundle stands alone. It carries its own correlation (Δ, the hash's key, masks, labels, tables)
//! and belongs to a network and a client, not to a connection: it can be encoded, stored and used
//! over another connection of the same client, after both programs were started anew. Its name is
//! how the client asks for it: the hash of a secret that both parties share and of its number, so
//! that nobody else can name a bundle that is not spent.
//!
//! A bundle is good for one image. Its types are consumed by value and cannot be copied:
//!
//! ```compile_fail,E0277
//! fn copy<T: Clone>() {}
//! copy::<gazelle_protocol::bundle::ServerBundle>();
//! ```
//!
//! Who stores bundles takes on the same duty: a bundle must be gone from the store, for good, before
//! the first byte of its online phase leaves ([`BundleStore::take`]). Whatever fails after that
//! loses the bundle.
//!
//! The client's half hides the image from the server, and the server's half hides the network from
//! the client: neither may be seen by anyone else, least of all by the peer. All bundles of one
//! connection share Δ; a server's half that leaks gives it away for the others.

mod activation;
mod client;
mod fault;
mod gates;
mod name;
mod server;
mod store;

pub(crate) use activation::{ClientActivation, ServerActivation};
pub use client::ClientBundle;
pub use fault::BundleFault;
pub(crate) use gates::Gates;
pub use name::BundleName;
pub use server::ServerBundle;
pub use store::{BundleStore, Denied, Waiting};

/// Version of both encodings.
const VERSION: u8 = 3;

/// Bytes before a bundle's own: `magic (8) ‖ version (1) ‖ digest (32) ‖ name (16)`.
const HEADER: usize = 8 + 1 + 32 + BundleName::LEN;

fn write_header(magic: &[u8; 8], digest: &[u8; 32], name: &BundleName, out: &mut Vec<u8>) {
    out.extend_from_slice(magic);
    out.push(VERSION);
    out.extend_from_slice(digest);
    out.extend_from_slice(name.as_bytes());
}

/// Splits a bundle of `len` bytes into its name and its own bytes.
fn read_header<'a>(
    magic: &[u8; 8],
    digest: &[u8; 32],
    len: usize,
    bytes: &'a [u8],
) -> Result<(BundleName, &'a [u8]), BundleFault> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(BundleFault::NotABundle);
    };
    let [theirs, found, name] = [&header[..8], &header[9..41], &header[41..]];
    if theirs != magic {
        return Err(BundleFault::NotABundle);
    }
    if header[8] != VERSION {
        return Err(BundleFault::Version { got: header[8], expected: VERSION });
    }
    if found != digest {
        return Err(BundleFault::OtherNetwork);
    }
    if bytes.len() != len {
        return Err(BundleFault::Length { got: bytes.len(), expected: len });
    }
    let name = name.try_into().expect("the header ends with a name");
    Ok((BundleName::from_bytes(name), rest))
}
