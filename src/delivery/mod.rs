//! To destinations: how events are written and signed, which way they leave, how many at a time, and what the answer means.

pub mod answer;
pub mod batch;
pub mod cloudevent;
mod lanes;
mod request;
mod run;
pub mod signature;

pub use answer::ErrorClass;
pub use cloudevent::Outgoing;
pub use lanes::{Lane, Lanes};
pub use request::{Request, request};
pub use run::{REFUSED_MS, Run};
