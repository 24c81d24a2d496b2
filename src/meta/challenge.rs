//! The handshake by which Meta checks, once, that a callback URL is ours (`GET /webhook`).

use sha2::{Digest, Sha256};
use thiserror::Error;

/// Why a handshake is refused. The answer to the sender is the same for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refused {
    /// No token is set, or none but blank ones.
    #[error("no verify token is set: set META_VERIFY_TOKEN to the token that you enter at Meta")]
    NoToken,
    /// `hub.mode` is missing or not `subscribe`.
    #[error("hub.mode is not `subscribe`: this is not Meta's handshake")]
    Mode,
    /// `hub.verify_token` is missing or none of ours.
    #[error("hub.verify_token does not match: enter the value of META_VERIFY_TOKEN at Meta")]
    Token,
    /// `hub.challenge` is missing or empty.
    #[error("hub.challenge is missing: this is not Meta's handshake")]
    Challenge,
    /// A parameter is there twice, so that it is unclear which one was meant.
    #[error("a hub parameter is given twice: this is not Meta's handshake")]
    Twice,
}

/// The challenge that is to be echoed, untouched, as plain text.
///
/// `query` is the query string without its `?`. Several tokens are accepted, since an override of the callback URL
/// may have one of its own; blank ones never match.
/// <https://developers.facebook.com/docs/graph-api/webhooks/getting-started#verification-requests>
pub fn answer<'t>(
    query: &str,
    tokens: impl IntoIterator<Item = &'t str>,
) -> Result<String, Refused> {
    let mut tokens = tokens
        .into_iter()
        .filter(|token| !token.trim().is_empty())
        .peekable();
    if tokens.peek().is_none() {
        return Err(Refused::NoToken);
    }
    let (mut mode, mut token, mut challenge) = (None, None, None);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let seen = match name.as_ref() {
            "hub.mode" => mode.replace(value),
            "hub.verify_token" => token.replace(value),
            "hub.challenge" => challenge.replace(value),
            _ => None,
        };
        if seen.is_some() {
            return Err(Refused::Twice);
        }
    }
    if mode.as_deref() != Some("subscribe") {
        return Err(Refused::Mode);
    }
    let token = token.ok_or(Refused::Token)?;
    // All are compared, so that the time taken does not tell which one matched.
    if !tokens.fold(false, |found, ours| found | same(ours, &token)) {
        return Err(Refused::Token);
    }
    challenge
        .filter(|challenge| !challenge.is_empty())
        .map(Into::into)
        .ok_or(Refused::Challenge)
}

/// Compares digests, so that neither the length nor the first difference shows in the time taken.
pub fn same(ours: &str, theirs: &str) -> bool {
    let (ours, theirs) = (Sha256::digest(ours), Sha256::digest(theirs));
    ours.iter()
        .zip(theirs.iter())
        .fold(0, |difference, (a, b)| difference | (a ^ b))
        == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENS: [&str; 2] = ["tok-1", "tök & 2"];

    #[test]
    fn the_challenge_is_given_back_untouched() {
        for (sent, challenge) in [
            ("1158201444", "1158201444"),
            ("007", "007"),
            ("a%2Bb%20c+d", "a+b c d"),
        ] {
            let query = format!("hub.mode=subscribe&hub.verify_token=tok-1&hub.challenge={sent}");
            assert_eq!(answer(&query, TOKENS).as_deref(), Ok(challenge));
        }
    }

    #[test]
    fn each_of_several_tokens_is_accepted_in_any_encoding() {
        let query =
            "hub.challenge=1&hub.verify_token=t%C3%B6k+%26%202&hub.mode=subscribe&other=1&other=2";
        assert_eq!(answer(query, TOKENS).as_deref(), Ok("1"));
    }

    #[test]
    fn anything_else_is_refused() {
        let refused = |query: &str| answer(query, TOKENS).unwrap_err();
        assert_eq!(refused(""), Refused::Mode);
        assert_eq!(
            refused("hub_mode=subscribe&hub_verify_token=tok-1&hub_challenge=1"),
            Refused::Mode
        );
        assert_eq!(
            refused("hub.mode=unsubscribe&hub.verify_token=tok-1&hub.challenge=1"),
            Refused::Mode
        );
        assert_eq!(
            refused("hub.mode=subscribe&hub.challenge=1"),
            Refused::Token
        );
        assert_eq!(
            refused("hub.mode=subscribe&hub.verify_token=&hub.challenge=1"),
            Refused::Token
        );
        assert_eq!(
            refused("hub.mode=subscribe&hub.verify_token=tok-&hub.challenge=1"),
            Refused::Token
        );
        assert_eq!(
            refused("hub.mode=subscribe&hub.verify_token=TOK-1&hub.challenge=1"),
            Refused::Token
        );
        assert_eq!(
            refused("hub.mode=subscribe&hub.verify_token=tok-1"),
            Refused::Challenge
        );
        assert_eq!(
            refused("hub.mode=subscribe&hub.verify_token=tok-1&hub.challenge="),
            Refused::Challenge
        );
    }

    #[test]
    fn a_parameter_given_twice_is_refused() {
        let query =
            "hub.mode=subscribe&hub.verify_token=tok-1&hub.challenge=1&hub.verify_token=tok-1";
        assert_eq!(answer(query, TOKENS), Err(Refused::Twice));
    }

    #[test]
    fn without_a_token_everything_is_refused() {
        for tokens in [vec![], vec![""], vec![" ", "\t"]] {
            for token in ["", " ", "%20", "%09"] {
                let query = format!("hub.mode=subscribe&hub.verify_token={token}&hub.challenge=1");
                assert_eq!(
                    answer(&query, tokens.iter().copied()),
                    Err(Refused::NoToken)
                );
            }
        }
    }
}
