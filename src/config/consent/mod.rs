//! What is set about whether customers want to be written to: `CONFIG.consent`.

mod category;
mod languages;

pub use category::Category;

use crate::{
    checked::Node,
    config::placeholder,
    meta::graph::Message,
    text::{without_pictograms, words},
};
use languages::{BY_ACCENTS, IN_MENUS, LANGUAGES, is_stop_by_accents};

/// How many words, and how many templates, may be set.
const MOST: usize = 500;

/// How long a word may be, in characters: also a button's payload.
const LONGEST: usize = 256;

/// `CONFIG.consent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// What says that a customer wants no advertising any more; as [`words`] gives them.
    stop: Vec<String>,
    /// What says that a customer wants it; as [`words`] gives them.
    start: Vec<String>,
    /// Whether [`is_stop_by_accents`] says so, too.
    minds_accents: bool,
    /// What says that they want none, but not in a menu; as [`words`] gives them.
    leave: Vec<String>,
    /// What takes a stop back, and says nothing otherwise; as [`words`] gives them.
    resume: Vec<String>,
    /// What is answered to a customer who stops.
    pub confirm_stop: Option<Message>,
    /// What is answered to a customer who wants it, or wants it again.
    pub confirm_start: Option<Message>,
    /// The category of templates by their name, or, with `*` at the end, by its beginning.
    templates: Vec<(String, Category)>,
    /// What goes to those alone who have said that they want it.
    pub opt_in: OptIn,
}

/// What a customer says by a word or a button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// No more advertising.
    Stop,
    /// No more advertising, if it is not pressed in a menu. There it may mean anything.
    Leave,
    /// Advertising.
    Start,
    /// Advertising again, if the customer had stopped it. Otherwise it may mean anything.
    Resume,
}

/// What goes to those alone who have said that they want it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OptIn {
    /// Nothing.
    #[default]
    None,
    /// Templates of category marketing.
    Marketing,
    /// Whatever the business begins: every template of category marketing, and the others while the customer service
    /// window is closed.
    All,
}

impl Consent {
    /// What a whole text, a button's payload or its text says, and the word by which it does.
    pub fn said(&self, text: &str) -> Option<(Meaning, String)> {
        // What is longer than any word is not looked at.
        if text.chars().nth(LONGEST).is_some() {
            return None;
        }
        let word = words(text);
        let plain = without_pictograms(&word);
        let (said, word) = [word, plain]
            .into_iter()
            .find_map(|word| Some((self.meaning(&word, text)?, word)))?;
        Some((said, word.trim().to_owned()))
    }

    fn meaning(&self, word: &String, text: &str) -> Option<Meaning> {
        if self.stop.contains(word) {
            Some(Meaning::Stop)
        } else if self.start.contains(word) {
            Some(Meaning::Start)
        } else if self.leave.contains(word) {
            Some(Meaning::Leave)
        } else if self.resume.contains(word) {
            Some(Meaning::Resume)
        } else {
            (self.minds_accents && is_stop_by_accents(word, text)).then_some(Meaning::Stop)
        }
    }

    /// The category of a template. One of which nothing is said counts as marketing.
    pub fn category(&self, template: &str) -> Category {
        let fits = |name: &str| match name.strip_suffix('*') {
            Some(beginning) => template.starts_with(beginning),
            None => template == name,
        };
        // The longest name says most; a whole name says more than a beginning as long as it.
        let known = self.templates.iter().filter(|(name, _)| fits(name));
        known
            .max_by_key(|(name, _)| (name.trim_end_matches('*').len(), !name.ends_with('*')))
            .map_or(Category::Marketing, |(_, category)| *category)
    }

