//! Values that must never be printed.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _};
use sha2::Sha256;
use thiserror::Error;

/// A secret as it was set: an app secret, a verify token, a bearer token. `Debug` does not show it.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The secret itself. Compare it in constant time only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The one secret that `text` holds; `None` if it is blank.
    pub fn one(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The secrets that `text` holds, separated by commas: several while one is rotated, or for several apps. A
    /// blank one is dropped: it would match whoever sends nothing.
    pub fn several(text: &str) -> Vec<Self> {
        text.split(',').filter_map(Self::one).collect()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The key by which a destination knows that a request is from us, ready to sign. `Debug` does not show it.
#[derive(Clone)]
pub struct SigningSecret {
    key: Hmac<Sha256>,
    as_written: Hmac<Sha256>,
}

/// Why a text is no signing secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "must be whsec_ and the base64 of 24 to 64 random bytes: echo whsec_$(openssl rand -base64 32)"
)]
pub struct NotASigningSecret;

impl SigningSecret {
    /// Reads `whsec_` and the base64 of 24 to 64 bytes, as Standard Webhooks writes symmetric secrets
    /// ("Webhook secret" in its specification).
    pub fn parse(text: &str) -> Result<Self, NotASigningSecret> {
        let text = text.trim();
        let encoded = text.strip_prefix("whsec_").ok_or(NotASigningSecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| NotASigningSecret)?;
        if !(24..=64).contains(&bytes.len()) {
            return Err(NotASigningSecret);
        }
        let hmac = |key| Hmac::new_from_slice(key).map_err(|_| NotASigningSecret);
        Ok(Self {
            key: hmac(&bytes)?,
            as_written: hmac(text.as_bytes())?,
        })
    }

    /// HMAC-SHA256 under this key, with nothing hashed yet.
    pub fn hmac(&self) -> Hmac<Sha256> {
        self.key.clone()
    }

    /// HMAC-SHA256 under the text of the secret, `whsec_` and all, with nothing hashed yet: Meta signs under a text.
    pub fn hmac_as_written(&self) -> Hmac<Sha256> {
        self.as_written.clone()
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_secrets_are_dropped() {
        let secrets = Secret::several(" one,, two ,  ");
        assert_eq!(
            secrets.iter().map(Secret::expose).collect::<Vec<_>>(),
            ["one", "two"]
        );
        assert!(Secret::several(" , ").is_empty());
    }

    #[test]
    fn debug_does_not_show_secrets() {
        let signing = SigningSecret::parse("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let shown = format!("{:?} {signing:?}", Secret::several("hunter2"));
        assert_eq!(shown, "[Secret(…)] SigningSecret(…)");
    }

    #[test]
    fn a_signing_secret_is_24_to_64_bytes() {
        let parse = |bytes: usize| {
            SigningSecret::parse(&format!("whsec_{}", STANDARD.encode(vec![7; bytes]))).is_ok()
        };
        assert_eq!([23, 24, 64, 65].map(parse), [false, true, true, false]);
        for text in [
            "",
            "whsec_",
            "C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "whsec_C2FVsBQIhrscChlQIMV_b5sSYspob7oD",
        ] {
            assert!(SigningSecret::parse(text).is_err(), "{text}");
        }
    }
}
