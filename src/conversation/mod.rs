//! What we conclude about a conversation from the events in it: who it is with, and how long the business may still
//! write freely.

pub mod identity;
pub mod window;
