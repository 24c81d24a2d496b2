//! Appending: what is new of a webhook's events is written down in one transaction, with all that follows from it.

use super::{
    Join, Mailbox, count,
    cursor::Cursor,
    log::Stored,
    people::conversations,
    seen::Seen,
    sql::{Result, atomically},
};
use crate::{
    conversation::{Reply, window::Windows},
    event::{Event, Name},
    written::Object,
};

/// What is to be written down of events.
struct Taken {
    /// All of them, with those that they raised.
    events: Vec<Event>,
    /// The conversation of each.
    conversations: Vec<i64>,
    /// Those that somebody wants.
    wanted: Vec<Stored>,
    /// What the policy answers.
    replies: Vec<Reply>,
}

impl Mailbox {
    /// Appends the events that are new: all of them or, if this fails, none. Gives how many were new. They count as
    /// received at `now_ms` (unix milliseconds). What the policy answers is dropped.
    pub fn append(&mut self, events: Vec<Event>, now_ms: i64) -> Result<usize> {
        self.append_and(events, now_ms, &mut |_| Ok(()))
    }

    /// Appends what Transom itself tells of somebody, where a destination wants it: nothing else follows from it. Nobody gets
    /// to be known by it: of who was forgotten meanwhile it is nobody's.
    pub fn tell(&mut self, mut event: Event, now_ms: i64) -> Result<()> {
        self.now_ms = now_ms;
        if !self.wants(&event) {
            return Ok(());
        }
        if let Some(name) = event.names.first()
            && self.find_without_names(name)?.is_none()
        {
            event.names.clear();
        }
        self.append(vec![event], now_ms)?;
        Ok(())
    }

    /// Like [`Self::append`], but what the policy answers is given to `answer`, in the transaction in which the events
    /// are written. Events that the policy raises are appended with the others.
    pub fn append_and(
        &mut self,
        events: Vec<Event>,
        now_ms: i64,
        answer: &mut dyn FnMut(Vec<Reply>) -> Result<()>,
    ) -> Result<usize> {
        self.now_ms = now_ms;
        self.refuse_ceded(&events, now_ms)?;
        self.ids.turn(now_ms)?;
        let mut seen = Seen::default();
        self.ids.look_up(&mut seen, &events)?;
        let mut new = events;
        new.retain(|event| seen.is_new(event));
        if new.is_empty() {
            return Ok(0);
        }
        let Taken {
            events,
            mut conversations,
            mut wanted,
            mut replies,
        } = self.take(new, &mut seen)?;
        if !wanted.is_empty() {
            self.log.turn(now_ms)?;
        }
        // Somebody may have turned out to be somebody else in the middle of the batch.
        let of_wanted = wanted.iter_mut().map(|stored| &mut stored.conversation);
        let of_replies = replies.iter_mut().map(|reply| &mut reply.conversation);
        follow(
            self.people.joins(),
            conversations.iter_mut().chain(of_wanted).chain(of_replies),
        );

        let sql = self.sql.clone();
        atomically(&*sql, || {
            self.ids.add(events.iter().zip(conversations))?;
            self.learn()?;
            self.log.add(wanted)?;
            if replies.is_empty() {
                return Ok(());
            }
            answer(replies)
        })?;
        Ok(events.len())
    }

    /// The conversation of the person who has these names; it is begun if there is none. If the names led to several
    /// conversations, these become one.
    pub fn meet(&mut self, names: &[Name]) -> Result<i64> {
        let event = Event::named(names.to_vec());
        let sql = self.sql.clone();
        self.people.meet(std::slice::from_ref(&event))?;
        let placed = self.people.place(&event)?;
        if placed.named && self.mirror.is_some() {
            self.people.untold(placed.conversation);
        }
        if self.people.has_learnt() {
            atomically(&*sql, || self.learn())?;
        }
        Ok(placed.conversation)
    }

