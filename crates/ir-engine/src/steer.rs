//! What the operator does to a running engine: changing keys, and trying what is configured.

use crate::engine::{Engine, limits};
use crate::hosting::Bed;
use crate::optimizer::{Improved, Steps};
use crate::snapshot::{effective_base, key_binding, spoken};
use ir_egress::{ExchangeLimits, Timing};
use ir_model::{Class, Fault, Gate, KeyId, Node, Picture, Secret};
use ir_platforms::{Adapter, Call, CallBody, HeaderValue, Method, Target};
use ir_settings::PromptOptimizer;
use ir_store::{KeyHealth, KeyRecord, StoreError};
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::Instant;

/// Longest that trying something may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most bytes of a list of releases.
const MOST_RELEASES: u64 = 4 * 1024 * 1024;

/// What becomes of a key. What is `None` stays as it is.
#[derive(Debug, Default)]
pub struct KeyChange {
    /// What the operator calls it.
    pub name: Option<String>,
    /// Switched on or off.
    pub enabled: Option<bool>,
    /// The address that it is for; empty: the platform's own.
    pub base_url: Option<String>,
    /// Models that it may be used for; empty: all.
    pub models: Option<Vec<String>>,
    /// Another key in its place.
    pub secret: Option<Secret>,
}

/// What trying a key tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyVerdict {
    /// The platform takes it.
    Good,
    /// The platform does not.
    Rejected,
    /// It is taken, but its account has nothing left.
    Quota,
    /// It is asked with too often at the moment.
    RateLimited,
    /// The platform did not answer in a way that tells anything.
    Unreachable,
    /// The platform has no call that costs nothing and tells good keys from bad ones.
    NotCheckable,
}

impl Engine {
    /// Changes a key. A key is sealed for the origin of its address: another origin needs the key
    /// again. `false`: there is no such key.
    ///
    /// # Errors
    /// 400 for an address that does not fit or a key that its pool has already; when the store fails.
    pub async fn change_key(&self, id: &KeyId, change: KeyChange) -> Result<bool, Fault> {
        // The record is replaced whole: of two changes at once, none may undo the other.
        let _one = self.changing.lock().await;
        let Some(mut record) = self.key_record(id).await.map_err(unreadable)? else { return Ok(false) };
        let settings = self.settings.current();
        let adapter = ir_platforms::by_name(&record.platform).ok_or_else(|| unknown(&record.platform))?;
        let card = spoken(&settings.settings, adapter).card();
        let vault = self.settings.vault();
        let base = |own: Option<&str>| effective_base(&settings.settings, card, own).ok_or_else(|| no_base(card.name));
        let before = base(record.base_url.as_deref())?;
        if let Some(url) = change.base_url {
            record.base_url = Some(url.trim().trim_end_matches('/').to_owned()).filter(|url| !url.is_empty());
        }
        let after = base(record.base_url.as_deref())?;
        let replaced = change.secret.is_some();
        let binding = key_binding(id, card.name, &after);
        let secret = match change.secret {
            Some(secret) => Some(secret),
            None if before == after => None,
            None if binding == key_binding(id, card.name, &before) => vault.open(&record.sealed, &binding).ok(),
            None => {
                return Err(Fault::bad(
                    "key",
                    "The key was saved for another address. Enter it again with the new one.",
                    "该密钥绑定在原地址上，更换地址时请重新输入密钥。",
                ));
            }
        };
        if let Some(secret) = secret {
            record.sealed = vault.seal(secret.expose(), &binding);
            record.fingerprint = vault.fingerprint(&format!("{after}|{}", secret.expose()));
            record.tail = secret.masked();
        }
        record.name = change.name.unwrap_or(record.name);
        record.models = change.models.unwrap_or(record.models);
        record.enabled = change.enabled.unwrap_or(record.enabled);
        let health = self.registry.health(id);
        if let Some(health) = &health {
            record.health = health.to_record();
        }
        self.store.update_key(record).await.map_err(|error| match error {
            StoreError::Duplicate { .. } => Fault::bad("key", "This key is in the pool already.", "该密钥已存在于密钥池中。"),
            other => unreadable(other),
        })?;
        if let Some(health) = health {
            // It may have changed since it was read.
            health.mark_changed();
        }
        self.reload().await.map_err(unreadable)?;
        if replaced {
            self.reset_key(id).await.map_err(unreadable)?;
        }
        Ok(true)
    }

