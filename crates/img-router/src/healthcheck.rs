//! `img-router healthcheck`

use crate::cli::HealthcheckArgs;
use crate::out;
use ir_egress::{AllowEntry, EgressWire, Purpose, Rules, Timing, Wire, WireRequest};
use ir_settings::{Env, SettingsFile};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A container's health check must come to a word quickly.
const LIMIT: Duration = Duration::from_secs(5);

pub(crate) async fn run(args: &HealthcheckArgs) -> ExitCode {
    let base = match &args.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => match SettingsFile::open(Env::from_process(), Arc::new(ir_server::OsDice)) {
            Ok(file) => format!("http://127.0.0.1:{}", file.current().settings.system.port),
            Err(error) => return out::fail(&error.to_string(), 78),
        },
    };
    let url = match url::Url::parse(&format!("{base}/ready")) {
        Ok(url) => url,
        Err(error) => return out::fail(&format!("'{base}' is not an address: {error}"), 64),
    };
    // The operator's own gateway: the one address that this command may reach.
    let allow = url.host_str().and_then(|host| AllowEntry::new(host, url.port_or_known_default().unwrap_or(80)).ok());
    let wire = EgressWire::new(Rules { allow_private: allow.into_iter().collect(), ..Rules::default() });
    let request = WireRequest {
        method: http::Method::GET,
        url,
        headers: http::HeaderMap::new(),
        body: None,
        purpose: Purpose::Admin,
        timing: Timing { total: LIMIT, ..Timing::provider(LIMIT) },
        deadline: Instant::now() + LIMIT,
    };
    match wire.send(request).await {
        Ok(reply) if reply.status == 200 => {
            out::line("ready");
            ExitCode::SUCCESS
        }
        Ok(reply) => out::fail(&format!("not ready: status {}", reply.status), 1),
        Err(fault) => out::fail(&format!("not reachable: {}", fault.detail), 1),
    }
}
