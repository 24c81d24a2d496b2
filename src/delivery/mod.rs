//! To destinations: how an event is written and signed, and what the answer means.

pub mod answer;
pub mod cloudevent;
pub mod signature;

pub use answer::{Answer, ErrorClass};
pub use cloudevent::Outgoing;
