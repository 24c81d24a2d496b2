//! `template`: its name, its language, and what goes into its places.

use super::members::Members;
use super::{id_or_link, location};

pub(super) fn check(template: &Members<'_>) {
    if let Some(name) = template.text("name", 1..=512)
        && !name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    {
        template.fault("name", "may hold only a to z, 0 to 9 and _");
    }
    template.object("language", |language| {
        language.text("code", 2..=15);
        language.maybe_word("policy", &["deterministic"]);
    });
    template.maybe_list("components", component);
}

fn component(component: &Members<'_>) {
    let words = [
        "header",
        "body",
        "button",
        "limited_time_offer",
        "carousel",
        "tap_target_configuration",
    ];
    match component.word("type", &words) {
        Some("carousel") => component.list("cards", 2..=10, |card| {
            card.number("card_index", 0..=9);
            card.list("components", 1..=4, self::component);
        }),
        Some("button") => button(component),
        Some(_) => {
            let (mut named, mut all) = (0, 0);
            component.maybe_list("parameters", |place| {
                all += 1;
                named += usize::from(parameter(place));
            });
            if named != 0 && named != all {
                component.fault("parameters", "are either all named or all by position");
            }
        }
        None => {
            component.any("parameters");
        }
    }
}

fn button(button: &Members<'_>) {
    let words = [
        "quick_reply",
        "url",
        "copy_code",
        "flow",
        "catalog",
        "mpm",
        "voice_call",
        "order_details",
    ];
    let kind = button.word("sub_type", &words);
    let index = button.any("index");
    let number = index.and_then(|index| index.as_u64().or_else(|| index.as_str()?.parse().ok()));
    // Meta's page about calling sends it without.
    let needed = kind != Some("voice_call");
    if (needed || index.is_some()) && number.is_none_or(|number| number > 9) {
        button.fault("index", "must be 0 to 9");
    }
    button.maybe_list("parameters", |place| {
        parameter(place);
    });
}

/// Whether it is named.
fn parameter(place: &Members<'_>) -> bool {
    let named = place.maybe_text("parameter_name", 1..=32).is_some();
    let words = [
        "text",
        "currency",
        "date_time",
        "image",
        "video",
        "document",
        "location",
        "product",
        "payload",
        "coupon_code",
        "action",
        "limited_time_offer",
        "tap_target_configuration",
        "ttl_minutes",
    ];
    match place.word("type", &words) {
        Some("text") => {
            place.text("text", 1..=32_768);
        }
        Some("currency") => place.object("currency", |currency| {
            currency.text("fallback_value", 1..=256);
            currency.text("code", 3..=3);
            currency.number("amount_1000", i64::MIN..=i64::MAX);
        }),
        Some("date_time") => place.object("date_time", |date_time| {
            date_time.text("fallback_value", 1..=256);
        }),
        Some("image") => place.object("image", id_or_link),
        Some("video") => place.object("video", id_or_link),
        Some("document") => place.object("document", |document| {
            id_or_link(document);
            document.maybe_text("filename", 1..=1024);
        }),
        Some("location") => place.object("location", |place| {
            location(place);
            place.text("name", 1..=1000);
            place.text("address", 1..=1000);
        }),
        Some("product") => place.object("product", |product| {
            product.text("product_retailer_id", 1..=256);
            product.text("catalog_id", 1..=256);
        }),
        Some("payload") => {
            place.text("payload", 1..=256);
        }
        Some("coupon_code") => {
            place.text("coupon_code", 1..=20);
        }
        Some("ttl_minutes") => place.number("ttl_minutes", 1..=43_200),
        Some("action") => place.maybe_free_object("action"),
        Some("limited_time_offer") => place.object("limited_time_offer", |offer| {
            offer.number("expiration_time_ms", 0..=i64::MAX);
        }),
        Some("tap_target_configuration") => place.object("tap_target_configuration", |target| {
            target.text("url", 1..=2000);
            target.text("title", 1..=256);
        }),
        _ => {}
    }
    named
}
