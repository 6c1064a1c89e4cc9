//! A node's attributes by name, with the defaults of the ONNX specification.

use super::constant::Constant;
use super::fault::{NodeFault, OnnxFault};
use super::proto::{Attribute, Node};
use super::side_file::SideFiles;

pub(super) struct Attributes<'a>(&'a [Attribute]);

impl<'a> Attributes<'a> {
    pub(super) fn of(node: &'a Node) -> Self {
        Self(&node.attribute)
    }

    fn find(&self, name: &str) -> Option<&'a Attribute> {
        self.0.iter().find(|attribute| attribute.name == name)
    }

    pub(super) fn int(&self, name: &str, default: i64) -> i64 {
        self.find(name).map_or(default, |attribute| attribute.i)
    }

    pub(super) fn float(&self, name: &str, default: f32) -> f32 {
        self.find(name).map_or(default, |attribute| attribute.f)
    }

    pub(super) fn float_if_given(&self, name: &str) -> Option<f32> {
        self.find(name).map(|attribute| attribute.f)
    }

    pub(super) fn ints(&self, name: &str) -> Option<&'a [i64]> {
        self.find(name).map(|attribute| &attribute.ints[..])
    }

    /// A pair of sizes, such as a kernel's; `default` for both if it is not given.
    pub(super) fn pair(&self, name: &str, default: i64) -> Result<[i64; 2], NodeFault> {
        match self.ints(name) {
            None => Ok([default; 2]),
            Some(&[height, width]) => Ok([height, width]),
            Some(other) => Err(NodeFault::Unsupported(format!(
                "{name} {other:?}: only maps of two dimensions"
            ))),
        }
    }

    pub(super) fn text(&self, name: &str) -> &'a [u8] {
        self.find(name).map_or(b"", |attribute| &attribute.s)
    }

    /// An attribute that is a tensor.
    pub(super) fn tensor(&self, name: &str) -> Option<Result<Constant, OnnxFault>> {
        let tensor = self.find(name)?.t.as_ref()?;
        Some(Constant::read(tensor, &SideFiles::default()))
    }

    /// The type of the elements of an attribute that is a tensor.
    pub(super) fn kind(&self, name: &str) -> Option<i32> {
        Some(self.find(name)?.t.as_ref()?.data_type)
    }

    /// The value of a Constant node.
    pub(super) fn constant(&self) -> Result<Constant, NodeFault> {
        for a in self.0 {
            match &a.name[..] {
                "value" => {
                    let tensor = self.tensor("value").ok_or(NodeFault::Missing("value"))?;
                    return tensor.map_err(|e| NodeFault::Unsupported(e.to_string()));
                }
                "value_float" => {
                    return Ok(Constant { dims: vec![], ..Constant::floats(vec![a.f]) });
                }
                "value_int" => return Ok(Constant { dims: vec![], ..Constant::ints(vec![a.i]) }),
                "value_floats" => return Ok(Constant::floats(a.floats.clone())),
                "value_ints" => return Ok(Constant::ints(a.ints.clone())),
                _ => {}
            }
        }
        Err(NodeFault::Unsupported("a constant that is not a tensor of numbers".into()))
    }
}
