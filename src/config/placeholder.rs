//! What is filled into a message when it is sent: `{{customer.name}}`, or `{{customer.name|you}}` with a word for when
//! it is absent. If it is absent and there is no such word, nothing is filled in.

use crate::checked::Node;

/// What can be filled in.
pub const PLACEHOLDERS: [&str; 5] = [
    "customer.name",
    "customer.phone",
    "customer.user_id",
    "customer.username",
    "message.text",
];

/// How much of a value is filled in, in characters.
const LONGEST: usize = 256;

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Placeholder { name: &'a str, otherwise: &'a str },
}

/// What is wrong with the placeholders in a text, if anything.
pub(super) fn fault(text: &str) -> Option<String> {
    let mut pieces = pieces(text);
    let unknown = pieces.any(
        |piece| matches!(piece, Piece::Placeholder { name, .. } if !PLACEHOLDERS.contains(&name)),
    );
    unknown.then(|| format!("what can be filled in is {}", PLACEHOLDERS.join(", ")))
}

/// Refuses placeholders in a message into which nothing is filled: customers would read them.
pub(super) fn refuse(message: &Node<'_>) {
    if message.value().to_string().contains("{{") {
        message.fault("nothing is filled in here: {{…}} is for replies of rules");
    }
}

/// A text with its placeholders filled in. Signs that could break a line become blanks, and several blanks one. In a link
/// all is encoded of a value that could end the piece of it in which it stands: else a customer would choose what is
/// fetched.
pub fn filled<'v>(
    text: &str,
    in_link: bool,
    value: impl Fn(&str) -> Option<std::borrow::Cow<'v, str>>,
) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Placeholder { name, otherwise } => {
                let found = value(name).map(|value| short(&value));
                // In a link, dots alone lead a level up, encoded or not.
                let is_nothing = |c: char| in_link && c == '.';
                let found = found.filter(|found| !found.chars().all(is_nothing));
                let found = found.map(|found| if in_link { encoded(&found) } else { found });
                out.push_str(&found.unwrap_or_else(|| short(otherwise)));
            }
        }
    }
    out
}

/// A text as a piece of a URL.
pub fn encoded(text: &str) -> String {
    let encoded = url::form_urlencoded::byte_serialize(text.as_bytes());
    encoded.collect::<String>().replace('+', "%20")
}

/// What is filled in of a text, in one line: Meta takes no template with a value that has more lines, or a row of blanks.
fn short(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(LONGEST).collect()
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    let mut next = None;
    std::iter::from_fn(move || {
        if let Some(piece) = next.take() {
            return Some(piece);
        }
        if rest.is_empty() {
            return None;
        }
        let found = rest.split_once("{{").and_then(|(before, behind)| {
            let (inside, behind) = behind.split_once("}}")?;
            Some((before, inside, behind))
        });
        let Some((before, inside, behind)) = found else {
            return Some(Piece::Text(std::mem::take(&mut rest)));
        };
        rest = behind;
        let (name, otherwise) = inside.split_once('|').unwrap_or((inside, ""));
        next = Some(Piece::Placeholder {
            name: name.trim(),
            otherwise: otherwise.trim(),
        });
        Some(Piece::Text(before))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_filled_in_and_what_is_absent_is_defined() {
        let value = |name: &str| match name {
            "customer.name" => Some("Ana\u{2028}\n \t \u{a0} Pérez ".into()),
            "customer.phone" => Some(" ".into()),
            "customer.user_id" => Some("\0".into()),
            "message.text" => Some("x{{customer.name}}".repeat(99).into()),
            _ => None,
        };
        for (text, expected) in [
            ("Hi {{customer.name}}!", "Hi Ana Pérez!"),
            ("{{ customer.name | you }}", "Ana Pérez"),
            ("Hi {{customer.username|you}}!", "Hi you!"),
            ("Hi {{customer.username}}!", "Hi !"),
            ("{{customer.phone|none}}", "none"),
            ("{{customer.user_id|no\none}}", "no one"),
            ("{{customer.name", "{{customer.name"),
            ("}} {{", "}} {{"),
            ("", ""),
        ] {
            assert_eq!(filled(text, false, value), expected, "{text}");
        }
        let text = filled("{{message.text}}", false, value);
        assert_eq!(text.chars().count(), 256, "and is not filled in again");
        assert!(text.starts_with("x{{customer.name}}x"));
        let link = "https://x.example/{{customer.name}}/{{customer.phone|no%20one}}";
        let encoded = "https://x.example/Ana%20P%C3%A9rez/no%20one";
        assert_eq!(filled(link, true, value), encoded, "what a customer says");
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        assert_eq!(fault("{{customer.name}} {{customer.phone|x}}"), None);
        for text in ["{{name}}", "{{}}", "{{customer.email|x}}"] {
            assert!(fault(text).unwrap().contains("customer.username"), "{text}");
        }
    }
}
