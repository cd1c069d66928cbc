//! The table of requirements: every id has a test that names it, every name is an id, and the page
//! `docs/requirements.md` says so. `UPDATE_GOLDEN=1` writes the page anew.
#![expect(clippy::unwrap_used, reason = "a helper's failure is the test's failure")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const LIST: &str = include_str!("requirements/list.txt");

/// One id and what it asks for.
struct Requirement {
    id: &'static str,
    says: &'static str,
    place: Option<&'static str>,
    /// What departs from it.
    note: Option<&'static str>,
}

/// A heading, and what stands below it.
struct Section {
    title: &'static str,
    entries: Vec<Requirement>,
}

fn list() -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(title) = line.strip_prefix("== ") {
            sections.push(Section { title, entries: Vec::new() });
            continue;
        }
        let entries = &mut sections.last_mut().expect("a section comes first").entries;
        if let Some(note) = line.strip_prefix("~ ") {
            entries.last_mut().expect("an id comes before its note").note = Some(note);
            continue;
        }
        let mut parts = line.splitn(3, " | ");
        let (id, says) = (parts.next().unwrap(), parts.next().unwrap_or_else(|| panic!("{line}")));
        entries.push(Requirement { id, says, place: parts.next(), note: None });
    }
    sections
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every source file that can hold a test.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    const LEFT_OUT: [&str; 8] = ["target", "node_modules", ".venv", "dist", ".cache", ".git", "shots", "corpus"];
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() && !LEFT_OUT.contains(&name.as_str()) && !name.starts_with(".venv") {
            sources(&path, found);
        } else if [".rs", ".py", ".mjs", ".ts", ".tsx"].iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
}

/// The ids of a line such as `/// Proves R-AUTH-1, B-14.`
fn proven(line: &str) -> Option<Vec<&str>> {
    let text = line.trim_start().trim_start_matches(['/', '#', '*']).trim_start();
    let ids = text.strip_prefix("Proves ")?.strip_suffix('.')?;
    let looks_right = |id: &str| id.split_once('-').is_some_and(|(kind, _)| ["R", "F", "B", "C", "P", "Z"].contains(&kind));
    let ids: Vec<&str> = ids.split(", ").collect();
    ids.iter().all(|id| looks_right(id)).then_some(ids)
}

/// The name of the test that a line begins.
fn test_name(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let quoted = |text: &'_ str| -> Option<(usize, usize)> {
        let open = text.find(['"', '\'', '`'])?;
        let mark = text[open..].chars().next()?;
        Some((open + 1, open + 1 + text[open + 1..].find(mark)?))
    };
    for opening in ["fn ", "async fn ", "pub fn ", "def ", "async def "] {
        if let Some(rest) = line.strip_prefix(opening) {
            return rest.split(['(', '<']).next();
        }
    }
    if ["test(", "it(", "await test(", "await t.test("].iter().any(|opening| line.starts_with(opening)) {
        return quoted(line).map(|(from, to)| &line[from..to]);
    }
    None
}

/// Which tests name an id: file and test.
fn tests_by_id() -> BTreeMap<String, BTreeSet<(String, String)>> {
    let (root, mut files, mut found) = (root(), Vec::new(), BTreeMap::<String, BTreeSet<(String, String)>>::new());
    for folder in ["crates", "tests", "web/src", "fuzz"] {
        if root.join(folder).is_dir() {
            sources(&root.join(folder), &mut files);
        }
    }
    for path in files.iter().filter(|path| !path.ends_with("requirements.rs")) {
        let text = std::fs::read_to_string(path).unwrap();
        let file = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let mut waiting: Vec<String> = Vec::new();
        for line in text.lines() {
            if let Some(ids) = proven(line) {
                waiting.extend(ids.into_iter().map(str::to_owned));
            } else if let Some(name) = test_name(line) {
                for id in waiting.drain(..) {
                    found.entry(id).or_default().insert((file.clone(), name.to_owned()));
                }
            }
        }
        assert!(waiting.is_empty(), "{file}: no test follows the line that names {waiting:?}");
    }
    found
}

#[test]
fn every_requirement_is_named_by_a_test() {
    let found = tests_by_id();
    let sections = list();
    let known: BTreeSet<&str> = sections.iter().flat_map(|section| section.entries.iter().map(|entry| entry.id)).collect();
    let strange: Vec<_> = found.iter().filter(|(id, _)| !known.contains(id.as_str())).collect();
    assert!(strange.is_empty(), "tests name ids that are not in the list: {strange:#?}");
    let bare: Vec<&str> = sections
        .iter()
        .flat_map(|section| &section.entries)
        .filter(|entry| !found.contains_key(entry.id) && entry.note.is_none())
        .map(|entry| entry.id)
        .collect();
    assert!(bare.is_empty(), "no test names {bare:?}");
}

fn page() -> String {
    let (found, sections) = (tests_by_id(), list());
    let all = sections.iter().map(|section| section.entries.len()).sum::<usize>();
    let mut page = format!(
        "# Requirements and their tests\n\n\
         What the gateway has to keep, {all} points of it, and the tests that show it. This page is made from the tests themselves: each names what it\n\
         proves, and a point without a test fails the run. What was measured: [reliability](reliability.md).\n"
    );
    for section in sections {
        let has_place = section.entries.iter().any(|entry| entry.place.is_some());
        write!(page, "\n## {}\n\n", section.title).unwrap();
        page.push_str(if has_place {
            "| id | says | kept in | tests |\n| --- | --- | --- | --- |\n"
        } else {
            "| id | says | tests |\n| --- | --- | --- |\n"
        });
        for entry in section.entries {
            let tests: Vec<String> = found
                .get(entry.id)
                .into_iter()
                .flatten()
                .map(|(file, name)| {
                    format!("`{name}` ({})", file.trim_start_matches("crates/").replace("/tests/", "/").replace("/src/", "/"))
                })
                .collect();
            let tests = if tests.is_empty() { "–".to_owned() } else { tests.join("<br>") };
            let says = entry.note.map_or_else(|| entry.says.to_owned(), |note| format!("{}. *{note}*", entry.says));
            match entry.place {
                Some(place) => writeln!(page, "| {} | {says} | {place} | {tests} |", entry.id).unwrap(),
                None => writeln!(page, "| {} | {says} | {tests} |", entry.id).unwrap(),
            }
        }
    }
    page
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a golden page is renewed by a switch, and written by the test itself")]
fn the_page_of_requirements_is_the_one_that_the_tests_make() {
    let (path, page) = (root().join("docs/requirements.md"), page());
    if std::env::var("UPDATE_GOLDEN").is_ok() {
        std::fs::write(&path, &page).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == page, "docs/requirements.md is not what the tests say: run with UPDATE_GOLDEN=1");
}
