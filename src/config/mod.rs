//! Settings: read once, checked as a whole, refused as a whole with everything that is wrong.

mod address;
mod answering;
mod consent;
mod destination;
mod number;
mod pattern;
mod reference;
mod retry;
mod secret;
mod sending;
mod settings;

pub use address::{Address, AddressError};
pub use answering::Answering;
pub use consent::{Category, Consent, OptIn, Said};
pub use destination::{Condition, Destination, Format, From, Header};
pub use number::Number;
pub use pattern::{NotAPattern, Pattern};
pub use retry::Retry;
pub use secret::{NotASigningSecret, Secret, SigningSecret};
pub use sending::Sending;
pub use settings::{Graph, Settings, SettingsFault};
