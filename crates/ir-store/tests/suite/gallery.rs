use ir_model::{Format, Size, Timestamp};
use ir_store::{Facet, Gallery, GalleryFilter, Listed, MAX_FOUND_PICTURES, Matching, PictureRecord, Store, StoreError};
use std::sync::Arc;

pub(super) async fn suite(make: &impl Fn(&str) -> Arc<dyn Store>) {
    pictures_come_back_as_they_were_listed(make).await;
    pages_follow_each_other(make).await;
    a_name_belongs_to_one_picture(make).await;
    removed_pictures_are_hidden_and_then_forgotten(make).await;
    what_was_removed_comes_back_until_its_window_is_over(make).await;
    unknown_names_are_found(make).await;
    pictures_are_found_by_each_condition(make).await;
    words_are_found_in_any_language(make).await;
    a_search_goes_on_where_it_stopped(make).await;
    what_is_listed_is_counted(make).await;
}

pub(crate) fn picture(name: &str, created: i64) -> PictureRecord {
    PictureRecord {
        name: name.to_owned(),
        path: format!("2026-11-22/{name}"),
        sha256: format!("hash of {name}"),
        bytes: 5_000_000_000,
        format: Format::Png,
        size: Size::new(1024, 768),
        prompt: "a 'cat'".to_owned(),
        revised_prompt: None,
        model: "m".to_owned(),
        provider: "Doubao".to_owned(),
        task: "text".to_owned(),
        created: Timestamp(created),
        request_id: "req_1".to_owned(),
        client: "me".to_owned(),
    }
}

fn names(pictures: Vec<PictureRecord>) -> Vec<String> {
    pictures.into_iter().map(|picture| picture.name).collect()
}

async fn pictures_come_back_as_they_were_listed(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("gallery-whole");
    for format in Format::ALL {
        let name = format!("a.{}", format.extension());
        let full = PictureRecord { format, revised_prompt: Some("a cat".to_owned()), ..picture(&name, -1) };
        Gallery::add(&*store, full.clone()).await.unwrap();
        assert_eq!(store.get(&name).await.unwrap(), Some(full));
    }
    assert_eq!(store.get("none.png").await.unwrap(), None);
    assert_eq!(Gallery::count(&*store).await.unwrap(), 4);
}

/// Proves R-DOS-3.
async fn pages_follow_each_other(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("gallery-pages");
    let mut expected = Vec::new();
    // Several in the same millisecond, in no order.
    for n in [3, 1, 4, 15, 9, 2, 6, 5, 35, 8, 97, 93, 23, 84] {
        let one = picture(&format!("{n:03}.png"), n / 10);
        Gallery::add(&*store, one.clone()).await.unwrap();
        expected.push(one);
    }
    expected.sort_by_key(|one| std::cmp::Reverse((one.created, one.name.clone())));
    for limit in [1, 3, 14, 100] {
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let page = Gallery::page(&*store, cursor, limit).await.unwrap();
            assert!(page.len() <= limit as usize);
            let Some(last) = page.last() else { break };
            cursor = Some(last.cursor());
            seen.extend(page);
        }
        assert_eq!(seen, expected, "pages of {limit}");
    }
    assert_eq!(Gallery::page(&*store, None, 0).await.unwrap(), []);
}

async fn a_name_belongs_to_one_picture(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("gallery-names");
    Gallery::add(&*store, picture("a.png", 1)).await.unwrap();
    let again = PictureRecord { prompt: "found again".to_owned(), ..picture("a.png", 1) };
    Gallery::add(&*store, again).await.unwrap();
    assert_eq!(store.get("a.png").await.unwrap(), Some(picture("a.png", 1)));
    let other = PictureRecord { sha256: "other".to_owned(), ..picture("a.png", 1) };
    let result = Gallery::add(&*store, other).await;
    assert!(matches!(result, Err(StoreError::Duplicate { .. })), "{result:?}");
}

