//! The handshake by which Meta checks, once, that a callback URL is ours (`GET /webhook`).

use sha2::{Digest, Sha256};

/// The challenge that is to be echoed, untouched, as plain text; `None` where this is not Meta's handshake, or has none of
/// our tokens.
///
/// `query` is the query string without its `?`. Several tokens are accepted, since an override of the callback URL
/// may have one of its own; blank ones never match.
/// <https://developers.facebook.com/docs/graph-api/webhooks/getting-started#verification-requests>
pub fn answer<'t>(query: &str, tokens: impl IntoIterator<Item = &'t str>) -> Option<String> {
    let (mut mode, mut token, mut challenge) = (None, None, None);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let seen = match name.as_ref() {
            "hub.mode" => mode.replace(value),
            "hub.verify_token" => token.replace(value),
            "hub.challenge" => challenge.replace(value),
            _ => None,
        };
        // Of two it would be unclear which one was meant.
        if seen.is_some() {
            return None;
        }
    }
    let token = token.filter(|_| mode.as_deref() == Some("subscribe"))?;
    let tokens = tokens.into_iter().filter(|ours| !ours.trim().is_empty());
    // All are compared, so that the time taken does not tell which one matched.
    let is_ours = tokens.fold(false, |found, ours| found | same(ours, &token));
    let challenge = challenge.filter(|challenge| is_ours && !challenge.is_empty());
    challenge.map(Into::into)
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
            assert_eq!(answer(&query, TOKENS).as_deref(), Some(challenge));
        }
    }

    #[test]
    fn each_of_several_tokens_is_accepted_in_any_encoding() {
        let query =
            "hub.challenge=1&hub.verify_token=t%C3%B6k+%26%202&hub.mode=subscribe&other=1&other=2";
        assert_eq!(answer(query, TOKENS).as_deref(), Some("1"));
    }

    #[test]
    fn anything_else_is_refused() {
        for query in [
            "",
            "hub_mode=subscribe&hub_verify_token=tok-1&hub_challenge=1",
            "hub.mode=unsubscribe&hub.verify_token=tok-1&hub.challenge=1",
            "hub.mode=subscribe&hub.challenge=1",
            "hub.mode=subscribe&hub.verify_token=&hub.challenge=1",
            "hub.mode=subscribe&hub.verify_token=tok-&hub.challenge=1",
            "hub.mode=subscribe&hub.verify_token=TOK-1&hub.challenge=1",
            "hub.mode=subscribe&hub.verify_token=tok-1",
            "hub.mode=subscribe&hub.verify_token=tok-1&hub.challenge=",
            "hub.mode=subscribe&hub.verify_token=tok-1&hub.challenge=1&hub.verify_token=tok-1",
        ] {
            assert_eq!(answer(query, TOKENS), None, "{query}");
        }
    }

    #[test]
    fn without_a_token_everything_is_refused() {
        for tokens in [vec![], vec![""], vec![" ", "\t"]] {
            for token in ["", " ", "%20", "%09"] {
                let query = format!("hub.mode=subscribe&hub.verify_token={token}&hub.challenge=1");
                assert_eq!(answer(&query, tokens.iter().copied()), None);
            }
        }
    }
}
