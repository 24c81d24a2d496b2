//! To the Graph API: what may be sent, and what may be tried again.

pub mod guard;
pub mod outbox;
pub mod recipient;
pub mod state;

pub use guard::WindowClosed;
pub use outbox::{Outbox, Send, Started};
pub use state::{Happened, State};
