//! CloudEvents' JSON batch format: several events of one conversation in one request.

use sha2::{Digest, Sha256};

use crate::config::Format;

/// The `content-type` of a batch.
pub const CONTENT_TYPE: &str = "application/cloudevents-batch+json; charset=utf-8";

/// Writes as many of these rendered events into one batch, from the first on, as [`Format::MOST_BYTES`] and `most` allow,
/// and at least one. Gives the batch and how many are in it; no more are rendered than that and one.
pub fn of(rendered: impl Iterator<Item = String>, most: usize) -> (String, usize) {
    let mut body = String::from("[");
    let mut count = 0;
    for event in rendered.take(most) {
        if count > 0 {
            // The comma and the closing bracket.
            if body.len() + event.len() + 2 > Format::MOST_BYTES {
                break;
            }
            body.push(',');
        }
        body.push_str(&event);
        count += 1;
    }
    body.push(']');
    (body, count)
}

/// The `webhook-id` of a batch: the same for the same events in the same order. A batch that is tried again may have
/// grown, so destinations recognise what they have had by the events' own ids.
pub fn id<'a>(events: impl Iterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for id in events {
        hash.update(id.as_bytes());
        hash.update(b"\n");
    }
    let digest = hash.finalize();
    format!("batch-{}", hex::encode(digest.get(..16).unwrap_or(&digest)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn events_are_a_json_list_in_their_order() {
        let batch = of(["{\"id\":1}", "{}"].map(str::to_owned).into_iter(), 100);
        assert_eq!(batch, (r#"[{"id":1},{}]"#.to_owned(), 2));
    }

    #[test]
    fn an_id_depends_on_the_events_and_their_order() {
        let first = id(["a", "b"].into_iter());
        assert_eq!(first, id(["a", "b"].into_iter()));
        assert_eq!(first.len(), "batch-".len() + 32);
        for other in [&["b", "a"][..], &["ab"], &["a"]] {
            assert_ne!(first, id(other.iter().copied()));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn cutting_keeps_every_event_and_its_order_within_the_limits(
            lengths in prop::collection::vec(2usize..90_000, 1..40), most in 1usize..20,
        ) {
            let mut left: Vec<String> = lengths.iter().map(|length| format!("{{{}}}", " ".repeat(length - 2))).collect();
            let mut seen = Vec::new();
            while !left.is_empty() {
                let (body, count) = of(left.iter().cloned(), most);
                prop_assert!((1..=most).contains(&count));
                prop_assert!(count == 1 || body.len() <= Format::MOST_BYTES);
                let fits_one_more = left.get(count).is_some_and(|next| body.len() + next.len() < Format::MOST_BYTES);
                prop_assert!(count == most || !fits_one_more);
                let read: Vec<serde_json::Value> = serde_json::from_str(&body).unwrap();
                prop_assert_eq!(read.len(), count);
                seen.extend(left.drain(..count).map(|event| event.len()));
            }
            prop_assert_eq!(seen, lengths);
        }
    }
}
