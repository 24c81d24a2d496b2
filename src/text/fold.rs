//! Letters without their case and their accents.

/// How much of a text is looked at, in characters: as long as a message of text may be.
const LONGEST: usize = 4_096;

/// The letters of U+00C0 to U+017F without accents; a blank where they become two letters or are none.
const LATIN: &[u8; 192] = b"aaaaaa ceeeeiiiidnooooo ouuuuy  aaaaaa ceeeeiiiidnooooo ouuuuy y\
aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii  jjkkkllllllllllnnnnnnnnnoooooo  rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

/// The letters of U+1E00 to U+1E95 without accents, each for a capital and the small one behind it.
const MORE_LATIN: &[u8; 75] =
    b"abbbcdddddeeeeefghhhhhiikkkllllmmmnnnnoooopprrrrsssssttttuuuuuvvwwwwwxxyzzz";

/// A text in lower case and without accents, at most 4,096 characters of it.
pub fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(4 * LONGEST));
    for c in text.chars().take(LONGEST) {
        push(c, &mut out);
    }
    out
}

/// Adds a character in lower case and without accents; a mark that stands above or below another is nothing.
pub(super) fn push(c: char, out: &mut String) {
    match c {
        '\0'..='\u{7f}' => out.push(c.to_ascii_lowercase()),
        'Æ' | 'æ' => out.push_str("ae"),
        'Œ' | 'œ' => out.push_str("oe"),
        'Þ' | 'þ' => out.push_str("th"),
        'ß' | 'ẞ' => out.push_str("ss"),
        'Ĳ' | 'ĳ' => out.push_str("ij"),
        '\u{300}'..='\u{36f}' // accents that stand alone
        | '\u{591}'..='\u{5bd}' | '\u{5bf}'..='\u{5c7}' // Hebrew points, without what stands between two words
        | '\u{640}' | '\u{64b}'..='\u{652}' | '\u{670}' // Arabic vowels, and what stretches a word
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' // invisible
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' // the same
        | '\u{20d0}'..='\u{20ff}' // what makes a key of a digit
        | '\u{1f3fb}'..='\u{1f3ff}' => {} // tones of skin
        _ => out.push(one(c)),
    }
}

