//! Why a request that we made has no answer.

use super::answer::{self, ErrorClass};
use crate::mailbox::Outcome;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// The platform did not let the request out: it allows an invocation only so many. It did not leave.
    NotTried,
    /// The courier that should have made it is lost. It may have left.
    Lost,
    /// There was none in time, or the connection failed.
    Failed(ErrorClass),
}

impl NoAnswer {
    /// Reads what the platform says of it: it tells by words alone what went wrong.
    pub fn read(words: &str) -> Self {
        let says = |what: &str| words.contains(what);
        // Of the second it speaks where its own services are called, as a courier is.
        if says("Too many subrequests") || says("Too many API requests") {
            Self::NotTried
        } else if says("TimeoutError") || says("aborted") {
            Self::Failed(ErrorClass::Timeout)
        } else if says("refused") {
            Self::Failed(ErrorClass::ConnectionRefused)
        } else {
            Self::Failed(ErrorClass::Connection)
        }
    }

    /// What it means for a delivery.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::NotTried | Self::Lost => Outcome::NotTried,
            Self::Failed(class) => answer::none(class),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_leave_is_told_from_what_failed() {
        for (words, expected) in [
            (
                "Error: Too many subrequests by single Worker invocation.",
                NoAnswer::NotTried,
            ),
            (
                "Error: Too many API requests by single Worker invocation.",
                NoAnswer::NotTried,
            ),
            (
                "TimeoutError: The operation was aborted due to timeout",
                NoAnswer::Failed(ErrorClass::Timeout),
            ),
            (
                "AbortError: The operation was aborted",
                NoAnswer::Failed(ErrorClass::Timeout),
            ),
            (
                "Error: connect(): Connection refused",
                NoAnswer::Failed(ErrorClass::ConnectionRefused),
            ),
            (
                "Error: Network connection lost.",
                NoAnswer::Failed(ErrorClass::Connection),
            ),
            ("", NoAnswer::Failed(ErrorClass::Connection)),
        ] {
            assert_eq!(NoAnswer::read(words), expected, "{words}");
        }
    }

    #[test]
    fn only_what_failed_counts_as_a_try() {
        for lost in [NoAnswer::NotTried, NoAnswer::Lost] {
            assert_eq!(lost.outcome(), Outcome::NotTried);
        }
        let failed = NoAnswer::Failed(ErrorClass::Timeout).outcome();
        assert_eq!(failed, answer::none(ErrorClass::Timeout));
    }
}
