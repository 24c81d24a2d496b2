//! Ids that Meta's retries repeat: computed from what happened, never from how or when it was told.

use sha2::{Digest, Sha256};

use super::Home;

/// The first half of the ids of all events about one thing (a message by its wamid, a call, a group, a template):
/// 16 hex digits.
pub fn about(home: &Home, thing: &str) -> String {
    let mut id = String::with_capacity(16);
    Ids::default().push_about(&mut id, home, thing);
    id
}

/// The id of an event that Transom itself tells as another happened (`cause`: its id), once for each `what`.
pub fn consequence(cause: &str, what: &str) -> String {
    let digest = hex::encode(Sha256::digest(format!("{what} {cause}")));
    format!("{digest:.16}-{:.24}", digest.get(16..).unwrap_or_default())
}

/// The id of an event that Transom itself tells about something of a number's, once for each `key`.
pub fn ours(phone_number_id: &str, thing: &str, key: i64) -> String {
    let home = Home::Number(phone_number_id.to_owned());
    format!("{}-{key:024x}", about(&home, thing))
}

/// Makes ids. Most of what is hashed for a webhook's events begins alike, and that part is hashed once.
#[derive(Default)]
pub(super) struct Ids {
    abouts: Beginnings,
    keys: Beginnings,
    hashed: Vec<u8>,
}

impl Ids {
    /// The id of an event: [`about`], `-`, and 24 hex digits of its natural key.
    pub(super) fn event(&mut self, home: &Home, thing: &str, key: &[impl AsRef<str>]) -> String {
        let mut id = String::with_capacity(16 + 1 + 24);
        self.push_about(&mut id, home, thing);
        id.push('-');
        self.gather(home, "key", key.iter().map(AsRef::as_ref));
        push_hex(&mut id, &self.keys.digest(&self.hashed), 12);
        id
    }

    fn push_about(&mut self, id: &mut String, home: &Home, thing: &str) {
        self.gather(home, "about", [thing]);
        push_hex(id, &self.abouts.digest(&self.hashed), 8);
    }

    /// Puts together what is hashed. Each part is preceded by its length, so that no two lists of parts are hashed
    /// alike.
    fn gather<'p>(
        &mut self,
        home: &'p Home,
        what: &'p str,
        parts: impl IntoIterator<Item = &'p str>,
    ) {
        let (kind, id) = match home {
            Home::Number(id) => ("number", id.as_str()),
            Home::Account(id) => ("account", id.as_str()),
        };
        self.hashed.clear();
        for part in [kind, id, what].into_iter().chain(parts) {
            self.hashed
                .extend_from_slice(&(part.len() as u64).to_be_bytes());
            self.hashed.extend_from_slice(part.as_bytes());
        }
    }
}

/// SHA-256 works in blocks of 64 bytes: the last two first blocks that were hashed (messages and statuses come mixed, and
/// begin differently), and the state after each.
#[derive(Default)]
struct Beginnings([Beginning; 2]);

struct Beginning {
    block: [u8; 64],
    after: Sha256,
}

impl Default for Beginning {
    fn default() -> Self {
        Self::new([0; 64])
    }
}

impl Beginning {
    fn new(block: [u8; 64]) -> Self {
        Self {
            after: Sha256::new().chain_update(block),
            block,
        }
    }
}

impl Beginnings {
    fn digest(&mut self, bytes: &[u8]) -> [u8; 32] {
        let Some((block, rest)) = bytes.split_first_chunk() else {
            return Sha256::digest(bytes).into();
        };
        let [last, before] = &mut self.0;
        if last.block != *block {
            std::mem::swap(last, before);
        }
        if last.block != *block {
            *last = Beginning::new(*block);
        }
        last.after.clone().chain_update(rest).finalize().into()
    }
}

/// Writes the first bytes of a digest.
fn push_hex(out: &mut String, digest: &[u8; 32], bytes: usize) {
    let mut digits = [0; 64];
    let digest = digest.get(..bytes).unwrap_or_default();
    let digits = digits.get_mut(..2 * bytes).unwrap_or_default();
    // Neither fails: there is room for two digits each, and all of them are ASCII.
    let _ = hex::encode_to_slice(digest, digits);
    out.push_str(std::str::from_utf8(digits).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event_id(home: &Home, thing: &str, key: &[&str]) -> String {
        Ids::default().event(home, thing, key)
    }

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

    #[test]
    fn an_id_does_not_depend_on_the_ids_made_before() {
        let mut ids = Ids::default();
        let long = "x".repeat(200);
        for number in [
            number("1"),
            number("1234567890123456"),
            Home::Account("1".into()),
        ] {
            for thing in ["", "a", "wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQz", &long, "a"] {
                for key in [&["message", thing][..], &[], &[&long, thing, "b"]] {
                    let alone = event_id(&number, thing, key);
                    assert_eq!(ids.event(&number, thing, key), alone);
                }
            }
        }
    }
}
