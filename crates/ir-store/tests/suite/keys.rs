use ir_model::{KeyId, Timestamp};
use ir_store::{AddedKeys, KeyHealth, KeyRecord, Store, StoreError};
use std::sync::Arc;

pub(super) async fn suite(make: &impl Fn(&str) -> Arc<dyn Store>) {
    a_key_comes_back_as_it_was_stored(make).await;
    duplicates_are_left_out_and_counted(make).await;
    adding_is_all_or_nothing(make).await;
    updates_and_deletions_tell_whether_there_was_a_key(make).await;
    health_survives_and_passes_over_deleted_keys(make).await;
}

fn key(id: &str, platform: &str, fingerprint: &str) -> KeyRecord {
    let id = KeyId(id.to_owned());
    KeyRecord {
        id: id.clone(),
        platform: platform.to_owned(),
        name: "my key".to_owned(),
        sealed: vec![0, 1, 255],
        fingerprint: fingerprint.to_owned(),
        tail: "****abcd".to_owned(),
        base_url: None,
        models: vec!["a/b".to_owned(), "\"quoted\"".to_owned()],
        enabled: true,
        added: Timestamp(7),
        health: KeyHealth { id, ..KeyHealth::default() },
    }
}

fn worn(id: &str) -> KeyHealth {
    KeyHealth {
        id: KeyId(id.to_owned()),
        disabled_reason: Some("rejected".to_owned()),
        cooling_until: Some(Timestamp(99)),
        cooling_reason: Some("429".to_owned()),
        backoff_ms: 60_000,
        failures_in_row: 3,
        calls: 10,
        successes: 6,
        errors: 4,
        last_used: Some(Timestamp(98)),
        last_error: Some("no".to_owned()),
    }
}

async fn a_key_comes_back_as_it_was_stored(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("keys-whole");
    let plain = key("k1", "Doubao", "f1");
    let full =
        KeyRecord { base_url: Some("https://a.example".to_owned()), enabled: false, health: worn("k2"), ..key("k2", "Doubao", "f1") };
    store.add_keys(vec![plain.clone(), full.clone()]).await.unwrap();
    assert_eq!(store.keys().await.unwrap(), [plain.clone(), full.clone()]);
    store.close().await;
    assert_eq!(make("keys-whole").keys().await.unwrap(), [plain, full]);
}

async fn duplicates_are_left_out_and_counted(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("keys-duplicates");
    let added = store.add_keys(vec![key("a", "Gitee", "f1"), key("b", "Gitee", "f1"), key("c", "Doubao", "f1")]).await.unwrap();
    assert_eq!(added, AddedKeys { added: 2, duplicates: 1 });
    let added = store.add_keys(vec![key("d", "Gitee", "f1")]).await.unwrap();
    assert_eq!(added, AddedKeys { added: 0, duplicates: 1 });
    let ids: Vec<String> = store.keys().await.unwrap().into_iter().map(|key| key.id.0).collect();
    assert_eq!(ids, ["c", "a"], "by platform");
}

async fn adding_is_all_or_nothing(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("keys-atomic");
    let error = store.add_keys(vec![key("a", "Gitee", "f1"), key("a", "Gitee", "f2")]).await.unwrap_err();
    assert!(matches!(error, StoreError::Duplicate { .. }), "{error}");
    assert_eq!(store.keys().await.unwrap(), []);
}

async fn updates_and_deletions_tell_whether_there_was_a_key(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("keys-change");
    store.add_keys(vec![key("a", "Gitee", "f1"), key("b", "Gitee", "f2")]).await.unwrap();
    let changed = KeyRecord { name: "other".to_owned(), enabled: false, models: vec![], health: worn("a"), ..key("a", "Gitee", "f1") };
    assert!(store.update_key(changed.clone()).await.unwrap());
    assert!(!store.update_key(key("none", "Gitee", "f9")).await.unwrap());
    let error = store.update_key(key("b", "Gitee", "f1")).await.unwrap_err();
    assert!(matches!(error, StoreError::Duplicate { .. }), "{error}");
    assert!(store.delete_key(&KeyId("b".to_owned())).await.unwrap());
    assert!(!store.delete_key(&KeyId("b".to_owned())).await.unwrap());
    assert_eq!(store.keys().await.unwrap(), [changed]);
}

async fn health_survives_and_passes_over_deleted_keys(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("keys-health");
    store.add_keys(vec![key("a", "Gitee", "f1")]).await.unwrap();
    let huge = KeyHealth { calls: u64::MAX, ..worn("a") };
    store.save_key_health(vec![worn("gone"), huge]).await.unwrap();
    let keys = store.keys().await.unwrap();
    assert_eq!(keys.len(), 1);
    let expected = KeyHealth { calls: u64::try_from(i64::MAX).unwrap(), ..worn("a") };
    assert_eq!(keys[0].health, expected);
    store.save_key_health(vec![KeyHealth { id: KeyId("a".to_owned()), ..KeyHealth::default() }]).await.unwrap();
    assert_eq!(store.keys().await.unwrap(), [key("a", "Gitee", "f1")]);
}
