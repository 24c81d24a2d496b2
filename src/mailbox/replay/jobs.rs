//! Replays as jobs: how they are begun, stopped and told of.

use std::collections::HashSet;

use super::{COLUMNS, Replay, STOPPING};
use crate::mailbox::{
    Mailbox, Which, count,
    cursor::{Cursor, TAKEN_OUT, parking::Parking},
    log::SEQS_PER_MS,
    sql::{Result, Sql, Value, atomically},
};

/// How many replays may run at the same time in one mailbox.
const MOST: usize = 10;

/// For how long a replay that has ended is remembered, in milliseconds.
const REMEMBERED_MS: i64 = 7 * 24 * 3_600_000;

/// What is to be replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The name that it is to have.
    pub id: String,
    /// Which events. It names a destination.
    pub which: Which,
    /// Whether kept events are replayed as well as dead letters.
    pub kept: bool,
    /// The destination that is to get them.
    pub to: String,
}

/// What became of a wish for a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It runs.
    Running(Box<Replay>),
    /// There is no destination of this name to replay to.
    NoDestination,
    /// There is no destination of the name whose events are to be replayed, and no dead letter of a former one, or more than
    /// these was asked for.
    NoSource,
    /// That destination wants nothing more.
    Gone,
    /// So many run already.
    TooMany(usize),
}

/// A replay that has not ended.
#[derive(Debug)]
pub(in crate::mailbox) struct Job {
    pub(in crate::mailbox) replay: Replay,
    /// What its destination was still to get when the replay was begun: what it wants behind this place (`read`), and
    /// these events before it (`coming`), which a restart forgets.
    pub(in crate::mailbox) read: i64,
    pub(in crate::mailbox) coming: HashSet<i64>,
}

impl Job {
    /// Finds the replays that have not ended. Of one that was being stopped nothing more goes out.
    pub(in crate::mailbox) fn load_all(sql: &dyn Sql, cursors: &[Cursor]) -> Result<Vec<Self>> {
        sql.run(
            "CREATE TABLE IF NOT EXISTS replays (id TEXT PRIMARY KEY, kept INTEGER NOT NULL, destination TEXT, \
             receiver TEXT NOT NULL, event TEXT, conversation INTEGER, from_ms INTEGER, until_ms INTEGER, \
             end INTEGER NOT NULL, place INTEGER NOT NULL, looked INTEGER NOT NULL, state INTEGER NOT NULL, \
             begun_ms INTEGER NOT NULL, ended_ms INTEGER, found INTEGER NOT NULL, died INTEGER NOT NULL, \
             dropped INTEGER NOT NULL) STRICT, WITHOUT ROWID",
            &[],
        )?;
        // How far its destination had read when each was begun.
        sql.run(
            "CREATE TABLE IF NOT EXISTS replay_begins (id TEXT PRIMARY KEY, read INTEGER NOT NULL) STRICT, WITHOUT ROWID",
            &[],
        )?;
        // Replays to destinations that were taken out of the settings are stopped, and those of what such a destination wanted:
        // nobody knows what that was.
        sql.run(
            &format!(
                "WITH gone AS ({TAKEN_OUT}) UPDATE replays SET state = {STOPPING} \
                 WHERE ended_ms IS NULL AND (receiver IN gone OR (kept AND NOT looked AND destination IN gone))"
            ),
            &[],
        )?;
        let mut jobs = Vec::new();
        for row in sql.exec(
            &format!("SELECT {COLUMNS} FROM replays WHERE ended_ms IS NULL ORDER BY id"),
            &[],
        )? {
            let mut replay = Replay::read(&row)?;
            let to = Cursor::of(cursors, &replay.to);
            if replay.stopped {
                // When it went down in the midst, the conversations are tried when it would have been.
                replay.dropped +=
                    count(Parking::take_back_all(sql, &replay, &HashSet::new())?.len());
                replay.write(sql)?;
                if to.is_none() {
                    // Where nobody tries them, nobody would find that nothing is left of them.
                    Parking::release_empty(sql, &replay.to)?;
                }
            }
            replay.waiting = Parking::seqs(sql, &replay.to, Some(&replay.id))?;
            let begun = sql.first_integer(
                "SELECT read FROM replay_begins WHERE id = ?1",
                &[replay.id.as_str().into()],
            )?;
            // Nor is an event replayed that is delivered once more only because its delivery was not written down.
            let read = to.map(Cursor::read).into_iter().chain(begun).min();
            jobs.push(Self {
                replay,
                read: read.unwrap_or(0),
                coming: HashSet::new(),
            });
        }
        Ok(jobs)
    }
}

