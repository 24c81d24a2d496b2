//! How dense moments lie.

use std::time::{Duration, Instant};

/// The most moments that lie within any stretch as long as `window` (its end not included).
pub fn most_within(window: Duration, moments: impl IntoIterator<Item = Instant>) -> usize {
    let mut moments: Vec<_> = moments.into_iter().collect();
    moments.sort_unstable();
    let mut first = 0;
    let mut most = 0;
    for (last, moment) in moments.iter().enumerate() {
        while *moment - moments[first] >= window {
            first += 1;
        }
        most = most.max(last - first + 1);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_densest_second_is_found_wherever_it_begins() {
        let start = crate::clock::instant();
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(
            most_within(
                Duration::from_secs(1),
                [0, 900, 1000, 1100, 1899, 5000].map(at)
            ),
            4
        );
        assert_eq!(most_within(Duration::from_secs(1), []), 0);
    }
}
