//! To the Graph API: what may be sent, how fast, and what may be tried again.
//!
//! - [`asked`]: reads what was asked for by `POST /v1/messages`
//! - [`whom`]: to whom
//! - [`taking`]: takes it in, or says why nothing of it goes
//! - [`phone`]: phone numbers
//! - [`guard`]: whether a message may go out now
//! - [`outbox`]: the sends that wait, in `lanes`, or are on their way; `ending`: what becomes of them; `stored`: the table
//!   that they are in
//! - [`state`]: how far a send has come
//! - [`pacing`]: how fast a number may send, by `pace`; [`pair`]: how fast one customer may be written to
//! - `number`: how it stands with the number, by [`blocked`] and by `silence`: Meta that does not answer
//! - [`blocked`]: a number that can send nothing until a person has put something right
//! - [`told`]: what destinations are told of sends that did not go
//! - [`reports`]: what Meta's statuses tell about sends
//! - [`replies`]: what destinations ask for in their answers; `reply_budgets`: how much of it in a day
//! - [`repeats`]: requests that bear an `Idempotency-Key`

pub mod asked;
pub mod blocked;
mod ending;
pub mod guard;
mod lanes;
mod number;
pub mod outbox;
mod pace;
pub mod pacing;
pub mod pair;
pub mod phone;
pub mod repeats;
pub mod replies;
mod reply_budgets;
pub mod reports;
mod silence;
pub mod state;
mod stored;
pub mod taking;
#[cfg(test)]
mod tests;
pub mod told;
pub mod whom;

pub use asked::Asked;
pub use blocked::{Blocked, NumberChange};
pub use guard::WindowClosed;
pub use outbox::{Outbox, Started};
pub use pacing::Rates;
pub use reply_budgets::ReplyBudgets;
pub use reports::names_a_send;
pub use state::{Ended, Happened, SendState};
pub use stored::{Draft, Record, Send};
pub use taking::{Refusal, take};
