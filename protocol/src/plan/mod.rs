//! The plan of a network: what both parties derive from public facts alone, before anything is
//! sent, so that each knows the length of every message in advance.

mod choice;
mod engine;
mod graph;
mod linear;
mod network;
mod node_cost;
mod policy;
mod price;
mod security;
mod settings;
mod source;
mod terms;

pub use choice::EngineChoice;
pub use engine::{ActivationEngine, ActivationPlan, EngineCost, LinearEngine, LinearPlan};
pub use linear::LinearChoice;
pub(crate) use network::parameters;
pub use network::{BlockCost, NetworkPlan, Stocks};
pub use node_cost::NodeCost;
pub use policy::Policy;
pub use price::Price;
pub use security::Security;
pub use settings::Settings;
pub use source::TransferSource;
pub use terms::Terms;
