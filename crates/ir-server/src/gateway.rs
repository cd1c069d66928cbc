//! A gateway: everything below the listener, opened in the order in which things depend on each
//! other, and refused with a reason when one of them is not right.

use crate::host::{OsDice, SystemClock};
use crate::logging::Log;
use crate::per_ip::PerIp;
use ir_egress::{AllowEntry, Door, EgressWire, Rules};
use ir_engine::{Engine, EngineParts, NewKey, Recovered};
use ir_model::{Clock, Dice, Limits};
use ir_settings::{Env, Settings, SettingsError, SettingsFile};
use ir_spool::{Spool, SpoolConfig};
use ir_store::{SqliteStore, Store, StoreError};
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The largest picture that a platform may give: a 4096² PNG of noise has 50 MB.
const MOST_PICTURE_BYTES: u64 = 64 * 1024 * 1024;
/// How often the configuration file is looked at.
const POLL: Duration = Duration::from_secs(1);

/// Why a gateway could not be opened.
#[derive(Debug)]
pub enum OpenError {
    /// A setting, the configuration file or the master key.
    Settings(SettingsError),
    /// The database or its lock.
    Store(StoreError),
    /// The data folder.
    Io(std::io::Error),
}

impl OpenError {
    /// The exit code: 78 (`EX_CONFIG`) when the operator must change something, 73 (`EX_CANTCREAT`)
    /// when the data folder cannot be used.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Settings(_) => 78,
            Self::Store(_) | Self::Io(_) => 73,
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Io(error) => write!(f, "the data folder cannot be used: {error}"),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<SettingsError> for OpenError {
    fn from(error: SettingsError) -> Self {
        Self::Settings(error)
    }
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<std::io::Error> for OpenError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// An open gateway. Holds the lock of its data folder.
pub struct Gateway {
    /// The engine.
    pub engine: Arc<Engine>,
    /// The settings.
    pub settings: Arc<SettingsFile>,
    /// What the start found.
    pub recovered: Recovered,
    wire: Arc<EgressWire>,
    log: Log,
    /// Connections, and requests behind trusted proxies, by address.
    pub(crate) per_ip: Arc<PerIp>,
    /// Addresses that the listener is bound to: never dialled.
    own: Mutex<Vec<SocketAddr>>,
}

impl Gateway {
    /// Opens the data folder that the environment names and starts an engine on it.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(env: Env) -> Result<Self, OpenError> {
        let dice: Arc<dyn Dice> = Arc::new(OsDice);
        let settings = Arc::new(SettingsFile::open(env, Arc::clone(&dice))?);
        Self::with_settings(settings, dice, Log::silent()).await
    }

    /// Starts an engine on settings that are open already.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn with_settings(settings: Arc<SettingsFile>, dice: Arc<dyn Dice>, log: Log) -> Result<Self, OpenError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let effective = settings.current();
        for problem in &effective.problems {
            tracing::warn!(path = problem.path, problem = problem.message, "a setting in the configuration file was not understood");
        }
        let in_force = &effective.settings;
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(settings.data_dir(), Arc::clone(&clock))?);
        // The lock is ours from here on.
        settings.remove_leftovers()?;
        let spool = Spool::open(
            SpoolConfig {
                data_dir: settings.data_dir().to_owned(),
                limits: Limits { bytes: MOST_PICTURE_BYTES, ..Limits::default() },
                fsync: in_force.storage.fsync,
                max_in_flight_bytes: in_force.limits.in_flight_bytes,
            },
            Arc::clone(&dice),
        )?;
        let wire = Arc::new(EgressWire::new(rules(in_force, &[])));
        let door = Door::new(Arc::clone(&wire) as Arc<dyn ir_egress::Wire>, spool.clone(), Arc::clone(&clock));
        let parts = EngineParts { door, spool, store, settings: Arc::clone(&settings), clock, dice };
        let (engine, recovered) = Engine::start(parts).await?;
        let per_ip = PerIp::new(effective.settings.limits.connections_per_ip);
        let gateway = Self { engine, settings, recovered, wire, log, per_ip, own: Mutex::default() };
        gateway.import_legacy_keys().await?;
        for problem in &gateway.engine.snapshot().problems {
            tracing::error!(key = %problem.id, why = problem.why, "a stored key cannot be used");
        }
        Ok(gateway)
    }

    /// Takes over the key pools of a 1.x configuration, once: into the key store, then out of the
    /// file.
    async fn import_legacy_keys(&self) -> Result<(), OpenError> {
        let legacy = self.settings.legacy_key_pools();
        if legacy.is_empty() {
            return Ok(());
        }
        let mut complete = true;
        for key in legacy {
            let new = NewKey { secret: key.key, name: key.name, base_url: key.base_url, models: key.models, enabled: key.enabled };
            match self.engine.add_keys(&key.platform, vec![new]).await {
                Ok(added) => {
                    tracing::info!(provider = key.platform, added = added.added, duplicates = added.duplicates, "took over a key of 1.x")
                }
                Err(fault) => {
                    complete = false;
                    tracing::warn!(
                        provider = key.platform,
                        reason = fault.message.map(|m| m.en),
                        "a key of 1.x could not be taken over: it stays in the file"
                    );
                }
            }
        }
        if complete {
            self.settings.drop_legacy_key_pools()?;
        }
        Ok(())
    }

    /// Tells the way out which addresses are the gateway's own.
    pub(crate) fn listens_on(&self, addresses: Vec<SocketAddr>) {
        *self.own.lock().expect("no panic while held") = addresses;
        self.apply_rules();
    }

    /// Where the gateway listens; nowhere yet: the unspecified address.
    pub(crate) fn listening_at(&self) -> SocketAddr {
        let own = self.own.lock().expect("no panic while held");
        own.first().copied().unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)))
    }

    /// The running log.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Puts changed settings in force, but for the address that is listened at.
    pub(crate) async fn put_in_force(&self) -> Result<(), String> {
        self.apply_rules();
        self.engine.reload().await.map_err(|error| error.to_string())?;
        self.log.set_level(&self.settings.current().settings.system.log_level)
    }

    fn apply_rules(&self) {
        let own = self.own.lock().expect("no panic while held").clone();
        self.wire.set_rules(rules(&self.settings.current().settings, &own));
    }

    /// Picks up hand edits of the configuration file until the gateway is dropped.
    pub(crate) fn spawn_watch(self: &Arc<Self>, host: Arc<dyn ir_admin::Host>) {
        let weak = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(POLL).await;
                let Some(gateway) = weak.upgrade() else { return };
                match gateway.settings.poll() {
                    None => {}
                    Some(Ok(effective)) => match host.apply().await {
                        Ok(_) => {
                            tracing::info!(problems = effective.problems.len(), "the configuration file was changed and is in force")
                        }
                        Err(error) => tracing::error!(%error, "the changed configuration could not be put in force"),
                    },
                    Some(Err(error)) => {
                        tracing::error!(%error, "the configuration file was changed but is refused; the last good one stays in force")
                    }
                }
            }
        });
    }
}

fn rules(settings: &Settings, own: &[SocketAddr]) -> Rules {
    let allow_private = settings.security.allow_private.iter().filter_map(|entry| AllowEntry::new(&entry.host, entry.port).ok()).collect();
    Rules { allow_private, own_addresses: own.to_vec(), ..Rules::default() }
}
