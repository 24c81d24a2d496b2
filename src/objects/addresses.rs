//! Which object is which mailbox.

use crate::event::Home;

/// The binding of the mailboxes' namespace in wrangler.toml.
pub(crate) const BINDING: &str = "MAILBOX";

const ACCOUNT: &str = "account/";

/// The name of the object that keeps the mailbox of a number or an account.
pub(super) fn name_of(home: &Home) -> String {
    match home {
        Home::Number(id) => id.clone(),
        Home::Account(id) => format!("{ACCOUNT}{id}"),
    }
}

/// Whose mailbox an object keeps, by its name.
pub(super) fn home_of(name: &str) -> Home {
    name.strip_prefix(ACCOUNT).map_or_else(
        || Home::Number(name.to_owned()),
        |id| Home::Account(id.to_owned()),
    )
}
