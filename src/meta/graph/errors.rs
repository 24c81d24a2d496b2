//! The Graph API's error codes: what each means, what becomes of a send, and what a person should do.
//!
//! Source: "Error codes" of the WhatsApp Cloud API.

use crate::written::{Object, of_word, word_of};

/// One error code, or a row of them that mean the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode {
    first: u32,
    last: u32,
    /// What has happened.
    pub meaning: &'static str,
    /// What it is about.
    pub class: Class,
    /// What becomes of a send that gets it.
    pub outcome: Outcome,
    /// What a person should do about it.
    pub advice: &'static str,
}

/// What an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The access token is missing, wrong or has expired.
    Token,
    /// The token may not do this.
    Permission,
    /// The account is locked, restricted or broke a policy.
    Account,
    /// There is no valid way to pay.
    Payment,
    /// The business number is not registered or not verified.
    Number,
    /// The business number is not in service for some minutes.
    Maintenance,
    /// Too much at once.
    Rate,
    /// Too much at once to this one person.
    PairRate,
    /// Meta limits this kind of message for now.
    Limit,
    /// The customer cannot be reached, or not in this way.
    Recipient,
    /// The customer service window is closed.
    Window,
    /// The customer does not want this.
    OptOut,
    /// A person has the conversation in hand. Never said by Meta.
    Handover,
    /// It has waited for too long. Never said by Meta.
    Late,
    /// The destination that asked for it may ask for nothing any more, or too many wait. Never said by Meta.
    Withheld,
    /// The template is missing, paused, disabled, or its parameters do not fit.
    Template,
    /// The message is not well formed.
    Content,
    /// A file could not be fetched or has the wrong type or size.
    Media,
    /// A flow is blocked or slowed down.
    Flow,
    /// About groups.
    Group,
    /// About calls.
    Call,
    /// Something failed at Meta.
    Server,
    /// Not about sending, or not documented.
    Other,
}

/// The word for each class, in JSON and in logs.
const CLASSES: &[(Class, &str)] = &[
    (Class::Token, "token"),
    (Class::Permission, "permission"),
    (Class::Account, "account"),
    (Class::Payment, "payment"),
    (Class::Number, "number"),
    (Class::Maintenance, "maintenance"),
    (Class::Rate, "rate"),
    (Class::PairRate, "pair_rate"),
    (Class::Limit, "limit"),
    (Class::Recipient, "recipient"),
    (Class::Window, "window"),
    (Class::OptOut, "opt_out"),
    (Class::Handover, "handover"),
    (Class::Late, "late"),
    (Class::Withheld, "withheld"),
    (Class::Template, "template"),
    (Class::Content, "content"),
    (Class::Media, "media"),
    (Class::Flow, "flow"),
    (Class::Group, "group"),
    (Class::Call, "call"),
    (Class::Server, "server"),
    (Class::Other, "other"),
];

impl Class {
    /// Its word.
    pub fn name(self) -> &'static str {
        word_of(CLASSES, self)
    }

    /// The class of this word.
    pub fn of(name: &str) -> Option<Self> {
        of_word(CLASSES, name)
    }

    /// Whether it is about the number, so that of its messages nothing has gone out, whatever the HTTP status is. Meta
    /// documents 3, 131045, 131057 and 133000 with 500.
    pub fn is_of_the_number(self) -> bool {
        self.blocks_number() || self == Self::Maintenance
    }

    /// Whether nothing more can be sent by this number until a person has put it right.
    pub fn blocks_number(self) -> bool {
        matches!(
            self,
            Self::Token | Self::Permission | Self::Account | Self::Payment | Self::Number
        )
    }
}

/// What becomes of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Meta turned it away before it took it: nothing went out, and it may be sent again later.
    Again,
    /// It was refused for good.
    Refused,
    /// It may have gone out. Never sent again by itself.
    Unknown,
}

/// The entry of a code; `None` if it is not documented.
pub fn find(code: u32) -> Option<&'static ErrorCode> {
    TABLE
        .iter()
        .find(|entry| (entry.first..=entry.last).contains(&code))
}