async fn removed_pictures_are_hidden_and_then_forgotten(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("gallery-remove");
    for name in ["a.png", "b.png", "c.png"] {
        Gallery::add(&*store, picture(name, 1)).await.unwrap();
    }
    let some = ["none.png", "b.png", "b.png"].map(str::to_owned);
    assert_eq!(store.remove(&some, Timestamp(100)).await.unwrap(), ["b.png"]);
    assert_eq!(store.remove(&some, Timestamp(200)).await.unwrap(), Vec::<String>::new());
    assert_eq!(store.get("b.png").await.unwrap(), None);
    assert_eq!(names(Gallery::page(&*store, None, 10).await.unwrap()), ["c.png", "a.png"]);
    assert_eq!(Gallery::count(&*store).await.unwrap(), 2);
    Gallery::add(&*store, picture("b.png", 1)).await.unwrap();
    assert_eq!(store.get("b.png").await.unwrap(), None, "a removed picture stays removed");
    let both = ["a.png".to_owned(), "b.png".to_owned()];
    assert_eq!(store.forget(&both).await.unwrap(), 0, "it can still be brought back");
    assert_eq!(store.removed(10).await.unwrap(), []);
    assert_eq!(store.expire_removed(Timestamp(99), 10).await.unwrap(), []);
    assert_eq!(store.expire_removed(Timestamp(100), 10).await.unwrap(), [picture("b.png", 1)]);
    assert_eq!(store.expire_removed(Timestamp(100), 10).await.unwrap(), []);
    assert_eq!(store.restore(&both).await.unwrap(), Vec::<String>::new(), "it is final");
    assert_eq!(store.removed(10).await.unwrap(), [picture("b.png", 1)]);

    assert_eq!(store.forget(&both).await.unwrap(), 1, "only what was removed is forgotten");
    assert_eq!(store.removed(10).await.unwrap(), []);
    Gallery::add(&*store, picture("b.png", 1)).await.unwrap();
    assert_eq!(Gallery::count(&*store).await.unwrap(), 3);
}

async fn unknown_names_are_found(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("gallery-missing");
    for name in ["a.png", "b\"'.png"] {
        Gallery::add(&*store, picture(name, 1)).await.unwrap();
    }
    store.remove(&["a.png".to_owned()], Timestamp(0)).await.unwrap();
    let asked = ["z.png", "a.png", "b\"'.png", "y 图.png"].map(str::to_owned);
    assert_eq!(store.names_missing_from(&asked).await.unwrap(), ["z.png", "y 图.png"]);
    assert_eq!(store.names_missing_from(&[]).await.unwrap(), Vec::<String>::new());
    let many: Vec<String> = (0..25_000).map(|n| format!("{n}.png")).collect();
    assert_eq!(store.names_missing_from(&many).await.unwrap(), many);
}

async fn what_was_removed_comes_back_until_its_window_is_over(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("gallery-undo");
    for name in ["a.png", "b.png", "c.png"] {
        Gallery::add(&*store, picture(name, 1)).await.unwrap();
    }
    let all = ["c.png", "a.png", "b.png"].map(str::to_owned);
    store.favorite(&all, true).await.unwrap();
    store.remove(&all[..2], Timestamp(10)).await.unwrap();
    store.remove(&all[2..], Timestamp(5)).await.unwrap();
    assert_eq!(store.favorite(&all, false).await.unwrap(), 0, "what is hidden is not changed");
    assert_eq!(store.named(&all).await.unwrap(), []);
    assert_eq!(store.expire_removed(Timestamp(9), 10).await.unwrap(), [picture("b.png", 1)], "each has its own window");
    assert_eq!(store.restore(&all).await.unwrap(), ["c.png", "a.png"]);
    assert_eq!(store.restore(&all).await.unwrap(), Vec::<String>::new());
    assert_eq!(store.expire_removed(Timestamp(100), 10).await.unwrap(), [], "what came back has no window");
    let back = store.named(&all).await.unwrap();
    assert_eq!(back.iter().map(|one| (one.picture.name.as_str(), one.favorite)).collect::<Vec<_>>(), [("c.png", true), ("a.png", true)]);
    assert_eq!(found(&store, words("cat")).await, ["c.png", "a.png"]);

    store.remove(&all, Timestamp(20)).await.unwrap();
    assert_eq!(store.expire_removed(Timestamp(20), 1).await.unwrap().len(), 1, "in portions");
    assert_eq!(store.expire_removed(Timestamp(20), 10).await.unwrap().len(), 1);
}

fn named(pictures: &[Listed]) -> Vec<&str> {
    pictures.iter().map(|one| one.picture.name.as_str()).collect()
}

/// The names found; what is counted must agree.
async fn found(store: &Arc<dyn Store>, filter: GalleryFilter) -> Vec<String> {
    let found = Gallery::search(&**store, filter.clone(), None, 100).await.unwrap();
    let counted = store.count_matching(filter.clone()).await.unwrap();
    assert_eq!(counted, Matching { pictures: found.len() as u64, exact: true }, "{filter:?}");
    named(&found).into_iter().map(str::to_owned).collect()
}

fn words(text: &str) -> GalleryFilter {
    GalleryFilter { text: Some(text.to_owned()), ..GalleryFilter::default() }
}

