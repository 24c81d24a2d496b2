//! What Meta's statuses tell about sends: they bear the send's id (`biz_opaque_callback_data`).
//!
//! So a send is found again whose answer was lost, and one that was accepted and refused later. That a message was
//! delivered or read is not written here: the mailbox knows it by the message's id.

use super::{
    blocked::NumberChange,
    ending::WINDOW_CLOSED,
    outbox::Outbox,
    state::{Happened, SendState},
    stored::{Keep, Record, Send},
};
use crate::{
    event::{Effect, Event},
    mailbox::sql::Result,
    meta::{graph::errors, json::Document},
};

const STATUS: &str = "whatsapp.status.";
const FAILED: &str = "whatsapp.status.failed";
const SEND: &str = "biz_opaque_callback_data";

/// Whether an event is a status that names a send.
pub fn names_a_send(event: &Event) -> bool {
    event.kind.starts_with(STATUS) && event.data.contains(SEND)
}

/// One status that names a send.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) id: String,
    pub(super) message_id: String,
    failed: bool,
    pub(super) code: Option<u32>,
    /// When it happened (unix milliseconds).
    at_ms: i64,
}

impl Outbox {
    /// Takes note of the statuses among these events. Gives whether the number stopped or began again by it. Costs nothing
    /// where no status names a send, and no row where it tells nothing new.
    pub fn note_reports(&mut self, events: &[Event], now_ms: i64) -> Result<Option<NumberChange>> {
        let mut change = None;
        for event in events {
            if (event.kind != FAILED && self.watched.is_empty()) || !names_a_send(event) {
                continue;
            }
            let Some(report) = read(event, now_ms) else {
                continue;
            };
            if report.failed || self.watched.contains(&report.id) {
                change = self.take(report, now_ms)?.or(change);
            }
        }
        Ok(change)
    }

    pub(super) fn take(&mut self, report: Report, now_ms: i64) -> Result<Option<NumberChange>> {
        let Some(record) = self.table.find(&report.id)? else {
            return Ok(None);
        };
        let refused = report.failed && record.error.is_none();
        if !self.seen(&report, &record, now_ms)? {
            if refused
                && record.state == SendState::Started
                && let Some(under_way) = self.under_way.get_mut(&report.id)
            {
                under_way.early.push(report);
            }
            return Ok(None);
        }
        self.forget(&report.id)?;
        if refused {
            self.refused_later(report, &record, now_ms)
        } else {
            Ok(None)
        }
    }

    /// Takes note that a send went out as the message that a status is about, and gives whether it did.
    fn seen(&mut self, report: &Report, record: &Record, now_ms: i64) -> Result<bool> {
        let Report {
            id,
            message_id,
            failed,
            ..
        } = report;
        match &record.state {
            SendState::Accepted { message_id: known } if known == message_id => {
                if !failed {
                    // It arrived, so that its fallback is not needed any more.
                    self.table
                        .write(id, &record.state, &Keep::Nothing, false, now_ms)?;
                }
                return Ok(true);
            }
            SendState::Accepted { .. } | SendState::Failed { .. } => return Ok(false),
            // The status is, or may be, of an earlier try, which Meta has refused.
            SendState::Queued if *failed => return Ok(false),
            SendState::Started | SendState::Unknown
                if *failed && self.tried_before.contains(id) =>
            {
                return Ok(false);
            }
            // What waits under this id may be a fallback, and the status may be about what went before it.
            state if record.fell_back && (*failed || *state != SendState::Unknown) => {
                return Ok(false);
            }
            SendState::Started => {
                if let Some(under_way) = self.under_way.get_mut(id) {
                    under_way.overtaken = true;
                }
            }
            SendState::Queued => self.lanes.remove(record.conversation, id, now_ms),
            SendState::Unknown => {}
        }
        let message_id = message_id.clone();
        let state = record.state.clone().after(Happened::Seen { message_id });
        let keep = if *failed { Keep::AsItIs } else { Keep::Nothing };
        let fell_back = self.goes_as_fallback(id);
        self.table.write(id, &state, &keep, fell_back, now_ms)?;
        Ok(true)
    }

    /// Takes note that a message that was accepted will not arrive: its fallback waits in its place, where there is one
    /// and the window was closed.
    fn refused_later(
        &mut self,
        report: Report,
        record: &Record,
        now_ms: i64,
    ) -> Result<Option<NumberChange>> {
        let Report {
            id, code, at_ms, ..
        } = report;
        let draft = if code == Some(WINDOW_CLOSED) && !self.goes_as_fallback(&id) {
            self.table.draft(&id)?
        } else {
            None
        };
        if let Some((mut draft, _)) = draft
            && draft.fall_back()
        {
            let conversation = record.conversation;
            let send = Send {
                id,
                conversation,
                draft,
            };
            self.falls_back(send, record, now_ms)?;
            return Ok(None);
        }
        self.table.write_error(&id, code, now_ms)?;
        match code.and_then(errors::find).zip(code) {
            Some((entry, code)) if entry.class.blocks_number() => {
                let is_template = record.is_template || self.goes_as_fallback(&id);
                self.number.hears_later(code, is_template, at_ms, now_ms)
            }
            _ => Ok(None),
        }
    }
}

fn read(event: &Event, now_ms: i64) -> Option<Report> {
    let document = Document::parse(&event.data)?;
    let failed = event.kind == FAILED;
    // One member's is not the whole group's, whose own names no member.
    if failed && event.is_of_a_group() && document.root().get("customer").is_some() {
        return None;
    }
    let status = document.root().get("status")?;
    let text = |name| Some(status.get(name)?.text()?.into_owned());
    let code = status
        .get("errors")
        .and_then(|errors| errors.items().next()?.get("code")?.integer());
    let message_id = match &event.effect {
        Effect::Status { message, .. } => message.clone(),
        _ => text("id")?,
    };
    Some(Report {
        id: text(SEND)?,
        message_id,
        failed,
        code: code.and_then(|code| u32::try_from(code).ok()),
        at_ms: event.time.map_or(now_ms, |time| time.saturating_mul(1_000)),
    })
}
