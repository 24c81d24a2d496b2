//! Reads regular expressions, and writes them as steps.

use std::{iter::Peekable, str::Chars};

use super::{Member, Place, Step};
use crate::text::{fold, folded};

/// Why a text is no regular expression.
type NoExpression = &'static str;

/// How many steps an expression may come to.
const MOST_STEPS: usize = 1_000;

/// How often a part may be repeated by `{n}` and its like.
const MOST_TIMES: usize = 100;

/// How deep groups may stand in groups.
const DEEPEST: usize = 20;

/// An expression as it was read.
#[derive(Debug, Clone)]
enum Part {
    Step(Step),
    Row(Vec<Part>),
    Choice(Vec<Part>),
    Repeat {
        part: Box<Part>,
        least: usize,
        most: Option<usize>,
    },
}

/// The steps of an expression.
pub(super) fn steps(text: &str) -> Result<Vec<Step>, NoExpression> {
    let mut reader = Reader {
        rest: text.chars().peekable(),
        depth: 0,
    };
    let part = reader.choice()?;
    if reader.rest.peek().is_some() {
        return Err("has a ) too many");
    }
    let mut steps = Vec::new();
    write(&part, &mut steps)?;
    steps.push(Step::Found);
    Ok(steps)
}

/// Writes the steps of a part.
fn write(part: &Part, steps: &mut Vec<Step>) -> Result<(), NoExpression> {
    if steps.len() > MOST_STEPS {
        return Err("comes to more than 1000 steps");
    }
    match part {
        Part::Step(step) => steps.push(step.clone()),
        Part::Row(parts) => {
            for part in parts {
                write(part, steps)?;
            }
        }
        Part::Choice(parts) => write_choice(parts, steps)?,
        Part::Repeat { part, least, most } => {
            for _ in 0..*least {
                let before = steps.len();
                write(part, steps)?;
                // A part that comes to no steps would escape the limit on steps.
                if steps.len() == before {
                    break;
                }
            }
            if let Some(most) = most {
                for _ in *least..*most {
                    optional(steps, |steps| write(part, steps))?;
                }
            } else {
                let start = steps.len();
                optional(steps, |steps| {
                    write(part, steps)?;
                    steps.push(Step::Fork(start, start));
                    Ok(())
                })?;
            }
        }
    }
    Ok(())
}

/// Writes steps that may be left out.
fn optional(
    steps: &mut Vec<Step>,
    body: impl FnOnce(&mut Vec<Step>) -> Result<(), NoExpression>,
) -> Result<(), NoExpression> {
    let fork = steps.len();
    steps.push(Step::Fork(0, 0));
    body(steps)?;
    let end = steps.len();
    if let Some(step) = steps.get_mut(fork) {
        *step = Step::Fork(fork + 1, end);
    }
    Ok(())
}

fn write_choice(parts: &[Part], steps: &mut Vec<Step>) -> Result<(), NoExpression> {
    let Some((first, rest)) = parts.split_first() else {
        return Ok(());
    };
    if rest.is_empty() {
        return write(first, steps);
    }
    let mut jump = 0;
    optional(steps, |steps| {
        write(first, steps)?;
        jump = steps.len();
        steps.push(Step::Fork(0, 0));
        Ok(())
    })?;
    write_choice(rest, steps)?;
    let end = steps.len();
    if let Some(step) = steps.get_mut(jump) {
        *step = Step::Fork(end, end);
    }
    Ok(())
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    depth: usize,
}

