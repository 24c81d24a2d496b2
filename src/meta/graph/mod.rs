//! The Graph API: messages as Meta takes them, the requests that carry them, and what the answers mean.

pub mod answer;
mod check;
pub mod errors;
mod message;
mod request;

pub use answer::GraphAnswer;
pub use errors::Class;
pub use message::{Message, NOT_IN_GROUPS};
pub use request::{Recipient, Request, appsecret_proof, messages_url};
