//! The thread that writes what a channel sends.

use std::io::{self, ErrorKind, IoSlice, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::frames::{Seal, TransportFault};
use crate::transport::limits::Limit;
use crate::transport::patience::{Allowance, until};
use crate::transport::queue::{Frame, Item, Queue};
use crate::transport::schedule::Schedule;

/// A writer with limits.
pub(super) trait Sink: Write + Limit + Send {}

impl<T: Write + Limit + Send> Sink for T {}

/// What the writing thread has.
pub(super) struct Output {
    pub(super) queue: Arc<Queue>,
    pub(super) writer: Box<dyn Sink>,
    /// What the writer goes over, if that is TCP.
    pub(super) connection: Option<Arc<TcpStream>>,
    pub(super) allowance: Allowance,
    /// When frames arrive on a simulated link.
    pub(super) schedule: Option<Schedule>,
    pub(super) seal: Option<Seal>,
}

impl Output {
    /// Starts the thread; it ends with the queue, or when it is to rest, and gives back what it has
    /// then.
    pub(super) fn start(mut self) -> io::Result<JoinHandle<Option<Self>>> {
        thread::Builder::new().spawn(move || {
            let result = self.run();
            if let (Err(TransportFault::TimedOut), Some(stream)) = (&result, &self.connection) {
                // A peer that does not read will not answer: this wakes who waits for it.
                let _ = stream.shutdown(Shutdown::Both);
            }
            if let Ok(true) = result {
                self.release();
                return Some(self);
            }
            self.queue.end(result.map(drop));
            None
        })
    }

    /// Gives back memory.
    fn release(&mut self) {
        self.writer.release();
        self.seal.iter_mut().for_each(Seal::shrink);
    }

    /// Writes frames until the queue closes, or the thread is to rest: whether it is.
    fn run(&mut self) -> Result<bool, TransportFault> {
        while let Some(item) = self.queue.pop() {
            match item {
                Item::Seal(seal) => self.seal = Some(*seal),
                Item::Frame(frame) => self.frame(&frame)?,
                Item::Rest => return Ok(true),
            }
        }
        Ok(false)
    }

    fn frame(&mut self, Frame { queued, header, payload }: &Frame) -> Result<(), TransportFault> {
        // Here, because the system copies the payload next and finds it in the cache.
        let tag = self.seal.as_mut().map(|seal| seal.tag(header, payload));
        let tag = tag.as_ref().map_or(&[][..], |tag| tag);
        if let Some(schedule) = &mut self.schedule {
            let len = header.len() + payload.len() + tag.len();
            Schedule::wait(schedule.arrival(*queued, len));
        }
        let parts = &mut [IoSlice::new(header), IoSlice::new(payload), IoSlice::new(tag)];
        self.write(parts)?;
        self.queue.done(payload.len());
        Ok(())
    }

    /// Writes all parts while the peer's allowance and the session's time last.
    fn write(&mut self, mut parts: &mut [IoSlice<'_>]) -> Result<(), TransportFault> {
        // Empty parts at the beginning go away.
        IoSlice::advance_slices(&mut parts, 0);
        while !parts.is_empty() {
            let time = self.allowance.left().min(until(self.queue.deadline()));
            if time.is_zero() {
                return Err(TransportFault::TimedOut);
            }
            self.writer.limit(time);
            let start = Instant::now();
            let written = match self.writer.write_vectored(parts) {
                Ok(0) => return Err(TransportFault::Closed),
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::Interrupted => 0,
                Err(error) => return Err(error.into()),
            };
            self.allowance.settle(start.elapsed(), written as u64);
            self.queue.progress(written);
            IoSlice::advance_slices(&mut parts, written);
        }
        Ok(self.writer.flush()?)
    }
}
