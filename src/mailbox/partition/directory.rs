//! In which partition of a number each person's conversation is.
//!
//! A number has one, so that it is found out once, and in one place, that two persons are the same. It writes only
//! where it meets somebody or learns a name; mostly it is asked for what it knows.
//!
//! A person may be met under two names, and so be taken for two, until both names are told together. From then on they
//! are in the partition of the one who was met first. What had come to the other partition is still delivered from
//! there, before what comes to the new one ([`super::holding`]). The ids of these events are known there alone: for as
//! long as Meta may repeat them, whoever asks is told of that partition as well, and asks it before an event is stored
//! ([`crate::mailbox::Mailbox::cede`]).

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use super::{address::partition_of, joins::Joins};
use crate::{
    event::{Event, Name},
    mailbox::{
        MAY_COME_AGAIN_MS, batch,
        people::{
            People,
            person::{Found, by_any, find_without_names, forget},
        },
        sql::{Result, Sql, atomically},
    },
    meta::json::{Document, Json},
    written::list,
};

/// Where an event belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The id by which the directory knows its person: of two who turn out to be one, the smaller.
    pub person: i64,
    /// The partition.
    pub partition: u32,
    /// Other partitions that may have stored it.
    pub former: Vec<u32>,
    /// Where there are such: all names that the directory knows of its person.
    pub names: Vec<Name>,
}

impl Route {
    /// As these cross from one object to the other: a JSON list.
    pub fn write_all(all: &[Self]) -> String {
        let all = all.iter().map(|route| {
            let Self {
                person,
                partition,
                former,
                names,
            } = route;
            let former: Vec<String> = former.iter().map(u32::to_string).collect();
            let names: Vec<String> = names.iter().map(Name::key).collect();
            let names = serde_json::to_string(&names).unwrap_or_default();
            format!("[{person},{partition},{},{names}]", list(&former))
        });
        list(&all.collect::<Vec<_>>())
    }

    /// Reads what [`Route::write_all`] wrote; `None` where it did not.
    pub fn read_all(text: &str) -> Option<Vec<Self>> {
        let read = |route: Json<'_>| {
            let mut route = route.items();
            let person = route.next()?.integer()?;
            let partition = u32::try_from(route.next()?.integer()?).ok()?;
            let former = route.next()?.integers().into_iter();
            let former = former.filter_map(|former| u32::try_from(former).ok());
            let former: Vec<u32> = former.collect();
            let names = route.next().map(Json::texts).unwrap_or_default();
            // A directory of the version before tells no names.
            let is_whole = former.is_empty() || !names.is_empty();
            is_whole.then_some(Self {
                person,
                partition,
                former,
                names: Name::of_keys(&names).collect(),
            })
        };
        Document::parse(text)?.root().items().map(read).collect()
    }
}

/// The directory of one number. After a call that failed, drop it and open it again, as a [`crate::mailbox::Mailbox`].
#[derive(Debug)]
pub struct Directory {
    sql: Rc<dyn Sql>,
    partitions: u32,
    /// Who was met lately.
    people: People,
    joins: Joins,
}

impl Directory {
    /// Opens the directory of a number that has so many partitions, and makes its tables where there are none.
    pub fn open(sql: Rc<dyn Sql>, partitions: u32) -> Result<Self> {
        People::create(&*sql)?;
        let joins = Joins::load(sql.clone())?;
        Ok(Self {
            people: People::new(sql.clone()),
            sql,
            partitions,
            joins,
        })
    }

    /// Where these events belong, in their order. Looks only at their names, and at those that a change of names leaves
    /// behind. Commits what it learns from them.
    pub fn resolve(&mut self, events: &[Event], now_ms: i64) -> Result<Vec<Route>> {
        let named: Vec<Event> = events.iter().map(Event::names_alone).collect();
        self.people.meet(&named)?;
        let mut persons = Vec::with_capacity(named.len());
        for event in &named {
            persons.push(self.people.place(event)?.conversation);
        }
        if self.people.has_learnt() {
            self.learn(now_ms)?;
        }
        self.routes(&persons, now_ms)
    }

