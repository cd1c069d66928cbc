//! What the operations share.

use crate::attempts::Attempts;
use crate::password::Passwords;
use crate::refusal::Refusal;
use async_trait::async_trait;
use http::HeaderMap;
use ir_engine::{Engine, Feed};
use ir_model::{Secret, Timestamp};
use ir_settings::{Settings, SettingsFile};
use ir_store::AuditRecord;
use serde_json::Value;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most watchers of live events and logs at once (`R-DOS-7`).
const WATCHERS: usize = 16;

/// One line of the live log.
#[derive(Clone, Debug)]
pub struct LogLine {
    /// When.
    pub time: Timestamp,
    /// `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`.
    pub level: &'static str,
    /// The module that wrote it.
    pub module: String,
    /// The sentence.
    pub message: String,
    /// The request that it is about.
    pub request_id: Option<String>,
    /// Everything else, by name.
    pub fields: Vec<(String, String)>,
}

/// What the process around the admin API does for it.
#[async_trait]
pub trait Host: Send + Sync {
    /// Puts changed settings in force: rules, snapshot, log level, the listener's address. Answers
    /// the port that is listened at from now on.
    ///
    /// # Errors
    /// A sentence that says what could not be put in force, such as a port that is taken; the old
    /// state stays.
    async fn apply(&self) -> Result<u16, String>;

    /// Whether changed settings could be put in force.
    ///
    /// # Errors
    /// The path of the setting that could not, and why.
    async fn judge(&self, settings: &Settings) -> Result<(), (&'static str, String)>;

    /// The port that is listened at.
    fn port(&self) -> u16;

    /// Log lines that were dropped because whoever reads them is too slow.
    fn dropped_lines(&self) -> u64;
}

/// What [`Admin`] is made of.
pub struct AdminParts {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The settings.
    pub settings: Arc<SettingsFile>,
    /// The process.
    pub host: Arc<dyn Host>,
    /// The live log.
    pub logs: Arc<Feed<LogLine>>,
    /// The gateway's version.
    pub version: &'static str,
}

/// The admin API's state.
pub struct Admin {
    pub(crate) engine: Arc<Engine>,
    pub(crate) settings: Arc<SettingsFile>,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) logs: Arc<Feed<LogLine>>,
    pub(crate) version: &'static str,
    pub(crate) attempts: Attempts,
    pub(crate) passwords: Passwords,
    pub(crate) zips: crate::gallery::Tickets,
    pub(crate) updates: crate::update::Updates,
    pub(crate) stats: crate::stats::Answers,
    /// One change of the settings at a time: judged, written and put in force as one.
    pub(crate) changing: tokio::sync::Mutex<()>,
    pub(crate) born: Timestamp,
    setup: Mutex<Option<Secret>>,
    watchers: Arc<Semaphore>,
}

impl Admin {
    /// The admin API over an engine.
    pub fn new(parts: AdminParts) -> Arc<Self> {
        let AdminParts { engine, settings, host, logs, version } = parts;
        let born = engine.clock().now();
        let admin = Self {
            engine,
            settings,
            host,
            logs,
            version,
            attempts: Attempts::default(),
            passwords: Passwords::default(),
            zips: crate::gallery::Tickets::default(),
            updates: crate::update::Updates::default(),
            stats: crate::stats::Answers::default(),
            changing: tokio::sync::Mutex::default(),
            born,
            setup: Mutex::default(),
            watchers: Arc::new(Semaphore::new(WATCHERS)),
        };
        if admin.setup_required() {
            let dice = admin.engine.dice();
            *admin.setup.lock().unwrap_or_else(PoisonError::into_inner) = Some(Secret::new(format!("{}{}", dice.hex128(), dice.hex128())));
        }
        Arc::new(admin)
    }

    /// The path of the one-time page that sets the admin's password, as long as there is no way in.
    pub fn setup_path(&self) -> Option<String> {
        let token = self.setup.lock().unwrap_or_else(PoisonError::into_inner);
        token.as_ref().filter(|_| self.setup_required()).map(|token| format!("/setup?token={}", token.expose()))
    }

    /// Whether nobody can be let in yet.
    pub(crate) fn setup_required(&self) -> bool {
        let settings = &self.settings.current().settings;
        let opens_by_key = settings.system.global_key_is_admin && settings.system.global_access_key.is_some();
        !self.has_password() && settings.security.admin_key.is_none() && !opens_by_key
    }

    pub(crate) fn has_password(&self) -> bool {
        let security = &self.settings.current().settings.security;
        security.admin_password.is_some() || security.admin_password_hash.is_some()
    }

    /// Whether `token` is the one of the set-up link. It is good once.
    pub(crate) fn take_setup(&self, token: &str) -> bool {
        let mut known = self.setup.lock().unwrap_or_else(PoisonError::into_inner);
        let good = self.setup_required() && known.as_ref().is_some_and(|known| known.same_as(token));
        if good {
            *known = None;
        }
        good
    }

    /// Gives the link back: what it was taken for failed.
    pub(crate) fn return_setup(&self, token: &str) {
        *self.setup.lock().unwrap_or_else(PoisonError::into_inner) = Some(Secret::new(token));
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }

    /// A place to watch from.
    pub(crate) fn watch(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.watchers).try_acquire_owned().map_err(|_| {
            let (en, zh) = ("Too many pages watch already. Close one.", "实时连接过多，请关闭一些页面。");
            Refusal::new(http::StatusCode::TOO_MANY_REQUESTS, "too_many_watchers", en, zh).retry_after(10)
        })
    }

    /// Changes the settings by a merge patch and puts them in force; the port is the one listened at
    /// afterwards.
    pub(crate) async fn change(&self, patch: &Value, expected: Option<&str>) -> Result<u16, Refusal> {
        let _turn = self.changing.lock().await;
        if let Some(expected) = expected
            && expected != self.settings.stored().1
        {
            let (en, zh) = ("The settings were changed meanwhile. Load them anew.", "设置已被修改，请重新加载。");
            return Err(Refusal::new(http::StatusCode::PRECONDITION_FAILED, "changed_meanwhile", en, zh));
        }
        let judged = self.settings.judge(patch)?;
        self.host
            .judge(&judged.settings)
            .await
            .map_err(|(path, why)| Refusal::bad(path, format!("{path} cannot be used: {why}."), format!("设置 {path} 无法使用：{why}")))?;
        self.settings.patch(patch)?;
        self.host.apply().await.map_err(|why| {
            Refusal::new(
                http::StatusCode::INTERNAL_SERVER_ERROR,
                "not_in_force",
                format!("The change is stored, but could not be put in force: {why}."),
                format!("设置已保存，但未能生效：{why}"),
            )
        })
    }

    /// Writes into the audit log. A failure of that is told in the log and fails nothing.
    pub(crate) async fn audit(&self, who: &Who, action: &str, target: &str, outcome: &str) {
        let record = AuditRecord {
            id: None,
            time: self.now(),
            actor: who.actor.clone(),
            address: who.address.to_string(),
            action: action.to_owned(),
            target: target.to_owned(),
            outcome: outcome.to_owned(),
        };
        tracing::info!(action, target, outcome, actor = who.actor, address = %who.address, "admin");
        if let Err(error) = self.engine.store().add_audit(vec![record]).await {
            tracing::error!(%error, "the audit log could not be written");
        }
    }
}

/// Who asks, for the audit log.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) actor: String,
    pub(crate) address: IpAddr,
}

/// The program that asks, as it calls itself.
pub(crate) fn user_agent(headers: &HeaderMap) -> String {
    let text = headers.get(http::header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
