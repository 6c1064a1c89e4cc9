//! What only tests and benches may do: run a party on a generator of their own choice, which makes
//! it repeatable and nothing but secret, leave out the frames' tags, and look at both parties' shares.

use rand::rngs::ChaCha20Rng;

use super::{Client, ClientBundle, Served, Server, Terms};
use crate::bundle::Waiting;
use crate::error::Error;
pub use crate::party::Shares;
use crate::transport::Channel;

/// [`Client::connect`] with all of the client's randomness from `rng`.
///
/// # Errors
/// Those of [`Client::connect`].
pub fn connect(channel: Channel, terms: &Terms, rng: ChaCha20Rng) -> Result<Client, Error> {
    Client::connect_with(channel, terms, rng)
}

/// [`Server::serve`] with all of the server's randomness from `rng`.
///
/// # Errors
/// Those of [`Server::serve`].
pub fn serve(server: &Server, channel: Channel, rng: ChaCha20Rng) -> Result<Served, Error> {
    server.serve_with(channel, rng, &mut Waiting::default(), &mut Shares::default())
}

/// [`serve`], giving out the server's shares of the last inference, which are wiped otherwise.
///
/// # Errors
/// Those of [`Server::serve`].
pub fn serve_with_shares(
    server: &Server,
    channel: Channel,
    rng: ChaCha20Rng,
) -> Result<(Served, Shares), Error> {
    let mut shares = Shares::default();
    let served = server.serve_with(channel, rng, &mut Waiting::default(), &mut shares)?;
    Ok((served, shares))
}

/// Lets the bundles that a client prepares from now on keep its share of every tensor, which costs
/// memory and is of no use but to tests.
pub fn keep_shares(client: &mut Client) {
    client.keep_shares();
}

/// The client's shares of the coming inference; none of a bundle that kept none, or was stored.
pub fn shares(bundle: &ClientBundle) -> Shares {
    bundle.shares()
}

/// The channel without the frames' tags: what a peer sends that knows the session's keys can then be
/// made by changing what an honest one sent. The other end must leave them out too.
pub fn without_tags(channel: Channel) -> Channel {
    channel.without_tags()
}
