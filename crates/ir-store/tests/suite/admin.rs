use ir_model::Timestamp;
use ir_store::{AuditRecord, MAX_AUDIT, MAX_AUDIT_PAGE, MAX_AUDIT_TEXT, MAX_SESSIONS, SessionRecord, Store, StoreError};
use std::sync::Arc;

pub(super) async fn suite(make: &impl Fn(&str) -> Arc<dyn Store>) {
    a_session_is_found_by_its_token_until_it_expires(make).await;
    use_is_noted_once_a_minute(make).await;
    sessions_end(make).await;
    the_oldest_sessions_make_room(make).await;
    the_audit_log_comes_back_newest_first(make).await;
    the_audit_log_keeps_the_newest(make).await;
}

fn session(n: u8, created: i64) -> SessionRecord {
    SessionRecord {
        id: format!("s{n}"),
        token_hash: vec![n; 32],
        created: Timestamp(created),
        last_seen: Timestamp(created),
        expires: Timestamp(created + 1_000_000),
        address: "203.0.113.9".to_owned(),
        user_agent: "a browser".to_owned(),
    }
}

fn ids(sessions: &[SessionRecord]) -> Vec<&str> {
    sessions.iter().map(|session| session.id.as_str()).collect()
}

async fn a_session_is_found_by_its_token_until_it_expires(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("admin-session");
    let long = SessionRecord { user_agent: "浏览器".repeat(200), ..session(1, 0) };
    store.create_session(long.clone()).await.unwrap();
    let kept = SessionRecord { user_agent: "浏览器".repeat(MAX_AUDIT_TEXT / 3), ..long };
    assert_eq!(store.find_session(&[1; 32], Timestamp(999_999)).await.unwrap(), Some(kept.clone()));
    assert_eq!(store.find_session(&[1; 32], Timestamp(1_000_000)).await.unwrap(), None, "expired");
    assert_eq!(store.find_session(&[2; 32], Timestamp(0)).await.unwrap(), None);
    assert_eq!(store.find_session(&[1; 31], Timestamp(0)).await.unwrap(), None);
    for twice in [SessionRecord { id: "other".to_owned(), ..session(1, 0) }, SessionRecord { token_hash: vec![9], ..session(1, 0) }] {
        let result = store.create_session(twice).await;
        assert!(matches!(result, Err(StoreError::Duplicate { .. })), "{result:?}");
    }
    assert_eq!(store.sessions(Timestamp(0)).await.unwrap(), [kept]);
}

async fn use_is_noted_once_a_minute(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("admin-touch");
    store.create_session(session(1, 1000)).await.unwrap();
    let mut seen = Vec::new();
    for now in [60_999, 61_000, 100_000, 50, 121_000] {
        assert!(store.touch_session("s1", Timestamp(now)).await.unwrap());
        seen.push(store.sessions(Timestamp(0)).await.unwrap()[0].last_seen.0);
    }
    assert_eq!(seen, [1000, 61_000, 61_000, 61_000, 121_000]);
    assert!(!store.touch_session("s2", Timestamp(0)).await.unwrap());
    assert_eq!(store.session("s1").await.unwrap().map(|session| session.last_seen), Some(Timestamp(121_000)));
    assert_eq!(store.session("s2").await.unwrap(), None);
}

async fn sessions_end(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("admin-end");
    for n in 0..6 {
        store.create_session(session(n, i64::from(n))).await.unwrap();
    }
    store.touch_session("s2", Timestamp(100_000)).await.unwrap();
    assert_eq!(ids(&store.sessions(Timestamp(0)).await.unwrap()), ["s2", "s5", "s4", "s3", "s1", "s0"]);
    assert_eq!(ids(&store.sessions(Timestamp(1_000_003)).await.unwrap()), ["s5", "s4"]);
    assert!(store.delete_session("s4").await.unwrap());
    assert!(!store.delete_session("s4").await.unwrap());
    assert_eq!(store.prune_sessions(Timestamp(1_000_001)).await.unwrap(), 2);
    assert_eq!(store.delete_other_sessions(Some("s3")).await.unwrap(), 2);
    assert_eq!(ids(&store.sessions(Timestamp(0)).await.unwrap()), ["s3"]);
    assert_eq!(store.delete_other_sessions(None).await.unwrap(), 1);
    assert_eq!(store.sessions(Timestamp(0)).await.unwrap(), []);
}

async fn the_oldest_sessions_make_room(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("admin-many");
    for n in 0..110 {
        store.create_session(session(n, 1000 - i64::from(n % 10))).await.unwrap();
    }
    let last = session(200, 0);
    store.create_session(last.clone()).await.unwrap();
    let kept = store.sessions(Timestamp(0)).await.unwrap();
    assert_eq!(kept.len(), MAX_SESSIONS as usize);
    assert!(kept.contains(&last), "the new one stays, even when the clock was set back");
    assert!(kept.iter().filter(|kept| **kept != last).all(|kept| kept.created.0 > 991), "the ones that began first are gone");
}

fn audit(n: i64) -> AuditRecord {
    AuditRecord {
        id: None,
        time: Timestamp(n),
        actor: "session s1".to_owned(),
        address: "203.0.113.9".to_owned(),
        action: "delete pictures".to_owned(),
        target: n.to_string(),
        outcome: "ok".to_owned(),
    }
}

async fn the_audit_log_comes_back_newest_first(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("admin-audit");
    assert_eq!(store.audit(None, 10).await.unwrap(), []);
    store.add_audit((0..25).map(audit).collect()).await.unwrap();
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = store.audit(before, 10).await.unwrap();
        let Some(last) = page.last() else { break };
        before = last.id;
        seen.extend(page.into_iter().map(|record| AuditRecord { id: None, ..record }));
    }
    assert_eq!(seen, (0..25).rev().map(audit).collect::<Vec<_>>());

    let words = "é".repeat(1000);
    let long = AuditRecord {
        id: None,
        time: Timestamp(0),
        actor: words.clone(),
        address: words.clone(),
        action: words.clone(),
        target: words.clone(),
        outcome: words,
    };
    store.add_audit(vec![long]).await.unwrap();
    let kept = store.audit(None, 1).await.unwrap().remove(0);
    for text in [kept.actor, kept.address, kept.action, kept.target, kept.outcome] {
        assert_eq!(text, "é".repeat(MAX_AUDIT_TEXT));
    }
}

async fn the_audit_log_keeps_the_newest(make: &impl Fn(&str) -> Arc<dyn Store>) {
    let store = make("admin-audit-many");
    store.add_audit((0..i64::from(MAX_AUDIT)).map(audit).collect()).await.unwrap();
    assert_eq!(store.audit(Some(2), 10).await.unwrap().len(), 1);
    store.add_audit((0..3).map(audit).collect()).await.unwrap();
    assert_eq!(store.audit(Some(4), 10).await.unwrap(), []);
    assert_eq!(store.audit(Some(5), 10).await.unwrap()[0].target, "3");
    assert_eq!(store.audit(None, u32::MAX).await.unwrap().len(), MAX_AUDIT_PAGE as usize);
}
