//! `img-router serve`

use crate::out;
use ir_server::{Gateway, Server, init_logging};
use ir_settings::{Env, SettingsFile};
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

pub(crate) async fn run() -> ExitCode {
    let stop = match stop() {
        Ok(stop) => stop,
        Err(error) => return out::fail(&format!("signals cannot be listened for: {error}"), 71),
    };
    let dice: Arc<dyn ir_model::Dice> = Arc::new(ir_server::OsDice);
    let settings = match SettingsFile::open(Env::from_process(), Arc::clone(&dice)) {
        Ok(settings) => Arc::new(settings),
        Err(error) => return out::fail(&error.to_string(), 78),
    };
    let system = settings.current().settings.system.clone();
    let log = match init_logging(&system.log_level, system.log_format, std::io::stderr().is_terminal()) {
        Ok(log) => log,
        Err(error) => return out::fail(&error, 78),
    };
    let gateway = match Gateway::with_settings(settings, dice, log).await {
        Ok(gateway) => gateway,
        Err(error) => return out::fail(&error.to_string(), error.exit_code()),
    };
    let recovered = gateway.recovered;
    let server = match Server::bind(gateway).await {
        Ok(server) => server,
        Err(error) => return out::fail(&error.to_string(), 69),
    };
    greet(&server);
    if recovered.interrupted > 0 {
        tracing::warn!(
            interrupted_jobs = recovered.interrupted,
            "the last run was cut off while it drew; everything that was stored is in the gallery"
        );
    }
    let end = server.run(stop).await;
    if end.left > 0 {
        tracing::warn!(jobs = end.left, "stopped with jobs under way; what their platforms still draw is lost");
    }
    match end.broken {
        None => ExitCode::SUCCESS,
        Some(why) => out::fail(&format!("the database failed, start again: {why}"), 74),
    }
}

/// Says where the gateway is and what to try first.
fn greet(server: &Server) {
    let address = server.address();
    let settings = server.gateway().engine.snapshot().settings.clone();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %address, data = %server.gateway().settings.data_dir().display(), demo = settings.system.demo, "img-router is listening");
    let port = address.port();
    let no_clients = server.gateway().engine.snapshot().clients.is_empty();
    if settings.system.demo {
        out::note(format_args!(
            "\nImgRouter is running in demo mode: http://localhost:{port}/v1, key 'demo' (from this machine only).\n\
             Try it:\n\n  \
             curl -s http://localhost:{port}/v1/images/generations -H 'Authorization: Bearer demo' \\\n    \
             -H 'Content-Type: application/json' \\\n    \
             -d '{{\"prompt\": \"a lighthouse at dusk\", \"response_format\": \"b64_json\"}}' \\\n    \
             | sed 's/.*\"b64_json\":\"\\([^\"]*\\)\".*/\\1/' | base64 -d > picture.png\n\n\
             Then open picture.png. Stop with Ctrl-C.\n"
        ));
    } else if settings.system.backend && settings.system.global_access_key.is_none() && no_clients && !settings.system.allow_anonymous {
        tracing::warn!(
            "backend mode is on but nobody has a key: make client keys (Settings → Access, or `img-router client-keys add`), or set IMG_ROUTER_GLOBAL_ACCESS_KEY"
        );
    }
    if let Some(path) = server.setup_path() {
        out::note(format_args!("\nSet the admin password here, once: http://localhost:{port}{path}\n"));
    }
    if address.ip().is_loopback() && !settings.system.demo {
        tracing::info!("listening on this machine only; set an access key, or IMG_ROUTER_HOST, to listen on the network");
    }
}

/// Listens for the wish to stop from now on. Until then it would end the process at once, in the midst of
/// a start or just after a first answer.
fn stop() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    {
        Ok(async {
            let _ = tokio::signal::ctrl_c().await;
        })
    }
}
