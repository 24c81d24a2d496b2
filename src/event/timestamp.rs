//! Unix time as RFC 3339 writes it.

use chrono::{DateTime, Datelike as _, Timelike as _};

/// `2026-11-22T08:00:00Z` for unix time in seconds; `None` outside of the years 0 to 9999, which RFC 3339 cannot write.
pub fn rfc3339(seconds: i64) -> Option<String> {
    let time =
        DateTime::from_timestamp(seconds, 0).filter(|time| (0..=9999).contains(&time.year()))?;
    let (year, month, day) = (time.year(), time.month(), time.day());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_utc_to_the_second() {
        assert_eq!(rfc3339(1_770_000_000).unwrap(), "2026-02-02T02:40:00Z");
        assert_eq!(rfc3339(0).unwrap(), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn a_time_that_cannot_be_written_is_left_out() {
        assert_eq!(rfc3339(i64::MAX), None);
        assert_eq!(rfc3339(i64::MIN), None);
        assert_eq!(rfc3339(253_402_300_800), None);
        assert!(rfc3339(253_402_300_799).unwrap().starts_with("9999-12-31"));
    }
}
