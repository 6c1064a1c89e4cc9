//! Sessions whose clients ask for nothing: they take no thread, and a few kilobytes.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::Server;
use super::server::{State, Step, tell};
use super::system_rng;
use crate::bundle::BundleStore;
use crate::error::{Error, Limit};
use crate::party::{Resting, Served, ServerParty, Shares};
use crate::session::capacity::Reserved;
use crate::transport::Channel;

/// A client that asks for nothing for so long is idle.
const LINGER: Duration = Duration::from_millis(50);

/// How far a session has come.
pub enum Visit {
    /// To its end.
    Over(Served),
    /// The client asks for nothing.
    Idle(Box<IdleSession>),
}

/// A session between two phases. Nobody reads its connection: whoever has it watches
/// [`IdleSession::stream`], and gives it to [`Server::resume`] when that can be read; or drops it,
/// which ends it.
pub struct IdleSession {
    channel: Channel,
    party: Resting,
    held: Vec<Reserved>,
    stock: Option<Reserved>,
    served: Served,
    deadline: Option<Instant>,
}

impl IdleSession {
    /// The connection, if it is over TCP.
    pub fn stream(&self) -> Option<&TcpStream> {
        self.channel.stream()
    }

    /// When the client has been silent for too long.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

impl Server {
    /// [`Server::serve_from`] until the client asks for nothing. A client whose session is set up gets a
    /// seat by `seat`, or is told why not.
    ///
    /// # Errors
    /// Those of [`Server::serve_from`], and of `seat`.
    pub fn serve_until_idle(
        &self,
        channel: Channel,
        store: &mut impl BundleStore,
        seat: impl FnOnce() -> Result<(), Limit>,
    ) -> Result<Visit, Error> {
        self.visit(channel, store, None, |channel| {
            let state = self.set_up(channel, system_rng())?;
            seat()?;
            Ok(state)
        })
    }

    /// Goes on with an idle session, with the store that it had.
    ///
    /// # Errors
    /// Those of [`Server::serve_from`].
    ///
    /// # Panics
    /// If the session began with a server of another network.
    pub fn resume(
        &self,
        idle: Box<IdleSession>,
        store: &mut impl BundleStore,
    ) -> Result<Visit, Error> {
        let IdleSession { channel, party, held, stock, served, deadline } = *idle;
        self.visit(channel, store, deadline, |channel| {
            channel.wake()?;
            let party = ServerParty::wake(party, self.service());
            Ok(State { party, held, stock, served })
        })
    }

    /// Serves until the client asks for nothing. What is no request gives it no more time than
    /// `earlier`.
    fn visit<'a>(
        &'a self,
        mut channel: Channel,
        store: &mut impl BundleStore,
        earlier: Option<Instant>,
        begin: impl FnOnce(&mut Channel) -> Result<State<'a>, Error>,
    ) -> Result<Visit, Error> {
        match self.run_until_idle(&mut channel, store, begin) {
            Ok((Step::Break(served), _)) => Ok(Visit::Over(served)),
            Ok((Step::Continue(State { party, held, stock, served }), requests)) => {
                let earlier = earlier.filter(|_| requests == 0);
                let deadline = earlier.or_else(|| channel.request_deadline(Self::waits(store)));
                let party = party.rest();
                Ok(Visit::Idle(Box::new(IdleSession {
                    channel,
                    party,
                    held,
                    stock,
                    served,
                    deadline,
                })))
            }
            Err(error) => {
                tell(channel, &error);
                Err(error)
            }
        }
    }

    /// What follows the last request, and how many there were.
    fn run_until_idle<'a>(
        &'a self,
        channel: &mut Channel,
        store: &mut impl BundleStore,
        begin: impl FnOnce(&mut Channel) -> Result<State<'a>, Error>,
    ) -> Result<(Step<'a>, u64), Error> {
        let (mut state, mut requests) = (begin(channel)?, 0);
        loop {
            if channel.stream().is_some() && !channel.hears_within(LINGER)? {
                channel.rest()?;
                return Ok((Step::Continue(state), requests));
            }
            match self.step(channel, state, store, &mut Shares::default())? {
                Step::Continue(next) => state = next,
                end => return Ok((end, requests)),
            }
            requests += 1;
        }
    }
}