impl Reader<'_> {
    fn takes(&mut self, c: char) -> bool {
        self.rest.next_if_eq(&c).is_some()
    }

    fn choice(&mut self) -> Result<Part, NoExpression> {
        let mut parts = vec![self.row()?];
        while self.takes('|') {
            parts.push(self.row()?);
        }
        Ok(Part::Choice(parts))
    }

    fn row(&mut self) -> Result<Part, NoExpression> {
        let mut parts = Vec::new();
        while let Some(c) = self.rest.next_if(|c| !matches!(c, '|' | ')')) {
            let part = self.part(c)?;
            parts.push(self.repeated(part)?);
        }
        Ok(Part::Row(parts))
    }

    fn part(&mut self, c: char) -> Result<Part, NoExpression> {
        Ok(match c {
            '(' => {
                if self.takes('?') && !self.takes(':') {
                    return Err("may have no group that begins with (? other than (?:");
                }
                self.depth += 1;
                if self.depth > DEEPEST {
                    return Err("has more than 20 groups in each other");
                }
                let inside = self.choice()?;
                self.depth -= 1;
                if !self.takes(')') {
                    return Err("has a group that is not closed");
                }
                inside
            }
            '[' => self.set()?,
            '^' => Part::Step(Step::Place(Place::Start)),
            '$' => Part::Step(Step::Place(Place::End)),
            '.' => take(Vec::new(), true),
            '\\' => match self.rest.next() {
                Some('b') => Part::Step(Step::Place(Place::Edge)),
                Some('B') => Part::Step(Step::Place(Place::NoEdge)),
                other => match escaped(other)? {
                    Member::Between(c, _) => literal(c),
                    kind @ Member::Kind { .. } => take(vec![kind], false),
                },
            },
            '*' | '+' | '?' | '{' => {
                return Err("has a repetition of nothing");
            }
            c => literal(c),
        })
    }

    fn repeated(&mut self, part: Part) -> Result<Part, NoExpression> {
        let (least, most) = match self.rest.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => self.times()?,
            _ => return Ok(part),
        };
        self.rest.next();
        if matches!(self.rest.peek(), Some('*' | '+' | '?' | '{')) {
            return Err("has a repetition of a repetition");
        }
        Ok(Part::Repeat {
            part: Box::new(part),
            least,
            most,
        })
    }

    /// Reads `{n}`, `{n,}` or `{n,m}` up to the last brace.
    fn times(&mut self) -> Result<(usize, Option<usize>), NoExpression> {
        const WRONG: NoExpression = "may repeat by {n}, {n,} or {n,m}, at most 100 times";
        self.rest.next();
        let least = self.number().ok_or(WRONG)?;
        let most = if self.takes(',') {
            match self.rest.peek() {
                Some('}') => None,
                _ => Some(self.number().ok_or(WRONG)?),
            }
        } else {
            Some(least)
        };
        let fits = most.unwrap_or(least) <= MOST_TIMES && most.is_none_or(|most| least <= most);
        if fits && self.rest.peek() == Some(&'}') {
            Ok((least, most))
        } else {
            Err(WRONG)
        }
    }

    fn number(&mut self) -> Option<usize> {
        let mut digits = String::new();
        while let Some(c) = self.rest.next_if(char::is_ascii_digit) {
            digits.push(c);
        }
        digits.parse().ok()
    }

    /// Reads a set behind its first bracket. A `]` that comes first stands for itself.
    fn set(&mut self) -> Result<Part, NoExpression> {
        let not = self.takes('^');
        let mut set = Vec::new();
        loop {
            if !set.is_empty() && self.takes(']') {
                return Ok(take(set, not));
            }
            let member = self.member()?;
            let mut ahead = self.rest.clone();
            let is_range = ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']');
            if !is_range {
                set.push(member);
                continue;
            }
            self.rest.next();
            match (member, self.member()?) {
                (Member::Between(first, _), Member::Between(last, _)) if first <= last => {
                    set.push(Member::Between(first, last));
                }
                _ => return Err("has a range that is none"),
            }
        }
    }

    fn member(&mut self) -> Result<Member, NoExpression> {
        match self.rest.next().ok_or("has a [ that is not closed")? {
            '\\' => escaped(self.rest.next()),
            c => Ok(plain(c)),
        }
    }
}

fn take(set: Vec<Member>, not: bool) -> Part {
    Part::Step(Step::Take { set, not })
}

/// A letter that stands for itself, folded: it may become two, or none.
fn literal(c: char) -> Part {
    let mut folded = String::new();
    fold::push(c, &mut folded);
    let take = |c| take(vec![Member::Between(c, c)], false);
    Part::Row(folded.chars().map(take).collect())
}

/// Like [`literal`] in a set, where it is one character.
fn plain(c: char) -> Member {
    let c = folded(c.encode_utf8(&mut [0; 4]))
        .chars()
        .next()
        .unwrap_or(c);
    Member::Between(c, c)
}

/// What stands behind a backslash.
fn escaped(c: Option<char>) -> Result<Member, NoExpression> {
    Ok(match c {
        Some(kind @ ('d' | 's' | 'w')) => Member::Kind { kind, not: false },
        Some('D') => Member::Kind {
            kind: 'd',
            not: true,
        },
        Some('S') => Member::Kind {
            kind: 's',
            not: true,
        },
        Some('W') => Member::Kind {
            kind: 'w',
            not: true,
        },
        Some('n') => Member::Between('\n', '\n'),
        Some('t') => Member::Between('\t', '\t'),
        Some(c) if c.is_ascii_punctuation() => Member::Between(c, c),
        _ => {
            return Err(
                "has a \\ before what needs none: known are \\b \\d \\s \\w \\B \\D \\S \\W \\n \\t and signs",
            );
        }
    })
}