/// What the API and events say about an error, as JSON: what it is, and what to do about it. Without a code it is one of our
/// own.
pub fn view(code: Option<u32>, class: Class) -> String {
    let mut error = Object::default();
    match code {
        Some(code) => error.number("code", code.into()),
        None => error.json("code", "null"),
    };
    match code.and_then(find) {
        Some(entry) => error
            .text("class", entry.class.name())
            .text("meaning", entry.meaning)
            .text("advice", entry.advice),
        None => error.text("class", class.name()),
    };
    error.finish()
}

const fn codes(
    first: u32,
    last: u32,
    class: Class,
    outcome: Outcome,
    meaning: &'static str,
    advice: &'static str,
) -> ErrorCode {
    ErrorCode {
        first,
        last,
        meaning,
        class,
        outcome,
        advice,
    }
}

const fn code(
    code: u32,
    class: Class,
    outcome: Outcome,
    meaning: &'static str,
    advice: &'static str,
) -> ErrorCode {
    codes(code, code, class, outcome, meaning, advice)
}

#[rustfmt::skip]
#[allow(clippy::enum_glob_use)]
static TABLE: &[ErrorCode] = {
    use {Class::*, Outcome::*};
    &[
        code(0, Token, Refused, "there is no access token, or it cannot be authenticated", "Set GRAPH_ACCESS_TOKEN: it is missing, or of no use any more."),
        code(1, Server, Unknown, "unknown error of the API", "Look at Meta's status page."),
        code(2, Server, Unknown, "the API is down for a moment", "Look at Meta's status page."),
        code(3, Permission, Refused, "the app lacks a capability", "Give the app the permission whatsapp_business_messaging."),
        code(4, Rate, Again, "the app has reached its rate limit", "Ask for it again, and spread the load."),
        code(10, Permission, Refused, "a permission is missing or was taken away", "Give the token's user access to the account."),
        code(33, Number, Refused, "the phone number id does not exist, or the token has no access to it", "Check the phone number id and the token."),
        code(100, Content, Refused, "a parameter is not valid", "Check the message against Meta's reference."),
        code(190, Token, Refused, "the access token has expired or is not valid", "Set a new GRAPH_ACCESS_TOKEN, best of a system user."),
        codes(200, 299, Permission, Refused, "a permission is missing or was taken away", "Give the token's user access to the account."),
        code(368, Account, Refused, "the account is blocked for a time for breaking a policy", "Look at the account in WhatsApp Manager."),
        code(613, Rate, Again, "a rate limit of this call was reached", "Ask for it again."),
        code(80007, Rate, Again, "the account has reached its rate limit", "Ask for it again, and spread the load."),
        code(130_403, Recipient, Refused, "the business and the customer have blocked one another", "Do not write to this customer."),
        code(130_429, Rate, Again, "the number's throughput was reached", "Ask for it again, and Meta for more throughput."),
        code(130_472, Limit, Refused, "the customer is in an experiment and gets no marketing", "Do not send it again."),
        code(130_497, Recipient, Refused, "the account may not write to this country", "Look at the account's restrictions in WhatsApp Manager."),
        code(131_000, Server, Unknown, "something went wrong at Meta", "See whether the message arrived before it is sent again."),
        code(131_005, Permission, Refused, "access was denied", "Give the token's user access to the account."),
        code(131_008, Content, Refused, "a required parameter is missing", "Check the message against Meta's reference."),
        code(131_009, Content, Refused, "the value of a parameter is not valid", "Check the message against Meta's reference."),
        code(131_016, Server, Unknown, "a service of Meta is overloaded or down", "See whether the message arrived before it is sent again."),
        code(131_020, Group, Refused, "the group cannot take this message", "Look at the group."),
        code(131_021, Recipient, Refused, "the recipient is the sender", "Write to another number."),
        code(131_026, Recipient, Refused, "the message cannot be delivered: not on WhatsApp, an old app, or terms not accepted", "Reach the customer in another way."),
        code(131_030, Recipient, Refused, "the recipient is not on the test number's list", "Add the number to the list in the app's dashboard."),
        code(131_031, Account, Refused, "the account is locked", "Look at the account in WhatsApp Manager."),
        code(131_037, Number, Refused, "the number's display name is not approved", "Have the display name approved."),
        code(131_041, Group, Refused, "the group is not known", "Look at the group."),
        code(131_042, Payment, Refused, "there is a problem with the payment method", "Put the payment method right in WhatsApp Manager."),
        code(131_044, Call, Refused, "there is a problem with the payment method for calls", "Put the payment method right in WhatsApp Manager."),
        code(131_045, Number, Refused, "the number is not registered", "Register the number."),
        code(131_047, Window, Refused, "the customer service window is closed", "Send a template."),
        code(131_048, Account, Refused, "too many customers blocked or reported the number", "Look at the number's quality in WhatsApp Manager."),
        code(131_049, Limit, Refused, "Meta limits how much marketing this customer gets", "Wait for 24 hours or more."),
        code(131_050, OptOut, Refused, "the customer does not want marketing from this business", "Send no marketing until the customer takes it back."),
        code(131_051, Content, Refused, "the type of message is not supported", "Send another type."),
        code(131_052, Media, Refused, "a file that a customer sent could not be fetched", "Ask the customer to send it again."),
        code(131_053, Media, Refused, "a file could not be fetched or has the wrong type or size", "Check the link, the type and the size of the file."),
        code(131_055, Content, Refused, "this goes by the Marketing Messages API alone", "Send it by that API."),
        code(131_056, PairRate, Again, "too many messages to this one customer", "Ask for it again, more slowly."),
        code(131_057, Maintenance, Again, "the account is in maintenance for a minute", "Ask for it again in a few minutes."),
        code(131_059, Group, Refused, "the cursor is not valid", "Begin the list again."),
        code(131_062, Recipient, Refused, "this needs a phone number, a user id is not enough", "Ask the customer for the phone number."),
        code(131_063, Limit, Refused, "marketing templates are switched off for this API", "Send it by the Marketing Messages API."),
        code(131_064, Limit, Refused, "limited, as templates were put into the wrong category", "Look at the templates' categories in WhatsApp Manager."),
        codes(131_200, 131_207, Group, Refused, "the group cannot take this", "Look at the group."),
        code(131_208, Group, Again, "too much at once to this group", "Ask for it again, more slowly."),
        codes(131_209, 131_299, Group, Refused, "the group cannot take this", "Look at the group."),
        code(132_000, Template, Refused, "the number of parameters does not fit the template", "Compare the parameters with the template."),
        code(132_001, Template, Refused, "there is no such approved template in this language", "Check the name, the language and the approval."),
        code(132_005, Template, Refused, "the text is too long with its parameters in place", "Shorten the parameters."),
        code(132_007, Template, Refused, "the template breaks a policy", "Change the template."),
        code(132_008, Template, Refused, "a parameter has the wrong format", "Compare the parameters with the template."),
        code(132_012, Template, Refused, "a parameter has the wrong format", "Compare the parameters with the template."),
        code(132_015, Template, Refused, "the template is paused for its quality", "Change the template, or wait until it is no longer paused."),
        code(132_016, Template, Refused, "the template is disabled for its quality", "Make a new template."),
        code(132_018, Template, Refused, "the parameters do not fit the template", "Compare the parameters with the template."),
        code(132_068, Flow, Refused, "the flow is blocked", "Put the flow right."),
        code(132_069, Flow, Refused, "the flow is slowed down", "Send it again in an hour."),
        code(133_000, Number, Refused, "an earlier deregistration was not completed", "Deregister the number again."),
        code(133_004, Maintenance, Again, "the server for registrations is down for a moment", "Ask for it again in a few minutes."),
        code(133_005, Number, Refused, "the two-step PIN is wrong", "Use the right PIN, or set a new one."),
        code(133_006, Number, Refused, "the number must be verified first", "Verify the number."),
        codes(133_008, 133_009, Number, Refused, "too many guesses of the PIN", "Wait as long as the details say."),
        code(133_010, Number, Refused, "the number is not registered", "Register the number."),
        code(133_015, Number, Refused, "the number was deleted a moment ago", "Wait for 5 minutes and register it."),
        code(133_016, Number, Refused, "too many registrations", "Wait for 72 hours."),
        code(134_011, Content, Refused, "the terms of payments are not accepted", "Accept them in WhatsApp Manager."),
        code(134_100, Template, Refused, "this API takes marketing templates alone", "Send it by the Cloud API."),
        code(134_101, Template, Refused, "the template is not ready yet", "Send it again in 10 minutes."),
        code(134_102, Template, Refused, "the template is not available for this API", "Send it by the Cloud API."),
        code(135_000, Content, Refused, "the message could not be sent for something in it", "Check the message against Meta's reference."),
        code(137_000, Recipient, Refused, "the customer's identity has changed", "Check who the customer is, then send without the old hash."),
        codes(138_000, 138_018, Call, Refused, "the call is not possible", "Look at the number's settings for calls."),
        codes(139_000, 139_004, Flow, Refused, "the flow cannot be managed", "Look at the flow in WhatsApp Manager."),
        codes(139_100, 139_103, Recipient, Refused, "the customer cannot be blocked or unblocked", "Try again later."),
        codes(147_001, 147_005, Other, Refused, "the username cannot be set", "Look at the username in WhatsApp Manager."),
        code(2_494_100, Maintenance, Again, "the number is in maintenance for some minutes", "Ask for it again in a few minutes."),
        codes(2_593_107, 2_593_109, Other, Refused, "the history cannot be brought over", "Look at the number in WhatsApp Manager."),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_proves_that_nothing_went_out_is_sent_again_and_what_may_have_is_unknown() {
        let codes = |outcome| -> Vec<u32> {
            let entries = TABLE.iter().filter(|entry| entry.outcome == outcome);
            entries.map(|entry| entry.first).collect()
        };
        let again = [
            4, 613, 80_007, 130_429, 131_056, 131_057, 131_208, 133_004, 2_494_100,
        ];
        assert_eq!(codes(Outcome::Again), again);
        // Their advice is read where Transom sends nothing again: Meta had taken the message before.
        let entries = || TABLE.iter().filter(|it| it.outcome == Outcome::Again);
        assert!(entries().all(|it| it.advice.starts_with("Ask for it again")));
        assert_eq!(codes(Outcome::Unknown), [1, 2, 131_000, 131_016]);
    }

    #[test]
    fn a_class_is_one_word() {
        assert_eq!(
            [Class::PairRate, Class::OptOut].map(Class::name),
            ["pair_rate", "opt_out"]
        );
        for entry in TABLE {
            assert_eq!(Class::of(entry.class.name()), Some(entry.class));
        }
    }

    #[test]
    fn the_table_is_in_order_and_no_code_is_there_twice() {
        assert!(TABLE.iter().all(|entry| entry.first <= entry.last));
        assert!(TABLE.windows(2).all(|pair| pair[0].last < pair[1].first));
    }

    #[test]
    fn classes_are_as_documented() {
        for (code, class, blocks) in [
            (190, Class::Token, true),
            (250, Class::Permission, true),
            (131_031, Class::Account, true),
            (131_042, Class::Payment, true),
            (133_010, Class::Number, true),
            (131_047, Class::Window, false),
            (131_050, Class::OptOut, false),
            (131_057, Class::Maintenance, false),
            (131_208, Class::Group, false),
            (132_001, Class::Template, false),
            (138_018, Class::Call, false),
        ] {
            let entry = find(code).unwrap();
            assert_eq!(
                (entry.class, entry.class.blocks_number()),
                (class, blocks),
                "{code}"
            );
        }
        assert!(
            [5, 300, 131_999, u32::MAX]
                .into_iter()
                .all(|code| find(code).is_none())
        );
    }
}
