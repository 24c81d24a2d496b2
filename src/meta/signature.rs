//! The signature by which Meta proves that a webhook is its own (`X-Hub-Signature-256`).
//!
//! The key is the app's secret, the message the body as it was sent. It carries neither time nor nonce, so a body
//! that was signed once verifies for ever; ids, not signatures, tell repetitions.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What the header claims; its form is checked before the body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 32]);

impl Signature {
    /// Reads the value of `X-Hub-Signature-256`: `sha256=` in lower case, and exactly 64 hex digits. Meta writes
    /// them in lower case; upper case means the same bytes and is taken too.
    pub fn parse(header: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(header.strip_prefix("sha256=")?, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

/// The secrets that sign: blank ones are left out, as if they were not set.
pub fn usable<'s>(secrets: impl IntoIterator<Item = &'s str>) -> impl Iterator<Item = &'s str> {
    let secrets = secrets.into_iter().map(str::trim);
    secrets.filter(|secret| !secret.is_empty())
}

/// The secrets of the apps whose webhooks are taken, each as an HMAC that has its key already: keep it, and the key
/// is not set up again for every webhook.
#[derive(Clone)]
pub struct AppSecrets(Vec<Hmac<Sha256>>);

impl AppSecrets {
    /// Those of the secrets that are [usable].
    pub fn new<'s>(secrets: impl IntoIterator<Item = &'s str>) -> Self {
        Self(
            usable(secrets)
                .filter_map(|secret| Hmac::new_from_slice(secret.as_bytes()).ok())
                .collect(),
        )
    }

    /// Whether `body`, byte for byte as it was received, was signed with any of the secrets.
    ///
    /// Three forms of what may have been signed are tried: the body itself; and only if it has non-ASCII characters,
    /// the body with each of them escaped (`\u00e4`, as Meta usually sends it anyway), and that with `/` escaped as
    /// well, as Meta's documentation described it until 2025.
    pub fn have_signed(&self, body: &[u8], signature: &Signature) -> bool {
        let escapable = if body.is_ascii() {
            None
        } else {
            std::str::from_utf8(body).ok()
        };
        self.0.iter().any(|key| {
            let matches = |mac: Hmac<Sha256>| mac.verify_slice(&signature.0).is_ok();
            matches(key.clone().chain_update(body))
                || escapable.is_some_and(|text| {
                    matches(escaped(key.clone(), text, false))
                        || matches(escaped(key.clone(), text, true))
                })
        })
    }
}

impl fmt::Debug for AppSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AppSecrets({} redacted)", self.0.len())
    }
}

