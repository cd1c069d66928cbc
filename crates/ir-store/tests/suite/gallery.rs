use ir_model::{Format, Size, Timestamp};
use ir_store::{Gallery, PictureRecord, Store, StoreError};
use std::sync::Arc;

pub(super) async fn suite(make: &impl Fn(&str) -> Arc<dyn Store>) {
    pictures_come_back_as_they_were_listed(make).await;
    pages_follow_each_other(make).await;
    a_name_belongs_to_one_picture(make).await;
    removed_pictures_are_hidden_and_then_forgotten(make).await;
    unknown_names_are_found(make).await;
}

pub(super) fn picture(name: &str, created: i64) -> PictureRecord {
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
    assert!(store.remove("b.png").await.unwrap());
    assert!(!store.remove("b.png").await.unwrap());
    assert!(!store.remove("none.png").await.unwrap());
    assert_eq!(store.get("b.png").await.unwrap(), None);
    assert_eq!(names(Gallery::page(&*store, None, 10).await.unwrap()), ["c.png", "a.png"]);
    assert_eq!(Gallery::count(&*store).await.unwrap(), 2);
    Gallery::add(&*store, picture("b.png", 1)).await.unwrap();
    assert_eq!(store.get("b.png").await.unwrap(), None, "a removed picture stays removed");
    assert_eq!(store.removed(10).await.unwrap(), [picture("b.png", 1)]);

    let both = ["a.png".to_owned(), "b.png".to_owned()];
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
    store.remove("a.png").await.unwrap();
    let asked = ["z.png", "a.png", "b\"'.png", "y 图.png"].map(str::to_owned);
    assert_eq!(store.names_missing_from(&asked).await.unwrap(), ["z.png", "y 图.png"]);
    assert_eq!(store.names_missing_from(&[]).await.unwrap(), Vec::<String>::new());
    let many: Vec<String> = (0..25_000).map(|n| format!("{n}.png")).collect();
    assert_eq!(store.names_missing_from(&many).await.unwrap(), many);
}
