//! Keys that come into a pool, and go out of it for a backup.

use crate::engine::Engine;
use crate::snapshot::{effective_base, key_binding, spoken};
use ir_model::{Fault, Gate, KeyId, Secret};
use ir_store::{AddedKeys, KeyHealth, KeyRecord, StoreError};

/// A key to add to a pool.
#[derive(Debug)]
pub struct NewKey {
    /// The platform's key.
    pub secret: Secret,
    /// What the operator calls it.
    pub name: String,
    /// The address that it belongs to, where it is not the platform's configured one.
    pub base_url: Option<String>,
    /// Models that it may be used for; empty: all.
    pub models: Vec<String>,
    /// Switched on.
    pub enabled: bool,
}

impl Engine {
    /// The keys of a platform in full: only for the operator's backup, on the host.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn export_keys(&self, platform: &str) -> Result<Vec<Secret>, StoreError> {
        let records = self.store.keys().await?;
        let settings = self.settings.current();
        let open = |record: &KeyRecord| {
            let card = spoken(&settings.settings, ir_platforms::by_name(&record.platform)?).card();
            let base = effective_base(&settings.settings, card, record.base_url.as_deref())?;
            self.settings.vault().open(&record.sealed, &key_binding(&record.id, card.name, &base)).ok()
        };
        Ok(records.iter().filter(|record| record.platform.eq_ignore_ascii_case(platform)).filter_map(open).collect())
    }

    /// Adds keys to a platform's pool, sealed for the address that they will be used at. Duplicates
    /// are counted and left alone.
    ///
    /// # Errors
    /// When the platform is unknown or has no address, or the store fails.
    pub async fn add_keys(&self, platform: &str, keys: Vec<NewKey>) -> Result<AddedKeys, Fault> {
        let settings = self.settings.current();
        let card = ir_platforms::by_name(platform).map(|adapter| spoken(&settings.settings, adapter).card()).ok_or_else(|| {
            let names: Vec<&str> = ir_platforms::ADAPTERS.iter().map(|a| a.card().name).collect();
            Fault::bad(
                "provider",
                format!("There is no platform of this name; there are {}.", names.join(", ")),
                format!("没有这个平台，可用：{}。", names.join("、")),
            )
        })?;
        let vault = self.settings.vault();
        let mut records = Vec::with_capacity(keys.len());
        for key in keys {
            let base = effective_base(&settings.settings, card, key.base_url.as_deref()).ok_or_else(|| {
                Fault::bad(
                    "baseUrl",
                    format!("{} has no base address: give one with the key, or set providers.{}.baseUrl.", card.name, card.name),
                    format!("{} 尚未设置 baseUrl。", card.name),
                )
            })?;
            let id = KeyId(format!("key_{}", self.dice.hex128()));
            let sealed = vault.seal(key.secret.expose(), &key_binding(&id, card.name, &base));
            records.push(KeyRecord {
                platform: card.name.to_owned(),
                name: key.name,
                sealed,
                fingerprint: vault.fingerprint(&format!("{base}|{}", key.secret.expose())),
                tail: key.secret.masked(),
                base_url: key.base_url.map(|url| url.trim().trim_end_matches('/').to_owned()),
                models: key.models,
                enabled: key.enabled,
                added: self.clock.now(),
                health: KeyHealth { id: id.clone(), ..KeyHealth::default() },
                id,
            });
        }
        let stored =
            |error: StoreError| Fault::gate(Gate::Internal, "The keys could not be stored.", "密钥无法保存。").detail(error.to_string());
        let added = self.store.add_keys(records).await.map_err(stored)?;
        self.reload().await.map_err(stored)?;
        Ok(added)
    }
}
