//! `gazelle serve`: the server, a thread for each client that is asking for something.

mod admin;
mod crowd;
mod entrance;
mod keeping;
mod log;
mod metrics;
mod models;
mod page;
mod presence;
mod seats;
mod session;
mod shared;
mod signals;
mod waiting;

pub(crate) use keeping::KeepingArgs;
pub(crate) use log::LogFormat;
use shared::Shared;
pub(crate) use shared::check;

use crate::{
    args::ServeArgs,
    failure::{Failure, Result, While},
};
use std::{
    io::{self, Write},
    net::TcpListener,
    process::exit,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// The first words of the output; the address follows.
pub(crate) const LISTENING: &str = "listening on ";

/// How long to wait after the system refused a connection, for want of files perhaps.
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) fn run(args: &ServeArgs) -> Result<()> {
    let start = Instant::now();
    let started = signals::start(Duration::from_secs(args.grace))?;
    allow_connections();
    set_threads(args.threads.into())?;
    let shared = Arc::new(Shared::start(args)?);
    let cannot = || format!("cannot listen on {}; choose another --listen address", args.listen);
    let listener = TcpListener::bind(args.listen).when(cannot)?;
    let first = format!("{LISTENING}{}", listener.local_addr().when(cannot)?);
    // Whoever knows the address may tell the server to end.
    started.get_or_init(|| Arc::clone(&shared));
    // Whoever reads nothing else reads this.
    let mut out = io::stdout();
    let _ = writeln!(out, "{first}").and_then(|()| out.flush());
    shared.announce();
    shared.log.line(format!("ready after {} ms", start.elapsed().as_millis()));
    if let Some(address) = args.admin {
        let address = admin::start(address, Arc::clone(&shared))?;
        shared.log.line(format!("admin on {address}"));
    }
    watch(&shared)?;
    if args.until_stdin_ends {
        thread::spawn(|| {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            exit(0);
        });
    }
    for number in 1.. {
        match listener.accept() {
            Ok((stream, peer)) => shared.welcome(number, stream, peer),
            Err(error) => {
                shared.log.line(format!("cannot accept a client: {error}"));
                thread::sleep(PAUSE);
            }
        }
    }
    Err(Failure::new("the listener ended"))
}

/// Lets this process have as many connections as the system allows it: each takes a descriptor, and another
/// one until its session is set up. Where that cannot be changed, it stays as it is.
fn allow_connections() {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::resource::{Resource::RLIMIT_NOFILE, getrlimit, setrlimit};
        let _ = getrlimit(RLIMIT_NOFILE).and_then(|(_, most)| setrlimit(RLIMIT_NOFILE, most, most));
    }
}

/// Starts the thread that watches connections on which nothing passes.
fn watch(shared: &Arc<Shared>) -> Result<()> {
    let shared = Arc::clone(shared);
    let watch = move || {
        let error =
            shared.waiting.watch(|parked| shared.wake(parked), |parked| shared.give_up(parked));
        shared.log.line(format!("cannot watch connections: {error}"));
        shared.log.flush();
        exit(1)
    };
    thread::Builder::new().spawn(watch).when(|| "cannot start a thread".into())?;
    Ok(())
}

/// Sets how many threads all computation of this process shares.
pub(crate) fn set_threads(threads: usize) -> Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build_global().when(|| format!("cannot start {threads} threads"))
}
