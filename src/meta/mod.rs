//! Meta's side of the wire: challenge, signature, webhook payloads, Graph bodies and errors.

pub mod challenge;
pub mod graph;
pub mod json;
pub mod payload;
pub mod shape;
pub mod signature;