    /// Which of some keys a platform's pool has already, in their order.
    ///
    /// # Errors
    /// 400 for a platform that there is not or that has no address; when the store fails.
    pub async fn known_keys<'a>(
        &self,
        platform: &str,
        base_url: Option<&str>,
        keys: impl Iterator<Item = &'a str>,
    ) -> Result<Vec<bool>, Fault> {
        let settings = self.settings.current();
        let adapter = ir_platforms::by_name(platform).ok_or_else(|| unknown(platform))?;
        let card = spoken(&settings.settings, adapter).card();
        let base = effective_base(&settings.settings, card, base_url.filter(|url| !url.is_empty())).ok_or_else(|| no_base(card.name))?;
        let records = self.store.keys().await.map_err(unreadable)?;
        let known: HashSet<&str> =
            records.iter().filter(|record| record.platform == card.name).map(|record| record.fingerprint.as_str()).collect();
        let vault = self.settings.vault();
        Ok(keys.map(|key| known.contains(vault.fingerprint(&format!("{base}|{key}")).as_str())).collect())
    }

    /// Deletes keys. Exchanges under way finish with theirs, and none begins with them. Answers how many there were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_keys(&self, ids: &[KeyId]) -> Result<u64, StoreError> {
        let mut deleted = 0;
        for id in ids {
            deleted += u64::from(self.store.delete_key(id).await?);
        }
        self.reload().await?;
        Ok(deleted)
    }

    /// Ends a key's rest, or its being switched off by a platform. `false`: there is no such key.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn reset_key(&self, id: &KeyId) -> Result<bool, StoreError> {
        let Some(record) = self.key_record(id).await? else { return Ok(false) };
        let kept = self.registry.health(id).map_or(record.health, |health| {
            health.revive();
            // What is being stored at this moment may be older.
            health.mark_changed();
            health.to_record()
        });
        let fresh = KeyHealth {
            id: id.clone(),
            calls: kept.calls,
            successes: kept.successes,
            errors: kept.errors,
            last_used: kept.last_used,
            ..KeyHealth::default()
        };
        self.store.save_key_health(vec![fresh]).await?;
        self.feed.push(crate::Told::Key(id.clone()));
        Ok(true)
    }

    /// Asks a platform about a key of its pool, by a call that costs nothing.
    ///
    /// # Errors
    /// When there is no such key, it does not open, or the store fails.
    pub async fn test_key(&self, id: &KeyId) -> Result<(KeyVerdict, Option<Fault>), Fault> {
        let record = self.key_record(id).await.map_err(unreadable)?.ok_or_else(no_key)?;
        let snapshot = self.snapshot();
        let upstream = snapshot.upstreams.iter().find(|upstream| upstream.keys.iter().any(|key| key.id == *id));
        let Some((upstream, key)) = upstream.and_then(|upstream| Some((upstream, upstream.keys.iter().find(|key| key.id == *id)?))) else {
            let why = snapshot.problems.iter().find(|problem| problem.id == *id).map(|problem| problem.why.clone());
            return Err(Fault::bad("id", why.unwrap_or_else(|| "This key cannot be used.".to_owned()), "该密钥无法使用，请重新输入。"));
        };
        tracing::debug!(key = %id.0, provider = record.platform, "testing a key");
        let base = if upstream.space.is_some() { upstream.home(&snapshot.settings) } else { upstream.base_url.clone() };
        Ok(self.try_key(upstream.adapter, &base, &key.secret).await)
    }

    /// Asks a platform about a key, by a call that costs nothing.
    pub async fn try_key(&self, adapter: &'static dyn Adapter, base_url: &str, key: &Secret) -> (KeyVerdict, Option<Fault>) {
        let Some(call) = adapter.probe(base_url, key) else { return (KeyVerdict::NotCheckable, None) };
        let limits = brief();
        let fault = match self.door.exchange(&call, &limits).await {
            Ok(reply) if (200..300).contains(&reply.status) => return (KeyVerdict::Good, None),
            Ok(reply) => adapter.fault(&reply),
            Err(fault) => fault,
        };
        let verdict = match fault.class {
            // It was looked at before what was wrong with the question.
            Class::InvalidRequest | Class::ContentRejected => return (KeyVerdict::Good, None),
            Class::ModelNotFound => KeyVerdict::Good,
            Class::KeyRejected => KeyVerdict::Rejected,
            Class::QuotaExhausted => KeyVerdict::Quota,
            Class::RateLimited => KeyVerdict::RateLimited,
            Class::Overloaded
            | Class::UpstreamFault
            | Class::Blocked
            | Class::Timeout
            | Class::TaskFailed
            | Class::NoKey
            | Class::Cancelled
            | Class::Gate(_) => KeyVerdict::Unreachable,
        };
        (verdict, Some(fault))
    }

    /// The models that an OpenAI-compatible address tells.
    ///
    /// # Errors
    /// What the address answered instead.
    pub async fn models_at(&self, base_url: &str, key: Option<&Secret>) -> Result<Vec<String>, Fault> {
        let adapter = ir_platforms::by_name("NewApi").ok_or_else(|| unknown("NewApi"))?;
        let call = adapter
            .list_models(base_url, key)
            .ok_or_else(|| Fault::bad("baseUrl", "This is not the base address of an API.", "该地址不是有效的 API 地址。"))?;
        let limits = brief();
        let reply = self.door.exchange(&call, &limits).await?;
        if (200..300).contains(&reply.status) { adapter.read_models(&reply) } else { Err(adapter.fault(&reply)) }
    }

    /// The newest release that a list of releases tells: its version, notes in Markdown, and page. The
    /// list is a release or an array of them, newest first, with GitHub's names of fields.
    ///
    /// # Errors
    /// What the address answered instead.
    pub async fn release_at(&self, url: &str) -> Result<(String, String, Option<String>), Fault> {
        let target = Target::Http {
            method: Method::Get,
            url: url.to_owned(),
            headers: vec![("accept", HeaderValue::Plain("application/json".to_owned()))],
        };
        let limits = ExchangeLimits { max_json: MOST_RELEASES, ..brief() };
        let reply = self.door.exchange(&Call::new(target, CallBody::None), &limits).await?;
        let newest = reply.json().map(|document| document.as_array().and_then(|list| list.first()).unwrap_or(document));
        let text = |name: &str| newest.and_then(|release| release.get(name)).and_then(Node::as_filled_str).map(str::to_owned);
        match text("tag_name") {
            Some(version) if reply.status == 200 => Ok((version, text("body").unwrap_or_default(), text("html_url"))),
            _ => Err(Fault::new(Class::UpstreamFault).detail(format!("status {} without a release", reply.status))),
        }
    }

    /// Improves a prompt as the settings say, and both ways where they say nothing.
    pub async fn try_optimizer(&self, settings: &PromptOptimizer, prompt: &str) -> Improved {
        let asked = Steps { translate: settings.enable_translate, expand: settings.enable_expand };
        let steps = if asked.any() { asked } else { Steps { translate: true, expand: true } };
        self.optimizer.improve(&self.door, settings, steps, prompt, 0, Instant::now() + PATIENCE * 2).await
    }

    /// Uploads a small picture to the image bed and answers with its address.
    ///
    /// # Errors
    /// 400 when none is configured; what the bed answered.
    pub async fn try_image_bed(&self, picture: &Picture) -> Result<String, Fault> {
        let settings = self.snapshot();
        let bed = Bed::of(&settings.settings.image_bed)
            .ok_or_else(|| Fault::bad("imageBed.baseUrl", "No image bed is configured.", "尚未配置图床。"))?;
        bed.upload(&self.door, picture, Instant::now() + PATIENCE).await
    }

    /// Reads a small picture, as for a request.
    ///
    /// # Errors
    /// When it cannot be decoded or the disk fails.
    pub async fn picture_of(&self, base64: &str) -> Result<Picture, Fault> {
        let broken = |detail: String| Fault::gate(Gate::ImageInvalid, "This picture cannot be read.", "图片无法读取。").detail(detail);
        let blob = self.callers_spool.from_base64(base64, ir_spool::Alphabet::Either).await.map_err(|error| broken(error.to_string()))?;
        Picture::from_blob(blob).map_err(|flaw| broken(flaw.to_string()))
    }

    async fn key_record(&self, id: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        Ok(self.store.keys().await?.into_iter().find(|record| record.id == *id))
    }
}

/// Bounds of what is only tried.
fn brief() -> ExchangeLimits {
    limits(Timing { total: PATIENCE, ..Timing::provider(PATIENCE) }, Instant::now() + PATIENCE)
}

fn unreadable(error: StoreError) -> Fault {
    Fault::gate(Gate::Internal, "The keys could not be stored.", "密钥无法保存。").detail(error.to_string())
}

fn no_base(platform: &str) -> Fault {
    Fault::bad("baseUrl", format!("{platform} has no base address."), format!("{platform} 尚未设置 baseUrl。"))
}

fn no_key() -> Fault {
    Fault::bad("id", "There is no such key.", "没有这个密钥。")
}

fn unknown(platform: &str) -> Fault {
    Fault::bad("provider", format!("There is no platform '{platform}'."), format!("没有平台 {platform}。"))
}
