//! What a mailbox is asked for, by the parameters of a URL. The edge has checked them.

use url::Url;

use crate::{
    event::Name,
    mailbox::{Mailbox, Which, address::Address, by_any, sql},
    sending::whom::names,
};

/// A parameter's first value.
pub(super) fn text(url: &Url, name: &str) -> Option<String> {
    all(url, name).next()
}

/// All values that a parameter has.
fn all(url: &Url, name: &str) -> impl Iterator<Item = String> {
    let pairs = url.query_pairs().filter(move |(key, _)| key == name);
    pairs.map(|(_, value)| value.into_owned())
}

/// All that the person in question is called: one name, or those that the directory knows.
pub(super) fn persons(url: &Url) -> Vec<String> {
    all(url, "person").collect()
}

/// A parameter that is a whole number, or a time in unix milliseconds.
pub(super) fn integer(url: &Url, name: &str) -> Option<i64> {
    text(url, name)?.parse().ok()
}

/// Which events are asked for; `None` where nobody is known as the person in question.
pub(super) fn which(mailbox: &Mailbox, address: &Address, url: &Url) -> sql::Result<Option<Which>> {
    let mut conversation = None;
    if let Some(public_id) = integer(url, "conversation") {
        conversation = address.own_id(public_id);
        if conversation.is_none() {
            return Ok(None);
        }
    }
    let persons = persons(url);
    if !persons.is_empty() {
        let names: Vec<Name> = persons.iter().flat_map(|person| names(person)).collect();
        let found = by_any(&names, |name| mailbox.find_without_names(name))?;
        // If a person and a conversation are given, both must mean the same conversation.
        conversation = match (found, conversation) {
            (Some(found), None) => Some(found.conversation),
            (Some(found), Some(id)) if found.conversation == mailbox.current_id(id)? => Some(id),
            _ => return Ok(None),
        };
    }
    Ok(Some(Which {
        destination: text(url, "destination"),
        event: text(url, "event"),
        conversation,
        from_ms: integer(url, "from"),
        until_ms: integer(url, "until"),
    }))
}