async fn pictures_are_found_by_each_condition(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("gallery-search");
    let some = |text: &str| Some(text.to_owned());
    let kinds = [
        ("a.png", "Doubao", "m", "text"),
        ("b.png", "Doubao", "n", "edit"),
        ("c.png", "Gitee", "m", "edit"),
        ("d.png", "Gitee", "m", "text"),
    ];
    // Listed in another order than they were stored in.
    for (created, n) in [(3, 3), (1, 1), (2, 2), (0, 0)] {
        let (name, provider, model, task) = kinds[n];
        let (provider, model, task) = (provider.to_owned(), model.to_owned(), task.to_owned());
        Gallery::add(&*store, PictureRecord { provider, model, task, ..picture(name, created) }).await.unwrap();
    }
    assert_eq!(store.favorite(&["a.png", "none.png", "c.png"].map(str::to_owned), true).await.unwrap(), 2);
    let any = GalleryFilter::default;
    let cases: Vec<(GalleryFilter, &[&str])> = vec![
        (any(), &["d.png", "c.png", "b.png", "a.png"]),
        (GalleryFilter { provider: some("Gitee"), ..any() }, &["d.png", "c.png"]),
        (GalleryFilter { provider: some("gitee"), ..any() }, &[]),
        (GalleryFilter { model: some("m"), ..any() }, &["d.png", "c.png", "a.png"]),
        (GalleryFilter { task: some("edit"), ..any() }, &["c.png", "b.png"]),
        (GalleryFilter { task: some("edit"), model: some("m"), ..any() }, &["c.png"]),
        (GalleryFilter { task: some("edit"), provider: some("Doubao"), ..any() }, &["b.png"]),
        (GalleryFilter { task: some("text"), provider: some("Gitee"), model: some("m"), favorite: true, ..any() }, &[]),
        (GalleryFilter { favorite: true, ..any() }, &["c.png", "a.png"]),
        (GalleryFilter { favorite: true, model: some("m"), from: Some(Timestamp(1)), ..any() }, &["c.png"]),
        (GalleryFilter { from: Some(Timestamp(1)), to: Some(Timestamp(3)), ..any() }, &["c.png", "b.png"]),
        (GalleryFilter { from: Some(Timestamp(3)), ..any() }, &["d.png"]),
        (GalleryFilter { to: Some(Timestamp(2)), provider: some("Doubao"), ..any() }, &["b.png", "a.png"]),
        (GalleryFilter { from: Some(Timestamp(i64::MIN)), to: Some(Timestamp(i64::MAX)), ..any() }, &["d.png", "c.png", "b.png", "a.png"]),
        (GalleryFilter { model: some("m"), task: some("text"), ..words("cat") }, &["d.png", "a.png"]),
        (GalleryFilter { to: Some(Timestamp(2)), favorite: true, ..words("cat") }, &["a.png"]),
    ];
    for (filter, expected) in cases {
        assert_eq!(found(&store, filter.clone()).await, expected, "{filter:?}");
    }
    store.remove(&["d.png".to_owned()], Timestamp(0)).await.unwrap();
    assert_eq!(found(&store, words("cat")).await, ["c.png", "b.png", "a.png"], "what is hidden is not found");
    assert_eq!(found(&store, GalleryFilter { model: some("m"), ..any() }).await, ["c.png", "a.png"]);
}

/// Pictures named `0`, `1` and so on.
const PROMPTS: [&str; 6] = [
    "A lighthouse at dusk, 3D render",
    "一只橘猫在屋顶上，赛博朋克风格",
    "雪山下的湖泊 with a red boat",
    "Été à la plage — 100% \"vrai\"",
    "猫",
    "МОСКВА ночью",
];

/// A search, and the pictures that it finds.
const WORDS: [(&str, &[&str]); 35] = [
    ("lighthouse", &["0"]),
    ("LIGHT dusk", &["0"]),
    ("house dusk", &["0"]),
    ("lighthouse boat", &[]),
    ("3d", &["0"]),
    ("3D lighthouse", &["0"]),
    ("3d boat", &[]),
    ("a", &["3", "2", "0"]),
    ("猫", &["4", "1"]),
    ("橘猫", &["1"]),
    ("猫橘", &[]),
    ("只猫", &[]),
    ("一只橘", &["1"]),
    ("赛博朋克", &["1"]),
    ("屋顶 猫", &["1"]),
    ("屋顶 赛博朋克", &["1"]),
    ("屋顶\u{3000}橘猫", &["1"]),
    ("雪山 boat", &["2"]),
    ("雪山 re", &["2"]),
    ("雪山 3d", &[]),
    ("的湖", &["2"]),
    ("泊w", &[]),
    ("泊 w", &["2"]),
    ("été", &["3"]),
    ("ÉT", &["3"]),
    ("100%", &["3"]),
    ("0%", &["3"]),
    ("\"vrai\"", &["3"]),
    ("\"", &["3"]),
    ("vrai*", &[]),
    ("cat OR boat", &[]),
    ("prompt:boat", &[]),
    ("москва", &["5"]),
    ("мо", &["5"]),
    (" \0 ", &["5", "4", "3", "2", "1", "0"]),
];

