//! Putting changed settings in force: the way out's rules, the engine's snapshot, the log's level,
//! and the address that is listened at.

use crate::gateway::Gateway;
use async_trait::async_trait;
use ir_admin::{Admin, AdminParts, Host};
use ir_settings::Settings;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// A wish to listen somewhere else, and who waits for what becomes of it.
pub(crate) type Move = (SocketAddr, oneshot::Sender<io::Result<SocketAddr>>);

/// Where settings want to be listened at.
pub(crate) fn address(settings: &Settings) -> SocketAddr {
    SocketAddr::new(settings.host, settings.system.port)
}

/// The process, as the admin API knows it.
pub(crate) struct Process {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) moves: mpsc::Sender<Move>,
}

impl Process {
    fn address(&self) -> SocketAddr {
        self.gateway.listening_at()
    }
}

/// The admin API over a gateway, the process that it knows, and the wishes to listen elsewhere.
pub(crate) fn assemble(gateway: &Arc<Gateway>) -> (Arc<Admin>, Arc<Process>, mpsc::Receiver<Move>) {
    let (sender, moves) = mpsc::channel(1);
    let host = Arc::new(Process { gateway: Arc::clone(gateway), moves: sender });
    let admin = Admin::new(AdminParts {
        engine: Arc::clone(&gateway.engine),
        settings: Arc::clone(&gateway.settings),
        host: Arc::clone(&host) as Arc<dyn Host>,
        logs: Arc::clone(&gateway.log().feed),
        version: env!("CARGO_PKG_VERSION"),
    });
    (admin, host, moves)
}

#[async_trait]
impl Host for Process {
    async fn apply(&self) -> Result<u16, String> {
        self.gateway.put_in_force().await?;
        let wanted = address(&self.gateway.settings.current().settings);
        if wanted != self.address() {
            let (done, outcome) = oneshot::channel();
            let gone = |_| "the listener is gone".to_owned();
            self.moves.send((wanted, done)).await.map_err(|_| "the listener is gone".to_owned())?;
            outcome.await.map_err(gone)?.map_err(|error| format!("{wanted}: {error}"))?;
        }
        Ok(self.address().port())
    }

    async fn judge(&self, settings: &Settings) -> Result<(), (&'static str, String)> {
        crate::logging::judge(&settings.system.log_level).map_err(|why| ("system.logLevel", why))?;
        self.gateway.engine.outbox().judge(settings).map_err(|why| ("storage.s3", why))?;
        let wanted = address(settings);
        // At the present port another address can only be tried by giving up the present one.
        if wanted.port() == self.address().port() {
            return Ok(());
        }
        TcpListener::bind(wanted).await.map(drop).map_err(|error| ("system.port", error.to_string()))
    }

    fn port(&self) -> u16 {
        self.address().port()
    }

    fn dropped_lines(&self) -> u64 {
        self.gateway.log().dropped()
    }
}
