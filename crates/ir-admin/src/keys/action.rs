//! `POST /api/key-pool`: what 1.x's panel did to keys, and more.

use super::pasted::{self, Format, Pasted};
use super::test::{self, KeyTest};
use super::view::all;
use crate::admin::Admin;
use crate::authority::{Operator, short};
use crate::body::{Answer, Json};
use crate::refusal::{ErrorBody, Refusal, language_of};
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use ir_engine::{KeyChange, NewKey};
use ir_model::{KeyId, Secret};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// An action on a platform's pool.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "action", rename_all = "snake_case")]
pub(super) enum Action {
    /// Adds one key; the same key again is refused.
    Add {
        provider: String,
        #[serde(rename = "keyItem")]
        key_item: KeyItem,
    },
    /// Adds many; what is there already is skipped and counted.
    BatchAdd {
        provider: String,
        keys: String,
        #[serde(default)]
        format: Format,
        #[serde(rename = "baseUrl")]
        base_url: Option<String>,
        #[serde(default)]
        models: Vec<String>,
    },
    /// Tells what `batch_add` would make of a text.
    Preview {
        provider: String,
        keys: String,
        #[serde(default)]
        format: Format,
        #[serde(rename = "baseUrl")]
        base_url: Option<String>,
    },
    /// Changes one.
    Update {
        provider: String,
        id: String,
        #[serde(rename = "keyItem")]
        key_item: KeyItem,
    },
    /// Deletes one (`id`) or several (`ids`).
    Delete {
        provider: String,
        id: Option<String>,
        #[serde(default)]
        ids: Vec<String>,
    },
    /// Ends a cooldown, or a platform's switching off.
    Reset { provider: String, id: String },
    /// Tries one.
    Test { provider: String, id: String },
    /// Tries all.
    TestAll { provider: String },
}

/// 1.x's fields of a key; what is absent stays as it is.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct KeyItem {
    key: Option<String>,
    name: Option<String>,
    enabled: Option<bool>,
    base_url: Option<String>,
    models: Option<Vec<String>>,
}

/// What an action came to. Which fields there are depends on the action.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    added: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicates: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invalid: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<Preview>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<KeyTest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<Vec<KeyTest>>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Preview {
    masked: String,
    verdict: PreviewVerdict,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PreviewVerdict {
    New,
    Duplicate,
    WrongFormat,
}

/// Acts on a platform's pool.
#[utoipa::path(post, path = "/api/key-pool", tag = "keys", request_body = Action, responses(
    (status = 200, body = Outcome), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody), (status = 502, body = ErrorBody)))]
pub(super) async fn act(
    State(admin): State<Arc<Admin>>,
    operator: Operator,
    headers: HeaderMap,
    Json(action): Json<Action>,
) -> Result<Answer<Outcome>, Refusal> {
    let language = language_of(&headers);
    let ok = Outcome { ok: true, ..Outcome::default() };
    let (what, target, outcome) = match action {
        Action::Add { provider, key_item } => {
            let (id, outcome) = add(&admin, &provider, key_item).await?;
            ("add key", format!("{provider} {}", short(id.trim_start_matches("key_"))), Outcome { id: Some(id), ..outcome })
        }
        Action::BatchAdd { provider, keys, format, base_url, models } => {
            let outcome = batch_add(&admin, &provider, &keys, format, base_url, models).await?;
            ("add keys", format!("{provider} {}", outcome.added.unwrap_or_default()), outcome)
        }
        Action::Preview { provider, keys, format, base_url } => {
            let items = preview(&admin, &provider, &keys, format, base_url.as_deref()).await?;
            return Ok(Answer(Outcome { items: Some(items), ..ok }));
        }
        Action::Update { provider, id, key_item } => {
            belongs(&admin, &provider, &id).await?;
            update(&admin, &id, key_item).await?;
            ("change key", format!("{provider} {}", short(id.trim_start_matches("key_"))), ok)
        }
        Action::Delete { provider, id, ids } => {
            let ids: Vec<String> = id.into_iter().chain(ids).collect();
            for id in &ids {
                belongs(&admin, &provider, id).await?;
            }
            let ids: Vec<KeyId> = ids.into_iter().map(KeyId).collect();
            let deleted = admin.engine.delete_keys(&ids).await?;
            ("delete keys", format!("{provider} {deleted}"), Outcome { deleted: Some(deleted), ..ok })
        }
        Action::Reset { provider, id } => {
            belongs(&admin, &provider, &id).await?;
            admin.engine.reset_key(&KeyId(id.clone())).await?;
            ("reset key", format!("{provider} {}", short(id.trim_start_matches("key_"))), ok)
        }
        Action::Test { provider, id } => {
            belongs(&admin, &provider, &id).await?;
            let test = test::one(&admin, &id, language).await?;
            return Ok(Answer(Outcome { test: Some(test), ..ok }));
        }
        Action::TestAll { provider } => {
            let ids = all(&admin).await?.into_iter().filter(|key| key.is_of(&provider)).map(|key| key.id).collect();
            return Ok(Answer(Outcome { results: Some(test::many(&admin, ids, language).await), ..ok }));
        }
    };
    admin.audit(&operator.who, what, &target, "ok").await;
    Ok(Answer(outcome))
}

