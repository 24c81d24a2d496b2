//! To the Graph API: what may be sent, and what may be tried again.

pub mod guard;
pub mod state;

pub use guard::WindowClosed;
pub use state::{Happened, State};