    /// Writes down what was learnt.
    fn learn(&mut self, now_ms: i64) -> Result<()> {
        let joins = self.people.joins();
        atomically(&*self.sql, || {
            self.people.save()?;
            for join in joins {
                self.joins.add(*join, now_ms)?;
            }
            Ok(())
        })
    }

    /// Where the person is who has the first of these names that is known.
    pub fn find(&self, names: &[Name], now_ms: i64) -> Result<Option<Route>> {
        let found = by_any(names, |name| find_without_names(&self.sql, name))?;
        let found = found.map(|found| found.conversation);
        Ok(self.routes(found.as_slice(), now_ms)?.pop())
    }

    /// Forgets the person who has this name.
    pub fn forget(&mut self, name: &Name) -> Result<Option<Found>> {
        let found = forget(&self.sql, name, &[])?;
        if let Some(found) = &found {
            self.people.forget(found.conversation);
        }
        Ok(found)
    }

    /// All names of the person whom each of these events names; none if nobody is known by it. A partition in which
    /// they were before, or are from now on, may not know all of them.
    pub fn names(&self, events: &[Event]) -> Result<Vec<Vec<Name>>> {
        let people = People::of(self.sql.clone(), events)?;
        let known = |event: &Event| Some(event.names.iter().find_map(|name| people.known(name))?.0);
        let persons: Vec<Option<i64>> = events.iter().map(known).collect();
        let names = self.names_of(&persons.iter().copied().flatten().collect())?;
        let of = |person: Option<i64>| person.and_then(|person| names.get(&person)).cloned();
        Ok(persons
            .into_iter()
            .map(|person| of(person).unwrap_or_default())
            .collect())
    }

    /// All names of these persons.
    fn names_of(&self, wanted: &HashSet<i64>) -> Result<HashMap<i64, Vec<Name>>> {
        // Names stay with the person with whom they were met.
        let former = |person| self.joins.former(person).iter().map(|it| it.person);
        let all = wanted.iter().flat_map(|one| former(*one).chain([*one]));
        let mut names: HashMap<i64, Vec<Name>> = HashMap::new();
        for ids in batch::rows(all) {
            let rows = self.sql.exec(
                "SELECT conversation, name FROM names WHERE conversation IN (SELECT value FROM json_each(?1)) ORDER BY name",
                &[ids.into()],
            )?;
            for row in &rows {
                let person = self.joins.end(row.get(0)?);
                names
                    .entry(person)
                    .or_default()
                    .extend(Name::of_key(row.get::<&str>(1)?));
            }
        }
        Ok(names)
    }

    /// Where these persons are, in their order.
    fn routes(&self, persons: &[i64], now_ms: i64) -> Result<Vec<Route>> {
        let routes = persons.iter().map(|person| self.route(*person, now_ms));
        let mut routes: Vec<Route> = routes.collect();
        let moved = routes.iter().filter(|route| !route.former.is_empty());
        let names = self.names_of(&moved.map(|route| route.person).collect())?;
        for route in &mut routes {
            route
                .names
                .extend(names.get(&route.person).into_iter().flatten().cloned());
        }
        Ok(routes)
    }

    /// Where a person is, without names.
    fn route(&self, person: i64, now_ms: i64) -> Route {
        let person = self.joins.end(person);
        let partition = partition_of(person, self.partitions);
        let since_ms = now_ms.saturating_sub(MAY_COME_AGAIN_MS);
        let recent = self.joins.former(person).iter();
        let recent = recent.filter(|it| it.at_ms > since_ms);
        let mut former: Vec<u32> = recent
            .map(|it| partition_of(it.person, self.partitions))
            .filter(|other| *other != partition)
            .collect();
        former.sort_unstable();
        former.dedup();
        Route {
            person,
            partition,
            former,
            names: Vec::new(),
        }
    }
}
