//! One party's part of a protocol without I/O: messages in, messages out.
//!
//! A part is written as an `async fn` over a `Mailbox`, which reads like the protocol itself:
//! send, receive, send. An [`Exchange`] runs it from message to message; what carries them (a
//! socket, a queue in memory, a browser's events) is a loop over [`Turn`]:
//!
//! ```
//! use gazelle_protocol::exchange::{Exchange, Turn};
//! use gazelle_protocol::wire::{Expected, Message};
//! use gazelle_protocol::Error;
//!
//! fn drive<T>(
//!     exchange: Exchange<'_, T>,
//!     mut send: impl FnMut(Message),
//!     mut receive: impl FnMut(&Expected) -> Message,
//! ) -> Result<T, Error> {
//!     let mut turn = exchange.start()?;
//!     loop {
//!         turn = match turn {
//!             Turn::Send(message, next) => {
//!                 send(message);
//!                 next.go_on()?
//!             }
//!             // Tags are for a connection that others could write to.
//!             Turn::Seal(_, next) => next.go_on()?,
//!             Turn::Receive(waiting) => {
//!                 let message = receive(waiting.expected());
//!                 waiting.receive(message)?
//!             }
//!             Turn::Done(result) => return Ok(result),
//!         };
//!     }
//! }
//! ```
//!
//! Each message is handed out as soon as it is made, so that it travels while the part computes on.
//! There is no executor and no thread here: a part waits for nothing but messages.
//!
//! Every step consumes the exchange, and an error leaves nothing behind: a part that failed cannot
//! go on.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use zeroize::Zeroizing;

use crate::error::{Error, PeerFault};
use crate::wire::{Expected, Message, Payload};

/// One party's part of a protocol, which ends in a `T`.
pub struct Exchange<'a, T> {
    part: Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>,
    mailbox: Mailbox,
}

/// How a part goes on.
pub enum Turn<'a, T> {
    /// This message is to be sent, now.
    Send(Message, Next<'a, T>),
    /// From here on, every frame bears a tag under these keys.
    Seal(FrameKeys, Next<'a, T>),
    /// The peer has to send something.
    Receive(Waiting<'a, T>),
    /// The part is over.
    Done(T),
}

/// Keys of the tags that frames bear after the set-up, which only the two parties know.
pub struct FrameKeys {
    /// Of what this party sends from now on.
    pub sent: Zeroizing<[u8; 32]>,
    /// Of what it receives from now on.
    pub received: Zeroizing<[u8; 32]>,
    /// Whether the message that came last bears a tag already.
    pub opened: bool,
}

/// A part that can go on by itself.
pub struct Next<'a, T>(Exchange<'a, T>);

/// A part that waits for a message.
pub struct Waiting<'a, T> {
    exchange: Exchange<'a, T>,
    expected: Expected,
}

impl<'a, T> Exchange<'a, T> {
    /// The part that `part` makes of its mailbox.
    pub(crate) fn new<F>(part: impl FnOnce(Mailbox) -> F) -> Self
    where
        F: Future<Output = Result<T, Error>> + Send + 'a,
    {
        let mailbox = Mailbox::default();
        Self { part: Box::pin(part(mailbox.clone())), mailbox }
    }

    /// Runs the part up to its first message.
    ///
    /// # Errors
    /// The part's own.
    pub fn start(self) -> Result<Turn<'a, T>, Error> {
        self.run()
    }

    fn run(mut self) -> Result<Turn<'a, T>, Error> {
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(result) = self.part.as_mut().poll(&mut context) {
            return result.map(Turn::Done);
        }
        let slot = std::mem::take(&mut *self.mailbox.slot());
        match slot {
            Slot::Outgoing(message) => Ok(Turn::Send(message, Next(self))),
            Slot::Keys(keys) => Ok(Turn::Seal(keys, Next(self))),
            Slot::Expected(expected) => Ok(Turn::Receive(Waiting { exchange: self, expected })),
            Slot::Empty | Slot::Incoming(_) => unreachable!("a part waits for its mailbox alone"),
        }
    }
}

impl<'a, T> Next<'a, T> {
    /// Goes on to the next message.
    ///
    /// # Errors
    /// The part's own.
    pub fn go_on(self) -> Result<Turn<'a, T>, Error> {
        self.0.run()
    }
}

impl<'a, T> Waiting<'a, T> {
    /// What may come.
    pub fn expected(&self) -> &Expected {
        &self.expected
    }

    /// Goes on with the peer's message.
    ///
    /// # Errors
    /// [`PeerFault`] if the message is not what was expected; otherwise the part's own.
    pub fn receive(self, message: Message) -> Result<Turn<'a, T>, Error> {
        self.expected.check(&message)?;
        *self.exchange.mailbox.slot() = Slot::Incoming(message);
        self.exchange.run()
    }
}

/// Where a part leaves messages and finds them: room for one.
#[derive(Clone, Default)]
pub(crate) struct Mailbox(Arc<Mutex<Slot>>);

#[derive(Default)]
enum Slot {
    #[default]
    Empty,
    Outgoing(Message),
    Keys(FrameKeys),
    Expected(Expected),
    Incoming(Message),
}

impl Mailbox {
    /// Sends a message.
    pub(crate) async fn send(&self, payload: impl Payload) {
        self.hand_out(Slot::Outgoing(payload.into_message())).await;
    }

