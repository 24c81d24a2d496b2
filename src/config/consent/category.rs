//! The category of a template.

use crate::{
    checked::Node,
    written::{of_word, word_of},
};

/// The category of a template, by Meta's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// Advertising.
    Marketing,
    /// About something that the customer asked for.
    Utility,
    /// A one-time password.
    Authentication,
}

const CATEGORIES: [(Category, &str); 3] = [
    (Category::Marketing, "marketing"),
    (Category::Utility, "utility"),
    (Category::Authentication, "authentication"),
];

impl Category {
    /// Its word.
    pub fn name(self) -> &'static str {
        word_of(&CATEGORIES, self)
    }

    /// The category of this word.
    pub fn of(name: &str) -> Option<Self> {
        of_word(&CATEGORIES, name)
    }

    pub(crate) fn read(node: &Node<'_>) -> Option<Self> {
        node.one_of(&CATEGORIES.map(|(_, name)| name))
            .and_then(Self::of)
    }
}
