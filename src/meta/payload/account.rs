//! The fields that are about the business: its account, its numbers, its partners, its payments, its Flows.
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference>

use crate::meta::shape::Shape::{Any, Hidden, List, Number, Object, Phone, Text};
use crate::meta::shape::{Member, Shape, member};

/// `account_alerts`. Older webhooks have what is in `alert_info` beside it.
pub static ALERTS: Shape = Object(&[
    member(&["entity_type"], Text),
    member(&["entity_id"], Text),
    member(&["alert_info"], ALERT),
    member(&["alert_severity"], Text),
    member(&["alert_status"], Text),
    member(&["alert_type"], Text),
    member(&["alert_description"], Text),
]);

/// Whom an alert is about.
pub const ALERT_ENTITY: Shape =
    Object(&[member(&["entity_type"], Text), member(&["entity_id"], Text)]);

/// What an alert says.
pub const ALERT: Shape = Object(&[
    member(&["alert_severity"], Text),
    member(&["alert_status"], Text),
    member(&["alert_type"], Text),
    member(&["alert_description"], Text),
]);

/// `account_review_update`.
pub static REVIEW: Shape = Object(&[member(&["decision"], Text)]);

/// `account_update`.
pub static UPDATE: Shape = Object(&[
    member(&["event"], Text),
    member(&["country"], Text),
    member(&["phone_number"], Phone),
    member(
        &["restriction_info"],
        List(&Object(&[
            member(&["restriction_type"], Text),
            member(&["expiration"], Number),
            member(&["remediation"], Text),
        ])),
    ),
    member(
        &["violation_info"],
        Object(&[
            member(&["violation_type"], Text),
            member(&["remediation"], Text),
        ]),
    ),
    member(
        &["ban_info"],
        Object(&[
            member(&["waba_ban_state"], Text),
            member(&["waba_ban_date"], Text),
        ]),
    ),
    member(
        &["waba_info"],
        Object(&[
            member(&["waba_id"], Text),
            member(&["owner_business_id"], Text),
            member(&["partner_app_id"], Text),
            member(&["solution_id"], Text),
            member(&["solution_partner_business_ids"], List(&Text)),
            member(&["ad_account_linked", "ad_account_id"], Text),
        ]),
    ),
    member(
        &["disconnection_info"],
        Object(&[member(&["reason"], Text), member(&["initiated_by"], Text)]),
    ),
    member(
        &["auth_international_rate_eligibility"],
        Object(&[
            member(&["start_time"], Number),
            member(
                &["exception_countries"],
                List(&Object(&[
                    member(&["country_code"], Text),
                    member(&["start_time"], Number),
                ])),
            ),
        ]),
    ),
    member(
        &["volume_tier_info"],
        Object(&[
            member(&["tier_update_time"], Number),
            member(&["pricing_category"], Text),
            member(&["tier"], Text),
            member(&["effective_month"], Text),
            member(&["region"], Text),
        ]),
    ),
    member(
        &["partner_client_certification_info"],
        Object(&[
            member(&["client_business_id"], Text),
            member(&["status"], Text),
            member(&["rejection_reasons"], List(&Text)),
        ]),
    ),
    member(
        &["partner_client_certification_needed_info"],
        Object(&[member(&["client_business_id"], Text)]),
    ),
]);

/// `account_settings_update`.
pub static SETTINGS: Shape = Object(&[
    member(&["messaging_product"], Hidden),
    member(&["timestamp"], Hidden),
    member(&["type"], Text),
    member(&["phone_number_settings"], Object(NUMBER_SETTINGS)),
]);

/// The settings of a number.
pub const NUMBER_SETTINGS: &[Member] = &[
    member(&["phone_number_id"], Text),
    member(
        &["calling", "callings"],
        Object(&[
            member(&["status"], Text),
            member(&["call_icon_visibility"], Text),
            member(&["callback_permission_status"], Text),
            member(&["call_hours"], Any),
            member(&["sip"], Any),
        ]),
    ),
];

/// `business_capability_update`. Meta took some of these away in February 2026.
pub static CAPABILITY: Shape = Object(&[
    // A number, or `TIER_10K`.
    member(&["max_daily_conversations_per_business"], Any),
    member(&["max_daily_conversation_per_phone"], Number),
    member(&["max_phone_numbers_per_business"], Number),
    member(&["max_phone_numbers_per_waba"], Number),
]);

/// `phone_number_name_update`.
pub static NUMBER_NAME: Shape = Object(&[
    DISPLAY_PHONE_NUMBER,
    member(&["decision"], Text),
    member(&["requested_verified_name"], Text),
    member(&["rejection_reason"], Text),
]);

/// `phone_number_quality_update`. Meta took the limits away in February 2026.
pub static NUMBER_QUALITY: Shape = Object(&[
    DISPLAY_PHONE_NUMBER,
    member(&["event"], Text),
    // A number, or `TIER_10K`.
    member(&["max_daily_conversations_per_business"], Any),
    member(&["old_limit"], Text),
    member(&["current_limit"], Text),
]);

/// `security`.
pub static SECURITY: Shape = Object(&[
    DISPLAY_PHONE_NUMBER,
    member(&["event"], Text),
    member(&["requester"], Text),
]);

/// `business_username_updates`.
pub static BUSINESS_USERNAME: Shape = Object(&[
    DISPLAY_PHONE_NUMBER,
    member(&["username"], Shape::Username),
    member(&["status"], Text),
]);

const DISPLAY_PHONE_NUMBER: Member = member(&["display_phone_number"], Phone);

/// `partner_solutions`.
pub static PARTNER_SOLUTION: Shape = Object(&[
    member(&["event"], Text),
    member(&["solution_id"], Text),
    member(&["solution_status"], Text),
]);

/// `payment_configuration_update`.
pub static PAYMENT_CONFIGURATION: Shape = Object(&[
    member(&["configuration_name"], Text),
    member(&["provider_name"], Text),
    member(&["provider_mid"], Text),
    member(&["status"], Text),
    member(&["created_timestamp"], Number),
    member(&["updated_timestamp"], Number),
]);

/// `flows`.
pub static FLOW: Shape = Object(&[
    member(&["flow_id"], Text).written("id"),
    member(&["event"], Text),
    member(&["message"], Text),
    member(&["warning"], Text),
    member(&["old_status"], Text),
    member(&["new_status"], Text),
    member(&["alert_state"], Text),
    member(&["threshold"], Number),
    member(&["error_rate"], Number),
    member(&["availability"], Number),
    member(&["p50_latency"], Number),
    member(&["p90_latency"], Number),
    member(&["requests_count"], Number),
    member(
        &["errors"],
        List(&Object(&[
            member(&["error_type"], Text),
            member(&["error_rate"], Number),
            member(&["error_count"], Number),
        ])),
    ),
]);
