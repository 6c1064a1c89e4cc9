//! Weights that lie in a file beside the model.

use std::path::{Component, Path};

use super::fault::OnnxFault;
use super::proto;
use crate::files;

/// The folder where files beside the model are looked for; none if the model came without one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SideFiles<'a> {
    pub(super) folder: Option<&'a Path>,
}

impl SideFiles<'_> {
    /// The bytes of a tensor whose values lie in another file.
    pub(super) fn read(&self, tensor: &proto::Tensor) -> Result<Vec<u8>, OnnxFault> {
        let fault = |what: String| OnnxFault::Tensor { tensor: tensor.name.clone(), what };
        let missing = || OnnxFault::ExternalData { tensor: tensor.name.clone() };
        let folder = self.folder.ok_or_else(missing)?;
        let entry = |key: &str| {
            tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| &entry.value[..])
        };
        let location = entry("location").ok_or_else(missing)?;
        let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if !Path::new(location).components().all(inside) {
            return Err(fault(format!("lies in `{location}`, outside of the model's folder")));
        }
        let number = |key, default: usize| match entry(key) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| fault(format!("has the {key} `{text}`"))),
        };
        let (offset, length) = (number("offset", 0)?, number("length", super::MAX_ONNX_BYTES)?);
        let limit = length.min(super::MAX_ONNX_BYTES);
        files::read_part(folder.join(location), offset as u64, limit)
            .map_err(|error| fault(format!("lies in another file: {error}")))
    }
}
