//! Who writes to whom: business numbers and customers.

use serde_json::{Map, Value, json};

use crate::local;

/// A business number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// The WhatsApp Business Account that it belongs to: `entry[].id`.
    pub account: String,
    /// Its id.
    pub phone_number_id: String,
    /// As people read it.
    pub display_phone_number: String,
}

impl Number {
    /// The number with this id, of the local account.
    pub fn new(phone_number_id: impl Into<String>) -> Self {
        Self {
            phone_number_id: phone_number_id.into(),
            ..Self::local()
        }
    }

    /// The number of a local run.
    pub fn local() -> Self {
        Self {
            account: local::ACCOUNT.into(),
            phone_number_id: local::PHONE_NUMBER_ID.into(),
            display_phone_number: local::DISPLAY_PHONE_NUMBER.into(),
        }
    }

    /// One of many: another number for each `index`, all of the local account.
    pub fn nth(index: usize) -> Self {
        Self {
            phone_number_id: format!("{}", 206_540_352_000_000 + index),
            display_phone_number: format!("{}", 15_550_000_000_usize + index),
            ..Self::local()
        }
    }

    /// The same number in another account.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = account.into();
        self
    }
}

/// A person who writes to a business: by phone number, by business-scoped user id, or by both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Customer {
    /// Digits, country code first: `contacts[].wa_id` and `messages[].from`.
    pub phone: Option<String>,
    /// `US.…`: `contacts[].user_id` and `messages[].from_user_id`.
    pub user_id: Option<String>,
    /// `US.ENT.…`: the same for linked portfolios.
    pub parent_user_id: Option<String>,
    /// `profile.name`.
    pub name: Option<String>,
    /// `profile.username`.
    pub username: Option<String>,
}

impl Customer {
    /// Someone with this phone number (digits, country code first).
    pub fn new(phone: impl Into<String>) -> Self {
        Self {
            phone: Some(phone.into()),
            ..Self::default()
        }
    }

    /// Someone whose phone number Meta does not tell.
    pub fn without_phone(user_id: impl Into<String>) -> Self {
        Self {
            user_id: Some(user_id.into()),
            ..Self::default()
        }
    }

    /// The customer of a local run: Ana, with phone number and user id.
    pub fn local() -> Self {
        Self::new(local::CUSTOMER_PHONE)
            .user_id(local::CUSTOMER_USER_ID)
            .named(local::CUSTOMER_NAME)
    }

    /// One of many: another person for each `index`, with phone number, user id and name.
    pub fn nth(index: usize) -> Self {
        Self::new(format!("{}", 16_500_000_000_usize + index))
            .user_id(format!(
                "US.{}",
                23_491_208_655_302_000_000_u128 + index as u128
            ))
            .named(format!("Customer {index}"))
    }

    /// With this business-scoped user id.
    #[must_use]
    pub fn user_id(mut self, user_id: impl Into<String>) -> Self {
        self.user_id = Some(user_id.into());
        self
    }

    /// With this user id of a linked portfolio.
    #[must_use]
    pub fn parent_user_id(mut self, parent_user_id: impl Into<String>) -> Self {
        self.parent_user_id = Some(parent_user_id.into());
        self
    }

    /// With this name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// With this username.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// The entry of `contacts[]`.
    pub(crate) fn contact(&self) -> Value {
        let profile = members([("name", &self.name), ("username", &self.username)]);
        let mut contact = members([
            ("wa_id", &self.phone),
            ("user_id", &self.user_id),
            ("parent_user_id", &self.parent_user_id),
        ]);
        if !profile.is_empty() {
            contact.insert("profile".into(), Value::Object(profile));
        }
        Value::Object(contact)
    }

    /// The members of a message that say who sent it.
    pub(crate) fn sender(&self) -> Map<String, Value> {
        members([
            ("from", &self.phone),
            ("from_user_id", &self.user_id),
            ("from_parent_user_id", &self.parent_user_id),
        ])
    }

    /// The members of a status that say to whom the message went.
    pub(crate) fn recipient(&self) -> Map<String, Value> {
        members([
            ("recipient_id", &self.phone),
            ("recipient_user_id", &self.user_id),
            ("recipient_parent_user_id", &self.parent_user_id),
        ])
    }
}

fn members<const N: usize>(pairs: [(&str, &Option<String>); N]) -> Map<String, Value> {
    let given = pairs
        .into_iter()
        .filter_map(|(name, value)| Some((name.into(), json!(value.as_ref()?))));
    given.collect()
}
