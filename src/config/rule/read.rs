//! Reads rules out of `CONFIG`.

use serde_json::Value;

use super::{HandOver, Referral, Rule, Text, When};
use crate::{
    checked::Node,
    config::{id, number, placeholder},
    meta::{graph::Message, payload::message::TYPES},
    text::{Expression, Phrases},
};

/// How many rules there may be, and how many values a condition may allow.
const MOST: usize = 200;

/// How many messages one rule may send.
const MOST_REPLIES: usize = 10;

/// The longest pattern, in characters.
const LONGEST_PATTERN: usize = 500;

/// The longest that a rule remembers that it fired, and that it hands over for, in seconds: a year.
const YEAR_S: u32 = 366 * 24 * 60 * 60;

impl Rule {
    /// Reads all rules. What they need of the other settings is checked where all settings are read.
    pub(in crate::config) fn read_all(node: &Node<'_>) -> Vec<Self> {
        let mut rules: Vec<Self> = Vec::new();
        let items = node.items(0..=MOST, "rules");
        for (index, item) in items.iter().enumerate() {
            let Some(rule) = Self::read(item, index) else {
                continue;
            };
            if rules.iter().any(|other| other.id == rule.id) {
                item.fault("its id is taken by a rule above");
            }
            rules.push(rule);
        }
        rules
    }

    fn read(node: &Node<'_>, index: usize) -> Option<Self> {
        node.object()?;
        node.only(&[
            "id",
            "numbers",
            "when",
            "reply",
            "tag",
            "hand_over",
            "stop",
            "once_in_s",
        ]);
        let id = node.get("id");
        let once_in_s = node.get("once_in_s").and_then(|node| seconds(&node));
        if once_in_s.is_some() && id.is_none() {
            node.fault("needs an id, by which it is remembered that it fired");
        }
        let replies = node.get("reply").map(|node| read_replies(&node));
        let tags = node.get("tag").map(|node| texts(&node, "tags"));
        let hand_over = read_hand_over(node);
        let actions = ["reply", "tag", "hand_over", "stop"].iter();
        let mut told = actions.filter_map(|key| node.get(key));
        if told.all(|action| *action.value() == Value::Bool(false)) {
            node.fault("does nothing: it needs reply, tag, hand_over or stop");
        }
        Some(Self {
            id: id.map_or_else(|| Some(index.to_string()), |id| id::read(&id))?,
            numbers: node
                .get("numbers")
                .map(|numbers| number::read_ids(&numbers)),
            when: node
                .need("when")
                .map(|when| When::read(&when))
                .unwrap_or_default(),
            replies: replies.unwrap_or_default(),
            tags: tags.unwrap_or_default(),
            hand_over,
            once_in_s,
        })
    }
}

/// The conditions that only a message can meet.
const OF_A_MESSAGE: [&str; 6] = [
    "text",
    "kind",
    "button",
    "list",
    "referral",
    "first_contact",
];

/// The types of message that no rule is asked about: other events tell of them, and of `voice` as `audio`.
const OF_NO_RULE: [&str; 4] = ["voice", "system", "edit", "revoke"];

impl When {
    fn read(node: &Node<'_>) -> Self {
        if node.object().is_none() {
            return Self::default();
        }
        node.only(&[&OF_A_MESSAGE[..], &["office_hours", "window"]].concat());
        let list = |key| {
            let node = node.get(key);
            node.map(|node| texts(&node, "values")).unwrap_or_default()
        };
        let answers = ["text", "button", "list"];
        for node in answers.iter().filter_map(|key| node.get(key)).skip(1) {
            node.fault("no message has it beside text, button or list: write two rules");
        }
        let office_hours = node.get("office_hours");
        let window = node.get("window");
        if window.is_some() {
            for node in OF_A_MESSAGE.iter().filter_map(|key| node.get(key)) {
                node.fault("is a condition on a message, and beside window there is none");
            }
        }
        Self {
            text: node.get("text").and_then(|text| read_text(&text)),
            kinds: node
                .get("kind")
                .map(|kind| read_kinds(&kind))
                .unwrap_or_default(),
            buttons: list("button"),
            lists: list("list"),
            referral: node.get("referral").and_then(|node| read_referral(&node)),
            first_contact: node.get("first_contact").and_then(|node| node.flag()),
            office_hours: office_hours
                .and_then(|node| node.one_of(&["inside", "outside"]))
                .map(|word| word == "inside"),
            window_closing: window.and_then(|node| node.one_of(&["closing"])).is_some(),
        }
    }
}

