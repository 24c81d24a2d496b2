//! What is written down of a cursor.

use std::{collections::HashMap, rc::Rc};

use super::{
    Cursor, GONE, Unread,
    flow::{Down, Flow},
    parking::Parking,
    queue::Queue,
    tally::Tally,
};
use crate::{
    config::{Destination, StartsAt},
    mailbox::{
        Failure,
        log::Log,
        sql::{Result, Sql, SqlError},
    },
};

/// Selects the destinations that were taken out of the settings.
///
/// The column `gone` says whether a destination gets anything. NULL: it does. A URL: it answered there that it wants
/// nothing more. Empty: it was taken out of the settings, or is new to them.
pub(in crate::mailbox) const TAKEN_OUT: &str = "SELECT destination FROM cursors WHERE gone = ''";

impl Cursor {
    pub(in crate::mailbox) fn create(sql: &dyn Sql) -> Result<()> {
        Parking::create(sql)?;
        sql.run(
            "CREATE TABLE IF NOT EXISTS cursors (destination TEXT PRIMARY KEY, place INTEGER NOT NULL, gone TEXT, gone_ms INTEGER, \
             down_since_ms INTEGER, down_tries INTEGER, down_next_ms INTEGER, error TEXT, error_ms INTEGER, \
             tally TEXT) STRICT, WITHOUT ROWID",
            &[],
        )?;
        // The address that a destination had when the mailbox was last opened.
        sql.run(
            "CREATE TABLE IF NOT EXISTS urls (destination TEXT PRIMARY KEY, url TEXT NOT NULL) STRICT, WITHOUT ROWID",
            &[],
        )
    }

    /// Takes note of the destinations that were taken out of the settings. Gives those for which something waited, each with
    /// how many events at most: of what was not parked, it may not have wanted all.
    pub(in crate::mailbox) fn take_out(
        sql: &dyn Sql,
        log: &Log,
        destinations: &[Destination],
    ) -> Result<Vec<(String, i64)>> {
        let ids = destinations
            .iter()
            .map(|destination| destination.id.clone());
        let ids: Vec<String> = ids.collect();
        let ids = serde_json::to_string(ids.as_slice()).unwrap_or_default();
        let rows = sql.exec(
            "UPDATE cursors SET gone = '' WHERE gone IS NOT '' \
             AND destination NOT IN (SELECT value FROM json_each(?1)) RETURNING destination, place, \
             (SELECT count(*) FROM parked_events WHERE parked_events.destination = cursors.destination)",
            &[ids.into()],
        )?;
        let mut taken_out = Vec::new();
        for row in &rows {
            let behind = log.kinds_behind(row.get(1)?)?;
            let behind: i64 = behind.iter().map(|one| one.count).sum();
            taken_out.push((row.get(0)?, behind + row.get::<i64>(2)?));
        }
        taken_out.retain(|(_, waited)| *waited > 0);
        Ok(taken_out)
    }

    /// Opens a destination's cursor, brought into line with the present settings. One that was not there before begins at
    /// the end of the log, and gets what comes from now on; or, if it asks for that, at the beginning of what is still
    /// there.
    pub(in crate::mailbox) fn load(
        sql: Rc<dyn Sql>,
        destination: Destination,
        log: &Log,
    ) -> Result<Self> {
        let (id, url) = (destination.id.as_str(), destination.url.as_str());
        begin(&*sql, &destination, log)?;
        let rows = sql.exec(
            "SELECT place, gone, down_since_ms, down_tries, down_next_ms, error, error_ms, tally, gone_ms FROM cursors \
             WHERE destination = ?1",
            &[id.into()],
        )?;
        let row = rows.first().ok_or(SqlError::Column(0))?;
        let place = row.get(0)?;
        let down = match row.get(2)? {
            Some(since_ms) => Some(Down {
                since_ms,
                tries: u32::try_from(row.get::<i64>(3)?).unwrap_or(u32::MAX),
                next_ms: row.get(4)?,
            }),
            None => None,
        };
        // See [`TAKEN_OUT`].
        let gone = row.get::<Option<&str>>(1)?;
        if gone == Some("") {
            // While it was taken out, people may have turned out to be one.
            Parking::come_back(&*sql, id)?;
            log.update_ids(place)?;
        }
        // A destination that is gone is back once it has another address; then it may have the former one again, too.
        let is_gone = gone == Some(url);
        if gone.is_some() && !is_gone {
            is_back(&*sql, id)?;
        }
        if destination.paused {
            Parking::pause(&*sql, id)?;
        }
        let failure = Failure::read(row, 5)?.filter(|_| gone.is_none() || is_gone);
        Ok(Self {
            flow: Flow::new(destination.retry, destination.max_per_second, down),
            parking: Parking::load(sql.clone(), id, destination.retry)?,
            read: place,
            read_ms: 0,
            saved: place,
            since_saved: 0,
            gone_ms: row.get::<Option<i64>>(8)?.filter(|_| is_gone),
            queue: Queue::new(
                destination.format.most_events(),
                destination.quiet_ms,
                destination.quiet_max_ms,
            ),
            followed: false,
            in_flight: HashMap::new(),
            retried: 0,
            retried_last: false,
            tally: Tally::read(row.get(7)?),
            unread: Unread::default(),
            failure,
            destination,
            sql,
        })
    }

