//! Plays what may happen to a mailbox, for the laws that hold whatever does.

use std::collections::HashMap;

use super::*;

/// What may happen to a mailbox.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Meta delivers these of the events, whether or not it did before.
    Append(Vec<usize>),
    /// Something is started.
    Start,
    /// Something that is on its way comes to its end: which, and how.
    End(usize, Outcome),
    /// The object is restarted.
    Crash,
    /// The database will refuse a statement, after so many that it runs.
    Fail(u32),
    /// Time goes by, or the clock is set.
    Wait(i64),
    /// Somebody has all of it delivered to `crm` once more.
    Replay,
    /// Somebody stops that replay.
    Stop,
    /// Somebody has what waits be tried now.
    Retry,
}

const DAY_MS: i64 = 24 * 3600 * 1000;

pub(super) fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => Just(Outcome::Taken),
        3 => Just(refused()),
        3 => Just(unreachable()),
        1 => Just(Outcome::NotTried),
    ]
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => proptest::collection::vec(0usize..40, 1..8).prop_map(Step::Append),
        6 => Just(Step::Start),
        6 => (0usize..8, outcome()).prop_map(|(which, outcome)| Step::End(which, outcome)),
        1 => Just(Step::Crash),
        2 => (0u32..40).prop_map(Step::Fail),
        2 => (0i64..5000).prop_map(Step::Wait),
        1 => (-DAY_MS..DAY_MS).prop_map(Step::Wait),
        1 => Just(Step::Replay),
        1 => Just(Step::Stop),
        1 => Just(Step::Retry),
    ];
    proptest::collection::vec(step, 1..120)
}

/// A mailbox with the destinations `crm` and `bot`, which never give up, and what has happened to it.
pub(super) struct Player {
    sql: Rc<Native>,
    keep_hours: i64,
    pub(super) mailbox: Mailbox,
    now_ms: i64,
    flying: Vec<Delivery>,
    replays: u32,
    crashes: u32,
    /// After how many crashes each event was taken last, by destination and id; replays left out.
    last_taken: HashMap<(usize, String), u32>,
    /// What came, repetitions left out.
    pub(super) came: Vec<Event>,
    /// What each destination took, repetitions left out.
    pub(super) taken: [Vec<Stored>; 2],
}

impl Player {
    /// Plays these steps, with `event` for the events that they speak of, and then lets all that waits be delivered.
    /// What everyone has got is kept for so many hours.
    pub(super) fn play(
        steps: impl IntoIterator<Item = Step>,
        keep_hours: i64,
        event: impl Fn(usize) -> Event,
    ) -> Self {
        let sql = Native::new();
        let mut player = Self {
            mailbox: open(&sql, keep_hours),
            sql,
            keep_hours,
            now_ms: NOW,
            flying: Vec::new(),
            replays: 0,
            crashes: 0,
            last_taken: HashMap::new(),
            came: Vec::new(),
            taken: [Vec::new(), Vec::new()],
        };
        for step in steps {
            player.check();
            if player.step(step.clone(), &event).is_err() {
                // As the object does after a failure.
                player.crash();
                // Meta repeats what was not taken.
                if let Step::Append(_) = step {
                    player.step(step, &event).unwrap();
                }
            }
        }
        player.sql.fails_after(None);
        player.finish();
        player
    }

    fn step(&mut self, step: Step, event: impl Fn(usize) -> Event) -> Result<()> {
        let now_ms = self.now_ms;
        match step {
            Step::Append(which) => {
                let events: Vec<Event> = which.into_iter().map(event).collect();
                for event in &events {
                    if self.came.iter().all(|known| known.id != event.id) {
                        self.came.push(event.clone());
                    }
                }
                self.mailbox.append(events, now_ms)?;
            }
            Step::Start => self.flying.extend(self.mailbox.next(now_ms)?),
            Step::End(which, outcome) if !self.flying.is_empty() => {
                let delivery = self.flying.remove(which % self.flying.len());
                self.end(&delivery, &outcome)?;
                // As where it is answered.
                if which % 2 == 0 && outcome == Outcome::Taken {
                    self.mailbox.save(delivery.destination)?;
                }
                self.mailbox.settle()?;
            }
            Step::End(..) => {}
            Step::Crash => self.crash(),
            Step::Fail(after) => self.sql.fails_after(Some(after)),
            Step::Wait(ms) => self.now_ms += ms,
            Step::Replay => {
                self.replays += 1;
                self.sql.fails_after(None);
                replay_all(&mut self.mailbox, &format!("r{}", self.replays), now_ms);
            }
            Step::Stop => {
                let id = format!("r{}", self.replays);
                self.mailbox.stop_replay(&id, now_ms)?;
            }
            Step::Retry => assert_eq!(self.mailbox.retry("crm", now_ms)?, Some(0)),
        }
        Ok(())
    }

    /// Whatever has happened, a restart forgets nothing of what was refused, and all of it has its time.
    fn check(&self) {
        let untimed = "parked_events LEFT JOIN parked USING (destination, conversation) WHERE next_ms IS NULL";
        self.sql.unfailing(|| {
            assert!(self.mailbox.cursors.iter().all(Cursor::parking_is_written));
            assert_eq!(self.sql.count(untimed), 0);
        });
    }

    /// The mailbox is opened again, and what was on its way is not waited for.
    fn crash(&mut self) {
        self.sql.fails_after(None);
        self.crashes += 1;
        self.flying.clear();
        self.mailbox = open(&self.sql, self.keep_hours);
    }

    fn finish(&mut self) {
        for delivery in std::mem::take(&mut self.flying) {
            self.end(&delivery, &Outcome::Taken).unwrap();
        }
        while let Some(wakes_at) = self.mailbox.wakes_at(self.now_ms) {
            self.now_ms = self.now_ms.max(wakes_at);
            while let Some(delivery) = self.mailbox.next(self.now_ms).unwrap() {
                self.end(&delivery, &Outcome::Taken).unwrap();
            }
            self.mailbox.settle().unwrap();
        }
    }

    fn end(&mut self, delivery: &Delivery, outcome: &Outcome) -> Result<()> {
        if *outcome == Outcome::Taken {
            let taken = &mut self.taken[delivery.destination];
            for event in &delivery.events {
                if !event.added.contains("replay") {
                    let key = (delivery.destination, event.id.clone());
                    let last = self.last_taken.insert(key, self.crashes);
                    assert_ne!(last, Some(self.crashes), "{event:?} came twice");
                }
                if taken.iter().all(|known| known.id != event.id) {
                    taken.push(event.clone());
                }
            }
        }
        self.mailbox.done(delivery, outcome, self.now_ms, 0.5)?;
        Ok(())
    }

    /// How much waits outside of the log.
    pub(super) fn parked(&self) -> i64 {
        self.sql.count("parked") + self.sql.count("parked_events")
    }
}

/// A mailbox with those destinations.
pub(super) fn open(sql: &Rc<Native>, keep_hours: i64) -> Mailbox {
    // A clock that is set forward uses up the time after which events are given up.
    let patient = |id| Destination {
        retry: Retry {
            total_ms: u64::MAX,
            ..destination(id).retry
        },
        ..destination(id)
    };
    let mailbox = Mailbox::open(sql.clone(), vec![patient("crm"), patient("bot")]);
    mailbox.unwrap().keeping(keep_hours * 3_600_000)
}
