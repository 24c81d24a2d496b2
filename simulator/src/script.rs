//! What a server of the simulator is to answer: rules, looked at in the order in which they were given.

use std::sync::Mutex;

type Condition<R> = Box<dyn Fn(&R) -> bool + Send + Sync>;

/// Rules that say which answer `A` a request `R` gets. The first that matches and is not used up decides.
pub(crate) struct Script<R, A> {
    rules: Mutex<Vec<Rule<R, A>>>,
}

struct Rule<R, A> {
    matches: Condition<R>,
    left: Option<usize>,
    answer: A,
}

impl<R, A: Clone> Script<R, A> {
    /// No rules yet.
    pub(crate) fn new() -> Self {
        Self {
            rules: Mutex::new(Vec::new()),
        }
    }

    /// Adds a rule for `times` requests (`None`: for all that come).
    pub(crate) fn add(
        &self,
        times: Option<usize>,
        matches: impl Fn(&R) -> bool + Send + Sync + 'static,
        answer: A,
    ) {
        let rule = Rule {
            matches: Box::new(matches),
            left: times,
            answer,
        };
        self.rules.lock().unwrap().push(rule);
    }

    /// Forgets every rule.
    pub(crate) fn clear(&self) {
        self.rules.lock().unwrap().clear();
    }

    /// The answer that `request` gets, if any rule has one for it.
    pub(crate) fn next(&self, request: &R) -> Option<A> {
        let mut rules = self.rules.lock().unwrap();
        let rule = rules
            .iter_mut()
            .find(|rule| rule.left != Some(0) && (rule.matches)(request))?;
        rule.left = rule.left.map(|left| left - 1);
        Some(rule.answer.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_matches_and_is_not_used_up_decides() {
        let script = Script::new();
        script.add(Some(2), |n: &i32| *n > 0, "twice");
        script.add(None, |n: &i32| *n > 5, "big");
        let answers: Vec<_> = [1, 9, 9, 1, -1].iter().map(|n| script.next(n)).collect();
        assert_eq!(
            answers,
            [Some("twice"), Some("twice"), Some("big"), None, None]
        );
    }
}
