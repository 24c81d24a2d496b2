//! How it stands with a number: whether it can send, as far as Meta's answers and statuses tell, and whether Meta answers.

use std::rc::Rc;

use super::{
    blocked::{Blocked, NumberChange},
    silence::Silence,
};
use crate::mailbox::sql::{Result, Sql};

/// For how long a status still tells how the number is, in milliseconds: Meta may tell it up to seven days late.
const SAYS_HOW_IT_IS_MS: i64 = 15 * 60 * 1000;

/// What a number is known to do.
#[derive(Debug)]
pub(super) struct Number {
    sql: Rc<dyn Sql>,
    pub(super) silence: Silence,
    blocked: Option<Blocked>,
    /// Whether Meta has taken a message since it last said that the number can send nothing; and whether it has taken a
    /// template.
    takes: bool,
    takes_templates: bool,
    /// When it was last found that it can send again (unix milliseconds).
    right_ms: i64,
    /// A digest of the settings that may be why the number is blocked.
    settings: String,
}

/// What is heard of a number by what became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing: it did not leave, or nobody knows.
    Nothing,
    /// Meta took it.
    Takes,
    /// Meta refused it for what it is, or for now.
    Refuses,
    /// Meta refused it as if the number could send nothing, though others go. If the next one is refused like this,
    /// too, it is the number after all.
    Doubts,
    /// The number can send nothing, as Meta says by this code.
    Stops(u32),
    /// Nothing was said that can be read.
    Silence,
}

/// A message of which something is heard.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeardOf {
    pub(super) is_template: bool,
    /// If it went to see whether the number can send again: since when the number could not (unix milliseconds).
    pub(super) probes: Option<i64>,
}

impl Number {
    pub(super) fn open(sql: Rc<dyn Sql>, settings: String, now_ms: i64) -> Result<Self> {
        let (blocked, right_ms) = Blocked::open(&*sql, &settings, now_ms)?;
        Ok(Self {
            silence: Silence::open(&*sql)?,
            blocked,
            takes: false,
            takes_templates: false,
            right_ms,
            settings,
            sql,
        })
    }

    /// Why it can send nothing, where it cannot.
    pub(super) fn blocked(&self) -> Option<&Blocked> {
        self.blocked.as_ref()
    }

    /// Whether it can send, for all that is known, and has just sent others of this kind.
    pub(super) fn others_go(&self, is_template: bool) -> bool {
        let takes = if is_template {
            self.takes_templates
        } else {
            self.takes
        };
        takes && self.blocked.is_none()
    }

    /// Whether a message was sent to see if the number is still blocked as it is now.
    pub(super) fn is_tried_by(&self, message: HeardOf) -> bool {
        let tries = |blocked: &Blocked| Some(blocked.since_ms) == message.probes;
        self.blocked.as_ref().is_some_and(tries)
    }

    /// A message goes now. Where it `probes`, gives since when the number could not send (unix milliseconds).
    pub(super) fn took(&mut self, probes: bool, now_ms: i64) -> Result<Option<i64>> {
        let before = self.silence;
        self.silence.took(now_ms);
        self.silence.save(&*self.sql, before)?;
        let Some(blocked) = self.blocked.as_mut().filter(|_| probes) else {
            return Ok(None);
        };
        blocked.tried(now_ms);
        blocked.save(&*self.sql, &self.settings)?;
        Ok(Some(blocked.since_ms))
    }

    /// Takes note of what became of a message, and gives whether the number stopped or began again by it.
    pub(super) fn hears(
        &mut self,
        heard: Heard,
        message: HeardOf,
        now_ms: i64,
    ) -> Result<Option<NumberChange>> {
        let before = self.silence;
        match heard {
            Heard::Nothing => self.silence.tells_nothing(now_ms),
            Heard::Silence => self.silence.goes_on(now_ms),
            _ => self.silence.ends(),
        }
        self.silence.save(&*self.sql, before)?;
        match heard {
            Heard::Nothing | Heard::Silence | Heard::Refuses => Ok(None),
            Heard::Doubts => {
                (self.takes, self.takes_templates) = (false, false);
                Ok(None)
            }
            Heard::Takes => {
                self.takes = true;
                self.takes_templates |= message.is_template;
                self.begins_again(message, now_ms)
            }
            Heard::Stops(code) => {
                let why = Blocked::by_answer(code, message.is_template, now_ms);
                self.stops(why, self.is_tried_by(message))
            }
        }
    }

    /// A status of a message says that it can send nothing: how it was at `at_ms` (unix milliseconds).
    pub(super) fn hears_later(
        &mut self,
        code: u32,
        is_template: bool,
        at_ms: i64,
        now_ms: i64,
    ) -> Result<Option<NumberChange>> {
        // What failed before the number was put right, or was tried, says nothing of how it is.
        let tried_ms = self.blocked.as_ref().and_then(|blocked| blocked.taken_ms);
        let right_ms = tried_ms.unwrap_or(self.right_ms);
        let since_ms = right_ms.max(now_ms.saturating_sub(SAYS_HOW_IT_IS_MS));
        // Meta tells time in seconds.
        if at_ms.saturating_add(1_000) <= since_ms {
            return Ok(None);
        }
        self.stops(Blocked::by_status(code, is_template, now_ms), false)
    }

    /// A try told nothing about the number: the next one may go after so long (milliseconds).
    pub(super) fn tries_another(&mut self, after_ms: i64, now_ms: i64) -> Result<()> {
        if let Some(blocked) = &mut self.blocked {
            blocked.tries_ms = now_ms.saturating_add(after_ms);
            blocked.save(&*self.sql, &self.settings)?;
        }
        Ok(())
    }

    /// The number can send nothing. If it could not before either, `instead` says whether the new reason takes the
    /// place of the old one.
    fn stops(&mut self, mut why: Blocked, instead: bool) -> Result<Option<NumberChange>> {
        (self.takes, self.takes_templates) = (false, false);
        if let Some(blocked) = &mut self.blocked {
            let widens = blocked.of_templates && !why.of_templates;
            if !widens && (!instead || blocked.code == why.code) {
                blocked.goes_on(&why);
                blocked.save(&*self.sql, &self.settings)?;
                return Ok(None);
            }
            why.by_status |= blocked.by_status;
        }
        why.save(&*self.sql, &self.settings)?;
        self.blocked = Some(why.clone());
        Ok(Some(NumberChange::Blocked(why)))
    }

    /// Meta has taken a message. Where that was one to see whether the number can send again, it can.
    fn begins_again(&mut self, message: HeardOf, now_ms: i64) -> Result<Option<NumberChange>> {
        let is_tried = self.is_tried_by(message);
        let Some(blocked) = self.blocked.as_mut().filter(|_| is_tried) else {
            return Ok(None);
        };
        // What is no template says nothing of templates, though it went in the place of one: the next goes to see.
        let is_none = blocked.of_templates && !message.is_template;
        if is_none {
            blocked.tries_ms = now_ms;
        }
        if is_none || !blocked.ends(now_ms) {
            blocked.save(&*self.sql, &self.settings)?;
            return Ok(None);
        }
        self.right_ms = now_ms;
        Blocked::ended(&*self.sql, now_ms)?;
        Ok(self.blocked.take().map(NumberChange::Unblocked))
    }
}