    /// Works out, event by event, whose each is and what follows from it.
    fn take(&mut self, mut events: Vec<Event>, seen: &mut Seen) -> Result<Taken> {
        let now_ms = self.now_ms;
        self.people.meet(&events)?;
        let mut conversations = Vec::with_capacity(events.len());
        let mut wanted = Vec::new();
        let mut replies = Vec::new();
        let mut index = 0;
        while let Some(event) = events.get_mut(index) {
            let at = self.people.place(event)?;
            let conversation = at.conversation;
            conversations.push(conversation);
            let superseded = seen.is_superseded(event);
            let concluded = self.conclude(event, at, now_ms);
            if self.wants(event) {
                let seq = self.log.next_seq(now_ms) + count(wanted.len());
                let windows = self.people.get(conversation).map(|known| known.windows);
                let added = added(event, windows, superseded, &concluded.added, now_ms);
                wanted.push(stored(event, seq, conversation, added, now_ms));
            }
            replies.extend(concluded.replies);
            let mut raised = concluded.raised;
            index += 1;
            if !raised.is_empty() {
                self.ids.look_up(seen, &raised)?;
                raised.retain(|event| seen.is_new(event));
                events.splice(index..index, raised);
            }
        }
        Ok(Taken {
            events,
            conversations,
            wanted,
            replies,
        })
    }

    /// Writes down what the events have taught of people, and has whatever waits follow those who became part of another.
    pub(super) fn learn(&mut self) -> Result<()> {
        self.people.save()?;
        let joins = self.people.joins();
        // What lies before this place is never read again, not even after a crash.
        let passed = self.cursors.iter().map(Cursor::saved).min();
        let passed = passed.unwrap_or(i64::MAX);
        self.log.join(passed, joins)?;
        for join in joins {
            self.holds.join(&*self.sql, *join)?;
            for cursor in &mut self.cursors {
                cursor.join(*join)?;
            }
        }
        self.joins.extend(joins);
        if !joins.is_empty() {
            self.hold_back();
        }
        Ok(())
    }

    /// The conversations that became part of another since this was asked last.
    pub fn joins(&mut self) -> Vec<Join> {
        std::mem::take(&mut self.joins)
    }

    /// Which of these conversations are part of another.
    pub fn joined_among(&self, conversations: impl Iterator<Item = i64>) -> Result<Vec<Join>> {
        conversations::joined_among(&*self.sql, conversations)
    }

    fn wants(&self, event: &Event) -> bool {
        self.cursors.iter().any(|cursor| {
            let destination = cursor.destination();
            !cursor.is_given_up(self.now_ms)
                && destination.wants(&event.kind)
                && destination.wants_data(&event.data)
        })
    }
}

/// Leads conversations to where joins have taken them.
fn follow<'a>(joins: &[Join], conversations: impl Iterator<Item = &'a mut i64>) {
    for conversation in conversations {
        for join in joins {
            if *conversation == join.from {
                *conversation = join.into;
            }
        }
    }
}

/// An event as the log keeps it. Its data moves there.
fn stored(
    event: &mut Event,
    seq: i64,
    conversation: i64,
    added: String,
    received_ms: i64,
) -> Stored {
    Stored {
        seq,
        conversation,
        id: event.id.clone(),
        kind: event.kind.clone(),
        time: event.time,
        received_ms,
        subject: event.names.first().map(|name| name.value().to_owned()),
        added,
        data: std::mem::take(&mut event.data),
    }
}

/// The members that the mailbox adds to an event's data.
fn added(
    event: &Event,
    windows: Option<Windows>,
    superseded: bool,
    concluded: &[(&'static str, String)],
    now_ms: i64,
) -> String {
    let mut added = Object::default();
    let of_a_person = !event
        .names
        .iter()
        .all(|name| matches!(name, Name::Topic(_)));
    if let Some(windows) = windows.filter(|_| of_a_person) {
        added.json("window", &windows.view(now_ms.div_euclid(1000)));
    }
    if superseded {
        added.json("superseded", "true");
    }
    for (name, json) in concluded {
        added.json(name, json);
    }
    added.finish()
}
