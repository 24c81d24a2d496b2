//! What Meta sends that we do not know yet, counted by path: users learn of a change before their software does.

use serde::Serialize;

use super::{
    batch,
    sql::{Result, Sql},
};

/// How many paths are kept. Meta's changes are few; this only keeps nonsense from piling up.
const MOST: i64 = 1_000;

/// A path that we do not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// `messages[].location.floor`, `field:new_things`, `messages[].type:poll`.
    pub path: String,
    /// In how many webhooks it was seen, at least.
    pub count: i64,
    /// When it was seen first, in unix seconds.
    pub first: i64,
    /// When it was seen last, in unix seconds.
    pub last: i64,
}

/// Counts paths that were seen.
pub fn saw(sql: &dyn Sql, paths: &[(String, i64)], now: i64) -> Result<()> {
    create(sql)?;
    for rows in batch::rows(paths.iter()) {
        sql.run(
            "INSERT INTO drift (path, count, first, last) \
             SELECT value ->> 0, value ->> 1, ?2, ?2 FROM json_each(?1) \
             WHERE (SELECT count(*) FROM drift) < ?3 OR value ->> 0 IN (SELECT path FROM drift) \
             ON CONFLICT (path) DO UPDATE SET count = count + excluded.count, last = max(last, excluded.last)",
            &[rows.into(), now.into(), MOST.into()],
        )?;
    }
    Ok(())
}

/// A page of what was seen, the latest first, behind a place (when, and the path). Gives the page's last item as well,
/// if there is more.
pub fn page(
    sql: &dyn Sql,
    after: Option<(i64, &str)>,
    most: i64,
) -> Result<(Vec<Seen>, Option<Seen>)> {
    create(sql)?;
    let (first, path) = after.unwrap_or((i64::MAX >> 10, ""));
    let rows = sql.exec(
        "SELECT path, count, first, last FROM drift WHERE first < ?1 OR (first = ?1 AND path > ?2) \
         ORDER BY first DESC, path LIMIT ?3",
        &[first.into(), path.into(), (most + 1).into()],
    )?;
    let mut seen = Vec::with_capacity(rows.len());
    for row in rows.iter().take(usize::try_from(most).unwrap_or(1)) {
        seen.push(Seen {
            path: row.get(0)?,
            count: row.get(1)?,
            first: row.get(2)?,
            last: row.get(3)?,
        });
    }
    let more = rows.len() > seen.len();
    let last = seen.last().filter(|_| more).cloned();
    Ok((seen, last))
}

fn create(sql: &dyn Sql) -> Result<()> {
    sql.run(
        "CREATE TABLE IF NOT EXISTS drift (path TEXT PRIMARY KEY, count INTEGER NOT NULL, first INTEGER NOT NULL, \
         last INTEGER NOT NULL) STRICT, WITHOUT ROWID",
        &[],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::native::Native;

    fn paths(paths: &[(&str, i64)]) -> Vec<(String, i64)> {
        paths
            .iter()
            .map(|(path, count)| ((*path).to_owned(), *count))
            .collect()
    }

    #[test]
    fn a_path_is_counted_from_when_it_was_first_seen() {
        let sql = Native::new();
        saw(&*sql, &paths(&[("messages[].location.floor", 2)]), 100).unwrap();
        saw(
            &*sql,
            &paths(&[("field:new_things", 1), ("messages[].location.floor", 3)]),
            200,
        )
        .unwrap();
        let seen: Vec<_> = page(&*sql, None, 9)
            .unwrap()
            .0
            .into_iter()
            .map(|seen| (seen.path, seen.count, seen.first, seen.last))
            .collect();
        assert_eq!(
            seen,
            [
                ("field:new_things".to_owned(), 1, 200, 200),
                ("messages[].location.floor".to_owned(), 5, 100, 200)
            ]
        );
    }

    #[test]
    fn nonsense_does_not_pile_up() {
        let sql = Native::new();
        for n in 0..1_100 {
            saw(&*sql, &paths(&[(&format!("field:{n}"), 1)]), 1).unwrap();
        }
        saw(&*sql, &paths(&[("field:7", 1)]), 2).unwrap();
        let mut seen = Vec::new();
        let mut place: Option<Seen> = None;
        loop {
            let after = place.as_ref().map(|last| (last.first, last.path.as_str()));
            let (page, next) = page(&*sql, after, 300).unwrap();
            seen.extend(page);
            place = next;
            if place.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 1_000);
        assert!(
            seen.iter()
                .any(|seen| seen.path == "field:7" && seen.count == 2)
        );
    }
}
