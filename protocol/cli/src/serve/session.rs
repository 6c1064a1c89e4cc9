//! One client, from the connection to the end.

use super::{
    entrance::Admitted,
    log::Event,
    metrics::{Metrics, Refusal},
    seats::Seat,
    shared::{Service, Shared},
};
use crate::failure::Failure;
use gazelle_protocol::{session::Served, transport::Channel};
use std::{
    net::{SocketAddr, TcpStream},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Instant,
};

/// A connection that was accepted.
struct Guest {
    number: u64,
    stream: TcpStream,
    peer: SocketAddr,
    start: Instant,
}

/// Why a session did not come to its end.
pub(super) enum Break {
    /// The client was told why.
    Refused(Refusal, String),
    /// Something failed.
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Break {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
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

impl Shared {
    /// Gives a client a seat and a thread, or turns it away.
    pub(super) fn welcome(self: &Arc<Self>, number: u64, stream: TcpStream, peer: SocketAddr) {
        let start = Instant::now();
        Metrics::add(&self.metrics.accepted, 1);
        let event = Event { session: Some(number), peer: Some(peer), ..Event::default() };
        let full = match self.is_ready() {
            true => self.seats.take(peer.ip()).map_err(|full| (Refusal::Seats, full.to_string())),
            false => {
                Err((Refusal::Closing, "the server is being shut down; try again later".into()))
            }
        };
        let seat = match full {
            Ok(seat) => seat,
            Err((cause, why)) => {
                self.crowd.turn_away(stream, &why);
                self.metrics.refuse(cause);
                return self.log.event(&Event { message: format!("refused: {why}"), ..event });
            }
        };
        let shared = Arc::clone(self);
        let session = move || shared.session(Guest { number, stream, peer, start }, seat);
        if let Err(error) = thread::Builder::new().spawn(session) {
            self.log.event(&Event { message: format!("cannot be served: {error}"), ..event });
        }
    }

    /// Serves one client to the end; whatever happens concerns it alone.
    fn session(&self, guest: Guest, mut seat: Seat) {
        let Guest { number, peer, start, .. } = guest;
        let (service, mut client) = (self.service(), None);
        Metrics::add(&self.metrics.active, 1);
        let serve = || self.serve(&service, guest, &mut client);
        let result = catch_unwind(AssertUnwindSafe(serve));
        if !matches!(result, Ok(Ok(_))) {
            seat.failed();
        }
        drop(seat);
        let seconds = start.elapsed();
        self.metrics.active.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
        Metrics::add(&self.metrics.milliseconds, seconds.as_millis() as u64);
        let (counter, message) = match &result {
            Ok(Ok(served)) => {
                (&self.metrics.ended, format!("{} images classified", served.inferences))
            }
            Ok(Err(Break::Refused(cause, why))) => {
                self.metrics.refuse(*cause);
                (&self.metrics.failed, format!("refused: {why}"))
            }
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
            client: client.as_deref(),
            message,
            inferences,
            seconds: Some(seconds.as_secs_f64()),
        });
    }

    /// The session itself; the client's name, as soon as it is known, goes to `name`.
    fn serve(
        &self,
        service: &Service,
        guest: Guest,
        name: &mut Option<String>,
    ) -> Result<Served, Break> {
        let Guest { stream, start, .. } = guest;
        let Admitted { channel, client, wish } = service.entrance.admit(stream, start, service)?;
        if service.entrance.knows_names() {
            *name = Some(client.name.clone());
        }
        let Some(_present) = self.presence.enter(&client.name, client.sessions) else {
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
        Ok(model.server.serve_from(channel, &mut bundles)?)
    }
}
