//! A party's part, run over a channel.

use super::{Channel, Kind};
use crate::error::Error;
use crate::exchange::{Exchange, Turn};
use crate::wire::{Expected, Message};

impl Channel {
    /// Runs a party's part to its end. Each message leaves while the part computes on. `watch` is
    /// told what is waited for, each time.
    ///
    /// # Errors
    /// The part's own, the peer's fault, or the connection's.
    pub fn run<T>(
        &mut self,
        part: Exchange<'_, T>,
        mut watch: impl FnMut(&Self, &Expected),
    ) -> Result<T, Error> {
        self.run_receiving(part, |channel, expected| {
            watch(channel, expected);
            channel.receive_any(&expected.longest())
        })
    }

    /// Runs the part that waits for a peer's request: see [`Channel::receive_request`].
    ///
    /// # Errors
    /// As [`Channel::run`].
    pub(crate) fn run_request<T>(
        &mut self,
        part: Exchange<'_, T>,
        waits: bool,
    ) -> Result<T, Error> {
        self.run_receiving(part, |channel, expected| {
            channel.receive_request(&expected.longest(), waits)
        })
    }

    fn run_receiving<T>(
        &mut self,
        part: Exchange<'_, T>,
        mut receive: impl FnMut(&mut Self, &Expected) -> Result<(Kind, Vec<u8>), Error>,
    ) -> Result<T, Error> {
        let mut turn = part.start()?;
        loop {
            turn = match turn {
                Turn::Send(Message { kind, payload }, next) => {
                    self.send(kind, payload)?;
                    next.go_on()?
                }
                Turn::Seal(keys, next) => {
                    self.seal(&keys)?;
                    next.go_on()?
                }
                Turn::Receive(waiting) => match receive(self, waiting.expected()) {
                    Ok((kind, payload)) => waiting.receive(Message { kind, payload })?,
                    Err(Error::Peer(fault)) => {
                        return Err(waiting.expected().explain(fault).into());
                    }
                    Err(error) => return Err(error),
                },
                Turn::Done(result) => return Ok(result),
            };
        }
    }
}
