//! The corpora of the fuzz targets, replayed with any compiler, and some thousand inputs made from
//! them that are the same each time. `FUZZ_MUTATIONS` multiplies their number.

#![expect(clippy::disallowed_methods, reason = "corpora are read from the tree, and the environment may ask for more")]

use ir_fuzz::{Sequence, TARGETS, Target};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Inputs of one corpus, and the bytes of all of them.
const MOST_FILES: usize = 200;
const MOST_BYTES: usize = 1024 * 1024;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn target(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).expect("a target")
}

/// The inputs of a target in the order of their names.
fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = root().join("corpus").join(name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<(String, Vec<u8>)> = entries
        .map(|entry| entry.expect("a file").path())
        .map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), std::fs::read(&path).expect("it can be read")))
        .collect();
    files.sort();
    files
}

/// The words of a target's dictionary, if it has one.
fn dictionary(name: &str) -> Vec<Vec<u8>> {
    let Ok(text) = std::fs::read_to_string(root().join("dictionaries").join(format!("{name}.dict"))) else { return Vec::new() };
    text.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"')).map(unescaped).collect()
}

/// `\\`, `\"` and `\x00` as libFuzzer reads them.
fn unescaped(text: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, tail @ ..] = rest {
        (out, rest) = match (first, tail) {
            (b'\\', [b'x', a, b, tail @ ..]) => {
                let digits = [*a, *b];
                let digits = std::str::from_utf8(&digits).expect("two digits");
                (out.into_iter().chain([u8::from_str_radix(digits, 16).expect("two digits")]).collect(), tail)
            }
            (b'\\', [next, tail @ ..]) => (out.into_iter().chain([*next]).collect(), tail),
            _ => (out.into_iter().chain([*first]).collect(), tail),
        };
    }
    out
}

/// Replays a corpus, then `times` inputs made from it.
fn replay(name: &str, times: usize) {
    let (target, corpus, words) = (target(name), corpus(name), dictionary(name));
    assert!(!corpus.is_empty(), "{name} has no corpus");
    let run = |what: &str, data: &[u8]| {
        if catch_unwind(AssertUnwindSafe(|| (target.run)(data))).is_err() {
            panic!("{name}, {what}: {:?}", data.escape_ascii().to_string());
        }
    };
    run("nothing", b"");
    for (file, data) in &corpus {
        run(file, data);
    }
    let more = std::env::var("FUZZ_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let mut dice = Sequence::new(0x5eed);
    for number in 0..times * more {
        let (file, data) = &corpus[dice.below(corpus.len())];
        let mut data = data.clone();
        for _ in 0..=dice.below(4) {
            mutate(&mut data, &corpus[dice.below(corpus.len())].1, &words, &mut dice);
        }
        data.truncate(target.longest);
        run(&format!("{file} changed, number {number}"), &data);
    }
}

/// One change: a byte, a word, a piece moved in from another input, a piece taken out or doubled.
fn mutate(data: &mut Vec<u8>, other: &[u8], words: &[Vec<u8>], dice: &mut Sequence) {
    const ODD: &[u8] = b"\0\xff\x80\"\\{}[]():,;=&%/?#@!<> \t\r\n0179azAZ.-_+";
    let at = dice.below(data.len() + 1);
    let length = dice.below(16) + 1;
    let end = (at + length).min(data.len());
    match dice.below(8) {
        0 if at < data.len() => data[at] ^= 1 << dice.below(8),
        1 if at < data.len() => data[at] = ODD[dice.below(ODD.len())],
        2 => data.insert(at, ODD[dice.below(ODD.len())]),
        3 => drop(data.drain(at..end)),
        4 => {
            let piece = data[at..end].to_vec();
            data.splice(at..at, piece);
        }
        5 => {
            let from = dice.below(other.len() + 1);
            let to = (from + length).min(other.len());
            data.splice(at..end, other[from..to].iter().copied());
        }
        6 if !words.is_empty() => drop(data.splice(at..at, words[dice.below(words.len())].iter().copied())),
        7 => data.truncate(at),
        _ => {
            let from = dice.below(other.len() + 1);
            data.truncate(at);
            data.extend_from_slice(&other[from..]);
        }
    }
}

#[test]
fn every_target_has_a_binary_and_a_small_corpus() {
    let names = |folder: &str, ending: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(root().join(folder)).expect("a folder");
        entries.filter_map(|entry| entry.expect("an entry").file_name().to_string_lossy().strip_suffix(ending).map(str::to_owned)).collect()
    };
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names("fuzz_targets", ".rs"), targets);
    assert_eq!(names("corpus", ""), targets);
    assert!(names("dictionaries", ".dict").is_subset(&targets));
    for name in &targets {
        let corpus = corpus(name);
        let bytes: usize = corpus.iter().map(|(_, data)| data.len()).sum();
        assert!(corpus.len() <= MOST_FILES && bytes <= MOST_BYTES, "{name}: {} files, {bytes} bytes", corpus.len());
    }
}

/// Proves Z-6.
#[test]
fn json() {
    replay("json", 2000);
}

/// Proves Z-5.
#[test]
fn multipart() {
    replay("multipart", 1000);
}

/// Proves Z-4.
#[test]
fn data_uri() {
    replay("data_uri", 1000);
}

/// Proves Z-1.
#[test]
fn url() {
    replay("url", 5000);
}

/// Proves Z-3.
#[test]
fn picture() {
    replay("picture", 500);
}

/// Proves Z-8.
#[test]
fn events() {
    replay("events", 2000);
}

/// Proves Z-9.
#[test]
fn replies() {
    replay("replies", 3000);
}

/// Proves Z-7.
#[test]
fn markdown() {
    replay("markdown", 5000);
}

/// Proves Z-6, Z-11.
#[test]
fn request() {
    replay("request", 2000);
}

/// Proves Z-2.
#[test]
fn address() {
    replay("address", 5000);
}

/// Proves Z-10.
#[test]
fn retry_after() {
    replay("retry_after", 1000);
}

/// Proves Z-11.
#[test]
fn size() {
    replay("size", 3000);
}

/// Proves Z-12.
#[test]
fn names() {
    replay("names", 500);
}

/// Proves Z-13.
#[test]
fn credentials() {
    replay("credentials", 3000);
}

/// Proves Z-14.
#[test]
fn config() {
    replay("config", 300);
}

/// Proves Z-16.
#[test]
fn vault() {
    replay("vault", 200);
}
