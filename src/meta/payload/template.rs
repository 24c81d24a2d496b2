//! The fields that are about a message template.
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/template-management>

use crate::meta::shape::Shape::{Hidden, List, Number, Object, Text};
use crate::meta::shape::{Shape, member};

/// The value of each of them; Meta writes the template's id as a number here and as a string elsewhere.
pub static TEMPLATE: Shape = Object(&[
    member(&["message_template_id"], Text).written("id"),
    member(&["message_template_name"], Text).written("name"),
    member(&["message_template_language"], Text).written("language"),
    member(&["message_template_category", "category"], Text).written("category"),
    member(&["event"], Text),
    member(&["reason"], Text),
    member(
        &["rejection_info"],
        Object(&[member(&["reason"], Text), member(&["recommendation"], Text)]),
    ),
    member(
        &["disable_info"],
        Object(&[member(&["disable_date"], Text)]),
    ),
    member(
        &["other_info"],
        Object(&[member(&["title"], Text), member(&["description"], Text)]),
    ),
    member(&["previous_quality_score"], Text),
    member(&["new_quality_score"], Text),
    member(&["previous_category"], Text),
    member(&["new_category"], Text),
    member(&["correct_category"], Text),
    member(&["category_update_timestamp"], Number),
    member(&["message_template_title"], Text).written("title"),
    member(&["message_template_element"], Text).written("element"),
    member(&["message_template_footer"], Text).written("footer"),
    member(
        &["message_template_buttons"],
        List(&Object(&[
            member(&["message_template_button_type"], Text).written("type"),
            member(&["message_template_button_text"], Text).written("text"),
            member(&["message_template_button_url"], Text).written("url"),
            member(&["message_template_button_phone_number"], Text).written("phone_number"),
        ])),
    )
    .written("buttons"),
    member(&["messaging_product"], Hidden),
]);
