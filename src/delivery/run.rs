//! How much one run of a mailbox's alarm does before it makes way for the next.
//!
//! The platform allows an invocation so many requests and so much time. What is on its way when a run ends is carried on by
//! the next one, so that nobody waits for the slowest of it. All of an object's invocations share its I/O, and no object is
//! evicted while it has a timer: what is on its way has one, its time limit (the default from compatibility date 2026-10-01
//! on, "durable_object_io_tasks_prevent_eviction").

/// How long a run may take, in milliseconds. The platform's limit is 15 minutes, and sends that are on their way then are
/// waited for.
const LONGEST_MS: i64 = 10 * 60 * 1000;

/// How many requests it makes. The platform allows an invocation 10,000, or 50 on the free plan: there it says so.
const MOST_REQUESTS: u32 = 5_000;

/// How long it is waited where the platform lets nothing out, in milliseconds.
pub const REFUSED_MS: i64 = 5_000;

/// One run.
#[derive(Debug)]
pub struct Run {
    began_ms: i64,
    requests: u32,
    ended: u32,
    not_tried: u32,
    /// When the platform first refused one.
    refused_ms: Option<i64>,
}

impl Run {
    /// One that begins.
    pub fn begins(now_ms: i64) -> Self {
        Self {
            began_ms: now_ms,
            requests: 0,
            ended: 0,
            not_tried: 0,
            refused_ms: None,
        }
    }

    /// Takes note that a request was started.
    pub fn started(&mut self) {
        self.requests += 1;
    }

    /// Takes note that one has ended, of this run or of the one before, and whether the platform let it out.
    pub fn ended(&mut self, tried: bool, now_ms: i64) {
        self.ended += 1;
        if !tried {
            self.not_tried += 1;
            self.refused_ms.get_or_insert(now_ms);
        }
    }

    /// How many have ended.
    pub fn count(&self) -> u32 {
        self.ended
    }

    /// Whether it may start anything more: not once the platform has refused something.
    pub fn may_start(&self) -> bool {
        self.not_tried == 0
    }

    /// Whether the next one is to begin.
    pub fn is_over(&self, now_ms: i64) -> bool {
        let had_its_share = !self.may_start() && !self.is_refused();
        had_its_share
            || self.goes_on_ms().is_some_and(|at| at <= now_ms)
            || self.requests >= MOST_REQUESTS
            || now_ms - self.began_ms > LONGEST_MS
    }

    /// When the next one is to begin where the platform lets nothing out (unix milliseconds), though something that was let
    /// out before may still be on its way.
    pub fn goes_on_ms(&self) -> Option<i64> {
        let at = self.refused_ms.filter(|_| self.is_refused());
        at.map(|at| at.saturating_add(REFUSED_MS))
    }

    /// Whether the platform lets nothing out: it would not if it were asked again at once.
    pub fn is_refused(&self) -> bool {
        self.not_tried > 0 && self.not_tried == self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run that began at 0, with so many requests that were started, answered, and not let out.
    fn run(started: u32, answered: u32, not_tried: u32) -> Run {
        let mut run = Run::begins(0);
        (0..started).for_each(|_| run.started());
        (0..answered).for_each(|_| run.ended(true, 0));
        (0..not_tried).for_each(|_| run.ended(false, 0));
        run
    }

    #[test]
    fn the_next_begins_after_five_thousand_requests_whether_or_not_they_have_ended() {
        assert!(!run(4_999, 4_999, 0).is_over(0));
        assert!(run(5_000, 0, 0).is_over(0));
    }

    #[test]
    fn the_next_begins_after_ten_minutes() {
        assert!(!run(1, 1, 0).is_over(600_000));
        assert!(run(1, 1, 0).is_over(600_001));
    }

    #[test]
    fn where_the_platform_allows_no_more_requests_the_next_begins() {
        let fifty_were_allowed = run(51, 30, 1);
        assert!(!fifty_were_allowed.may_start());
        assert!(fifty_were_allowed.is_over(0));
        assert!(!fifty_were_allowed.is_refused());
    }

    #[test]
    fn where_it_allows_none_at_all_the_next_does_not_begin_at_once() {
        let none_was_allowed = run(20, 0, 1);
        assert!(!none_was_allowed.may_start());
        assert!(!none_was_allowed.is_over(0));
        assert!(none_was_allowed.is_refused());
        assert_eq!(none_was_allowed.goes_on_ms(), Some(REFUSED_MS));
        assert!(
            none_was_allowed.is_over(REFUSED_MS),
            "whatever is still on its way"
        );
    }
}