impl Mailbox {
    /// Begins a replay; one with this id that is there already is given as it is. What comes from now on is not part of
    /// it.
    pub fn replay(&mut self, wish: Wish, now_ms: i64) -> Result<Begun> {
        if let Some(replay) = self.replay_of(&wish.id)? {
            return Ok(Begun::Running(Box::new(replay)));
        }
        let Some(to) = Cursor::of(&self.cursors, &wish.to) else {
            return Ok(Begun::NoDestination);
        };
        if to.is_gone() {
            return Ok(Begun::Gone);
        }
        let read = to.read();
        let mut coming = Parking::seqs(&*self.sql, &wish.to, None)?;
        coming.extend(to.coming());
        let source = wish.which.destination.as_deref();
        let is_known = source.is_some_and(|id| Cursor::of(&self.cursors, id).is_some());
        let of_source = Which {
            destination: source.map(str::to_owned),
            ..Which::default()
        };
        // What a destination that was taken out wanted is not known any more.
        if !is_known && (wish.kept || self.dead_letters(&of_source, false, None, 1)?.is_empty()) {
            return Ok(Begun::NoSource);
        }
        if self.replays.len() >= MOST {
            return Ok(Begun::TooMany(MOST));
        }
        let from = wish.which.from_ms.unwrap_or(0);
        let replay = Replay {
            id: wish.id,
            kept: wish.kept,
            to: wish.to,
            stopped: false,
            begun_ms: now_ms,
            ended_ms: None,
            found: 0,
            waiting: HashSet::new(),
            died: 0,
            dropped: 0,
            // They follow the clock, and are ahead of it where it was set back.
            place: from.saturating_mul(SEQS_PER_MS) - 1,
            end: self.log.last(),
            looked: false,
            which: wish.which,
        };
        self.sql.run(
            "DELETE FROM replays WHERE ended_ms < ?1",
            &[(now_ms - REMEMBERED_MS).into()],
        )?;
        self.sql.run(
            "DELETE FROM replay_begins WHERE id NOT IN (SELECT id FROM replays)",
            &[],
        )?;
        replay.write(&*self.sql)?;
        self.sql.run(
            "INSERT OR REPLACE INTO replay_begins (id, read) VALUES (?1, ?2)",
            &[replay.id.as_str().into(), read.into()],
        )?;
        self.replays.push(Job {
            replay: replay.clone(),
            read,
            coming,
        });
        Ok(Begun::Running(Box::new(replay)))
    }

    /// The next `most` replays before one, the latest first.
    pub fn replays(&self, before: Option<&str>, most: i64) -> Result<Vec<Replay>> {
        let mut clause = "true";
        let mut parameters: Vec<Value> = vec![most.into()];
        if let Some(before) = before {
            clause = "id < ?2";
            parameters.push(before.into());
        }
        self.read_replays(clause, &parameters)
    }

    /// The id of a replay that may still deliver dead letters of a destination (`None`: of any), if there is one.
    pub fn replaying(&self, destination: Option<&str>) -> Option<&str> {
        let mut jobs = self.replays.iter().map(|job| &job.replay);
        let found = jobs.find(|replay| {
            destination.is_none() || replay.which.destination.as_deref() == destination
        });
        found.map(|replay| replay.id.as_str())
    }

    /// A replay, by its id.
    pub fn replay_of(&self, id: &str) -> Result<Option<Replay>> {
        let found = self.read_replays("id = ?2", &[1.into(), id.into()])?;
        Ok(found.into_iter().next())
    }

    fn read_replays(&self, clause: &str, parameters: &[Value]) -> Result<Vec<Replay>> {
        let rows = self.sql.exec(
            &format!("SELECT {COLUMNS} FROM replays WHERE {clause} ORDER BY id DESC LIMIT ?1"),
            parameters,
        )?;
        rows.iter()
            .map(|row| {
                let replay = Replay::read(row)?;
                // How many wait is known in memory alone.
                let jobs = self.replays.iter();
                let mut running = jobs.filter(|job| job.replay.id == replay.id);
                Ok(running.next().map_or(replay, |job| job.replay.clone()))
            })
            .collect()
    }

    /// Stops a replay: what has not gone out does not go. Dead letters stay what they are. Gives how it stands then;
    /// `None` where there is none.
    pub fn stop_replay(&mut self, id: &str, now_ms: i64) -> Result<Option<Replay>> {
        let sql = &*self.sql;
        let mut replays = self.replays.iter_mut().map(|job| &mut job.replay);
        if let Some(replay) = replays.find(|replay| replay.id == id) {
            let flying = Cursor::of(&self.cursors, &replay.to);
            let flying = flying.map(Cursor::flying).unwrap_or_default();
            let cursor = Cursor::of_mut(&mut self.cursors, &replay.to);
            atomically(sql, || {
                replay.stopped = true;
                let dropped = Parking::take_back_all(sql, replay, &flying)?;
                replay.dropped += count(dropped.len());
                replay.waiting.retain(|seq| flying.contains(seq));
                if !replay.end_if_over(sql, now_ms)? {
                    replay.write(sql)?;
                }
                match cursor {
                    Some(cursor) => cursor.begin_anew(&dropped, now_ms),
                    None => Ok(()),
                }
            })?;
        }
        let stopped = self.replay_of(id)?;
        self.replays.retain(|job| job.replay.ended_ms.is_none());
        Ok(stopped)
    }

    /// Stops those to destinations that have been gone for so long that nothing more is kept for them.
    pub(in crate::mailbox) fn stop_replays_to_nowhere(&mut self) -> Result<()> {
        let now_ms = self.now_ms;
        let is_to = |job: &&Job| {
            let mut cursors = self.cursors.iter();
            cursors.any(|it| it.is_given_up(now_ms) && it.destination().id == job.replay.to)
        };
        let jobs = self.replays.iter().filter(is_to);
        let ids: Vec<String> = jobs.map(|job| job.replay.id.clone()).collect();
        for id in ids {
            self.stop_replay(&id, now_ms)?;
        }
        Ok(())
    }
}
