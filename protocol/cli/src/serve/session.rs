//! One client, from the connection to the end.

use super::{
    entrance::Admitted,
    log::Event,
    metrics::{Metrics, Refusal},
    models::Model,
    presence::Present,
    seats::Seat,
    shared::{Service, Shared},
    waiting::Parked,
};
use crate::failure::Failure;
use gazelle_protocol::{
    Error,
    error::{Limit, PeerFault},
    session::{IdleSession, Served, Visit},
    transport::{Channel, TransportFault},
};
use gazelle_service::{Client, bundles::Held};
use std::{
    net::{SocketAddr, TcpStream},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering::Relaxed},
    thread,
    time::Instant,
};

/// A client, from the connection to the end.
pub(super) struct Visitor {
    number: u64,
    peer: SocketAddr,
    start: Instant,
    seat: Seat,
    /// As soon as it is known, where clients have names.
    name: Option<String>,
}

/// How far a client has come when nothing passes.
pub(super) enum Stage {
    /// It has not said anything; it must until then.
    New(TcpStream, Option<Instant>),
    /// Its session is set up.
    Idle(Box<Session>),
}

/// A session that is idle, and what it needs to go on.
pub(super) struct Session {
    idle: Box<IdleSession>,
    service: Arc<Service>,
    model: Arc<Model>,
    client: Client,
    held: Held,
    present: Present,
}

impl Stage {
    /// The connection.
    pub(super) fn stream(&self) -> Option<&TcpStream> {
        match self {
            Self::New(stream, _) => Some(stream),
            Self::Idle(session) => session.idle.stream(),
        }
    }

    /// When its time is over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::New(_, deadline) => *deadline,
            Self::Idle(session) => session.idle.deadline(),
        }
    }
}

/// Why a session did not come to its end.
pub(super) enum Break {
    /// The client was told why.
    Refused(Refusal, String),
    /// It was a browser, which got a file of the page.
    Page(String),
    /// Something failed.
    Failed(Failure),
}

impl From<Error> for Break {
    fn from(error: Error) -> Self {
        let (cause, why) = match &error {
            Error::Denied(denied) => (Refusal::Quota, denied.to_string()),
            Error::Bundle(fault) => (Refusal::Bundle, fault.to_string()),
            Error::Peer(PeerFault::Bundle(name)) => {
                (Refusal::Bundle, format!("bundle {name} does not exist or is spent"))
            }
            Error::Limit(limit @ Limit::Seats) => (Refusal::Seats, limit.to_string()),
            Error::Limit(limit @ Limit::Closing) => (Refusal::Closing, limit.to_string()),
            Error::Limit(limit) => (Refusal::Memory, limit.to_string()),
            _ => return Self::Failed(error.into()),
        };
        Self::Refused(cause, why)
    }
}

impl From<gazelle_service::Error> for Break {
    fn from(error: gazelle_service::Error) -> Self {
        match error {
            gazelle_service::Error::Page(_) => Self::Page(error.to_string()),
            _ => Self::Failed(error.into()),
        }
    }
}

impl Break {
    /// Tells the client why it is not served.
    pub(super) fn refuse(channel: Channel, cause: Refusal, why: impl Into<String>) -> Self {
        let why = why.into();
        channel.refuse(&why);
        Self::Refused(cause, why)
    }
}

/// What became of a visit.
enum Progress {
    Idle(Box<Session>),
    Over(Served),
}

impl Shared {
    /// Lets a client in, or turns it away.
    pub(super) fn welcome(self: &Arc<Self>, number: u64, stream: TcpStream, peer: SocketAddr) {
        let start = Instant::now();
        Metrics::add(&self.metrics.accepted, 1);
        let full = match self.is_ready() {
            true => self
                .seats
                .enter(peer.ip(), &stream)
                .map_err(|full| (Refusal::Seats, full.to_string())),
            false => {
                Err((Refusal::Closing, "the server is being shut down; try again later".into()))
            }
        };
        let seat = match full {
            Ok(seat) => seat,
            Err((cause, why)) => {
                self.crowd.turn_away(stream, &why);
                self.metrics.refuse(cause);
                let (session, peer) = (Some(number), Some(peer));
                let message = format!("refused: {why}");
                return self.log.event(&Event { session, peer, message, ..Event::default() });
            }
        };
        Metrics::add(&self.metrics.active, 1);
        let visitor = Visitor { number, peer, start, seat, name: None };
        let deadline = start.checked_add(self.service().patience.setup);
        self.park(Parked { visitor, stage: Stage::New(stream, deadline) });
    }

    /// Waits, without a thread, until the client says something.
    fn park(self: &Arc<Self>, parked: Parked) {
        if let Err(parked) = self.waiting.park(parked) {
            self.wake(*parked);
        }
    }

