//! What the client learns, for people and as JSON.

pub(crate) use gazelle_protocol::party::{Described, text};
