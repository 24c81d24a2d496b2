//! Regular expressions whose time grows with the length of the text and no faster, whatever a customer writes: the
//! states that can be reached are followed side by side (Thompson), and nothing is ever tried again.
//!
//! They tell whether something is found, not where, so that this is a tenth of what a library would add to the WASM.
//! There are: `|`, `(…)`, `(?:…)`, `*`, `+`, `?`, `{n}`, `{n,}`, `{n,m}`, `.`, `[…]`, `[^…]`, `^`, `$`, `\b`, `\d`,
//! `\s`, `\w` and their opposites.

mod read;

use super::words;

/// A regular expression, which is looked for in folded text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression(Vec<Step>);

/// What is done with the next character.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// It must be one of these, or, where `not`, none of them.
    Take { set: Vec<Member>, not: bool },
    /// The place must be the beginning, the end, or (not) the edge of a word.
    Place(Place),
    /// Both ways are followed.
    Fork(usize, usize),
    /// It is found.
    Found,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    End,
    Edge,
    NoEdge,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Between(char, char),
    /// `\d`, `\s` or `\w`; their opposites where `not`.
    Kind {
        kind: char,
        not: bool,
    },
}

impl Expression {
    /// Reads an expression, or tells why the text is none. Letters in it are folded, as the text will be.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        read::steps(text).map(Self)
    }

    /// Whether it is found anywhere in a text that was [`folded`](super::folded).
    pub fn is_in(&self, folded: &str) -> bool {
        let mut now = Reached::new(self.0.len());
        let mut next = Reached::new(self.0.len());
        let mut before = None;
        let mut rest = folded.chars();
        loop {
            let after = rest.clone().next();
            now.add(&self.0, 0, before, after);
            if now.found {
                return true;
            }
            let Some(c) = rest.next() else { return false };
            let following = rest.clone().next();
            for index in now.steps.drain(..) {
                if let Some(Step::Take { set, not }) = self.0.get(index)
                    && set.iter().any(|member| member.has(c)) != *not
                {
                    next.add(&self.0, index + 1, Some(c), following);
                }
            }
            if next.found {
                return true;
            }
            now.clear();
            std::mem::swap(&mut now, &mut next);
            before = Some(c);
        }
    }
}

/// The steps that can be reached at a place in the text.
struct Reached {
    steps: Vec<usize>,
    seen: Vec<bool>,
    found: bool,
}

impl Reached {
    fn new(steps: usize) -> Self {
        Self {
            steps: Vec::new(),
            seen: vec![false; steps],
            found: false,
        }
    }

    fn clear(&mut self) {
        self.steps.clear();
        self.seen.fill(false);
    }

    /// Adds a step, and those that are reached from it without taking a character.
    fn add(&mut self, steps: &[Step], first: usize, before: Option<char>, after: Option<char>) {
        let mut open = vec![first];
        while let Some(index) = open.pop() {
            match self.seen.get_mut(index) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            match steps.get(index) {
                Some(Step::Take { .. }) => self.steps.push(index),
                Some(Step::Place(place)) if place.is(before, after) => open.push(index + 1),
                Some(Step::Fork(one, other)) => open.extend([*one, *other]),
                Some(Step::Found) => self.found = true,
                _ => {}
            }
        }
    }
}

impl Place {
    fn is(self, before: Option<char>, after: Option<char>) -> bool {
        let is_word = |c: Option<char>| c.is_some_and(words::is_word);
        match self {
            Self::Start => before.is_none(),
            Self::End => after.is_none(),
            Self::Edge => is_word(before) != is_word(after),
            Self::NoEdge => is_word(before) == is_word(after),
        }
    }
}

