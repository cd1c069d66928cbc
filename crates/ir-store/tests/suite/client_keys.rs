//! Keys of callers.

use ir_model::Timestamp;
use ir_store::{ClientKeyRecord, ClientKeyUse, MAX_CLIENT_KEYS, Store, StoreError};
use std::sync::Arc;

pub(super) async fn suite(make: &impl Fn(&str) -> Arc<dyn Store>) {
    keys_are_kept_changed_and_removed(make).await;
    use_is_stored_apart(make).await;
    there_are_so_many_and_no_more(make).await;
}

fn key(n: u32) -> ClientKeyRecord {
    let id = format!("ck_{n}");
    ClientKeyRecord {
        id: id.clone(),
        name: "浏览器 <b>".to_owned(),
        hash: format!("hash {n}"),
        hint: "****wxyz".to_owned(),
        created: Timestamp(i64::from(n)),
        expires: None,
        enabled: true,
        models: Vec::new(),
        per_minute: None,
        concurrent: None,
        usage: ClientKeyUse { id, ..ClientKeyUse::default() },
    }
}

async fn keys_are_kept_changed_and_removed(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("client-keys");
    assert_eq!(store.client_keys().await.unwrap(), []);
    let (second, first) = (key(2), key(1));
    assert!(store.add_client_key(second.clone()).await.unwrap());
    assert!(store.add_client_key(first.clone()).await.unwrap());
    for twice in [ClientKeyRecord { id: "ck_other".to_owned(), ..key(1) }, ClientKeyRecord { hash: "other".to_owned(), ..key(1) }] {
        let result = store.add_client_key(twice).await;
        assert!(matches!(result, Err(StoreError::Duplicate { .. })), "{result:?}");
    }
    let changed = ClientKeyRecord {
        name: "other".to_owned(),
        expires: Some(Timestamp(99)),
        enabled: false,
        models: vec!["a".to_owned(), "b,c".to_owned()],
        per_minute: Some(u32::MAX),
        concurrent: Some(1),
        ..first.clone()
    };
    // Which key it is, and when it was made, is not the operator's to change.
    let asked = ClientKeyRecord { hash: "stolen".to_owned(), hint: "x".to_owned(), created: Timestamp(7), ..changed.clone() };
    assert!(store.update_client_key(asked).await.unwrap());
    assert!(!store.update_client_key(key(3)).await.unwrap());
    store.close().await;
    let store = make("client-keys");
    assert_eq!(store.client_keys().await.unwrap(), [changed, second.clone()]);
    assert!(store.delete_client_key("ck_1").await.unwrap());
    assert!(!store.delete_client_key("ck_1").await.unwrap());
    assert_eq!(store.client_keys().await.unwrap(), [second]);
}

async fn use_is_stored_apart(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("client-keys-use");
    store.add_client_key(key(1)).await.unwrap();
    let usage = ClientKeyUse { id: "ck_1".to_owned(), requests: u64::MAX, pictures: 3, last_used: Some(Timestamp(5)) };
    let gone = ClientKeyUse { id: "ck_gone".to_owned(), ..usage.clone() };
    store.save_client_key_use(vec![gone, usage.clone()]).await.unwrap();
    let kept = ClientKeyUse { requests: i64::MAX as u64, ..usage };
    assert!(store.update_client_key(ClientKeyRecord { name: "renamed".to_owned(), ..key(1) }).await.unwrap());
    assert_eq!(store.client_keys().await.unwrap()[0].usage, kept);
    // A key that is made anew begins anew.
    store.delete_client_key("ck_1").await.unwrap();
    store.add_client_key(key(1)).await.unwrap();
    assert_eq!(store.client_keys().await.unwrap(), [key(1)]);
}

async fn there_are_so_many_and_no_more(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("client-keys-many");
    let mut adding = tokio::task::JoinSet::new();
    for n in 0..MAX_CLIENT_KEYS + 5 {
        let store = Arc::clone(&store);
        adding.spawn(async move { store.add_client_key(key(n)).await.unwrap() });
    }
    assert_eq!(adding.join_all().await.into_iter().filter(|added| *added).count(), MAX_CLIENT_KEYS as usize);
    assert_eq!(store.client_keys().await.unwrap().len(), MAX_CLIENT_KEYS as usize);
}