/// A character that stays one.
fn one(c: char) -> char {
    let up = |by: u32| char::from_u32(u32::from(c) + by).unwrap_or(c);
    let digit = |value| char::from_digit(value, 10).unwrap_or(c);
    let base = |table: &[u8], index| {
        let index = usize::try_from(index).unwrap_or_default();
        let base = table.get(index).copied().map(char::from);
        base.filter(|base| *base != ' ').unwrap_or(c)
    };
    match c {
        '\u{c0}'..='\u{17f}' => base(LATIN, u32::from(c) - 0xc0),
        '\u{1e00}'..='\u{1e95}' => base(MORE_LATIN, (u32::from(c) - 0x1e00) / 2),
        'Ơ' | 'ơ' | 'Ǒ' | 'ǒ' | '\u{1ecc}'..='\u{1ee3}' => 'o',
        'Ư' | 'ư' | '\u{1d3}'..='\u{1dc}' | '\u{1ee4}'..='\u{1ef1}' => 'u',
        'Ǎ' | 'ǎ' | '\u{1ea0}'..='\u{1eb7}' => 'a',
        'Ǐ' | 'ǐ' | '\u{1ec8}'..='\u{1ecb}' => 'i',
        '\u{1eb8}'..='\u{1ec7}' => 'e',
        'Ƴ' | 'ƴ' | '\u{1ef2}'..='\u{1ef9}' => 'y',
        'Ǹ' | 'ǹ' => 'n',
        'Ș' | 'ș' => 's',
        'Ț' | 'ț' => 't',
        // The letters of West Africa and Azerbaijan.
        'Ɓ' | 'ɓ' => 'b',
        'Ɖ' | 'ɖ' | 'Ɗ' | 'ɗ' => 'd',
        'Ƒ' | 'ƒ' => 'f',
        'Ƙ' | 'ƙ' => 'k',
        'Ɔ' => 'ɔ',
        'Ə' => 'ə',
        'Ɛ' => 'ɛ',
        'Ɣ' => 'ɣ',
        'Ʋ' => 'ʋ',
        'Ά' | 'ά' => 'α',
        'Έ' | 'έ' => 'ε',
        'Ή' | 'ή' => 'η',
        'Ί' | 'ί' | 'ϊ' | 'ΐ' | 'Ϊ' => 'ι',
        'Ό' | 'ό' => 'ο',
        'Ύ' | 'ύ' | 'ϋ' | 'ΰ' | 'Ϋ' => 'υ',
        'Ώ' | 'ώ' => 'ω',
        'ς' => 'σ',
        'Α'..='Ω' | 'А'..='Я' => up(0x20),
        'Ё' | 'ё' => 'е',
        'Ѐ'..='Џ' => up(0x50),
        '\u{490}'..='\u{4bf}' | '\u{4d0}'..='\u{52f}' if u32::from(c) % 2 == 0 => up(1),
        '\u{531}'..='\u{556}' => up(0x30), // Armenian
        'آ' | 'أ' | 'إ' | 'ٱ' => 'ا',
        'ى' => 'ي',
        // The digits of Arabic, Persian and Hindi.
        '\u{660}'..='\u{669}' | '\u{6f0}'..='\u{6f9}' => digit(u32::from(c) & 0xf),
        '\u{966}'..='\u{96f}' => digit(u32::from(c) - 0x966),
        '\u{ff01}'..='\u{ff5e}' => {
            let narrow = char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c);
            narrow.to_ascii_lowercase()
        }
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_and_accents_make_no_difference() {
        for (written, plain) in [
            ("¿ESTÁIS Abiertos?", "¿estais abiertos?"),
            ("Öffnungszeiten, Straße", "offnungszeiten, strasse"),
            ("ÀÇÈÑÕÜÝ çéîøÿ Æsir Œuvre", "aceñouy ceioy aesir oeuvre"),
            (
                "Łódź ĞİŞ ığış Őű Ţţ Čžš Țâră",
                "lodz gis igis ou tt czs tara",
            ),
            (
                "Xin chào, Mở Cửa LÚC MẤY GIỜ",
                "xin chao, mo cua luc may gio",
            ),
            ("ẸṢẸ ṣé Ọ̀ṢUN Ǹjẹ́ Ḿ Ḥāfiẓ Ǘ", "ese se osun nje m hafiz u"),
            ("ƁARNA ɗan Ƙasa Ƴanci ƒe Ɖe", "barna dan kasa yanci fe de"),
            ("ƏLAQƏ ƐYƐ ƆDƆ Ɣe Ʋu", "əlaqə ɛyɛ ɔdɔ ɣe ʋu"),
            ("ΆΝΟΙΞΗ άνοιξης", "ανοιξη ανοιξησ"),
            ("Часы РАБОТЫ Ёлка Їжак Ґанок", "часы работы елка їжак ґанок"),
            ("مُوَاعِيدُ أإآ", "مواعيد ااا"),
            ("طلب رقم ١٢٣٠", "طلب رقم 1230"),
            ("۴۵۶ ९८७", "456 987"),
            ("שָׁלוֹם", "שלום"),
            ("Ｏｐｅｎ １２！", "open 12!"),
            ("营业时间", "营业时间"),
            ("e\u{301}te\u{301} 👍🏽", "ete 👍"),
            ("1\u{fe0f}\u{20e3} \u{202a}+34 600\u{202c}", "1 +34 600"),
            ("\u{2067}שלום\u{2069}", "שלום"),
        ] {
            assert_eq!(folded(written).replace('ñ', "n"), plain.replace('ñ', "n"));
        }
    }

    #[test]
    fn every_letter_of_latin_has_its_place_in_the_table() {
        for (letter, base) in [
            ('Ð', 'd'),
            ('ÿ', 'y'),
            ('Ā', 'a'),
            ('ĉ', 'c'),
            ('đ', 'd'),
            ('ě', 'e'),
            ('ģ', 'g'),
            ('ħ', 'h'),
            ('ı', 'i'),
            ('ĵ', 'j'),
            ('ĸ', 'k'),
            ('ł', 'l'),
            ('ŋ', 'n'),
            ('ő', 'o'),
            ('ř', 'r'),
            ('š', 's'),
            ('ŧ', 't'),
            ('ų', 'u'),
            ('ŵ', 'w'),
            ('Ÿ', 'y'),
            ('ž', 'z'),
            ('ſ', 's'),
        ] {
            assert_eq!(one(letter), base, "{letter}");
        }
    }

    proptest! {
        #[test]
        fn what_is_folded_stays_as_it_is(text: String) {
            let once = folded(&text);
            prop_assert_eq!(folded(&once), once);
        }

        #[test]
        fn what_rust_takes_for_the_lower_case_of_a_letter_is_folded_alike(c in prop::char::ranges(vec![
            'A'..='Z', '\u{c0}'..='\u{17f}', 'Α'..='Ω', 'Ѐ'..='Я', '\u{531}'..='\u{556}',
            '\u{1e00}'..='\u{1e95}', '\u{1ea0}'..='\u{1ef9}',
        ].into())) {
            prop_assert_eq!(folded(&c.to_string()), folded(&c.to_lowercase().to_string()));
        }
    }
}
