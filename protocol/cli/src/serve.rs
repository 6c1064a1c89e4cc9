//! `gazelle serve`: the server, a thread for each client.

use crate::{
    args::ServeArgs,
    failure::{Failure, Result, While},
};
use gazelle_protocol::{
    Link,
    session::{Server, Settings, system_rng},
    transport,
};
use std::{
    io::{self, Write},
    net::{TcpListener, TcpStream},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc, mpsc::SyncSender},
    thread,
    time::Duration,
};

/// The first words of the output; the address follows.
pub(crate) const LISTENING: &str = "listening on ";

/// Clients that may wait to be told that there are too many.
const CROWD: usize = 16;

/// How long to wait after the system refused a connection, for want of files perhaps.
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) fn run(args: &ServeArgs) -> Result<()> {
    let network = args.model.network()?.with_logits(args.allow_logits);
    set_threads(args.threads)?;
    let settings = Settings { hash: args.hash.into(), ..Settings::for_link(args.link) };
    let server = Arc::new(Server::new(network, &settings)?);
    let simulated = args.simulate_link.then_some(args.link);
    let cannot = || format!("cannot listen on {}; choose another --listen address", args.listen);
    let listener = TcpListener::bind(args.listen).when(cannot)?;
    log(&format!("{LISTENING}{}", listener.local_addr().when(cannot)?));
    if args.until_stdin_ends {
        thread::spawn(|| {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            std::process::exit(0);
        });
    }
    let timeout = Duration::from_secs(args.patience.timeout);
    let crowd = turn_away().when(|| "cannot start a thread".into())?;
    // Every session holds a clone.
    let seat = Arc::new(());
    for (number, stream) in listener.incoming().enumerate() {
        match stream {
            Ok(stream) if Arc::strong_count(&seat) > args.max_clients.get() => {
                // In a crowd too large to be told, the connection just closes.
                let _ = crowd.try_send(stream);
            }
            Ok(stream) => {
                let (server, seat) = (Arc::clone(&server), Arc::clone(&seat));
                let session = move || {
                    session(&server, number + 1, stream, timeout, simulated);
                    drop(seat);
                };
                if let Err(error) = thread::Builder::new().spawn(session) {
                    log(&format!("cannot serve a client: {error}"));
                }
            }
            Err(error) => {
                log(&format!("cannot accept a client: {error}"));
                thread::sleep(PAUSE);
            }
        }
    }
    Err(Failure::new("the listener ended"))
}

/// Sets how many threads all computation of this process shares.
pub(crate) fn set_threads(threads: usize) -> Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build_global().when(|| format!("cannot start {threads} threads"))
}

/// Serves one client to the end; whatever happens concerns it alone.
fn session(
    server: &Server,
    number: usize,
    stream: TcpStream,
    timeout: Duration,
    link: Option<Link>,
) {
    let peer = stream.peer_addr().map_or_else(|_| "a client".into(), |peer| peer.to_string());
    let serve = || {
        let channel = transport::accept(stream, timeout, link)?;
        server.serve(channel, system_rng())
    };
    let end = match catch_unwind(AssertUnwindSafe(serve)) {
        Ok(Ok(served)) => format!("{} images classified", served.inferences),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "a bug ended this session; please report the message above".into(),
    };
    log(&format!("session {number}, {peer}: {end}"));
}

/// A thread that tells clients one after another that there are too many, so that none of them
/// holds up the listener.
fn turn_away() -> io::Result<SyncSender<TcpStream>> {
    let (crowd, refused) = mpsc::sync_channel(CROWD);
    thread::Builder::new().spawn(move || {
        for stream in refused {
            transport::refuse(stream, "too many clients at the moment; try again later");
        }
    })?;
    Ok(crowd)
}

/// A line for whoever watches the server, who may have left.
fn log(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