/// Signs `text` as if its non-ASCII characters (and `/`, where `slashes`) were escaped, without building that text.
fn escaped(mut mac: Hmac<Sha256>, text: &str, slashes: bool) -> Hmac<Sha256> {
    let escapes = |c: char| !c.is_ascii() || (slashes && c == '/');
    let mut rest = text;
    while let Some((plain, c)) = rest.find(escapes).and_then(|at| rest.split_at_checked(at)) {
        mac.update(plain.as_bytes());
        let mut after = c.chars();
        match after.next() {
            Some('/') => mac.update(br"\/"),
            Some(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let [high, low] = unit.to_be_bytes();
                    let mut digits = *br"\u0000";
                    if let Some(hex) = digits.get_mut(2..) {
                        // Cannot fail: two bytes are four digits.
                        let _ = hex::encode_to_slice([high, low], hex);
                    }
                    mac.update(&digits);
                }
            }
            None => {}
        }
        rest = after.as_str();
    }
    mac.update(rest.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "test_app_secret_0123456789abcdef";
    const BODY: &str = r#"{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"106540352242922"},"contacts":[{"profile":{"name":"Jos\u00e9"},"wa_id":"16505551234"}],"messages":[{"from":"16505551234","id":"wamid.TEST","timestamp":"1770000000","type":"text","text":{"body":"\u00a1Hola! \ud83d\ude00"}}]},"field":"messages"}]}]}"#;
    const SIGNED: &str = "sha256=77887c97ea89d4aed672367b49cf776e4302f0aeee791e0bac45546fdb5cc2a7";
    const SIGNED_UNESCAPED: &str =
        "sha256=f4521d3e88974876570a0b0afd0b1b1a4650f0e9a459347f8c663aa632d84d8c";

    fn unescaped() -> String {
        BODY.replace(r"\u00e9", "é")
            .replace(r"\u00a1", "¡")
            .replace(r"\ud83d\ude00", "😀")
    }

    fn is_signed(secrets: &[&str], body: &str, header: &str) -> bool {
        let secrets = AppSecrets::new(secrets.iter().copied());
        Signature::parse(header)
            .is_some_and(|signature| secrets.have_signed(body.as_bytes(), &signature))
    }

    fn sign_with(key: &[u8], body: &str) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        let digest = mac.chain_update(body).finalize().into_bytes();
        format!("sha256={}", hex::encode(digest))
    }

    fn sign(body: &str) -> String {
        sign_with(SECRET.as_bytes(), body)
    }

    #[test]
    fn the_bytes_as_they_came_are_what_is_signed() {
        assert_eq!((BODY.len(), unescaped().len()), (437, 421));
        let upper = SIGNED.to_uppercase().replace("SHA256", "sha256");
        assert!(is_signed(&[SECRET], BODY, SIGNED) && is_signed(&[SECRET], BODY, &upper));
        assert!(is_signed(&[SECRET], &unescaped(), SIGNED_UNESCAPED));
    }

    #[test]
    fn a_body_that_was_unescaped_on_its_way_is_verified_in_its_escaped_form() {
        assert!(is_signed(&[SECRET], &unescaped(), SIGNED));
        let escaped = sign(r#"{"a":"\u00e9 \/ \ud83d\ude00","b":"\/"}"#);
        assert!(is_signed(&[SECRET], r#"{"a":"é / 😀","b":"/"}"#, &escaped));
    }

    #[test]
    fn an_ascii_body_has_one_form_only() {
        assert!(!is_signed(&[SECRET], BODY, SIGNED_UNESCAPED));
        assert!(!is_signed(
            &[SECRET],
            r#"{"a":"/"}"#,
            &sign(r#"{"a":"\/"}"#)
        ));
    }

    #[test]
    fn any_of_several_secrets_signs() {
        assert!(is_signed(&["old", SECRET], BODY, SIGNED));
        assert!(is_signed(&[SECRET, "new"], BODY, SIGNED));
        assert!(!is_signed(&["old", "new"], BODY, SIGNED));
    }

    #[test]
    fn one_flipped_bit_is_refused() {
        let secrets = AppSecrets::new([SECRET]);
        let signature = Signature::parse(SIGNED).unwrap();
        for bit in [0, 7, 2_000, 437 * 8 - 1] {
            let mut body = BODY.as_bytes().to_vec();
            body[bit / 8] ^= 1 << (bit % 8);
            assert!(!secrets.have_signed(&body, &signature));
        }
        assert!(!is_signed(
            &[SECRET],
            BODY,
            &SIGNED.replace("77887c", "77887d")
        ));
    }

    #[test]
    fn only_the_one_form_of_header_is_taken() {
        let digits = SIGNED.strip_prefix("sha256=").unwrap();
        for header in [
            "",
            "sha256=",
            "sha1=537056a2308fb47258a0b034b15345fb205497a4",
            digits,
            &format!("{SIGNED}0"),
            &format!(" {SIGNED}"),
            &format!("SHA256={digits}"),
            &SIGNED.replace('7', "g"),
            &SIGNED.replace('7', "é"),
        ] {
            assert_eq!(Signature::parse(header), None, "{header}");
        }
    }

    #[test]
    fn without_a_secret_everything_is_refused() {
        let by_empty_key = sign_with(b"", BODY);
        for secrets in [&[][..], &[""], &[" ", "\n"]] {
            assert!(!is_signed(secrets, BODY, &by_empty_key));
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        assert_eq!(
            format!("{:?}", AppSecrets::new([SECRET, "b"])),
            "AppSecrets(2 redacted)"
        );
    }

    proptest! {
        #[test]
        fn any_text_verifies_against_its_escaped_form(text in "\\PC*") {
            let form = |slashes: bool| text.chars().map(|c| match c {
                '/' if slashes => r"\/".to_owned(),
                c if c.is_ascii() => c.to_string(),
                c => c.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| format!("\\u{unit:04x}").into_bytes()).map(char::from).collect(),
            }).collect::<String>();
            prop_assert!(is_signed(&[SECRET], &text, &sign(&form(false))));
            prop_assert!(text.is_ascii() || is_signed(&[SECRET], &text, &sign(&form(true))));
        }

        #[test]
        fn no_bytes_break_it(body: Vec<u8>, header in "\\PC*") {
            prop_assert_eq!(Signature::parse(&header), None);
            let signature = Signature::parse(SIGNED).unwrap();
            prop_assert!(!AppSecrets::new([SECRET]).have_signed(&body, &signature));
        }
    }
}
