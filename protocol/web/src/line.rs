//! What carries a party's messages: a socket that the page's script owns.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Poll, Waker};

use gazelle_protocol::Error;
use gazelle_protocol::exchange::{Exchange, FrameKeys, Turn};
use gazelle_protocol::frames::{Frames, TransportFault};
use gazelle_protocol::wire::{Expected, Message, Traffic};
use js_sys::{Function, Uint8Array};
use wasm_bindgen::JsValue;

/// One end of a WebSocket: a function that sends, and whatever has come.
pub(crate) struct Line {
    frames: RefCell<Frames>,
    send: Function,
    /// Whether the socket is closed.
    closed: Cell<bool>,
    /// Who waits for something to come.
    waiting: Cell<Option<Waker>>,
}

impl Line {
    /// A line to `host` that hands what it sends to `send`, in arrays of bytes.
    pub(crate) fn new(host: String, send: Function) -> Self {
        Self {
            frames: RefCell::new(Frames::in_websocket(host)),
            send,
            closed: Cell::new(false),
            waiting: Cell::new(None),
        }
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.frames.borrow().traffic()
    }

    /// Takes what has come.
    pub(crate) fn receive(&self, bytes: &[u8]) {
        self.frames.borrow_mut().push(bytes);
        self.wake();
    }

    /// Nothing more will come.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }

    /// Runs a party's part to its end. `watch` sees each message that is sent, and what is waited for.
    ///
    /// # Errors
    /// The part's own, the peer's fault, or the connection's.
    pub(crate) async fn run<T>(
        &self,
        part: Exchange<'_, T>,
        mut watch: impl FnMut(Event<'_>),
    ) -> Result<T, Error> {
        let mut turn = part.start()?;
        loop {
            turn = match turn {
                Turn::Send(message, next) => {
                    watch(Event::Sent(&message));
                    self.send(message)?;
                    next.go_on()?
                }
                Turn::Seal(keys, next) => {
                    self.seal(&keys).await?;
                    next.go_on()?
                }
                Turn::Receive(waiting) => {
                    watch(Event::Waits);
                    let message = self.next(waiting.expected()).await?;
                    waiting.receive(message)?
                }
                Turn::Done(result) => return Ok(result),
            };
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// [`TransportFault::Closed`] if the socket is closed.
    pub(crate) fn send(&self, message: Message) -> Result<(), Error> {
        let frame = self.frames.borrow_mut().write(message);
        let sent = self.send.call1(&JsValue::NULL, &Uint8Array::from(&frame[..]));
        Ok(sent.map(drop).map_err(|_| TransportFault::Closed)?)
    }

    async fn next(&self, expected: &Expected) -> Result<Message, Error> {
        self.until(|frames| frames.read(expected)).await
    }

    async fn seal(&self, keys: &FrameKeys) -> Result<(), Error> {
        self.until(|frames| Ok(frames.seal(keys)?.then_some(()))).await
    }

    /// Looks again whenever something has come, until there is a result.
    async fn until<T>(
        &self,
        mut look: impl FnMut(&mut Frames) -> Result<Option<T>, Error>,
    ) -> Result<T, Error> {
        poll_fn(|context| match look(&mut self.frames.borrow_mut()) {
            Ok(Some(result)) => Poll::Ready(Ok(result)),
            Err(error) => Poll::Ready(Err(error)),
            Ok(None) if self.closed.get() => Poll::Ready(Err(TransportFault::Closed.into())),
            Ok(None) => {
                self.waiting.set(Some(context.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }
}

/// What happens on a line.
pub(crate) enum Event<'a> {
    /// A message is sent.
    Sent(&'a Message),
    /// The party waits for its peer.
    Waits,
}
