//! Whether a prompt is English already. Asked before a translation is paid for: what stays in doubt
//! counts as English, because image models read names and keywords of every language, and a
//! needless translation changes what the caller wrote.
//!
//! Script decides first: a fifth of other letters than Latin ones is enough. Among Latin scripts
//! only grammar tells, so the small words of the common languages are looked for: where there is no
//! English one, a single foreign word that stands in no name is enough, or several that names have
//! too; where there are English ones, they are counted against each other. Text in quotation marks
//! is left out: it is to be written in the picture.

use std::collections::HashSet;

/// Words that are looked at; longer prompts are judged by their beginning.
const MOST_WORDS: usize = 400;
/// An ideograph says as much as this many letters.
const IDEOGRAPH: usize = 3;

/// Words of other languages that are neither English nor common in names.
const STRONG: &[&str] = &[
    // German
    "und ein eine einen einem einer eines dem mit auf unter über ist zwischen für nicht sitzt steht vor hinter bei beim zum zur vom nach neben",
    // French
    "une un dans avec près chez devant derrière leur",
    // Spanish, Portuguese, Italian
    "una sobre bajo junto desde hacia muy um uma não pela pelo pôr nel nella nello della delle dello degli dalla sulla sotto gli",
    // Dutch, Scandinavian
    "een het niet onder naar voor aan bij naast och ett på från ved ikke",
    // Turkish, Polish, Hungarian, Romanian, Indonesian
    "bir ile için çok üzerinde altında się przez oraz dla przy nad egy és și yang dengan sebuah seekor dalam pada untuk",
];

/// Words of other languages that also stand in names or in English.
const WEAK: &[&str] = &[
    "der die das den im von la le les des du de et sur el los las del al con por para que com em en na no da do dos ao il di che op van met",
    "med som av og jest pod dan ve qui sous aux au à",
];

/// English words that no other language here has.
const ENGLISH: &[&str] =
    &["the of with and is by from at for over into wearing standing sitting holding looking his her their its this that"];

/// English words that other languages have too.
const SHARED: &[&str] = &["a an in on to as no do"];
/// So many words that names have too are no name.
const SEVERAL: usize = 3;

/// A text that is foreign throughout.
const WHOLE: usize = 1000;

/// Whether a prompt needs no translation to English.
pub(crate) fn is_english(prompt: &str) -> bool {
    foreign_share(prompt) * 5 < WHOLE
}

/// Whether an answer is a translation of a prompt: English, names in their own script apart, or at
/// least nearer to it than the prompt.
pub(crate) fn is_translated(answer: &str, prompt: &str) -> bool {
    let share = foreign_share(answer);
    share * 2 < WHOLE || share < foreign_share(prompt)
}

/// How much of a text is not English, of [`WHOLE`].
fn foreign_share(prompt: &str) -> usize {
    let bare = without_quoted(prompt);
    let text = if bare.chars().any(char::is_alphabetic) { bare.as_str() } else { prompt };
    let (mut latin, mut other) = (0usize, 0usize);
    for letter in text.chars().filter(|c| c.is_alphabetic()) {
        match letter {
            c if is_latin(c) => latin += 1,
            '\u{2e80}'.. => other += IDEOGRAPH,
            _ => other += 1,
        }
    }
    if reads_foreign(text) { WHOLE } else { (other * WHOLE).checked_div(latin + other).unwrap_or(0) }
}

fn is_latin(c: char) -> bool {
    // The last block holds what Vietnamese needs.
    c.is_ascii_alphabetic() || matches!(c, '\u{aa}' | '\u{b5}' | '\u{ba}' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
}

/// Whether Latin text is clearly of another language.
fn reads_foreign(text: &str) -> bool {
    let spoken: Vec<&str> = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).take(MOST_WORDS).collect();
    let (mut words, mut before_small) = (HashSet::new(), HashSet::new());
    for (at, word) in spoken.iter().enumerate() {
        // Capitals are abbreviations: the UN is no French article.
        if word.chars().count() > 1 && !word.chars().any(char::is_lowercase) {
            continue;
        }
        let word = word.to_lowercase();
        // Before a capital it is part of a name: Juan de la Cruz.
        if !spoken.get(at + 1).is_some_and(|next| next.starts_with(char::is_uppercase)) {
            before_small.insert(word.clone());
        }
        words.insert(word);
    }
    let count =
        |words: &HashSet<String>, list: &[&str]| list.iter().flat_map(|line| line.split(' ')).filter(|word| words.contains(*word)).count();
    let vietnamese = words.iter().filter(|word| word.contains(|c| matches!(c, 'ơ' | 'ư' | '\u{1ea0}'..='\u{1ef9}'))).count();
    // One alone is the name of a dish.
    let vietnamese = if vietnamese > 1 { vietnamese } else { 0 };
    let (strong, english) = (count(&words, STRONG) + vietnamese, count(&words, ENGLISH));
    let foreign = 2 * strong + count(&words, WEAK);
    if english == 0 {
        return (strong > 0 && foreign > count(&words, SHARED)) || count(&before_small, WEAK) >= SEVERAL;
    }
    strong > 0 && foreign > 2 && foreign > 2 * english + count(&words, SHARED)
}

