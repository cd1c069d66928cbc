//! Webhooks: messages about the end of requests, signed as the Standard Webhooks specification has it
//! (<https://github.com/standard-webhooks/standard-webhooks>, 1.0). A message stands in the store before
//! its request is answered, and is sent until it is taken: at once, then after each of [`PAUSES`]. The id
//! stays the same, so that a receiver can tell a repetition.

use crate::engine::Engine;
use crate::outcome::Outcome;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use ir_egress::{Purpose, parse_url};
use ir_model::{Fault, Gate, Secret, Timestamp};
use ir_settings::Webhooks;
use ir_store::{Claim, Hook, StoreError};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::task::{JoinError, JoinSet};

/// Seconds between two tries, as the specification suggests: given up after three days.
const PAUSES: [u64; 9] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// Messages under way at once, and those of them to one host: one that does not answer holds up its own only.
const AT_ONCE: usize = 32;
const OF_ONE_HOST: usize = 8;
/// Messages that are looked through for one to begin with.
const LOOKED_AT: u32 = 500;
/// How often the store is looked at, when nothing wakes the worker before.
const TICK: Duration = Duration::from_secs(1);

/// Whether a caller's webhook can be called.
///
/// # Errors
/// 400 naming the header.
pub(crate) fn check(settings: &Webhooks, url: &str) -> Result<(), Fault> {
    const HEADER: &str = "X-Img-Router-Webhook";
    if settings.secret.is_none() {
        let en = "Webhooks are not set up here: the operator has to set webhooks.secret, which they are signed with.";
        return Err(Fault::gate(Gate::Unsupported, en, "尚未启用 webhook：管理员需要设置用于签名的 webhooks.secret。").param(HEADER));
    }
    match parse_url(url) {
        Ok(_) => Ok(()),
        Err(refusal) => Err(Fault::bad(HEADER, format!("This address cannot be called: {refusal}."), "无法使用该 webhook 地址。")),
    }
}

/// The messages about what came of a claim: to the operator's address, and to the caller's. None
/// without a secret to sign them with.
pub(crate) fn messages(engine: &Engine, claim: &Claim, outcome: &Outcome) -> Vec<Hook> {
    let snapshot = engine.snapshot();
    let settings = &snapshot.settings.webhooks;
    if settings.secret.is_none() {
        return Vec::new();
    }
    let own = settings.url.as_ref().map(ToString::to_string);
    let now = engine.clock.now();
    let urls = own.into_iter().chain(claim.hook.clone());
    let body = body(engine, claim, outcome, now).to_string();
    let hook =
        |url| Hook { id: format!("msg_{}", engine.dice.hex128()), url, body: body.clone(), queued: now, attempts: 0, last_error: None };
    urls.map(hook).collect()
}

/// What a message says. Pictures are named, never contained.
fn body(engine: &Engine, claim: &Claim, outcome: &Outcome, now: Timestamp) -> Value {
    let result = outcome.result();
    let settings = &engine.snapshot().settings;
    let base = settings.system.public_base_url.as_ref().filter(|_| !settings.storage.require_auth);
    let link = |name: &str| base.map(|base| format!("{}/storage/{name}", base.as_str().trim_end_matches('/')));
    let pictures: Vec<Value> = outcome
        .pictures
        .iter()
        .map(|kept| json!({"name": kept.name, "url": kept.name.as_deref().and_then(link).or_else(|| kept.url.clone())}))
        .collect();
    let (provider, model, error) = match &result {
        Ok(summary) => (Some(summary.provider.clone()), Some(summary.model.clone()), None),
        Err(failure) => (failure.provider.clone(), failure.model.clone(), Some(json!({"code": failure.fault.class.name()}))),
    };
    let status = if result.is_ok() { "completed" } else { "failed" };
    json!({
        "type": format!("image.request.{status}"),
        "timestamp": rfc3339(now),
        "data": {
            "id": claim.request_id, "status": status, "created": claim.created.secs(), "provider": provider, "model": model,
            "asked": claim.asked, "pictures": pictures, "error": error,
        },
    })
}

