//! The errors of the Cloud API: code, HTTP status and wording, as its page of error codes has them.

use serde_json::{Value, json};

/// One error of the Graph API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GraphError {
    /// `error.code`.
    pub code: u32,
    /// The HTTP status it comes with.
    pub status: u16,
    /// `error.is_transient`.
    pub transient: bool,
    /// What `error.message` says after the code.
    pub title: &'static str,
}

impl GraphError {
    /// The body that goes with it.
    pub fn body(&self, details: &str) -> Value {
        json!({ "error": {
            "message": format!("(#{}) {}", self.code, self.title),
            "type": "OAuthException",
            "code": self.code,
            "is_transient": self.transient,
            "error_data": { "messaging_product": "whatsapp", "details": details },
            "fbtrace_id": "Az8or2yhqkZfEZ-_4Qn_Bam",
        } })
    }
}

/// The error with this code; one that is not in the table comes with 400 and says nothing.
pub fn of(code: u32) -> GraphError {
    let known = TABLE.iter().find(|error| error.0 == code);
    let (_, status, transient, title) = known.copied().unwrap_or((code, 400, false, "Error"));
    GraphError {
        code,
        status,
        transient,
        title,
    }
}

/// Every error that is known.
pub fn all() -> impl Iterator<Item = GraphError> {
    TABLE.iter().map(|(code, ..)| of(*code))
}

/// Code, HTTP status, transient, title.
const TABLE: &[(u32, u16, bool, &str)] = &[
    (0, 401, false, "AuthException"),
    (1, 400, true, "API Unknown"),
    (2, 503, true, "API Service"),
    (3, 500, false, "API Method"),
    (4, 400, true, "API Too Many Calls"),
    (10, 403, false, "Permission Denied"),
    (33, 400, false, "Parameter value is not valid"),
    (100, 400, false, "Invalid parameter"),
    (190, 401, false, "Access token has expired"),
    (200, 403, false, "API Permission"),
    (
        368,
        403,
        false,
        "Temporarily blocked for policies violations",
    ),
    (
        613,
        400,
        true,
        "Calls to this api have exceeded the rate limit",
    ),
    (80_007, 400, true, "Rate limit issues"),
    (130_403, 403, false, "User is blocked"),
    (130_429, 400, true, "Rate limit hit"),
    (
        130_472,
        400,
        false,
        "User's number is part of an experiment",
    ),
    (
        130_497,
        403,
        false,
        "Business account is restricted from messaging users in this country",
    ),
    (131_000, 500, true, "Something went wrong"),
    (131_005, 403, false, "Access denied"),
    (131_008, 400, false, "Required parameter is missing"),
    (131_009, 400, false, "Parameter value is not valid"),
    (131_016, 500, true, "Service unavailable"),
    (131_020, 400, false, "Group has a single member"),
    (131_021, 400, false, "Recipient cannot be sender"),
    (131_026, 400, false, "Message undeliverable"),
    (
        131_030,
        400,
        false,
        "Recipient phone number not in allowed list",
    ),
    (131_031, 403, false, "Account has been locked"),
    (
        131_037,
        400,
        false,
        "Display name of the number is not approved",
    ),
    (131_041, 400, false, "Unknown group"),
    (131_042, 400, false, "Business eligibility payment issue"),
    (131_044, 400, false, "Business eligibility payment issue"),
    (131_045, 500, false, "Incorrect certificate"),
    (131_047, 400, false, "Re-engagement message"),
    (131_048, 400, false, "Spam rate limit hit"),
    (131_049, 400, false, "Meta chose not to deliver"),
    (
        131_050,
        400,
        false,
        "User has stopped receiving marketing messages from you",
    ),
    (131_051, 400, false, "Unsupported message type"),
    (131_052, 400, false, "Media download error"),
    (131_053, 400, false, "Media upload error"),
    (131_055, 400, false, "Method not allowed"),
    (
        131_056,
        400,
        true,
        "(Business Account, Consumer Account) pair rate limit hit",
    ),
    (131_057, 500, true, "Account in maintenance mode"),
    (131_062, 400, false, "Recipient by user id is not supported"),
    (131_063, 400, false, "Marketing templates are disabled"),
    (
        131_064,
        400,
        false,
        "Messaging limit by template classification",
    ),
    (131_208, 400, true, "Group rate limit hit"),
    (132_000, 400, false, "Template Param Count Mismatch"),
    (132_001, 404, false, "Template does not exist"),
    (132_005, 400, false, "Template Hydrated Text Too Long"),
    (
        132_007,
        400,
        false,
        "Template Format Character Policy Violated",
    ),
    (132_008, 400, false, "Template Parameter Format Mismatch"),
    (132_012, 400, false, "Template Parameter Format Mismatch"),
    (132_015, 400, false, "Template is Paused"),
    (132_016, 400, false, "Template is Disabled"),
    (132_018, 400, false, "Template Parameter Validation"),
    (132_068, 400, false, "Flow is blocked"),
    (132_069, 400, false, "Flow is throttled"),
    (133_000, 500, false, "Incomplete deregistration"),
    (133_004, 503, true, "Server temporarily unavailable"),
    (133_005, 400, false, "Two step verification PIN mismatch"),
    (133_006, 400, false, "Phone number re-verification needed"),
    (
        133_008,
        400,
        false,
        "Too many two step verification PIN guesses",
    ),
    (
        133_009,
        400,
        false,
        "Two step verification PIN guessed too fast",
    ),
    (133_010, 400, false, "Phone number not registered"),
    (
        133_015,
        400,
        false,
        "Please wait a few minutes before attempting to register this phone number",
    ),
    (
        133_016,
        400,
        false,
        "Account register/deregister rate limit exceeded",
    ),
    (134_011, 400, false, "Payments terms not accepted"),
    (134_100, 400, false, "Only marketing messages are supported"),
    (134_101, 400, true, "Template is still syncing"),
    (134_102, 400, false, "Template is not available"),
    (135_000, 400, false, "Generic user error"),
    (137_000, 400, false, "Recipient identity key hash mismatch"),
    (138_000, 400, false, "Calling is not enabled"),
    (139_000, 400, false, "Flow is blocked by integrity"),
    (139_100, 400, false, "Block failed"),
    (147_001, 400, false, "Business username"),
    (2_494_100, 400, true, "Number is in maintenance mode"),
    (2_593_109, 400, false, "History sync declined"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_there_once_and_has_a_status_of_an_error() {
        let mut codes: Vec<_> = all().map(|error| error.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), TABLE.len());
        assert!(all().all(|error| (400..600).contains(&error.status)));
    }

    #[test]
    fn the_body_is_the_one_of_the_graph_api() {
        let body = of(131_047).body("more than 24 hours");
        assert_eq!(body["error"]["message"], "(#131047) Re-engagement message");
        assert_eq!(body["error"]["code"], 131_047);
        assert_eq!(body["error"]["error_data"]["details"], "more than 24 hours");
    }
}
