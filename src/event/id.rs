//! Ids that Meta's retries repeat: computed from what happened, never from how or when it was told.

use sha2::{Digest, Sha256};

use super::Home;

/// The first half of the ids of all events about one thing (a message by its wamid, a call, a group, a template):
/// 16 hex digits.
pub fn about(home: &Home, thing: &str) -> String {
    digest::<8>(home, &["about", thing])
}

/// The id of an event: [`about`], `-`, and 24 hex digits of its natural key.
pub(super) fn event_id(home: &Home, thing: &str, key: &[impl AsRef<str>]) -> String {
    let key: Vec<&str> = std::iter::once("key")
        .chain(key.iter().map(AsRef::as_ref))
        .collect();
    format!("{}-{}", about(home, thing), digest::<12>(home, &key))
}

/// The first bytes of a digest of the parts, as hex. Each part is preceded by its length, so that no two lists of
/// parts are hashed alike.
fn digest<const BYTES: usize>(home: &Home, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    let (kind, home) = match home {
        Home::Number(id) => ("number", id),
        Home::Account(id) => ("account", id),
    };
    for part in [kind, home].iter().chain(parts) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize()
        .first_chunk::<BYTES>()
        .map(hex::encode)
        .unwrap_or_default()
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