    /// Goes on with a client in a thread of its own.
    pub(super) fn wake(self: &Arc<Self>, parked: Parked) {
        let shared = Arc::clone(self);
        let event = Event {
            session: Some(parked.visitor.number),
            peer: Some(parked.visitor.peer),
            ..Event::default()
        };
        let attend = move || shared.attend(parked);
        if let Err(error) = thread::Builder::new().spawn(attend) {
            self.metrics.active.fetch_sub(1, Relaxed);
            self.log.event(&Event { message: format!("cannot be served: {error}"), ..event });
        }
    }

    /// Ends the session of a client that has been silent for too long.
    pub(super) fn give_up(&self, Parked { visitor, .. }: Parked) {
        self.end(visitor, Ok(Err(Error::from(TransportFault::TimedOut).into())));
    }

    /// Serves a client until it asks for nothing; whatever happens concerns it alone.
    fn attend(self: &Arc<Self>, Parked { mut visitor, stage }: Parked) {
        let advance = || match stage {
            Stage::New(stream, _) => self.begin(&mut visitor, stream),
            Stage::Idle(session) => self.go_on(*session),
        };
        match catch_unwind(AssertUnwindSafe(advance)) {
            Ok(Ok(Progress::Idle(session))) => {
                self.park(Parked { visitor, stage: Stage::Idle(session) });
            }
            Ok(Ok(Progress::Over(served))) => self.end(visitor, Ok(Ok(served))),
            Ok(Err(cause)) => self.end(visitor, Ok(Err(cause))),
            Err(panic) => self.end(visitor, Err(panic)),
        }
    }

    /// Counts and logs a session that has ended, and gives its seat back.
    fn end(&self, visitor: Visitor, result: thread::Result<Result<Served, Break>>) {
        let Visitor { number, peer, start, mut seat, name } = visitor;
        if !matches!(result, Ok(Ok(_) | Err(Break::Page(_)))) {
            seat.failed();
        }
        drop(seat);
        let seconds = start.elapsed();
        self.metrics.active.fetch_sub(1, Relaxed);
        Metrics::add(&self.metrics.milliseconds, seconds.as_millis() as u64);
        let (counter, message) = match &result {
            Ok(Ok(served)) => {
                (&self.metrics.ended, format!("{} images classified", served.inferences))
            }
            Ok(Err(Break::Refused(cause, why))) => {
                self.metrics.refuse(*cause);
                (&self.metrics.failed, format!("refused: {why}"))
            }
            Ok(Err(Break::Page(given))) => (&self.metrics.ended, given.clone()),
            Ok(Err(Break::Failed(failure))) => (&self.metrics.failed, failure.to_string()),
            Err(_) => (
                &self.metrics.panicked,
                "a bug ended this session; please report the message above".into(),
            ),
        };
        Metrics::add(counter, 1);
        let inferences = result.ok().and_then(Result::ok).map(|served| served.inferences);
        self.log.event(&Event {
            session: Some(number),
            peer: Some(peer),
            client: name.as_deref(),
            message,
            inferences,
            seconds: Some(seconds.as_secs_f64()),
        });
    }

    /// The session from its first byte.
    fn begin(&self, visitor: &mut Visitor, stream: TcpStream) -> Result<Progress, Break> {
        let (service, start) = (self.service(), visitor.start);
        let Admitted { channel, client, wish } = service.entrance.admit(stream, start, &service)?;
        if service.entrance.knows_names() {
            visitor.name = Some(client.name.clone());
        }
        let Some(present) = self.presence.enter(&client.name, client.sessions) else {
            let why = "you have as many sessions as you may; end one, or try again later";
            return Err(Break::refuse(channel, Refusal::Sessions, why));
        };
        let permitted = client.models.as_deref();
        let Some(model) = service.models.find(&wish.model, permitted) else {
            let why = match service.models.names(permitted) {
                names if names.is_empty() => "this server has no model for you".into(),
                names => format!("this server has no model of that name, but {names}"),
            };
            return Err(Break::refuse(channel, Refusal::Wish, why));
        };
        if wish.keep && !self.store.keeps() {
            let why = "this server keeps nothing beyond a session; ask its operator for --store";
            return Err(Break::refuse(channel, Refusal::Wish, why));
        }
        let mut bundles = self.store.of(&client, model.server.service());
        let seat = || visitor.seat.sit();
        let visit = model.server.serve_until_idle(channel, &mut bundles, seat)?;
        let held = bundles.into_held();
        Ok(match visit {
            Visit::Over(served) => Progress::Over(served),
            Visit::Idle(idle) => {
                let model = Arc::clone(model);
                let session = Session { idle, service, model, client, held, present };
                Progress::Idle(Box::new(session))
            }
        })
    }

    /// The session from the client's next request on.
    fn go_on(&self, session: Session) -> Result<Progress, Break> {
        let Session { idle, service, model, client, held, present } = session;
        let store = self.store.of(&client, model.server.service());
        let mut bundles = store.with_held(held);
        let visit = model.server.resume(idle, &mut bundles)?;
        let held = bundles.into_held();
        Ok(match visit {
            Visit::Over(served) => Progress::Over(served),
            Visit::Idle(idle) => {
                let session = Session { idle, service, model, client, held, present };
                Progress::Idle(Box::new(session))
            }
        })
    }
}
