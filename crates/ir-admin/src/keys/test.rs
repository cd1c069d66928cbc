//! Trying keys, by calls that cost nothing.

use crate::admin::Admin;
use crate::refusal::{Refusal, sentence};
use futures_util::{StreamExt, stream};
use ir_engine::KeyVerdict;
use ir_model::{KeyId, Language};
use serde::Serialize;
use utoipa::ToSchema;

/// Keys of one pool that are tried at once.
const AT_ONCE: usize = 4;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyTest {
    id: String,
    ok: bool,
    verdict: Verdict,
    message: String,
    duration_ms: u64,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Good,
    Rejected,
    Quota,
    RateLimited,
    Unreachable,
    NotCheckable,
}

pub(super) async fn one(admin: &Admin, id: &str, language: Language) -> Result<KeyTest, Refusal> {
    let began = admin.now();
    let (verdict, fault) = admin.engine.test_key(&KeyId(id.to_owned())).await?;
    let (verdict, en, zh) = told(verdict);
    let message = match &fault {
        Some(fault) => language.pick(&sentence(fault)).to_owned(),
        None => match language {
            Language::English => en.to_owned(),
            Language::Chinese => zh.to_owned(),
        },
    };
    let ok = matches!(verdict, Verdict::Good);
    Ok(KeyTest { id: id.to_owned(), ok, verdict, message, duration_ms: admin.now().since(began) })
}

/// Tries all of a pool, a few at a time.
pub(super) async fn many(admin: &Admin, ids: Vec<String>, language: Language) -> Vec<KeyTest> {
    let tests = ids.into_iter().map(|id| async move {
        one(admin, &id, language).await.unwrap_or_else(|_| KeyTest {
            id,
            ok: false,
            verdict: Verdict::Unreachable,
            message: String::new(),
            duration_ms: 0,
        })
    });
    stream::iter(tests).buffer_unordered(AT_ONCE).collect().await
}

pub(crate) fn told(verdict: KeyVerdict) -> (Verdict, &'static str, &'static str) {
    match verdict {
        KeyVerdict::Good => (Verdict::Good, "The platform takes this key.", "平台接受该密钥。"),
        KeyVerdict::Rejected => (Verdict::Rejected, "The platform does not take this key.", "平台拒绝该密钥。"),
        KeyVerdict::Quota => (Verdict::Quota, "The key is good, but its account has nothing left.", "密钥有效，但额度已用完。"),
        KeyVerdict::RateLimited => (Verdict::RateLimited, "The platform asks to wait.", "平台要求稍后再试。"),
        KeyVerdict::Unreachable => (Verdict::Unreachable, "The platform did not answer.", "平台没有响应。"),
        KeyVerdict::NotCheckable => (
            Verdict::NotCheckable,
            "This platform has no free call that tells good keys from bad ones: draw a test picture instead.",
            "该平台没有可免费验证密钥的接口，请改用绘制测试图片。",
        ),
    }
}