/// Refuses an id of another platform, or of none.
async fn belongs(admin: &Admin, provider: &str, id: &str) -> Result<(), Refusal> {
    let known = all(admin).await?.iter().any(|key| key.id == id && key.is_of(provider));
    if known { Ok(()) } else { Err(Refusal::not_found("There is no such key.", "没有这个密钥。").param("id")) }
}

/// Longest name of a key, in characters.
const LONGEST_NAME: usize = 200;

/// Refuses names and addresses that cannot be ones.
fn fits(name: Option<&str>, base_url: Option<&str>, field: &str) -> Result<(), Refusal> {
    if name.is_some_and(|name| name.chars().count() > LONGEST_NAME) {
        let (en, zh) = (format!("A name has at most {LONGEST_NAME} characters."), format!("名称最多 {LONGEST_NAME} 个字符。"));
        return Err(Refusal::bad(&format!("{field}name"), en, zh));
    }
    if base_url.map(str::trim).is_some_and(|url| !url.is_empty() && !ir_settings::is_address(url)) {
        let (en, zh) = (
            "'baseUrl' is an http:// or https:// address without user name, password and fragment.",
            "baseUrl 须为 http:// 或 https:// 地址，且不含用户名、密码和片段。",
        );
        return Err(Refusal::bad(&format!("{field}baseUrl"), en, zh));
    }
    Ok(())
}

async fn add(admin: &Admin, provider: &str, item: KeyItem) -> Result<(String, Outcome), Refusal> {
    fits(item.name.as_deref(), item.base_url.as_deref(), "keyItem.")?;
    let text = item.key.unwrap_or_default();
    let pasted = pasted::read(&text, Format::Text);
    let [Pasted { good: true, key, .. }] = pasted.as_slice() else {
        return Err(Refusal::bad(
            "keyItem.key",
            "'key' is not a key: 8 to 512 visible characters without blanks.",
            "密钥格式错误：须为 8 至 512 个可见字符且不含空格。",
        ));
    };
    judge_base(admin, "keyItem.baseUrl", item.base_url.as_deref())?;
    let before = ids(admin).await?;
    let new = NewKey {
        secret: Secret::new(key.clone()),
        name: item.name.unwrap_or_default(),
        base_url: item.base_url.filter(|url| !url.is_empty()),
        models: item.models.unwrap_or_default(),
        enabled: item.enabled.unwrap_or(true),
    };
    let added = admin.engine.add_keys(provider, vec![new]).await?;
    if added.added == 0 {
        return Err(Refusal::new(StatusCode::CONFLICT, "duplicate", "This key is in the pool already.", "该密钥已存在于密钥池中。")
            .param("keyItem.key"));
    }
    let id = ids(admin).await?.into_iter().find(|id| !before.contains(id)).unwrap_or_default();
    Ok((id, Outcome { ok: true, added: Some(1), ..Outcome::default() }))
}

