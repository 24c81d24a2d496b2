//! (to come)

pub mod graph;
