//! What a network reads, and how pictures become it.

use crate::calls::{fault, interruptible};
use gazelle_cli::parts;
use gazelle_import::{Error, Picture, files};
use pyo3::prelude::*;
use std::{path::PathBuf, sync::Arc};

/// The public part of a network.
#[pyclass(frozen)]
#[derive(Clone)]
pub(crate) struct Card(Arc<gazelle_model::Card>);

impl From<&gazelle_model::Card> for Card {
    fn from(card: &gazelle_model::Card) -> Self {
        Self(Arc::new(card.clone()))
    }
}

#[pymethods]
impl Card {
    /// What it says; JSON.
    fn json(&self, py: Python<'_>) -> PyResult<String> {
        parts::card(&self.0).map_err(|error| fault(py, &error))
    }

    /// The image that the network reads of a PNG or JPEG file.
    fn of_file(&self, py: Python<'_>, path: PathBuf) -> PyResult<Vec<u8>> {
        self.convert(py, move |card| files::read_image(path, card))
    }

    /// The same of such a file's bytes.
    fn of_bytes(&self, py: Python<'_>, bytes: &[u8]) -> PyResult<Vec<u8>> {
        let bytes = bytes.to_vec();
        self.convert(py, move |card| Ok(gazelle_import::decode_image(&bytes, card)?))
    }

    /// The same of pixels, row by row, with 1 or 3 samples each.
    fn of_pixels(
        &self,
        py: Python<'_>,
        pixels: &[u8],
        height: usize,
        width: usize,
    ) -> PyResult<Vec<u8>> {
        let pixels = pixels.to_vec();
        self.convert(py, move |card| Ok(Picture::from_pixels(width, height, pixels)?.tensor(card)?))
    }
}

impl Card {
    fn convert(
        &self,
        py: Python<'_>,
        read: impl FnOnce(&gazelle_model::Card) -> Result<Vec<u8>, Error> + Send + 'static,
    ) -> PyResult<Vec<u8>> {
        let card = Arc::clone(&self.0);
        let image = interruptible(py, move || read(&card), || ())?;
        image.map_err(|error| fault(py, &error.into()))
    }
}
