//! Words and phrases in what people write.

use super::fold::folded;

/// The words of a text, folded, with a blank around each: ` open on sunday `. Where a script puts nothing between
/// words, each character is one, and so is each pictogram.
pub fn words(text: &str) -> String {
    let mut out = String::from(" ");
    for c in folded(text).chars() {
        if stands_alone(c) {
            end_word(&mut out);
            out.push(c);
            out.push(' ');
        } else if is_letter(c) {
            out.push(c);
        } else {
            end_word(&mut out);
        }
    }
    end_word(&mut out);
    out
}

/// [`words`] without the pictograms.
pub fn without_pictograms(words: &str) -> String {
    let mut out = String::from(" ");
    let words = words.split_whitespace();
    for word in words.filter(|word| !word.starts_with(is_pictogram)) {
        out.push_str(word);
        end_word(&mut out);
    }
    out
}

fn end_word(out: &mut String) {
    if !out.ends_with(' ') {
        out.push(' ');
    }
}

/// Words or phrases that are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Phrases(Vec<String>);

impl Phrases {
    /// Adds those that are written `hours|opening times`; gives whether each of them has a word.
    pub fn add(&mut self, text: &str) -> bool {
        let phrases: Vec<String> = text.split('|').map(words).collect();
        let all_have = phrases.iter().all(|phrase| phrase != " ");
        self.0.extend(phrases);
        all_have
    }

    /// Whether one of them stands anywhere in [`words`].
    pub fn are_in(&self, words: &str) -> bool {
        self.0.iter().any(|phrase| words.contains(phrase))
    }
}

/// What `\w` stands for in an expression.
pub(super) fn is_word(c: char) -> bool {
    c == '_' || (is_letter(c) && !is_pictogram(c))
}

/// A letter or a digit of a script that puts something between words. Whatever is no sign counts as one.
fn is_letter(c: char) -> bool {
    match c {
        '\0'..='\u{7f}' => c.is_ascii_alphanumeric(),
        '\u{80}'..='\u{bf}'
        | '×'
        | '÷'
        | '\u{2b9}'..='\u{2bf}' // apostrophes
        | '\u{37e}'
        | '\u{387}'
        | '\u{55a}'..='\u{55f}'
        | '\u{589}'
        | '\u{5be}'
        | '\u{5f3}'
        | '\u{5f4}'
        | '\u{60c}'
        | '\u{61b}'
        | '\u{61f}'
        | '\u{66a}'..='\u{66d}'
        | '\u{6d4}'
        | '\u{964}'
        | '\u{965}'
        | '\u{2000}'..='\u{206f}'
        | '\u{20a0}'..='\u{20cf}'
        | '\u{3000}'..='\u{303f}'
        | '\u{fd3e}'
        | '\u{fd3f}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff5f}'..='\u{ff65}' => false,
        _ => true,
    }
}

/// A character of a script that puts nothing between words, or a pictogram.
fn stands_alone(c: char) -> bool {
    is_pictogram(c)
        || matches!(c,
        '\u{e00}'..='\u{eff}' // Thai, Lao
        | '\u{1000}'..='\u{109f}' // Burmese
        | '\u{1780}'..='\u{17ff}' // Khmer
        | '\u{3040}'..='\u{30ff}' // Japanese syllables
        | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' // Chinese characters
        | '\u{ac00}'..='\u{d7af}') // Korean: what belongs to a word is written to its end
}

fn is_pictogram(c: char) -> bool {
    matches!(c, '\u{2100}'..='\u{214f}' | '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn phrases(text: &str) -> Phrases {
        let mut phrases = Phrases::default();
        assert!(phrases.add(text), "{text}");
        phrases
    }

    #[test]
    fn whole_words_are_found_wherever_they_stand() {
        for (looked_for, written, found) in [
            ("hours|open", "When are you OPEN?", true),
            ("hours|open", "your hours please", true),
            ("hours|open", "opening", false),
            ("hours|open", "reopen", false),
            ("hours|open", "", false),
            ("opening times", "Opening   times?", true),
            ("opening times", "opening of times", false),
            ("horario|abierto", "¿Está ABIÉRTO?", true),
            ("what's up", "What’s up", true),
            ("зв'язок", "Немає звʼязку? ЗВʼЯЗОК!", true),
            ("звʼязок", "зв’язок", true),
            ("o'zbek", "Oʻzbek tilida", true),
            ("צה\"ל", "צה״ל", true),
            ("בית ספר", "בית־ספר", true),
            ("öffnungszeiten", "OFFNUNGSZEITEN!", true),
            ("营业", "你们的营业时间？", true),
            ("ทำการ", "เวลาทำการ", true),
            ("영업시간", "영업시간이 어떻게 되나요?", true),
            ("👍", "ok👍🏽👍", true),
            ("ok", "ok👍", true),
            ("1", "1\u{fe0f}\u{20e3}", true),
            ("2116", "Заказ №2116", true),
            ("24/7", "open 24 / 7?", true),
            ("7", "24/7", true),
            ("часы работы", "Какие ЧАСЫ РАБОТЫ?", true),
            ("مواعيد", "ما هي مَوَاعِيد العمل؟", true),
        ] {
            let found_in = phrases(looked_for).are_in(&words(written));
            assert_eq!(found_in, found, "{looked_for} in {written}");
        }
    }

    #[test]
    fn what_has_no_word_cannot_be_looked_for() {
        for text in ["", "|", "hours|", " ?! ", "|open"] {
            assert!(!Phrases::default().add(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_found_in_itself_and_between_others(before in "[a-z ]{0,9}", text: String, after in "[a-z ]{0,9}") {
            let looked_for = words(&text);
            prop_assume!(looked_for != " ");
            let mut phrases = Phrases::default();
            phrases.0.push(looked_for.clone());
            prop_assert!(phrases.are_in(&looked_for));
            let written = format!("{before} {text} {after}");
            prop_assert!(phrases.are_in(&words(&written)));
        }
    }
}