impl Member {
    fn has(&self, c: char) -> bool {
        match self {
            Self::Between(first, last) => (*first..=*last).contains(&c),
            Self::Kind { kind: 'd', not } => c.is_ascii_digit() != *not,
            Self::Kind { kind: 's', not } => is_blank(c) != *not,
            Self::Kind { not, .. } => words::is_word(c) != *not,
        }
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::text::folded;

    fn finds(expression: &str, text: &str) -> bool {
        Expression::parse(expression).unwrap().is_in(&folded(text))
    }

    #[test]
    fn what_people_look_for_is_found() {
        for (expression, text, found) in [
            (r"\bopen(ing)?\b", "Opening hours?", true),
            (r"\bopen(ing)?\b", "reopen", false),
            (r"^\d{5,8}$", "order 12345", false),
            (r"^\d{5,8}$", "１２３４５", true),
            (r"pedido\s*#?\d+", "mi PEDIDO #77 por favor", true),
            (r"öffnungs?zeit", "Offnungszeiten", true),
            (r"straße", "STRASSE", true),
            (r"[A-C]+[^x]?$", "xxabc", true),
            (r"(?:yes|si|oui|ja)\W*$", "Sí!!", true),
            ("", "", true),
            (r"a\.b", "a.b", true),
            (r"a\.b", "axb", false),
            (r"[]x-]", "-", true),
            (r"\bчас(ы)?\b", "какие часы", true),
            (r"\bok\b", "ok👍🏽", true),
            (r"^si\W*$", "Sí 🙏❤️", true),
            (r"^\d$", "1\u{fe0f}\u{20e3}", true),
            (r"\b营业", "营业", true),
        ] {
            assert_eq!(finds(expression, text), found, "{expression} in {text}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused_with_the_reason() {
        for (expression, part) in [
            ("(", "not closed"),
            (")", "too many"),
            ("[a", "not closed"),
            ("[]", "not closed"),
            ("*", "of nothing"),
            ("a|+", "of nothing"),
            ("a**", "of a repetition"),
            ("a{2,1}", "repeat by"),
            ("a{101}", "repeat by"),
            ("a{,3}", "repeat by"),
            ("(?=a)", "(?:"),
            (r"\p{L}", "needs none"),
            ("\\", "needs none"),
            ("[z-a]", "range"),
            (r"[\d-z]", "range"),
            ("((a{100}){100}){100}", "1000 steps"),
        ] {
            let reason = Expression::parse(expression).unwrap_err();
            assert!(reason.contains(part), "{expression}: {reason}");
        }
        // Nothing, repeated, comes to no steps, and is written once.
        let nothing = "(".repeat(20) + &"){100}".repeat(20);
        assert!(finds(&nothing, "x"));
        let deep = "(".repeat(30) + &")".repeat(30);
        assert!(Expression::parse(&deep).is_err());
    }

    #[test]
    fn no_text_takes_more_than_its_length() {
        let expression = Expression::parse("(a+)+(a*)*b|((x?){20}){10}$y").unwrap();
        let text = "a".repeat(4_096);
        // If all ways were tried one after the other, this would not end.
        assert!(!expression.is_in(&text));
    }

    fn expression() -> impl Strategy<Value = String> {
        let one = prop_oneof![
            "[ab1]",
            Just(".".to_owned()),
            Just(r"\d".to_owned()),
            Just(r"\W".to_owned()),
            Just("[^a1]".to_owned()),
            Just(r"[a\s]".to_owned()),
            Just(r"\b".to_owned()),
            Just(r"\B".to_owned()),
            Just("^".to_owned()),
            Just("$".to_owned()),
            Just(r"\-".to_owned()),
        ];
        one.prop_recursive(4, 24, 4, |inner| {
            let times = prop_oneof![
                Just("*"),
                Just("+"),
                Just("?"),
                Just("{2}"),
                Just("{1,}"),
                Just("{0,2}")
            ];
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}{b}")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(?:{a}|{b})")),
                (inner, times).prop_map(|(a, times)| format!("({a}){times}")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn it_finds_what_a_well_known_library_finds(expression in expression(), text in "[ab1 -]{0,8}") {
            let ours = Expression::parse(&expression).unwrap().is_in(&text);
            let theirs = regex::Regex::new(&format!("(?s){expression}")).unwrap().is_match(&text);
            prop_assert_eq!(ours, theirs);
        }

        #[test]
        fn nothing_that_is_written_breaks_it(expression: String, text: String) {
            if let Ok(expression) = Expression::parse(&expression) {
                expression.is_in(&folded(&text));
            }
        }
    }
}
