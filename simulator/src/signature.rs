//! The signatures Meta puts on a webhook, and what it wants to see where an app is to prove itself.

use hmac::{Hmac, KeyInit, Mac};

/// `X-Hub-Signature-256`: `sha256=` and the HMAC-SHA256 of the body under the app secret, in lower-case hex.
pub fn sha256(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hmac(secret, body))
}

/// `appsecret_proof`: the HMAC-SHA256 of the access token under the app secret, in lower-case hex.
pub fn appsecret_proof(secret: &str, token: &str) -> String {
    hmac(secret, token.as_bytes())
}

fn hmac(secret: &str, message: &[u8]) -> String {
    let mut mac =
        Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).expect("any length is a key");
    mac.update(message);
    hex::encode(mac.finalize().into_bytes())
}

/// `X-Hub-Signature`, the header that went before it: `sha1=` and the HMAC-SHA1.
pub fn sha1(secret: &str, body: &[u8]) -> String {
    let mut mac =
        Hmac::<sha1::Sha1>::new_from_slice(secret.as_bytes()).expect("any length is a key");
    mac.update(body);
    format!("sha1={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "test_app_secret_0123456789abcdef";
    const BODY: &str = r#"{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"106540352242922"},"contacts":[{"profile":{"name":"Jos\u00e9"},"wa_id":"16505551234"}],"messages":[{"from":"16505551234","id":"wamid.TEST","timestamp":"1770000000","type":"text","text":{"body":"\u00a1Hola! \ud83d\ude00"}}]},"field":"messages"}]}]}"#;

    #[test]
    fn a_known_body_has_the_known_signatures() {
        assert_eq!(
            sha256(SECRET, BODY.as_bytes()),
            "sha256=77887c97ea89d4aed672367b49cf776e4302f0aeee791e0bac45546fdb5cc2a7"
        );
        assert_eq!(
            sha1(SECRET, BODY.as_bytes()),
            "sha1=537056a2308fb47258a0b034b15345fb205497a4"
        );
    }
}
