//! Texts as people mean them: without regard to case, accents, punctuation and spaces.

/// The text in small letters, without accents, its words apart by one space. What is left of two texts is the same where
/// a person would say that they are.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut apart = false;
    for letter in text.chars().flat_map(char::to_lowercase) {
        if is_mark(letter) {
            continue;
        }
        if !belongs_to_a_word(letter) {
            apart = !plain.is_empty();
            continue;
        }
        if std::mem::take(&mut apart) {
            plain.push(' ');
        }
        match bare(letter) {
            Some(bare) => plain.push_str(bare),
            None => plain.push(letter),
        }
    }
    plain
}

/// Accents that are characters of their own, Arabic vowel signs, and what changes only how a character is drawn.
fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}' | '\u{640}' | '\u{64b}'..='\u{652}' | '\u{200c}'..='\u{200d}' | '\u{fe0e}'..='\u{fe0f}')
}

/// Letters and digits, and the signs of Indian and Thai scripts that Unicode counts as marks.
fn belongs_to_a_word(letter: char) -> bool {
    letter.is_alphanumeric()
        || matches!(letter, '\u{900}'..='\u{963}' | '\u{966}'..='\u{dff}' | '\u{e31}'..='\u{e4e}')
}

/// A letter that has an accent, without it.
fn bare(letter: char) -> Option<&'static str> {
    BARE.iter()
        .find(|(letters, _)| letters.contains(letter))
        .map(|(_, bare)| *bare)
}

/// Small letters with an accent, of those languages that WhatsApp is used in most.
const BARE: &[(&str, &str)] = &[
    ("áàâäãåāăąạảấầẩẫậắằẳẵặ", "a"),
    ("éèêëēėęěẹẻẽếềểễệ", "e"),
    ("íìîïīįıịỉĩ", "i"),
    ("óòôöõøōőọỏốồổỗộơớờởỡợ", "o"),
    ("úùûüūůűųụủũưứừửữự", "u"),
    ("ýÿỳỵỷỹ", "y"),
    ("çćč", "c"),
    ("ďđ", "d"),
    ("ğģ", "g"),
    ("ķ", "k"),
    ("łľļ", "l"),
    ("ñńňņ", "n"),
    ("ř", "r"),
    ("śšşș", "s"),
    ("ťţț", "t"),
    ("źżž", "z"),
    ("ß", "ss"),
    ("æ", "ae"),
    ("œ", "oe"),
    ("ё", "е"),
    ("й", "и"),
    ("أإآ", "ا"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_person_takes_for_the_same_is_the_same() {
        for (written, meant) in [
            ("STOP", "stop"),
            ("  Stop!! ", "stop"),
            ("¡Dar de\nBAJA!", "dar de baja"),
            ("dar-de-baja", "dar de baja"),
            ("Arrêter", "arreter"),
            ("Arre\u{302}ter", "arreter"),
            ("İPTAL", "iptal"),
            ("Straße", "strasse"),
            ("СТОП.", "стоп"),
            ("إيقاف", "ايقاف"),
            ("बंद करें।", "बंद करें"),
            ("停止。", "停止"),
            ("stop 🛑", "stop"),
            ("🛑", ""),
        ] {
            assert_eq!(plain(written), plain(meant), "{written}");
        }
        assert_eq!(plain("Sí, ¿a las 9:30?"), "si a las 9 30");
    }

    proptest! {
        #[test]
        fn plain_is_plain(text in ".*") {
            let once = plain(&text);
            prop_assert_eq!(plain(&once), once.clone());
            prop_assert!(!once.starts_with(' ') && !once.ends_with(' ') && !once.contains("  "));
        }
    }
}
