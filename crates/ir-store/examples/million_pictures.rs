//! How long the gallery's queries take with a million pictures, or with as many as the first
//! argument says: `cargo run --release -p ir-store --example million_pictures`. Fills a database in a
//! temporary folder (the second argument: where), and asks each question five times.

#![expect(clippy::print_stdout, reason = "prints figures")]

use ir_model::{Dice, Format, ManualClock, SeededDice, Size, Timestamp};
use ir_store::{Gallery, GalleryFilter, JobState, Journal, PictureRecord, SqliteStore, Store, StoreError};
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Pictures of one transaction.
const BATCH: u64 = 5000;
/// 2026-11-22; the pictures are a minute apart, up to then.
const NOW: i64 = 1_795_388_038_000;
const MINUTE: i64 = 60_000;
/// Words of prompts: a few are in every third picture, most are rare.
const WORDS: u64 = 4000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let pictures: u64 = arguments.next().map_or(Ok(1_000_000), |count| count.parse())?;
    let folder = tempfile::tempdir_in(arguments.next().map_or_else(std::env::temp_dir, Into::into))?;
    let store = SqliteStore::open(folder.path(), Arc::new(ManualClock::at(Timestamp(NOW))))?;
    let (dice, began) = (SeededDice::new(1), Instant::now());
    for first in (0..pictures).step_by(BATCH as usize) {
        let some = (first..(first + BATCH).min(pictures)).map(|n| picture(n, pictures, &dice)).collect();
        store.finish_with("no job", JobState::Done, some).await?;
    }
    let took = began.elapsed();
    println!("{pictures} pictures listed in {took:.1?}, {:.1?} each", took / u32::try_from(pictures)?);
    let marked: Vec<String> = (0..1000).map(|n| name(n * pictures / 1000)).collect();
    store.favorite(&marked, true).await?;
    ask(&store).await?;
    let began = Instant::now();
    store.quick_check().await?;
    println!("checked in {:.1?}", began.elapsed());
    store.close().await;
    let bytes = folder.path().join("img-router.db").metadata()?.len();
    println!("the database has {} MB", bytes / 1_000_000);
    Ok(())
}

async fn ask(store: &SqliteStore) -> Result<(), StoreError> {
    let any = GalleryFilter::default;
    let words = |text: &str| GalleryFilter { text: Some(text.to_owned()), ..GalleryFilter::default() };
    let some = |text: &str| Some(text.to_owned());
    let cases = [
        ("everything", any()),
        ("a platform", GalleryFilter { provider: some("P1"), ..any() }),
        ("a rare model", GalleryFilter { model: some("rare"), ..any() }),
        ("a model and a task that never meet", GalleryFilter { model: some("m0"), task: some("edit"), ..any() }),
        ("marked", GalleryFilter { favorite: true, ..any() }),
        (
            "an old month",
            GalleryFilter { from: Some(Timestamp(NOW - 400 * 1440 * MINUTE)), to: Some(Timestamp(NOW - 370 * 1440 * MINUTE)), ..any() },
        ),
        ("a common word", words("wa0zz")),
        ("two common words", words("wa0zz wa1zz")),
        ("a rare word", words("wa3000zz")),
        ("a common and a rare word", words("wa0zz wa3000zz")),
        ("two rare words that never meet", words("wa3000zz wa3001zz")),
        ("no such word", words("nowhere")),
        ("a common word on a rare model", GalleryFilter { model: some("rare"), ..words("wa0zz") }),
        ("a common Chinese character", words("丁")),
        ("a common Chinese pair", words("丁一")),
        ("a rare Chinese pair", words(&pair(3000))),
        ("no such Chinese pair", words("龘龘")),
        ("a long Chinese word", words(&format!("{}一", pair(5)))),
        ("two letters, common", words("zz")),
        ("two letters, nowhere", words("q7")),
    ];
    for (what, filter) in cases {
        let found = middle(|| Gallery::search(store, filter.clone(), None, 60)).await?;
        let counted = middle(|| store.count_matching(filter.clone())).await?;
        let (matching, pictures) = (counted.1, found.1.len());
        let more = if matching.exact { "" } else { " or more" };
        println!("{what}: {pictures} found in {:.1?}; counted {}{more} in {:.1?}", found.0, matching.pictures, counted.0);
    }
    let facets = middle(|| store.facets()).await?;
    println!("facets: {} days in {:.1?}", facets.1.days.len(), facets.0);
    let deep = GalleryFilter { to: Some(Timestamp(NOW - 600 * 1440 * MINUTE)), ..words("wa0zz") };
    let deep = middle(|| Gallery::search(store, deep.clone(), None, 60)).await?;
    println!("a common word, deep: {} found in {:.1?}", deep.1.len(), deep.0);
    let names: Vec<String> = (0..200).map(name).collect();
    let began = Instant::now();
    store.remove(&names, Timestamp(NOW)).await?;
    println!("200 pictures hidden in {:.1?}", began.elapsed());
    let began = Instant::now();
    store.expire_removed(Timestamp(NOW), 1000).await?;
    store.forget(&names).await?;
    println!("and forgotten in {:.1?}", began.elapsed());
    Ok(())
}

/// The middle time of five, and what came of it.
async fn middle<T, F: Future<Output = Result<T, StoreError>>>(work: impl Fn() -> F) -> Result<(Duration, T), StoreError> {
    let mut times = Vec::new();
    loop {
        let began = Instant::now();
        let result = work().await?;
        times.push(began.elapsed());
        if times.len() == 5 {
            times.sort_unstable();
            return Ok((times[2], result));
        }
    }
}

fn name(n: u64) -> String {
    format!("{n:012}.png")
}

/// Two Chinese characters for a word.
fn pair(word: u64) -> String {
    let letter = |n: u64| u32::try_from(0x4e00 + n).ok().and_then(char::from_u32).unwrap_or_default();
    [letter(word / 50 + 1), letter(word % 50)].into_iter().collect()
}

fn picture(n: u64, all: u64, dice: &SeededDice) -> PictureRecord {
    // Small numbers are common, as the common words of a language are.
    let word = || (dice.below(WORDS) * dice.below(WORDS) / WORDS) * dice.below(WORDS) / WORDS;
    let chinese = n.is_multiple_of(2);
    let prompt = (0..20).map(|_| if chinese { pair(word()) } else { format!("wa{}zz ", word()) }).collect();
    let kind = dice.below(20);
    PictureRecord {
        name: name(n),
        path: format!("2026-11-22/{}", name(n)),
        sha256: format!("{n:064x}"),
        bytes: 1_500_000,
        format: Format::Png,
        size: Size::new(1024, 1024),
        prompt,
        revised_prompt: None,
        model: if n.is_multiple_of(10_000) { "rare".to_owned() } else { format!("m{kind}") },
        provider: format!("P{}", kind % 5),
        task: if kind.is_multiple_of(2) { "text" } else { "edit" }.to_owned(),
        created: Timestamp(NOW).plus_ms(-i64::try_from(all - n).unwrap_or(0) * MINUTE),
        request_id: format!("req_{n}"),
        client: "me".to_owned(),
    }
}
