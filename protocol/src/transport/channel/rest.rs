//! A connection on which nothing passes for a while: it takes no thread, and little memory.

use std::io::{self, BufRead, BufReader, ErrorKind};
use std::net::TcpStream;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::writer::Output;
use super::{BUFFER, Channel, Source};
use crate::error::Error;
use crate::frames::{Seal, TransportFault};
use crate::transport::limits::Unlimited;
use crate::transport::queue::Item;

/// Who writes what is sent.
#[derive(Default)]
pub(super) enum Writer {
    Running(JoinHandle<Option<Output>>),
    Resting(Box<Output>),
    #[default]
    Ended,
}

impl Channel {
    /// The connection, if it is over TCP.
    pub fn stream(&self) -> Option<&TcpStream> {
        self.stream.as_deref()
    }

    /// When a peer that begins no phase has been silent for too long, from now on; it may take its
    /// time if it `waits` with inferences that it has prepared.
    pub(crate) fn request_deadline(&self, waits: bool) -> Option<Instant> {
        let idle = if waits { self.patience.idle } else { self.patience.phase };
        let deadlines = [Instant::now().checked_add(idle), self.queue.deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// Whether something comes within `time`, be it the end of the connection.
    ///
    /// # Errors
    /// [`TransportFault`] if the connection fails.
    pub(crate) fn hears_within(&mut self, time: Duration) -> Result<bool, Error> {
        self.reader.get_mut().limit(time);
        match self.reader.fill_buf() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
            Err(error) => match TransportFault::from(error) {
                TransportFault::TimedOut => Ok(false),
                fault => Err(fault.into()),
            },
        }
    }

    /// Waits until everything is written, and gives back the writing thread and the buffers: only
    /// while [`Channel::hears_within`] has heard nothing since the last frame.
    ///
    /// # Errors
    /// [`TransportFault`] if something could not be written.
    pub(crate) fn rest(&mut self) -> Result<(), Error> {
        if !self.queue.push(Item::Rest) {
            return Err(self.writer_fault().into());
        }
        if let Writer::Running(writer) = std::mem::take(&mut self.writer) {
            match writer.join() {
                Ok(Some(output)) => self.writer = Writer::Resting(Box::new(output)),
                _ => return Err(self.writer_fault().into()),
            }
        }
        self.queue.shrink();
        self.set_buffer(0);
        self.reader.get_mut().release();
        self.seal.iter_mut().for_each(Seal::shrink);
        Ok(())
    }

    /// Goes on after a rest.
    ///
    /// # Errors
    /// If the system has no thread for it.
    pub(crate) fn wake(&mut self) -> Result<(), Error> {
        self.set_buffer(BUFFER);
        if let Writer::Resting(output) = std::mem::take(&mut self.writer) {
            self.writer = Writer::Running(output.start().map_err(TransportFault::from)?);
        }
        Ok(())
    }

    /// The reader's buffer, which is empty, gets another size.
    fn set_buffer(&mut self, bytes: usize) {
        let none: Box<dyn Source> = Box::new(Unlimited(io::empty()));
        let reader = std::mem::replace(&mut self.reader, BufReader::with_capacity(0, none));
        self.reader = BufReader::with_capacity(bytes, reader.into_inner());
    }
}
