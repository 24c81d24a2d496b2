//! When somebody is there to answer.

use crate::checked::Node;

const DAY: u32 = 24 * 60;
const WEEK: u32 = 7 * DAY;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

const EXPECTED: &str =
    "must be days and times, such as mon-fri 09:00-18:00 or sat,sun 10:00-12:00,14:00-16:00";

/// Office hours in a time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfficeHours {
    /// The zone's name in the IANA database (`Europe/Madrid`). Whether there is one of this name, the platform knows.
    pub time_zone: String,
    /// In minutes since Monday began: from, and until.
    open: Vec<(u32, u32)>,
}

impl OfficeHours {
    /// Whether they hold at a time (unix seconds) that has this offset from UTC there (seconds).
    pub fn hold(&self, now: i64, offset_s: i64) -> bool {
        // Unix time began on a Thursday.
        let minutes = (now.saturating_add(offset_s)).div_euclid(60) + i64::from(3 * DAY);
        let minute = u32::try_from(minutes.rem_euclid(i64::from(WEEK))).unwrap_or_default();
        self.open.iter().any(|(from, until)| {
            (*from..*until).contains(&minute) || (*from..*until).contains(&(minute + WEEK))
        })
    }

    /// Reads `{"time_zone": "Europe/Madrid", "open": ["mon-fri 09:00-18:00"]}`.
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        node.object()?;
        node.only(&["time_zone", "open"]);
        let time_zone = node.need("time_zone").and_then(|zone| read_zone(&zone));
        let mut open = Vec::new();
        for item in node.need("open")?.items(1..=50, "lines") {
            match item.text().map(read_line) {
                Some(Some(spans)) => open.extend(spans),
                Some(None) => item.fault(EXPECTED),
                None => {}
            }
        }
        Some(Self {
            time_zone: time_zone?,
            open,
        })
    }
}

fn read_zone(node: &Node<'_>) -> Option<String> {
    let zone = node.text()?;
    let fits = (1..=64).contains(&zone.len())
        && zone
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/_+-".contains(&b));
    if fits {
        Some(zone.to_owned())
    } else {
        node.refuse("must be a time zone, such as Europe/Madrid")
    }
}

fn read_line(line: &str) -> Option<Vec<(u32, u32)>> {
    let (days, times) = line.trim().split_once(' ')?;
    let mut spans = Vec::new();
    for day in read_days(days)? {
        for time in times.split(',') {
            let (from, until) = time.trim().split_once('-')?;
            let (from, until) = (read_time(from)?, read_time(until)?);
            if from == DAY || from == until {
                return None;
            }
            // What ends before it begins ends on the day after.
            let until = if until < from { until + DAY } else { until };
            spans.push((day * DAY + from, day * DAY + until));
        }
    }
    Some(spans)
}

fn read_days(text: &str) -> Option<Vec<u32>> {
    let day = |name: &str| {
        let index = DAYS
            .iter()
            .position(|day| day.eq_ignore_ascii_case(name.trim()))?;
        u32::try_from(index).ok()
    };
    let mut days = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut next, last) = (day(first)?, day(last)?);
        days.push(next);
        while next != last {
            next = (next + 1) % 7;
            days.push(next);
        }
    }
    Some(days)
}

/// Minutes since midnight; `24:00` is the day's end.
fn read_time(text: &str) -> Option<u32> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let number = |text: &str, length: std::ops::RangeInclusive<usize>| {
        let fits = length.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| text.parse::<u32>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours, 1..=2)?, number(minutes, 2..=2)?);
    let time = hours * 60 + minutes;
    (minutes < 60 && time <= DAY).then_some(time)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::checked;

    const HOUR: i64 = 3600;
    /// Monday, 23 November 2026, 00:00 UTC.
    const MONDAY: i64 = 1_795_392_000;

    fn hours(open: &[&str]) -> OfficeHours {
        let value = json!({ "time_zone": "Europe/Madrid", "open": open });
        checked::read("", &value, OfficeHours::read)
            .unwrap()
            .unwrap()
    }

    #[test]
    fn they_hold_by_the_clock_of_the_place() {
        let shop = hours(&[
            "mon-fri 9:00-14:00, 16:00-20:30",
            "sat 10:00-14:00",
            "fri 23:00-02:00",
            "sun 20:00-24:00",
        ]);
        for (day, time, open) in [
            (0, "08:59", false),
            (0, "09:00", true),
            (0, "13:59", true),
            (0, "14:00", false),
            (0, "16:00", true),
            (0, "20:29", true),
            (0, "20:30", false),
            (4, "23:30", true),
            (5, "01:59", true),
            (5, "02:00", false),
            (5, "10:00", true),
            (6, "10:00", false),
            (6, "23:59", true),
            (7, "00:00", false),
        ] {
            let (h, m) = time.split_once(':').unwrap();
            let local = h.parse::<i64>().unwrap() * HOUR + m.parse::<i64>().unwrap() * 60;
            for offset in [0, HOUR, -5 * HOUR, 14 * HOUR, 5 * HOUR + 1800] {
                let now = MONDAY + day * 24 * HOUR + local - offset;
                assert_eq!(
                    shop.hold(now, offset),
                    open,
                    "day {day} {time}, offset {offset}"
                );
            }
        }
    }

    #[test]
    fn a_night_that_ends_the_week_goes_on_in_the_next() {
        let bar = hours(&["sun 22:00-04:00"]);
        assert!(bar.hold(MONDAY + 3 * HOUR, 0));
        assert!(!bar.hold(MONDAY + 4 * HOUR, 0));
        let weekend = hours(&["sat-mon 00:00-24:00"]);
        assert!(weekend.hold(MONDAY, 0));
        assert!(!weekend.hold(MONDAY + 24 * HOUR, 0));
    }

    #[test]
    fn what_is_no_line_is_refused() {
        for line in [
            "",
            "mon",
            "mon 9-18",
            "mon 09:00",
            "mon 09:00-25:00",
            "mon 09:60-10:00",
            "mon 09:00-09:00",
            "mon 24:00-02:00",
            "monday 09:00-18:00",
            "mon- 09:00-18:00",
            "mon 09:00-18:00;",
            "09:00-18:00",
        ] {
            assert_eq!(read_line(line), None, "{line}");
        }
        let value = json!({ "time_zone": "Madrid!", "open": ["mon"], "close": [] });
        let faults = checked::read("h", &value, |node| {
            OfficeHours::read(node);
        });
        let faults: Vec<String> = faults
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            faults,
            [
                "h.close: is not known here",
                "h.time_zone: must be a time zone, such as Europe/Madrid",
                &format!("h.open[0]: {EXPECTED}"),
            ]
        );
    }
}
