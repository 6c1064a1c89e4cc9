//! `gazelle serve`: the server, a thread for each client.

mod crowd;
mod entrance;
mod keeping;
mod log;
mod seats;

use crate::{
    args::{ServeArgs, mebibytes},
    failure::{Failure, Result, While},
};
use crowd::Crowd;
use entrance::{Admitted, Entrance, Offer};
use gazelle_protocol::{
    Link,
    session::{Capacity, Server, Settings},
    transport::Patience,
};
use gazelle_service::bundles::ServerStore;
use log::Log;
use seats::{Seat, Seats};
use std::{
    io::{self, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// The first words of the output; the address follows.
pub(crate) const LISTENING: &str = "listening on ";

/// Whose a bundle is that was prepared by a client without a name.
const UNNAMED: &str = "anyone";

/// How long to wait after the system refused a connection, for want of files perhaps.
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) fn run(args: &ServeArgs) -> Result<()> {
    set_threads(args.threads.into())?;
    let service = Service::start(args)?;
    let cannot = || format!("cannot listen on {}; choose another --listen address", args.listen);
    let listener = TcpListener::bind(args.listen).when(cannot)?;
    let first = format!("{LISTENING}{}", listener.local_addr().when(cannot)?);
    // Whoever reads nothing else reads this.
    let mut out = io::stdout();
    let _ = writeln!(out, "{first}").and_then(|()| out.flush());
    let card = service.server.plan().card();
    service.log.line(format!("card {}", card.hash().when(|| "the card".into())?));
    if args.until_stdin_ends {
        thread::spawn(|| {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            std::process::exit(0);
        });
    }
    let service = Arc::new(service);
    for number in 1.. {
        match listener.accept() {
            Ok((stream, peer)) => service.welcome(number, stream, peer),
            Err(error) => {
                service.log.line(format!("cannot accept a client: {error}"));
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

/// What all sessions share.
struct Service {
    server: Server,
    entrance: Entrance,
    /// What clients prepare for sessions to come.
    store: Option<Arc<ServerStore>>,
    patience: Patience,
    link: Option<Link>,
    seats: Arc<Seats>,
    crowd: Crowd,
    log: Log,
}

impl Service {
    fn start(args: &ServeArgs) -> Result<Self> {
        let network = args.model.network()?.with_logits(args.allow_logits);
        let settings = Settings { hash: args.hash.into(), ..Settings::for_link(args.link) };
        let settings = match args.tables {
            Some(tables) => Settings { tables: tables.into(), ..settings },
            None => settings.fitted(network.card())?,
        };
        let limits = &args.limits;
        let capacity = Capacity {
            client: mebibytes(limits.memory_per_client),
            total: mebibytes(limits.memory),
        };
        let patience = Patience {
            idle: Duration::from_secs(limits.idle),
            session: Duration::from_secs(limits.max_session),
            ..args.patience.patience()
        };
        let per_address = limits.max_per_address.map(|most| most.get());
        let cannot = || "cannot start a thread".into();
        let log = Log::start(io::stdout()).when(cannot)?;
        Ok(Self {
            server: Server::new(network, &settings)?.with_capacity(capacity),
            entrance: Entrance::new(args)?,
            store: keeping::open(&args.keeping, &log)?,
            patience,
            link: args.simulate_link.then_some(args.link),
            seats: Seats::new(limits.max_clients.get(), per_address, patience.setup),
            crowd: Crowd::start().when(cannot)?,
            log,
        })
    }

    /// Gives a client a seat and a thread, or turns it away.
    fn welcome(self: &Arc<Self>, number: u64, stream: TcpStream, peer: SocketAddr) {
        let seat = match self.seats.take(peer.ip()) {
            Ok(seat) => seat,
            Err(full) => {
                self.crowd.turn_away(stream, &full.to_string());
                return self.log.line(format!("session {number}, {peer}: refused: {full}"));
            }
        };
        let (service, start) = (Arc::clone(self), Instant::now());
        let session = move || service.session(number, stream, (peer, start), seat);
        if let Err(error) = thread::Builder::new().spawn(session) {
            self.log.line(format!("session {number}, {peer}: cannot be served: {error}"));
        }
    }

    /// Serves one client to the end; whatever happens concerns it alone.
    fn session(
        &self,
        number: u64,
        stream: TcpStream,
        (peer, start): (SocketAddr, Instant),
        mut seat: Seat,
    ) {
        let mut who = peer.to_string();
        let serve = || {
            let offer =
                Offer { model: &self.server.plan().card().name, keeps: self.store.is_some() };
            let Admitted { channel, name } =
                self.entrance.admit(stream, start, self.patience, self.link, offer)?;
            name.iter().for_each(|name| who += &format!(", {name}"));
            Ok::<_, Failure>(match &self.store {
                Some(store) => {
                    let client = name.as_deref().unwrap_or(UNNAMED);
                    let mut bundles = store.of(client, self.server.service());
                    self.server.serve_from(channel, &mut bundles)?
                }
                None => self.server.serve(channel)?,
            })
        };
        let result = catch_unwind(AssertUnwindSafe(serve));
        if !matches!(result, Ok(Ok(_))) {
            seat.failed();
        }
        drop(seat);
        let end = match result {
            Ok(Ok(served)) => format!("{} images classified", served.inferences),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "a bug ended this session; please report the message above".into(),
        };
        self.log.line(format!("session {number}, {who}: {end}"));
    }
}