    /// Has all that waits be tried now, also where the destination is gone or down.
    pub(in crate::mailbox) fn retry(&mut self, now_ms: i64) -> Result<()> {
        self.parking.all_due(now_ms)?;
        if self.gone_ms.take().is_some() {
            is_back(&*self.sql, self.id())?;
        }
        self.flow.hurry(now_ms);
        self.write_down()
    }

    /// Writes down that the destination wants nothing more.
    pub(super) fn write_gone(&mut self, now_ms: i64) -> Result<()> {
        self.sql.run(
            "UPDATE cursors SET gone = ?2, error = ?3, error_ms = ?4, gone_ms = ?5 WHERE destination = ?1",
            &[
                self.id().into(),
                self.destination.url.as_str().into(),
                GONE.into(),
                now_ms.into(),
                now_ms.into(),
            ],
        )?;
        self.gone_ms = Some(now_ms);
        Ok(())
    }

    /// Writes down whether the destination is down, when it is tried again, and the last failure while that matters.
    pub(super) fn write_down(&self) -> Result<()> {
        let down = self.flow.down();
        let matters = down.is_some() || self.gone_ms.is_some();
        let failure = self.failure.as_ref().filter(|_| matters);
        self.sql.run(
            "UPDATE cursors SET down_since_ms = ?2, down_tries = ?3, down_next_ms = ?4, error = ?5, error_ms = ?6 \
             WHERE destination = ?1",
            &[
                self.id().into(),
                down.map(|down| down.since_ms).into(),
                down.map(|down| i64::from(down.tries)).into(),
                down.map(|down| down.next_ms).into(),
                failure.map(|failure| failure.class.as_str()).into(),
                failure.map(|failure| failure.at_ms).into(),
            ],
        )
    }

    /// Writes the place down, if it has moved.
    pub(in crate::mailbox) fn save(&mut self) -> Result<()> {
        let place = self.place();
        if place != self.saved {
            self.sql.run(
                "UPDATE cursors SET place = ?2, tally = ?3 WHERE destination = ?1",
                &[self.id().into(), place.into(), self.tally.written().into()],
            )?;
            self.saved = place;
        }
        self.since_saved = 0;
        Ok(())
    }
}

/// Writes down that there is a destination, and where. At another address all that waits is tried at once. While it is
/// down, tries are counted anew.
fn begin(sql: &dyn Sql, destination: &Destination, log: &Log) -> Result<()> {
    let id = destination.id.as_str();
    let place = match destination.from {
        StartsAt::Now => log.last(),
        StartsAt::Beginning => 0,
    };
    sql.run(
        "INSERT OR IGNORE INTO cursors (destination, place, gone) VALUES (?1, ?2, '')",
        &[id.into(), place.into()],
    )?;
    if was_elsewhere(sql, id, destination.url.as_str())? {
        sql.run(
            "UPDATE cursors SET down_tries = 0, down_next_ms = 0 WHERE destination = ?1 AND down_since_ms IS NOT NULL",
            &[id.into()],
        )?;
        Parking::hurry(sql, id, 0)?;
    }
    Ok(())
}

/// Writes down that a destination is not gone.
fn is_back(sql: &dyn Sql, id: &str) -> Result<()> {
    sql.run(
        "UPDATE cursors SET gone = NULL, error = NULL, error_ms = NULL WHERE destination = ?1",
        &[id.into()],
    )
}

/// Whether a destination had another address when the mailbox was opened before. Writes down which it has.
fn was_elsewhere(sql: &dyn Sql, id: &str, url: &str) -> Result<bool> {
    let rows = sql.exec("SELECT url FROM urls WHERE destination = ?1", &[id.into()])?;
    let before = rows.first().map(|row| row.get::<&str>(0)).transpose()?;
    if before != Some(url) {
        sql.run(
            "INSERT OR REPLACE INTO urls (destination, url) VALUES (?1, ?2)",
            &[id.into(), url.into()],
        )?;
    }
    Ok(before.is_some_and(|before| before != url))
}