    pub(crate) fn read(node: &Node<'_>) -> Option<Self> {
        node.object()?;
        node.only(&[
            "languages",
            "stop",
            "start",
            "confirm_stop",
            "confirm_start",
            "templates",
            "opt_in",
        ]);
        let languages = node.get("languages").map(|node| read_languages(&node));
        let start = read_words(node, "start", &[]);
        let mut stop = read_words(node, "stop", &start);
        let (mut leave, mut resume) = (Vec::new(), Vec::new());
        let speaks = |language| languages.as_ref().is_none_or(|all| all.contains(language));
        for (language, stops, resumes) in LANGUAGES {
            if speaks(language) {
                for word in *stops {
                    let list = if IN_MENUS.contains(word) {
                        &mut leave
                    } else {
                        &mut stop
                    };
                    list.push(words(word));
                }
                resume.extend(resumes.iter().map(|word| words(word)));
            }
        }
        stop.retain(|word| !start.contains(word));
        let opt_in = node.get("opt_in").and_then(|node| {
            Some(match node.one_of(&["none", "marketing", "all"])? {
                "marketing" => OptIn::Marketing,
                "all" => OptIn::All,
                _ => OptIn::None,
            })
        });
        Some(Self {
            stop,
            start,
            minds_accents: speaks(&BY_ACCENTS),
            leave,
            resume,
            confirm_stop: read_confirmation(node, "confirm_stop"),
            confirm_start: read_confirmation(node, "confirm_start"),
            templates: read_templates(node),
            opt_in: opt_in.unwrap_or_default(),
        })
    }
}

