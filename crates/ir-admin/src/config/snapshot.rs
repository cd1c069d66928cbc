//! `GET /api/config`: everything that the panel shows of the configuration.

use super::provider::{self, Provider};
use super::setting::Setting;
use crate::admin::Admin;
use crate::body::Answer;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConfigSnapshot {
    version: &'static str,
    uptime_ms: u64,
    demo: bool,
    public_base_url: Option<String>,
    /// The base address to give to clients; it ends in `/v1`.
    address: String,
    modes: Modes,
    has_global_key: bool,
    has_password: bool,
    global_key_is_admin: bool,
    providers: Vec<Provider>,
    /// Sizes worth offering.
    supported_sizes: Vec<String>,
    /// The whole table of settings.
    settings: Vec<Setting>,
    /// The configuration file, its secrets masked.
    #[schema(value_type = Object)]
    runtime_config: Value,
    etag: String,
    /// What was odd in the file and in the environment.
    problems: Vec<SettingProblem>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Modes {
    relay: bool,
    backend: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct SettingProblem {
    path: String,
    message: String,
}

/// The configuration as the panel shows it.
#[utoipa::path(get, path = "/api/config", tag = "configuration", responses((status = 200, body = ConfigSnapshot)))]
pub(super) async fn read(State(admin): State<Arc<Admin>>) -> Answer<ConfigSnapshot> {
    let effective = admin.settings.current();
    let system = &effective.settings.system;
    let (runtime_config, etag) = admin.settings.stored();
    let public = system.public_base_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
    let address = public.clone().unwrap_or_else(|| format!("http://localhost:{}", admin.host.port()));
    let settings = ir_settings::all_defs().iter().zip(&effective.rows).map(|(def, row)| Setting::of(def, row)).collect();
    let problems = effective.problems.iter().map(|problem| SettingProblem { path: problem.path.clone(), message: problem.message.clone() });
    let now = admin.now();
    Answer(ConfigSnapshot {
        version: admin.version,
        uptime_ms: now.since(admin.born),
        demo: system.demo,
        address: format!("{}/v1", address.trim_end_matches("/v1")),
        public_base_url: public,
        modes: Modes { relay: system.relay, backend: system.backend },
        has_global_key: system.global_access_key.is_some(),
        has_password: admin.has_password(),
        global_key_is_admin: system.global_key_is_admin,
        providers: provider::all(&admin.engine, now),
        supported_sizes: ir_engine::offered_sizes(ir_platforms::SizePolicy::Passed),
        settings,
        runtime_config,
        etag,
        problems: problems.collect(),
    })
}
