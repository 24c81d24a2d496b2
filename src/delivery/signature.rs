//! How a destination knows that a request is from us: Standard Webhooks, or as Meta signs.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::Mac as _;

use crate::config::SigningSecret;

/// The headers of a signed request. `id` is the event's, so that a destination recognises one that comes again;
/// `timestamp` is that of the try, in unix seconds. With two secrets there are two signatures: either verifies.
///
/// Source: "Webhook headers" in the specification of Standard Webhooks.
pub fn headers(
    id: &str,
    timestamp: i64,
    body: &str,
    secrets: &[SigningSecret],
) -> [(&'static str, String); 3] {
    let signatures: Vec<_> = secrets
        .iter()
        .map(|secret| sign(id, timestamp, body, secret))
        .collect();
    [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", signatures.join(" ")),
    ]
}

fn sign(id: &str, timestamp: i64, body: &str, secret: &SigningSecret) -> String {
    let mut hmac = secret.hmac();
    for part in [id, ".", &timestamp.to_string(), ".", body] {
        hmac.update(part.as_bytes());
    }
    format!("v1,{}", STANDARD.encode(hmac.finalize().into_bytes()))
}

/// The value of `X-Hub-Signature-256`, by which Meta signs, for software that was written for Meta's webhooks. There can
/// be but one, so a secret that is rotated is changed on both sides at once.
///
/// Source: "Validating Payloads" in Meta's "Webhooks".
pub fn metas(body: &str, secret: &SigningSecret) -> String {
    let mut hmac = secret.hmac_as_written();
    hmac.update(body.as_bytes());
    format!("sha256={}", hex::encode(hmac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use standardwebhooks::Webhook;

    use super::*;

    const NEW: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const OLD: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    fn secret(text: &str) -> SigningSecret {
        SigningSecret::parse(text).unwrap()
    }

    #[test]
    fn the_published_vector_is_met() {
        let [id, timestamp, signature] = headers(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
            &[secret(NEW)],
        );
        assert_eq!(
            id,
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned())
        );
        assert_eq!(timestamp, ("webhook-timestamp", "1614265330".to_owned()));
        assert_eq!(
            signature,
            (
                "webhook-signature",
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".to_owned()
            )
        );
    }

    /// Whether the library that the project behind the specification publishes takes our headers.
    fn verifies(key: &str, body: &str, headers: &[(&'static str, String)]) -> bool {
        let mut map = http::HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Webhook::new(key)
            .unwrap()
            .verify(body.as_bytes(), &map)
            .is_ok()
    }

    /// The library looks at the clock itself.
    #[allow(clippy::disallowed_methods)]
    fn now() -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        i64::try_from(since.unwrap().as_secs()).unwrap()
    }

    proptest! {
        #[test]
        fn an_independent_library_verifies_what_we_sign(id in "[0-9a-f-]{1,64}", body: String) {
            let signed = headers(&id, now(), &body, &[secret(NEW)]);
            prop_assert!(verifies(NEW, &body, &signed));
            prop_assert!(!verifies(OLD, &body, &signed));
            let longer = format!("{body} ");
            prop_assert!(!verifies(NEW, &longer, &signed));
        }
    }

    #[test]
    fn while_a_secret_is_rotated_both_verify() {
        let signed = headers("e1", now(), "{}", &[secret(NEW), secret(OLD)]);
        assert!(verifies(NEW, "{}", &signed) && verifies(OLD, "{}", &signed));
    }
}