/// The text without what stands in quotation marks. A mark without its partner stays.
fn without_quoted(text: &str) -> String {
    const PAIRS: [(char, char); 5] = [('"', '"'), ('“', '”'), ('「', '」'), ('『', '』'), ('«', '»')];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, open, close)) =
        rest.char_indices().find_map(|(at, c)| PAIRS.iter().find(|pair| pair.0 == c).map(|p| (at, p.0, p.1)))
    {
        let inner = &rest[at + open.len_utf8()..];
        out.push_str(&rest[..at]);
        out.push(' ');
        rest = match inner.find(close) {
            Some(end) => &inner[end + close.len_utf8()..],
            None => inner,
        };
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_is_left_alone() {
        for text in [
            "",
            "cyberpunk neon",
            "1girl, masterpiece, best quality, 8k",
            "a lighthouse at dusk",
            "Vincent van Gogh",
            "portrait of Frida Kahlo by Diego Rivera",
            "el Greco, van der Weyden, de Kooning, la Mancha",
            "Pont de la Concorde, Paris, oil painting",
            "café in Zürich, naïve art",
            "UN headquarters in La Paz",
            "a fox in its den, en plein air",
            "bowl of phở",
            "phở, rising steam",
            "a sign that says \"你好，世界\" above the door",
            "a cat named 小白 sitting on a wooden bench in the park",
            "Ω logo, minimal, gold",
            "12345 !!! 🎨",
            "Der Blaue Reiter style poster with the title Die Brücke",
            "a portrait of Juan de la Cruz",
            "Juan de la Cruz, oil on canvas",
            "juan de la cruz, oil painting",
            "Der Kaiser style poster, cinematic lighting",
            "Oscar de la Renta dress, Museo del Prado, van der Rohe chair",
            "a dancer en pointe, sous vide steak",
            "Cirque du Soleil, Rio de Janeiro",
            "no text, do not crop",
        ] {
            assert!(is_english(text), "{text}");
        }
    }

    #[test]
    fn other_languages_are_seen() {
        for text in [
            "一只猫坐在月亮上",
            "赛博朋克，霓虹灯，8k",
            "画一个写着\"HELLO WORLD AND EVERYBODY\"的牌子",
            "portrait of 李白",
            "桜の木の下で本を読む少女",
            "ネオンの街",
            "달 위의 고양이",
            "кот на луне",
            "قطة على القمر",
            "แมวบนดวงจันทร์",
            "चाँद पर एक बिल्ली",
            "Ein Hund auf dem Mond",
            "eine schwarze Katze",
            "Frau im roten Kleid am Strand bei Sonnenuntergang",
            "mujer joven con vestido rojo caminando por la playa al atardecer",
            "un gato negro",
            "cachorro correndo na praia ao pôr do sol",
            "hond in het park",
            "portrait de la fille du roi",
            "egy macska a holdon",
            "ein Haus in den Bergen",
            "Une femme dans la forêt",
            "Un perro en la playa",
            "el gato en la mesa",
            "um gato na lua",
            "un gatto sotto la pioggia con un ombrello",
            "een kat op het dak",
            "en katt på taket och en hund",
            "bir kedi ve bir köpek",
            "kot siedzi na dachu, pies oraz dom, obraz dla dzieci",
            "một con mèo ngồi trên mặt trăng",
            "seekor kucing di atas bulan dengan topi",
        ] {
            assert!(!is_english(text), "{text}");
        }
    }

    #[test]
    fn translations_may_keep_names() {
        for (answer, prompt) in [
            ("portrait of 李白", "李白的肖像"),
            ("portrait of 李白", "portrait of 李白"),
            ("a poem by 李白 and 杜甫", "李白和杜甫的诗"),
            ("a black cat", "eine schwarze Katze"),
        ] {
            assert!(is_translated(answer, prompt), "{answer}");
        }
        for (answer, prompt) in [
            ("抱歉，我无法翻译这段内容。", "李白的肖像"),
            ("李白的肖像", "李白的肖像"),
            ("李白的肖像", "portrait of 李白"),
            ("ein schwarzer Hund und eine Katze", "eine schwarze Katze"),
        ] {
            assert!(!is_translated(answer, prompt), "{answer}");
        }
    }
}