fn seconds(node: &Node<'_>) -> Option<i64> {
    Some(node.whole(&(1..=YEAR_S), "seconds")?.into())
}

/// One text, or a list of them.
fn texts(node: &Node<'_>, what: &str) -> Vec<String> {
    let text = |node: &Node<'_>| node.short_text(256).map(str::to_owned);
    let items = node.one_or_several(MOST, what);
    items.iter().filter_map(text).collect()
}

/// One type of message, or a list of them.
fn read_kinds(node: &Node<'_>) -> Vec<String> {
    let mut kinds = TYPES.to_vec();
    kinds.retain(|kind| !OF_NO_RULE.contains(kind));
    let items = node.one_or_several(MOST, "kinds");
    let kind = |item: &Node<'_>| item.one_of(&kinds).map(str::to_owned);
    items.iter().filter_map(kind).collect()
}

/// `"hours|open"`, a list of such, or `{"matches": "…"}`.
fn read_text(node: &Node<'_>) -> Option<Text> {
    if node.value().is_object() {
        node.only(&["matches"]);
        let pattern = node.need("matches")?;
        let expression = Expression::parse(pattern.short_text(LONGEST_PATTERN)?);
        let expression = expression.map_err(|error| pattern.fault(error));
        return expression.ok().map(Text::Matches);
    }
    let mut phrases = Phrases::default();
    for item in node.one_or_several(MOST, "phrases") {
        if let Some(text) = item.short_text(LONGEST_PATTERN)
            && !phrases.add(text)
        {
            item.fault("must be words or phrases, with | between them");
        }
    }
    Some(Text::Phrases(phrases))
}

fn read_referral(node: &Node<'_>) -> Option<Referral> {
    match node.value() {
        Value::Bool(true) => Some(Referral::Any),
        Value::Bool(false) => Some(Referral::None),
        Value::String(_) | Value::Array(_) => Some(Referral::Of(texts(node, "source ids"))),
        _ => node.refuse("must be true, false, or the source_id of an advertisement"),
    }
}

fn read_replies(node: &Node<'_>) -> Vec<Message> {
    let items = node.one_or_several(MOST_REPLIES, "messages");
    let read = |item: &Node<'_>| {
        check_placeholders(item.value(), item);
        Message::read(item)
    };
    items.iter().filter_map(read).collect()
}

fn check_placeholders(value: &Value, message: &Node<'_>) {
    match value {
        Value::String(text) => {
            if let Some(reason) = placeholder::fault(text) {
                message.fault(reason);
            }
        }
        Value::Array(items) => {
            for item in items {
                check_placeholders(item, message);
            }
        }
        Value::Object(members) => {
            for (_, member) in members {
                check_placeholders(member, message);
            }
        }
        _ => {}
    }
}

fn read_hand_over(node: &Node<'_>) -> Option<HandOver> {
    let stop = node
        .get("stop")
        .and_then(|node| node.flag())
        .unwrap_or(false);
    let hand_over = node.get("hand_over");
    if stop {
        hand_over.inspect(|node| node.fault("must be left out beside stop"));
        return Some(HandOver::Stop);
    }
    let hand_over = hand_over?;
    if hand_over.value().is_object() {
        hand_over.only(&["for_s"]);
        return hand_over
            .need("for_s")
            .and_then(|node| seconds(&node))
            .map(HandOver::For);
    }
    hand_over.flag()?.then_some(HandOver::Usual)
}