fn rfc3339(time: Timestamp) -> String {
    let (year, month, day, hour, minute, second) = time.civil();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Sends what is due, for as long as the engine lives.
pub(crate) async fn work(engine: Weak<Engine>) {
    let mut under_way = UnderWay::default();
    loop {
        let Some(engine) = engine.upgrade() else { return };
        if let Err(error) = under_way.begin(&engine).await {
            tracing::error!(%error, "webhooks could not be read");
        }
        let wake = Arc::clone(&engine.hook_bell);
        drop(engine);
        tokio::select! {
            Some(ended) = under_way.sending.join_next_with_id() => under_way.ended(ended).await,
            // Both are fine: a bell that rang meanwhile is heard at once.
            _ = tokio::time::timeout(TICK, wake.notified()) => {}
        }
    }
}

/// Messages that are being sent.
#[derive(Default)]
struct UnderWay {
    sending: JoinSet<Result<(), StoreError>>,
    /// Their ids and hosts. At most [`AT_ONCE`].
    what: HashMap<tokio::task::Id, (String, String)>,
}

impl UnderWay {
    /// Begins to send what is due, as far as there is a place for it.
    async fn begin(&mut self, engine: &Arc<Engine>) -> Result<(), StoreError> {
        let Some(secret) = engine.snapshot().settings.webhooks.secret.clone() else { return Ok(()) };
        if self.what.len() >= AT_ONCE {
            return Ok(());
        }
        for hook in engine.store.due_hooks(engine.clock.now(), LOOKED_AT).await? {
            let host = host(&hook.url);
            if self.what.len() >= AT_ONCE {
                break;
            }
            let to_it = self.what.values().filter(|(_, other)| *other == host).count();
            if to_it >= OF_ONE_HOST || self.what.values().any(|(id, _)| *id == hook.id) {
                continue;
            }
            let (engine, secret, id) = (Arc::clone(engine), secret.clone(), hook.id.clone());
            let task = self.sending.spawn(async move { send(&engine, &secret, hook).await });
            self.what.insert(task.id(), (id, host));
        }
        Ok(())
    }

    async fn ended(&mut self, ended: Result<(tokio::task::Id, Result<(), StoreError>), JoinError>) {
        let (task, trouble) = match ended {
            Ok((task, sent)) => (task, sent.err().map(|error| error.to_string())),
            Err(error) => (error.id(), Some(error.to_string())),
        };
        self.what.remove(&task);
        if let Some(trouble) = trouble {
            tracing::error!(error = trouble, "what became of a webhook could not be written down");
            // It is due still, and is not to be sent without a pause.
            tokio::time::sleep(TICK).await;
        }
    }
}

fn host(url: &str) -> String {
    url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

async fn send(engine: &Engine, secret: &Secret, hook: Hook) -> Result<(), StoreError> {
    let settings = &engine.snapshot().settings;
    let own = settings.webhooks.url.as_ref().is_some_and(|url| url.as_str() == hook.url);
    let purpose = if own { Purpose::Provider } else { Purpose::UserUrl };
    let time = engine.clock.now().secs();
    let headers = vec![
        ("webhook-id", hook.id.clone()),
        ("webhook-timestamp", time.to_string()),
        ("webhook-signature", signature(secret, &hook.id, time, &hook.body)),
    ];
    let trouble = match engine.door.post(&hook.url, purpose, headers, hook.body).await {
        Ok(status) if (200..300).contains(&status) => return engine.store.drop_hook(&hook.id).await,
        Ok(status) => format!("status {status}"),
        Err(fault) => fault.detail.unwrap_or_else(|| fault.class.name().to_owned()),
    };
    let host = host(&hook.url);
    match PAUSES.get(hook.attempts as usize) {
        // The receiver says that it wants no more.
        Some(_) if trouble == "status 410" => {}
        Some(pause) => {
            tracing::warn!(hook = hook.id, host, attempts = hook.attempts + 1, detail = trouble, "a webhook was not taken");
            let until = engine.clock.now().plus_ms(i64::try_from(pause * 1000).unwrap_or(i64::MAX));
            return engine.store.put_off_hook(&hook.id, until, &trouble).await;
        }
        None => {}
    }
    tracing::error!(hook = hook.id, host, attempts = hook.attempts + 1, detail = trouble, "a webhook is given up");
    engine.store.drop_hook(&hook.id).await
}

/// `v1,` and the HMAC of id, time and body. The secret is `whsec_` and base64; another text counts as
/// the bytes that it is.
fn signature(secret: &Secret, id: &str, time: i64, body: &str) -> String {
    let text = secret.expose();
    let key = STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text)).unwrap_or_else(|_| text.as_bytes().to_vec());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("invariant: an HMAC takes keys of any length");
    mac.update(format!("{id}.{time}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn the_signature_is_the_specifications() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn times_are_rfc_3339() {
        assert_eq!(rfc3339(Timestamp(1_614_265_330_000)), "2021-02-25T15:02:10Z");
    }
}
