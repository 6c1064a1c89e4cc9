//! ONNX graphs for the tests.

use prost::Message;

use crate::onnx::proto::{
    Attribute, Dimension, Graph, Model, Node, OperatorSet, Tensor, TensorShape, TensorType, Type,
    ValueInfo, data_type,
};

/// A graph whose nodes form a chain: each reads the one before it, then its constants.
pub(super) struct Builder {
    pub(super) model: Model,
    head: String,
}

impl Builder {
    /// A network that reads 1 × `dims`.
    pub(super) fn reading(dims: &[i64]) -> Self {
        let dim = [1].iter().chain(dims).map(|&dim_value| Dimension { dim_value }).collect();
        let tensor_type =
            TensorType { elem_type: data_type::FLOAT, shape: Some(TensorShape { dim }) };
        let r#type = Some(Type { tensor_type: Some(tensor_type) });
        let input = vec![ValueInfo { name: "image".into(), r#type }];
        let set = OperatorSet { domain: String::new(), version: 17 };
        let graph = Graph { input, ..Graph::default() };
        Self { model: Model { graph: Some(graph), opset_import: vec![set] }, head: "image".into() }
    }

    pub(super) fn graph(&mut self) -> &mut Graph {
        self.model.graph.as_mut().unwrap()
    }

    /// Appends a node that reads the head and `constants`.
    pub(super) fn then(
        mut self,
        op: &str,
        attribute: Vec<Attribute>,
        constants: &[Tensor],
    ) -> Self {
        let count = self.graph().node.len();
        let mut input = vec![std::mem::take(&mut self.head)];
        for (i, tensor) in constants.iter().enumerate() {
            let name = format!("constant {count}.{i}");
            input.push(name.clone());
            self.graph().initializer.push(Tensor { name, ..tensor.clone() });
        }
        let output = format!("value {count}");
        self.head.clone_from(&output);
        let (name, op_type, domain) = (format!("node {count}"), op.into(), String::new());
        let node = Node { input, output: vec![output], name, op_type, attribute, domain };
        self.graph().node.push(node);
        self
    }

    /// Appends a dense layer to `outputs` values whose weights are small and all different.
    pub(super) fn dense(self, inputs: usize, outputs: usize) -> Self {
        let weights = ramp(&[inputs as i64, outputs as i64]);
        self.then("Gemm", vec![], &[weights, ramp(&[outputs as i64])])
    }

    /// The file.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let output = ValueInfo { name: self.head.clone(), r#type: None };
        self.graph().output.push(output);
        self.model.encode_to_vec()
    }
}

/// Floats in `float_data`.
pub(super) fn floats(dims: &[i64], float_data: &[f32]) -> Tensor {
    let float_data = float_data.to_vec();
    Tensor { dims: dims.into(), data_type: data_type::FLOAT, float_data, ..Tensor::default() }
}

/// Small numbers of both signs, all different.
pub(super) fn ramp(dims: &[i64]) -> Tensor {
    let len = dims.iter().product::<i64>();
    let value = |i: i64| ((i * 7 % len) as f32 - len as f32 / 2.0 + 0.25) / len as f32;
    floats(dims, &(0..len).map(value).collect::<Vec<_>>())
}

/// Whole numbers, as shapes are.
pub(super) fn whole(int64_data: &[i64]) -> Tensor {
    let dims = vec![int64_data.len() as i64];
    Tensor {
        dims,
        data_type: data_type::INT64,
        int64_data: int64_data.to_vec(),
        ..Tensor::default()
    }
}

pub(super) fn int(name: &str, i: i64) -> Attribute {
    Attribute { name: name.into(), i, ..Attribute::default() }
}

pub(super) fn ints(name: &str, ints: &[i64]) -> Attribute {
    Attribute { name: name.into(), ints: ints.to_vec(), ..Attribute::default() }
}

pub(super) fn float(name: &str, f: f32) -> Attribute {
    Attribute { name: name.into(), f, ..Attribute::default() }
}

pub(super) fn text(name: &str, s: &str) -> Attribute {
    Attribute { name: name.into(), s: s.into(), ..Attribute::default() }
}
