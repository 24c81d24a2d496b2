//! To destinations: how events are written and signed, which way they leave, how many at a time, and what the answer means.

pub mod answer;
pub mod batch;
pub mod cloudevent;
mod no_answer;
mod request;
mod run;
mod shares;
pub mod signature;
mod ways;

pub use answer::ErrorClass;
pub use no_answer::NoAnswer;
pub use request::{Request, request};
pub use run::{REFUSED_MS, Run};
pub use shares::{destinations, share};
pub use ways::{Way, Ways};