/// Proves B-85.
async fn words_are_found_in_any_language(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("gallery-words");
    for (n, prompt) in (0..).zip(PROMPTS) {
        Gallery::add(&*store, PictureRecord { prompt: prompt.to_owned(), ..picture(&n.to_string(), n) }).await.unwrap();
    }
    for (text, expected) in WORDS {
        assert_eq!(found(&store, words(text)).await, expected, "{text}");
    }
    // Whatever is written there, it is no syntax.
    for text in
        ["AND", "NEAR(a b)", "(((", "\"\"\"", "a\"\"b AND -", "^boat", "{prompt}:x", "*", "'", ";DROP TABLE gallery", "\0abc\0", "猫\"狗"]
    {
        found(&store, words(text)).await;
    }
    store.remove(&["1".to_owned()], Timestamp(0)).await.unwrap();
    store.expire_removed(Timestamp(0), 10).await.unwrap();
    store.forget(&["1".to_owned()]).await.unwrap();
    Gallery::add(&*store, PictureRecord { prompt: "一只狗".to_owned(), ..picture("1", 1) }).await.unwrap();
    assert_eq!(found(&store, words("猫")).await, ["4"]);
    assert_eq!(found(&store, words("赛博朋克")).await, Vec::<String>::new(), "what is forgotten has no words");
    assert_eq!(found(&store, words("只狗")).await, ["1"]);
}

async fn a_search_goes_on_where_it_stopped(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("gallery-search-pages");
    for n in 0..250 {
        let prompt = if n % 3 == 0 { "a red 猫咪" } else { "a blue boat" };
        Gallery::add(&*store, PictureRecord { prompt: prompt.to_owned(), ..picture(&format!("{n:03}"), n / 7) }).await.unwrap();
    }
    for text in ["", "red", "猫咪", "咪"] {
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = Gallery::search(&*store, words(text), before, 11).await.unwrap();
            assert!(page.len() <= 11);
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            seen.extend(named(&page).into_iter().map(str::to_owned));
        }
        let expected: Vec<String> = (0..250).rev().filter(|n| text.is_empty() || n % 3 == 0).map(|n| format!("{n:03}")).collect();
        assert_eq!(seen, expected, "'{text}'");
    }
    let most = Gallery::search(&*store, GalleryFilter::default(), None, u32::MAX).await.unwrap();
    assert_eq!(most.len(), MAX_FOUND_PICTURES as usize);
    assert_eq!(Gallery::search(&*store, words("red"), None, 0).await.unwrap(), []);
    let names = vec!["001".to_owned(), "none".to_owned(), "000".to_owned()];
    assert_eq!(named(&store.named(&names).await.unwrap()), ["001", "000"]);
}

async fn what_is_listed_is_counted(make: &impl Fn(&str) -> Arc<dyn Store>) {
    const DAY: i64 = 86_400_000;
    let store = make("gallery-facets");
    assert_eq!(store.facets().await.unwrap(), ir_store::Facets::default());
    for n in 0..400 {
        let model = if n % 4 == 0 { "n" } else { "m" };
        Gallery::add(&*store, PictureRecord { model: model.to_owned(), bytes: 10, ..picture(&n.to_string(), n * DAY) }).await.unwrap();
    }
    Gallery::add(&*store, picture("0", 0)).await.unwrap();
    Gallery::add(&*store, PictureRecord { bytes: 5, model: String::new(), ..picture("far", i64::MAX) }).await.unwrap();
    let facet = |name: &str, pictures: u64| Facet { name: name.to_owned(), pictures };
    let all = store.facets().await.unwrap();
    assert_eq!((all.pictures, all.bytes), (401, 4005));
    assert_eq!(all.models, [facet("m", 300), facet("n", 100), facet("", 1)]);
    assert_eq!(all.providers, [facet("Doubao", 401)]);
    assert_eq!((all.days.len(), &all.days[0], &all.days[365]), (366, &facet("1971-02-04", 1), &facet("1970-02-04", 1)));

    let names: Vec<String> = (0..400).filter(|n| n % 4 == 0).map(|n| n.to_string()).collect();
    store.remove(&names, Timestamp(0)).await.unwrap();
    let rest = store.facets().await.unwrap();
    assert_eq!((rest.pictures, rest.bytes, &rest.models), (301, 3005, &vec![facet("m", 300), facet("", 1)]));
    assert_eq!(store.restore(&names[..1]).await.unwrap().len(), 1);
    store.expire_removed(Timestamp(0), 1000).await.unwrap();
    store.forget(&names).await.unwrap();
    assert_eq!(store.facets().await.unwrap().models, [facet("m", 300), facet("", 1), facet("n", 1)]);
    assert_eq!(store.count().await.unwrap(), 302);
}