/// A key's own address is judged like one among the settings.
fn judge_base(admin: &Admin, param: &str, base_url: Option<&str>) -> Result<(), Refusal> {
    let Some(base_url) = base_url.map(str::trim).filter(|url| !url.is_empty()) else { return Ok(()) };
    let settings = admin.settings.current();
    ir_settings::judge_base(base_url, &settings.settings.security.allow_private)
        .map_err(|why| Refusal::bad(param, format!("'{param}' {why}."), format!("{param} 无法使用：{why}")))
}

async fn ids(admin: &Admin) -> Result<Vec<String>, Refusal> {
    Ok(admin.engine.store().keys().await?.into_iter().map(|record| record.id.0).collect())
}

async fn batch_add(
    admin: &Admin,
    provider: &str,
    text: &str,
    format: Format,
    base_url: Option<String>,
    models: Vec<String>,
) -> Result<Outcome, Refusal> {
    fits(None, base_url.as_deref(), "")?;
    let pasted = pasted::read(text, format);
    let invalid = pasted.iter().filter(|pasted| !pasted.good).count() as u64;
    judge_base(admin, "baseUrl", base_url.as_deref())?;
    let base_url = base_url.filter(|url| !url.is_empty());
    let new: Vec<NewKey> = pasted
        .into_iter()
        .filter(|pasted| pasted.good)
        .map(|pasted| NewKey {
            secret: Secret::new(pasted.key),
            name: pasted.name,
            base_url: base_url.clone(),
            models: models.clone(),
            enabled: true,
        })
        .collect();
    let added = admin.engine.add_keys(provider, new).await?;
    Ok(Outcome { ok: true, added: Some(added.added), duplicates: Some(added.duplicates), invalid: Some(invalid), ..Outcome::default() })
}

async fn preview(admin: &Admin, provider: &str, text: &str, format: Format, base_url: Option<&str>) -> Result<Vec<Preview>, Refusal> {
    let pasted = pasted::read(text, format);
    let known = admin.engine.known_keys(provider, base_url, pasted.iter().map(|pasted| pasted.key.as_str())).await?;
    let look = |(pasted, known): (Pasted, bool)| Preview {
        masked: Secret::new(pasted.key.clone()).masked(),
        verdict: match (pasted.good, known) {
            (false, _) => PreviewVerdict::WrongFormat,
            (true, true) => PreviewVerdict::Duplicate,
            (true, false) => PreviewVerdict::New,
        },
    };
    Ok(pasted.into_iter().zip(known).map(look).collect())
}

async fn update(admin: &Admin, id: &str, item: KeyItem) -> Result<(), Refusal> {
    fits(item.name.as_deref(), item.base_url.as_deref(), "keyItem.")?;
    let secret = match item.key.filter(|key| !key.is_empty() && key != ir_settings::MASK) {
        None => None,
        Some(text) => match pasted::read(&text, Format::Text).as_slice() {
            [Pasted { good: true, key, .. }] => Some(Secret::new(key.clone())),
            _ => return Err(Refusal::bad("keyItem.key", "'key' is not a key.", "密钥格式错误。")),
        },
    };
    let stored = admin.engine.store().keys().await?.into_iter().find(|record| record.id.0 == id).and_then(|record| record.base_url);
    // What stood there before may be sent back.
    if item.base_url.as_deref().map(|url| url.trim().trim_end_matches('/')) != stored.as_deref() {
        judge_base(admin, "keyItem.baseUrl", item.base_url.as_deref())?;
    }
    let change = KeyChange { name: item.name, enabled: item.enabled, base_url: item.base_url, models: item.models, secret };
    admin.engine.change_key(&KeyId(id.to_owned()), change).await?;
    Ok(())
}
