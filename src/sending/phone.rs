//! Phone numbers as E.164 has them: a country code that is assigned, and 5 to 15 digits in all.
//!
//! Source: "List of ITU-T Recommendation E.164 assigned country codes" and its amendments.

/// Country codes of two digits.
const TWO: &[u8] = &[
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56,
    57, 58, 60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
];

/// Country codes of three digits: by their first two, which of the ten that begin so are assigned (the lowest bit
/// stands for 0).
const THREE: &[(u8, u16)] = &[
    (21, 0b01_0100_1110),
    (22, 0b11_1111_1111),
    (23, 0b11_1111_1111),
    (24, 0b11_1111_1111),
    (25, 0b01_1111_1111),
    (26, 0b11_1111_1111),
    (29, 0b11_1000_0011),
    (35, 0b11_1111_1111),
    (37, 0b11_1111_1111),
    (38, 0b10_1110_1111),
    (42, 0b00_0000_1011),
    (50, 0b11_1111_1111),
    (59, 0b11_1111_1111),
    (67, 0b11_1111_1101),
    (68, 0b11_1110_1111),
    (69, 0b00_0000_0111),
    (80, 0b01_0000_0001),
    (85, 0b00_0110_1101),
    (87, 0b01_0000_0001),
    (88, 0b00_0100_1111),
    (96, 0b01_1111_1111),
    (97, 0b10_1111_1111),
    (99, 0b01_1111_1100),
];

/// The digits of a phone number that somebody wrote: with or without a plus in front, country code first. `None` where
/// it cannot be one.
pub fn read(text: &str) -> Option<&str> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_number =
        (5..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && has_country(digits)).then_some(digits)
}

fn has_country(digits: &str) -> bool {
    let mut values = digits.bytes().map(|byte| byte - b'0');
    let (Some(a), Some(b), Some(c)) = (values.next(), values.next(), values.next()) else {
        return false;
    };
    let two = a * 10 + b;
    let three = THREE.iter().find(|(first, _)| *first == two);
    matches!(a, 1 | 7) || TWO.contains(&two) || three.is_some_and(|(_, last)| last >> c & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_a_country_and_5_to_15_digits() {
        for (text, digits) in [
            ("16505551234", Some("16505551234")),
            ("+4915112345678", Some("4915112345678")),
            ("+85291234567", Some("85291234567")),
            ("21612345678", Some("21612345678")),
            ("+971501234567", Some("971501234567")),
            ("+35312345", Some("35312345")),
            ("", None),
            ("+", None),
            ("++16505551234", None),
            ("1234", None),
            ("1650555123456789", None),
            ("+1 650 555 1234", None),
            ("016505551234", None),
            ("0016505551234", None),
            ("21012345678", None),
            ("+38412345678", None),
            ("99912345678", None),
            ("+99112345678", None),
            ("٣٣٣٣٣٣", None),
        ] {
            assert_eq!(read(text), digits, "{text}");
        }
    }

    #[test]
    fn as_many_codes_as_are_assigned() {
        let three: u32 = THREE.iter().map(|(_, last)| last.count_ones()).sum();
        assert_eq!((TWO.len(), three), (44, 170));
        assert!(THREE.iter().all(|(first, _)| !TWO.contains(first)));
    }
}
