//! Ids that Meta's retries repeat: computed from what happened, never from how or when it was told.

use sha2::{Digest, Sha256};

use super::Home;

/// The first half of the ids of all events about one thing (a message by its wamid, a call, a group, a template):
/// 16 hex digits.
pub fn about(home: &Home, thing: &str) -> String {
    let mut id = String::with_capacity(16 + 1 + 24);
    push_hex::<8>(&mut id, home, "about", [thing]);
    id
}

/// The id of an event: [`about`], `-`, and 24 hex digits of its natural key.
pub(super) fn event_id(home: &Home, thing: &str, key: &[impl AsRef<str>]) -> String {
    let mut id = about(home, thing);
    id.push('-');
    push_hex::<12>(&mut id, home, "key", key.iter().map(AsRef::as_ref));
    id
}

/// The id of an event that Transom itself tells as another happened (`cause`: its id), once for each `what`.
pub fn consequence(cause: &str, what: &str) -> String {
    let digest = hex::encode(Sha256::digest(format!("{what} {cause}")));
    format!("{digest:.16}-{:.24}", digest.get(16..).unwrap_or_default())
}

/// Writes the first bytes of a digest of the parts, as hex. Each part is preceded by its length, so that no two lists
/// of parts are hashed alike.
fn push_hex<'p, const BYTES: usize>(
    out: &mut String,
    home: &'p Home,
    what: &'p str,
    parts: impl IntoIterator<Item = &'p str>,
) {
    let (kind, id) = match home {
        Home::Number(id) => ("number", id.as_str()),
        Home::Account(id) => ("account", id.as_str()),
    };
    let mut hashed = Vec::with_capacity(256);
    for part in [kind, id, what].into_iter().chain(parts) {
        hashed.extend_from_slice(&(part.len() as u64).to_be_bytes());
        hashed.extend_from_slice(part.as_bytes());
    }
    let digest = Sha256::digest(&hashed);
    out.extend(digest.first_chunk::<BYTES>().map(hex::encode));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(id: &str) -> Home {
        Home::Number(id.to_owned())
    }

    #[test]
    fn ids_do_not_change_from_one_version_to_the_next() {
        let id = event_id(
            &number("106540352242922"),
            "wamid.A",
            &["message", "wamid.A"],
        );
        assert_eq!(id, "a8bcee09bf9845ba-43f17a19e165ac79862b636e");
        assert!(id.starts_with(&about(&number("106540352242922"), "wamid.A")));
    }

    #[test]
    fn number_and_every_part_count() {
        let id = event_id(&number("1"), "a", &["b", "c"]);
        for other in [
            event_id(&number("2"), "a", &["b", "c"]),
            event_id(&Home::Account("1".into()), "a", &["b", "c"]),
            event_id(&number("1"), "a", &["bc", ""]),
            event_id(&number("1"), "a", &["b", "c", ""]),
        ] {
            assert_ne!(
                id.split_once('-').unwrap().1,
                other.split_once('-').unwrap().1
            );
        }
    }
}
