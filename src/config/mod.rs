//! Settings: read once, checked as a whole, refused as a whole with everything that is wrong.

mod answering;
mod checked_url;
mod consent;
mod destination;
mod hours;
mod id;
mod number;
mod pattern;
mod placeholder;
mod reference;
mod retry;
mod rule;
mod secret;
mod sending;
mod settings;
mod variables;

pub use answering::Answering;
#[cfg(test)]
pub(crate) use answering::answering_of;
pub use checked_url::{CheckedUrl, UrlError};
pub use consent::{Category, Consent, Meaning, OptIn};
pub use destination::{Condition, Destination, Format, Header, StartsAt};
pub use hours::OfficeHours;
pub use id::is_id;
pub use number::Number;
pub use pattern::{NotAPattern, Pattern};
pub use placeholder::{PLACEHOLDERS, encoded, filled};
pub use retry::Retry;
pub use rule::{HandOver, Referral, Rule, Text, When};
pub use secret::{NotASigningSecret, Secret, SigningSecret};
pub use sending::Sending;
pub(crate) use sending::read_late_s;
pub use settings::{Config, Graph, LONGEST_KEEP_HOURS, NO_ADMIN_TOKEN, Settings, SettingsFault};
