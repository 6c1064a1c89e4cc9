//! The client.

use crate::{
    calls::{fault, interruptible},
    pictures::Card,
};
use gazelle_cli::{Asking, Cause, Failure, Line, parts};
use pyo3::prelude::*;
use std::{
    ffi::OsString,
    sync::{Arc, Mutex, PoisonError},
};

/// A client of one server. Its calls come one after another, from whatever threads they are made.
#[pyclass(frozen)]
pub(crate) struct Client {
    asking: Arc<Mutex<Option<Asking>>>,
    line: Line,
    card: Card,
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
        Ok(Self { asking: Arc::new(Mutex::new(Some(asking))), line, card })
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
        let asking = Arc::clone(&self.asking);
        let end = move || {
            let mut asking = asking.lock().unwrap_or_else(PoisonError::into_inner);
            asking.take().into_iter().for_each(Asking::end);
        };
        interruptible(py, end, || self.line.cut())
    }
}

impl Client {
    /// A call that an interrupt ends, together with the session; the next call begins another.
    fn call<T: Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Asking) -> Result<T, Failure> + Send + 'static,
    ) -> PyResult<T> {
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
