//! Asks a server for the class of a picture:
//! `cargo run --release -p gazelle-protocol --example classify -- models/samples/0000-ankle-boot.png`

use std::time::Duration;

use gazelle_import::files::read_picture;
use gazelle_protocol::session::{Client, Terms};
use gazelle_protocol::{printable, transport};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("which picture? give the path of its file")?;
    // Before there is a connection: the time that it takes says something about the picture.
    let picture = read_picture(path)?;
    let channel = transport::connect("127.0.0.1:7464", Duration::from_secs(60), None)?;
    let mut client = Client::connect(channel, &Terms::default())?;
    let image = picture.tensor(client.plan().card())?;
    let bundle = client.offline(1, |_, _| ())?.remove(0);
    let outcome = client.classify(bundle, &image)?;
    let label =
        outcome.label().ok_or("each class has a threshold of its own: there is no one class")?;
    let class = printable(&client.plan().card().classes[label]);
    client.close()?;
    println!("{class}");
    Ok(())
}
