//! How fast messages may go to one person: 45 at once, and then one in six seconds.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::request::Request;

const INTERVAL: Duration = Duration::from_secs(6);
const BURST: u32 = 45;

/// How much later than another a message may come that left before it.
const SLACK: Duration = Duration::from_secs(3);

/// From when on each person has got no more than one in six seconds: by number of the business and by whom it goes to.
#[derive(Default)]
pub(super) struct Pairs(HashMap<(String, String), Instant>);

impl Pairs {
    /// Counts a message that goes out, and says so if it goes too soon.
    pub(super) fn count(&mut self, request: &Request) -> Option<String> {
        if request.is_read_receipt() {
            return None;
        }
        let whom = request.whom();
        let pair = (request.phone_number_id.clone(), whom.clone());
        let due = self.0.entry(pair).or_insert(request.at);
        *due = request.at.max(*due) + INTERVAL;
        let too_fast = *due - request.at > INTERVAL * BURST + SLACK;
        too_fast.then(|| format!("{whom}: gets more than {BURST} messages at once"))
    }
}
