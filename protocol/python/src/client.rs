//! The client.

use crate::{
    calls::{fault, interruptible},
    pictures::Card,
};
use gazelle_cli::{Asking, Cause, Failure, Line, parts};
use pyo3::prelude::*;
use std::{
    ffi::OsString,
    mem, process,
    sync::{Arc, Mutex, PoisonError},
};

/// What a process that was forked is told.
const FORKED: &str = "this client belongs to the process that made it, since what is prepared is good for one \
    image; make one in each process, as `multiprocessing` does with the method `spawn`";

/// A client of one server. Its calls come one after another, from whatever threads they are made.
#[pyclass(frozen)]
pub(crate) struct Client {
    asking: Arc<Mutex<Option<Asking>>>,
    line: Line,
    card: Card,
    /// Whose client it is: a fork copies masks and keys, which two processes would use twice.
    process: u32,
}

#[pymethods]
impl Client {
    /// Connects, with the arguments of `gazelle classify`.
    #[new]
    fn new(py: Python<'_>, arguments: Vec<OsString>) -> PyResult<Self> {
        gazelle_cli::keep_memory();
        let line = Line::default();
        let ask = {
            let line = line.clone();
            move || parts::ask(arguments, line)
        };
        let asking = interruptible(py, ask, || line.cut())?.map_err(|error| fault(py, &error))?;
        let card = Card::from(asking.card());
        let (asking, process) = (Arc::new(Mutex::new(Some(asking))), process::id());
        Ok(Self { asking, line, card, process })
    }

    #[getter]
    fn card(&self) -> Card {
        self.card.clone()
    }

    /// Classifies an image, whose pixels come in the order of the card's input shape; JSON.
    fn classify(&self, py: Python<'_>, image: &[u8]) -> PyResult<String> {
        let image = image.to_vec();
        self.call(py, move |asking| {
            let outcome = asking.classify(&image)?;
            Ok(parts::outcome(asking.card(), &outcome))
        })
    }

    /// Classifies several images; JSON of each.
    fn classify_all(&self, py: Python<'_>, images: Vec<Vec<u8>>) -> PyResult<Vec<String>> {
        self.call(py, move |asking| {
            let (outcomes, end) = asking.classify_all(&images);
            end?;
            let outcomes = outcomes.into_iter();
            outcomes.map(|outcome| Ok(parts::outcome(asking.card(), &outcome?))).collect()
        })
    }

    /// Prepares inferences; JSON.
    fn prepare(&self, py: Python<'_>, count: usize) -> PyResult<String> {
        self.call(py, move |asking| parts::json(&asking.prepare(count)?))
    }

    /// What the phases have cost so far; JSON.
    fn costs(&self, py: Python<'_>) -> PyResult<String> {
        self.call(py, |asking| parts::json(&asking.costs()))
    }

    /// Ends the session.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if self.is_copy() {
            return Ok(());
        }
        let asking = Arc::clone(&self.asking);
        let end = move || {
            let mut asking = asking.lock().unwrap_or_else(PoisonError::into_inner);
            asking.take().into_iter().for_each(Asking::end);
        };
        interruptible(py, end, || self.line.cut())
    }
}

/// A copy says nothing to the server, whose session is the other process's.
impl Drop for Client {
    fn drop(&mut self) {
        if self.is_copy() {
            mem::forget(Arc::clone(&self.asking));
        }
    }
}

impl Client {
    /// Whether a fork has copied it to this process.
    fn is_copy(&self) -> bool {
        process::id() != self.process
    }

    /// A call that an interrupt ends, together with the session; the next call begins another.
    fn call<T: Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Asking) -> Result<T, Failure> + Send + 'static,
    ) -> PyResult<T> {
        if self.is_copy() {
            return Err(fault(py, &Failure::Line(Cause::Usage, FORKED.into())));
        }
        let (asking, line) = (Arc::clone(&self.asking), self.line.clone());
        let run = move || {
            // A call that was interrupted has ended once the lock is free. One that panicked has left a
            // session that has failed.
            let mut asking = asking.lock().unwrap_or_else(PoisonError::into_inner);
            line.mend();
            match asking.as_mut() {
                Some(asking) => work(asking),
                None => Err(Failure::Line(Cause::Usage, "this client was closed".into())),
            }
        };
        interruptible(py, run, || self.line.cut())?.map_err(|error| fault(py, &error))
    }
}