    /// Sends a message that was made before.
    pub(crate) async fn send_message(&self, message: Message) {
        self.hand_out(Slot::Outgoing(message)).await;
    }

    /// Tells whoever carries the messages the keys of their tags.
    pub(crate) async fn seal(&self, keys: FrameKeys) {
        self.hand_out(Slot::Keys(keys)).await;
    }

    async fn hand_out(&self, slot: Slot) {
        *self.slot() = slot;
        poll_fn(|_| match *self.slot() {
            Slot::Empty => Poll::Ready(()),
            _ => Poll::Pending,
        })
        .await;
    }

    /// Receives a message of exactly `len` bytes.
    pub(crate) async fn receive<P: Payload>(&self, len: usize) -> Result<P, PeerFault> {
        P::decode(self.take(Expected::exactly(P::KIND, len)).await.payload)
    }

    /// The mailbox on behalf of a block of the network.
    pub(crate) fn of(&self, block: usize) -> BlockMail<'_> {
        BlockMail { mailbox: self, block }
    }

    /// Receives what is expected.
    pub(crate) async fn take(&self, expected: Expected) -> Message {
        *self.slot() = Slot::Expected(expected);
        poll_fn(|_| {
            let mut slot = self.slot();
            match std::mem::take(&mut *slot) {
                Slot::Incoming(message) => Poll::Ready(message),
                waiting => {
                    *slot = waiting;
                    Poll::Pending
                }
            }
        })
        .await
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A mailbox on behalf of a block of the network.
#[derive(Clone, Copy)]
pub(crate) struct BlockMail<'a> {
    mailbox: &'a Mailbox,
    block: usize,
}

impl BlockMail<'_> {
    /// Sends a message.
    pub(crate) async fn send(&self, payload: impl Payload) {
        self.mailbox.send(payload).await;
    }

    /// Receives a message of exactly `len` bytes.
    pub(crate) async fn receive<P: Payload>(&self, len: usize) -> Result<P, PeerFault> {
        let expected = Expected::exactly(P::KIND, len).for_block(self.block);
        P::decode(self.mailbox.take(expected).await.payload)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::wire::{Begin, Bye, Kind, Labels, Prepare, Tables};

    fn message(payload: impl Payload) -> Message {
        payload.into_message()
    }

    #[test]
    fn each_message_is_handed_out_before_the_next_is_made() {
        let made = AtomicU32::new(0);
        let exchange = Exchange::new(|mail| async {
            let mail = mail;
            for _ in 0..3 {
                mail.send(Prepare { count: made.fetch_add(1, Ordering::Relaxed) }).await;
            }
            let Labels(labels) = mail.of(7).receive(2).await?;
            Ok(labels)
        });
        let mut turn = exchange.start().unwrap();
        for count in 0..3 {
            let Turn::Send(sent, next) = turn else { panic!("a message is sent") };
            assert_eq!(sent, message(Prepare { count }));
            assert_eq!(made.load(Ordering::Relaxed), count + 1);
            turn = next.go_on().unwrap();
        }
        let Turn::Receive(waiting) = turn else { panic!("a message is received") };
        let expected = Expected::exactly(Kind::Labels, 2).for_block(7);
        assert_eq!((waiting.expected(), waiting.expected().block()), (&expected, Some(7)));
        let turn = waiting.receive(message(Labels(vec![1, 2]))).unwrap();
        assert!(matches!(turn, Turn::Done(labels) if labels == [1, 2]));
    }

    #[test]
    fn a_message_that_is_not_expected_ends_the_part() {
        let wrong = [
            message(Labels(vec![])),
            message(Labels(vec![0; 3])),
            message(Tables(vec![0; 2])),
            message(Bye),
        ];
        for wrong in wrong {
            let exchange = Exchange::new(|mail| async move {
                let Labels(labels) = mail.receive(2).await?;
                Ok(labels)
            });
            let Ok(Turn::Receive(waiting)) = exchange.start() else { panic!("it waits") };
            let fault = waiting.receive(wrong).map(|_| ()).unwrap_err();
            let known =
                matches!(fault, Error::Peer(PeerFault::Kind { .. } | PeerFault::Length { .. }));
            assert!(known, "{fault}");
        }
    }

    #[test]
    fn messages_of_fixed_length_come_back_or_are_refused() {
        for count in [0, 1, u32::MAX] {
            let bytes = Prepare { count }.encode();
            assert_eq!(bytes.len(), Prepare::LEN);
            assert_eq!(Prepare::decode(bytes).unwrap().count, count);
        }
        assert!(Prepare::decode(vec![0; 3]).is_err() && Prepare::decode(vec![0; 5]).is_err());
        for (images, refused) in
            [(0, true), (1, false), (Begin::MOST, false), (Begin::MOST + 1, true)]
        {
            let names = vec![7; images * Begin::LEN];
            assert_eq!(Begin::decode(names.clone()).is_err(), refused);
            assert!(refused || Begin::decode(names.clone()).unwrap().encode() == names);
            assert!(Begin::decode([names, vec![7]].concat()).is_err());
        }
        assert!(Bye::decode(vec![]).is_ok() && Bye::decode(vec![0]).is_err());
    }
}
