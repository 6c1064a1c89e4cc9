//! The native half of the Python package `gazelle`. Its other half gives these functions arguments as the
//! command line has them, makes objects of the JSON that comes back, and arrays of the bytes.
//!
//! Nothing here holds Python's lock while it computes or waits.

#![forbid(unsafe_code)]

mod calls;
mod client;
mod pictures;

use calls::{fault, interruptible};
use gazelle_cli::{Invocation, Stop, parts};
use gazelle_import::{Error, Exact, files};
use gazelle_model::Network;
use pictures::Card;
use pyo3::prelude::*;
use std::{ffi::OsString, path::PathBuf, sync::Arc};

/// The native half of the package.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::{Model, client::Client, evaluate, float_values, import_onnx, inspect, main};
    #[pymodule_export]
    use crate::pictures::Card;
}

/// The command `gazelle` with these arguments; its exit code. `program` is what starts it again.
#[pyfunction]
fn main(py: Python<'_>, program: Vec<OsString>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| gazelle_cli::main(Invocation { program, arguments }))
}

/// `gazelle inspect --json`.
#[pyfunction]
fn inspect(py: Python<'_>, arguments: Vec<OsString>) -> PyResult<String> {
    interruptible(py, || parts::inspect(arguments), || ())?.map_err(|e| fault(py, &e))
}

/// `gazelle import --json`.
#[pyfunction]
fn import_onnx(py: Python<'_>, arguments: Vec<OsString>) -> PyResult<String> {
    let stop = Stop::default();
    let run = {
        let stop = stop.clone();
        move || parts::import(arguments, &stop)
    };
    interruptible(py, run, || stop.stop())?.map_err(|e| fault(py, &e))
}

/// `gazelle eval --json`.
#[pyfunction]
fn evaluate(py: Python<'_>, arguments: Vec<OsString>) -> PyResult<String> {
    let stop = Stop::default();
    let run = {
        let stop = stop.clone();
        move || parts::evaluate(arguments, &stop)
    };
    interruptible(py, run, || stop.stop())?.map_err(|e| fault(py, &e))
}

/// The values that an ONNX network's head reads, in floating point, for images one after another.
#[pyfunction]
fn float_values(py: Python<'_>, arguments: Vec<OsString>, images: &[u8]) -> PyResult<Vec<f32>> {
    let images = images.to_vec();
    let run = move || {
        let network = parts::float_network(arguments)?;
        let images = images.chunks(network.input().len());
        let values = images.map(|image| network.forward(image)).collect::<Result<Vec<_>, _>>()?;
        Ok(values.concat())
    };
    interruptible(py, run, || ())?.map_err(|e| fault(py, &e))
}

/// A model file: the network with its weights, in the clear.
#[pyclass(frozen)]
struct Model(Arc<Network>);

#[pymethods]
impl Model {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let network = interruptible(py, move || files::read_network(path), || ())?;
        network.map(|network| Self(Arc::new(network))).map_err(|e| fault(py, &e.into()))
    }

    #[getter]
    fn card(&self) -> Card {
        Card::from(self.0.card())
    }

    /// The values of all classes for images one after another.
    fn logits(&self, py: Python<'_>, images: &[u8]) -> PyResult<Vec<i32>> {
        let images = images.to_vec();
        let network = Arc::clone(&self.0);
        let run = move || {
            let exact = Exact::new(&network)?;
            let images = images.chunks(network.card().input.len());
            let values = images.map(|image| exact.logits(image)).collect::<Result<Vec<_>, Error>>();
            Ok(values?.concat())
        };
        interruptible(py, run, || ())?.map_err(|e: Error| fault(py, &e.into()))
    }
}
