//! The Graph API: messages as Meta takes them, the requests that carry them, and what the answers mean.

mod check;
mod message;

pub use message::Message;
