//! Serves a model to one client after the other:
//! `cargo run --release -p gazelle-protocol --example serve -- models/fashion-mnist-d.gazelle`
//!
//! The command `gazelle serve` serves many at once and keeps strangers within limits.

use std::net::TcpListener;
use std::time::Duration;

use gazelle_import::files::read_network;
use gazelle_protocol::session::{Server, Settings};
use gazelle_protocol::transport;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("which model? give the path of its file")?;
    let server = Server::new(read_network(path)?, &Settings::default())?;
    let listener = TcpListener::bind("127.0.0.1:7464")?;
    println!("card {}", server.plan().card().hash()?);
    for stream in listener.incoming() {
        let served = transport::accept(stream?, Duration::from_secs(60), None)
            .map_err(Into::into)
            .and_then(|channel| server.serve(channel));
        match served {
            Ok(served) => println!("{} images", served.inferences),
            Err(error) => println!("{error}"),
        }
    }
    Ok(())
}
