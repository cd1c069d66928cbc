//! Words of a search, and where they are looked up. Words of three characters and more: among the
//! runs of three characters that FTS5's `trigram` makes of every prompt. Shorter ones with
//! characters beyond ASCII (most words of Chinese have two): among single characters and pairs, which
//! [`grams`] makes. Shorter ones within ASCII: nowhere, prompts are read for them.

use super::super::text::{cut, fold};
use crate::error::Result;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use std::collections::HashSet;

/// Characters of a search that count.
const TEXT: usize = 500;
/// Words of a search that count.
const WORDS: usize = 16;
/// Characters from which on a word has a run of three.
const LONG: usize = 3;

/// The words of a search.
pub(super) struct Words {
    /// For FTS5: what leads to pictures.
    pub(super) lead: Lead,
    /// What must be seen in the prompt besides, in lower case.
    short: Vec<String>,
}

/// What leads to pictures with these words.
pub(super) enum Lead {
    /// An expression for `gallery_words`.
    Trigrams(String),
    /// An expression for `gallery_grams`.
    Grams(String),
    /// Nothing.
    None,
}

impl Words {
    pub(super) fn of(text: &str) -> Self {
        // Control characters part words: FTS5 would end at a zero.
        let parted = |c: char| c.is_whitespace() || c.is_control();
        let words = cut(text, TEXT).split(parted).filter(|word| !word.is_empty()).take(WORDS);
        let (long, short): (Vec<&str>, Vec<&str>) = words.partition(|word| word.chars().count() >= LONG);
        let short: Vec<String> = short.into_iter().map(fold).collect();
        let lead = if long.is_empty() {
            let grams: Vec<String> = short.iter().flat_map(|word| telling(word)).collect();
            if grams.is_empty() { Lead::None } else { Lead::Grams(all_of(grams.iter().map(String::as_str))) }
        } else {
            Lead::Trigrams(all_of(long.into_iter()))
        };
        Self { lead, short }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self.lead, Lead::None) && self.short.is_empty()
    }

    /// Whether a prompt that was led to has all of them.
    pub(super) fn are_in(&self, prompt: &str) -> bool {
        if self.short.is_empty() {
            return true;
        }
        let prompt = fold(prompt);
        self.short.iter().all(|word| prompt.contains(word.as_str()))
    }
}

/// Texts as an expression of FTS5 that means all of them. Within quotes nothing has a meaning but
/// the quote, and that is doubled.
fn all_of<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.map(|text| format!("\"{}\"", text.replace('"', "\"\""))).collect::<Vec<_>>().join(" ")
}

/// Whether a character is one of `gallery_grams`.
fn is_gram(c: char) -> bool {
    !c.is_ascii() && !c.is_whitespace() && !c.is_control()
}

/// The grams that a picture with this short word surely has: the fewest that tell the most.
fn telling(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    match letters.as_slice() {
        [a, b] if is_gram(*a) && is_gram(*b) => vec![word.to_owned()],
        _ => letters.into_iter().filter(|c| is_gram(*c)).map(String::from).collect(),
    }
}

/// What `gallery_grams` holds of a prompt: each character beyond ASCII and each pair of neighbours,
/// in lower case, once, parted by spaces.
fn grams(prompt: &str) -> String {
    if prompt.is_ascii() {
        return String::new();
    }
    let mut known = HashSet::new();
    let mut all = String::new();
    let mut before: Option<char> = None;
    for c in fold(prompt).chars() {
        let gram = is_gram(c);
        let pair = before.filter(|_| gram).map(|before| String::from_iter([before, c]));
        for one in gram.then(|| c.to_string()).into_iter().chain(pair) {
            if !known.contains(&one) {
                all.push_str(&one);
                all.push(' ');
                known.insert(one);
            }
        }
        before = gram.then_some(c);
    }
    all
}

/// Lets a connection run the gallery's triggers: `ir_grams(prompt)`. The schema names it, so its
/// results must never change without filling `gallery_grams` anew.
pub(in crate::sqlite) fn register(db: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    db.create_scalar_function("ir_grams", 1, flags, |context| Ok(grams(context.get_raw(0).as_str()?)))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_and_pairs_beyond_ascii() {
        assert_eq!(grams("a cat"), "");
        assert_eq!(grams("猫"), "猫 ");
        assert_eq!(grams("a 猫 一只猫, 猫3D风"), "猫 一 只 一只 只猫 风 ");
        assert_eq!(grams("ÄÖ"), "ä ö äö ");
        assert_eq!(grams("雪\u{3000}山"), "雪 山 ", "a wide space parts");
    }

    #[test]
    fn nothing_reaches_the_syntax_unquoted() {
        let expression = |text: &str| match Words::of(text).lead {
            Lead::Trigrams(expression) | Lead::Grams(expression) => expression,
            Lead::None => String::new(),
        };
        assert_eq!(expression("cat OR dog*"), "\"cat\" \"dog*\"");
        assert_eq!(expression("a\"b\" AND \"\"\" NEAR(x,y)"), "\"a\"\"b\"\"\" \"AND\" \"\"\"\"\"\"\"\" \"NEAR(x,y)\"");
        assert_eq!(expression("猫 x狗 蓝色"), "\"猫\" \"狗\" \"蓝色\"");
        assert_eq!(expression("cat 猫"), "\"cat\"", "one lead is enough, the rest is seen in the prompt");
        assert_eq!(expression("3d \u{0} x"), "");
        assert_eq!(expression(&"word ".repeat(1000)).matches("word").count(), WORDS);
    }
}
