//! To destinations: how events are written and signed, and what the answer means.

pub mod answer;
pub mod batch;
pub mod cloudevent;
mod request;
pub mod signature;

pub use answer::{Answer, ErrorClass};
pub use cloudevent::Outgoing;
pub use request::{Request, request};
