//! The category of a template.

use crate::checked::Node;

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

const CATEGORIES: [(&str, Category); 3] = [
    ("marketing", Category::Marketing),
    ("utility", Category::Utility),
    ("authentication", Category::Authentication),
];

impl Category {
    /// Its word.
    pub fn name(self) -> &'static str {
        CATEGORIES
            .iter()
            .find(|(_, category)| *category == self)
            .map_or("", |(name, _)| name)
    }

    /// The category of this word.
    pub fn of(name: &str) -> Option<Self> {
        CATEGORIES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, category)| *category)
    }

    pub(crate) fn read(node: &Node<'_>) -> Option<Self> {
        node.one_of(&CATEGORIES.map(|(name, _)| name))
            .and_then(Self::of)
    }
}