fn read_languages(node: &Node<'_>) -> Vec<&'static str> {
    let known: Vec<&'static str> = LANGUAGES.iter().map(|(language, ..)| *language).collect();
    let items = node.items(0..=known.len(), "languages");
    items
        .iter()
        .filter_map(|item| item.one_of(&known))
        .collect()
}

/// Words as they are compared, none of which may be one of `start`.
fn read_words(node: &Node<'_>, key: &str, start: &[String]) -> Vec<String> {
    let Some(list) = node.get(key) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for item in list.items(0..=MOST, "words") {
        let Some(word) = item.short_text(LONGEST).map(words) else {
            continue;
        };
        if word.trim().is_empty() {
            item.fault("must have a letter or a digit");
        }
        if start.contains(&word) {
            item.fault("is in start as well");
        }
        all.push(word);
    }
    all
}

/// It answers what the customer has just written, so that the window is open.
fn read_confirmation(node: &Node<'_>, key: &str) -> Option<Message> {
    let node = node.get(key)?;
    placeholder::refuse(&node);
    let message = Message::read(&node)?;
    if message.is_free_form() {
        Some(message)
    } else {
        node.refuse("must not be a template: it answers what the customer has just written")
    }
}

/// Reads `{"order_*": "utility"}`.
fn read_templates(node: &Node<'_>) -> Vec<(String, Category)> {
    let node = node.get("templates");
    let members = node.map(|node| node.members(MOST, "templates"));
    let category = |(name, node): (&str, Node<'_>)| {
        let beginning = name.strip_suffix('*').unwrap_or(name);
        let is_plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
        if name.is_empty() || !beginning.bytes().all(is_plain) {
            node.fault("must be a template's name, or its beginning and *");
        }
        Some((name.to_owned(), Category::read(&node)?))
    };
    let members = members.into_iter().flatten();
    members.filter_map(category).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::checked;

    fn read(value: &Value) -> Consent {
        checked::read("consent", value, Consent::read)
            .unwrap()
            .unwrap()
    }

    fn said(consent: &Consent, text: &str) -> Option<Meaning> {
        consent.said(text).map(|(said, _)| said)
    }

    #[test]
    fn words_of_many_languages_are_known_as_people_write_them() {
        let consent = read(&json!({}));
        for (text, expected) in [
            ("STOP", Some(Meaning::Stop)),
            ("Stop!", Some(Meaning::Stop)),
            ("STOP 🛑", Some(Meaning::Stop)),
            ("🙏🏽 stop 🙏🏽", Some(Meaning::Stop)),
            ("❌ 停止 ✋\u{fe0f}", Some(Meaning::Stop)),
            ("stop 👍 music", None),
            ("👍", None),
            ("Dar de baja", Some(Meaning::Stop)),
            ("arreter", Some(Meaning::Stop)),
            ("İptal", None),
            ("стоп", Some(Meaning::Stop)),
            ("停止", Some(Meaning::Stop)),
            ("start", Some(Meaning::Resume)),
            ("alta", Some(Meaning::Resume)),
            ("Dừng nhận tin!", Some(Meaning::Stop)),
            ("Dừng", Some(Meaning::Stop)),
            ("DỪNG!", Some(Meaning::Stop)),
            ("\u{1f6d1} “Dừng”…", Some(Meaning::Stop)),
            ("Dư\u{300}ng。", Some(Meaning::Stop)),
            ("đừng dừng", None),
            ("du\u{31b}\u{300}ng", Some(Meaning::Stop)),
            ("Đúng", None),
            ("đúng", None),
            ("Dung", None),
            ("dùng", None),
            ("đừng", None),
            ("stop the music", None),
            ("please stop", None),
            ("", None),
        ] {
            assert_eq!(said(&consent, text), expected, "{text}");
        }
        assert_eq!(said(&consent, &"stop ".repeat(100)), None);
    }

    #[test]
    fn no_word_says_both() {
        let consent = read(&json!({}));
        assert!(
            !consent
                .stop
                .iter()
                .any(|word| consent.resume.contains(word))
        );
        for (language, stops, starts) in LANGUAGES {
            for word in stops.iter().chain(*starts) {
                assert!(!words(word).trim().is_empty(), "{language}: {word}");
            }
        }
    }

    #[test]
    fn own_words_come_beside_those_of_the_languages_that_are_chosen() {
        let consent = read(&json!({
            "languages": ["es"], "stop": ["NO_PROMO", "Basta ya", "🛑"], "start": ["Únete", "baja"],
        }));
        for (text, expected) in [
            ("no_promo", Some(Meaning::Stop)),
            ("¡basta ya!", Some(Meaning::Stop)),
            ("🛑", Some(Meaning::Stop)),
            ("darme de baja", Some(Meaning::Stop)),
            ("unete", Some(Meaning::Start)),
            ("baja", Some(Meaning::Start)),
            ("stop", None),
        ] {
            assert_eq!(said(&consent, text), expected, "{text}");
        }
        let none = read(&json!({ "languages": [] }));
        assert_eq!(said(&none, "stop"), None);
    }

    #[test]
    fn a_template_is_of_the_category_that_says_most_and_marketing_where_nothing_does() {
        let consent = read(&json!({ "templates": {
            "order_*": "utility", "order_sale": "marketing", "*": "authentication", "order_sale_*": "authentication",
        } }));
        for (template, category) in [
            ("order_ready", Category::Utility),
            ("order_sale", Category::Marketing),
            ("order_sale_2", Category::Authentication),
            ("code", Category::Authentication),
        ] {
            assert_eq!(consent.category(template), category, "{template}");
        }
        assert_eq!(read(&json!({})).category("anything"), Category::Marketing);
    }

    #[test]
    fn every_fault_is_told() {
        let both = json!({ "stop": ["quita", "Basta ya"], "start": ["¡Basta ya!", "stop"] });
        let faults = checked::read("consent", &both, Consent::read).unwrap_err();
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(faults, ["consent.stop[1]: is in start as well"]);
        let template = json!({ "type": "template", "template": { "name": "n", "language": { "code": "de" } } });
        let wrong = json!({
            "languages": ["es", "tlh"], "stop": ["?!", 7], "opt_in": "sometimes", "confirm": 1,
            "templates": { "a": "promo", "*_otp": "utility", "order_**": "utility", "Order": "utility", "": "utility" },
            "confirm_stop": template,
            "confirm_start": { "type": "text", "text": { "body": "Welcome, {{customer.name}}" } },
        });
        let faults = checked::read("consent", &wrong, Consent::read).unwrap_err();
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(faults.len(), 12, "{faults:?}");
        for expected in [
            "consent.stop[0]: must have a letter or a digit",
            "consent.opt_in: must be none or marketing or all",
            "consent.templates.a: must be marketing or utility or authentication",
            "consent.templates.*_otp: must be a template's name, or its beginning and *",
            "consent.templates.order_**: must be a template's name, or its beginning and *",
            "consent.templates.Order: must be a template's name, or its beginning and *",
            "consent.templates.?: must be a template's name, or its beginning and *",
            "consent.confirm_start: nothing is filled in here: {{…}} is for replies of rules",
            "consent.confirm_stop: must not be a template: it answers what the customer has just written",
        ] {
            assert!(faults.iter().any(|fault| fault == expected), "{faults:?}");
        }
    }
}
