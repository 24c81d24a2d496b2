//! One person's conversation, looked up by a name.

use std::rc::Rc;

use super::{People, conversations::IDS};
use crate::{
    conversation::{State, window::Windows},
    event::{Event, Name},
    mailbox::sql::{Result, Sql, atomically},
};

/// What the mailbox knows of one person's conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The conversation's id.
    pub conversation: i64,
    /// The names that lead to it, each with what it is in front (`phone:16505551234`).
    pub names: Vec<String>,
    /// The user id that it goes by ([`crate::conversation::identity::KnownName`]).
    pub user: Option<String>,
    /// Its windows.
    pub windows: Windows,
    /// What it remembers.
    pub state: State,
}

impl Found {
    /// The user id that it goes by.
    pub fn now(&self) -> Option<Name> {
        self.user.clone().map(Name::User)
    }

    /// Whether this may be who is called so elsewhere. A phone number that is somebody else's by now leads to whoever
    /// had it before, in a partition that was not told: then the user ids are others.
    fn may_be(&self, called: &[String]) -> bool {
        let users = |names: &[String]| -> Vec<Name> {
            let names = Name::of_keys(names);
            names.filter(|name| matches!(name, Name::User(_))).collect()
        };
        let (ours, theirs) = (users(&self.names), users(called));
        ours.is_empty() || theirs.is_empty() || theirs.iter().any(|user| ours.contains(user))
    }
}

/// What is found by the first of these names that finds anything.
pub fn by_any<T>(
    names: &[Name],
    mut find: impl FnMut(&Name) -> Result<Option<T>>,
) -> Result<Option<T>> {
    let mut names = names.iter();
    names.find_map(|name| find(name).transpose()).transpose()
}

/// Finds a conversation by one of the person's names, however Meta came to use it.
pub(in crate::mailbox) fn find(sql: &Rc<dyn Sql>, name: &Name) -> Result<Option<Found>> {
    let Some(mut found) = find_without_names(sql, name)? else {
        return Ok(None);
    };
    let rows = sql.exec(
        &format!("SELECT name FROM names WHERE conversation IN ({IDS}) ORDER BY name"),
        &[found.conversation.into()],
    )?;
    for row in &rows {
        found.names.push(row.get(0)?);
    }
    Ok(Some(found))
}

/// Like [`find`] without the names.
pub(in crate::mailbox) fn find_without_names(
    sql: &Rc<dyn Sql>,
    name: &Name,
) -> Result<Option<Found>> {
    let people = People::of(sql.clone(), &[Event::named(vec![name.clone()])])?;
    Ok(people.known(name).map(|(conversation, known)| Found {
        conversation,
        names: Vec::new(),
        user: known.user.clone(),
        windows: known.windows,
        state: known.state(),
    }))
}

/// Changes the state of the conversation with the person who has this name. Gives the conversation with its new state;
/// `None` if nobody is known by the name.
pub(in crate::mailbox) fn change(
    sql: &Rc<dyn Sql>,
    name: &Name,
    change: impl FnOnce(&mut State),
) -> Result<Option<Found>> {
    let Some(mut found) = find(sql, name)? else {
        return Ok(None);
    };
    let mut people = People::of(sql.clone(), &[Event::named(vec![name.clone()])])?;
    change(&mut found.state);
    people.remember(found.conversation, &found.state);
    people.save()?;
    Ok(Some(found))
}

/// Forgets the person who has this name, and is `called` so elsewhere: all their names, and what is known of the
/// conversation. Its id stays, since what is still to be delivered or sent bears it. Gives who was forgotten;
/// `None` if nobody is known by the name.
pub(in crate::mailbox) fn forget(
    sql: &Rc<dyn Sql>,
    name: &Name,
    called: &[String],
) -> Result<Option<Found>> {
    let found = find(sql, name)?.filter(|found| found.may_be(called));
    let Some(found) = found else {
        return Ok(None);
    };
    let state = found.state.forgotten().write();
    atomically(&**sql, || {
        sql.run(
            &format!("DELETE FROM names WHERE conversation IN ({IDS})"),
            &[found.conversation.into()],
        )?;
        sql.run(
            &format!(
                "UPDATE conversations SET user = NULL, customer_service = NULL, free_entry_point = NULL, \
                 referred = NULL, state = ? WHERE id IN ({IDS})"
            ),
            &[state.into(), found.conversation.into()],
        )
    })?;
    Ok(Some(found))
}
