//! `GET /metrics`: numbers in Prometheus' text format (version 0.0.4), for the operator here and for
//! all who reach the listener of `metrics.listen`.

use crate::admin::Admin;
use crate::refusal::{ErrorBody, Refusal};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use ir_engine::BOUNDS_MS;
use std::fmt::Write as _;
use std::sync::Arc;

/// Numbers for Prometheus, where `metrics.enabled` is on.
#[utoipa::path(get, path = "/metrics", tag = "metrics", responses(
    (status = 200, body = String, content_type = "text/plain"), (status = 404, body = ErrorBody)))]
pub(crate) async fn read(State(admin): State<Arc<Admin>>) -> Result<Response, Refusal> {
    if !admin.settings.current().settings.metrics.enabled {
        let (en, zh) = ("Metrics are switched off (metrics.enabled).", "指标已关闭（metrics.enabled）。");
        return Err(Refusal::not_found(en, zh));
    }
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (CACHE_CONTROL, "no-store")], text(&admin).await).into_response())
}

/// All numbers as text.
pub async fn text(admin: &Admin) -> String {
    let mut out = Page(String::with_capacity(4096));
    out.one("img_router_info", "gauge", "What runs", &[("version", admin.version)], 1);
    out.one("img_router_uptime_seconds", "gauge", "Since the start", &[], admin.now().since(admin.born) / 1000);
    out.one("img_router_jobs", "gauge", "Requests under way", &[], admin.engine.jobs());
    requests(admin, &mut out);
    attempts(admin, &mut out);
    out.one("img_router_log_lines_dropped_total", "counter", "Log lines that nobody took in time", &[], admin.host.dropped_lines());
    keys(admin, &mut out).await;
    out.head("img_router_upstream_up", "gauge", "Whether an upstream's breaker is closed");
    for upstream in &admin.engine.snapshot().upstreams {
        let labels = [("provider", upstream.name()), ("address", upstream.base_url.as_str())];
        out.line("img_router_upstream_up", &labels, u64::from(!upstream.is_down()));
    }
    out.head("img_router_egress_refused_total", "counter", "Outgoing connections that the rules refused");
    for (purpose, class, number) in admin.engine.refusals().counts() {
        out.line("img_router_egress_refused_total", &[("purpose", purpose.name()), ("class", class)], number);
    }
    if let Ok(facets) = admin.engine.store().facets().await {
        out.one("img_router_stored_pictures", "gauge", "Pictures in the gallery", &[], facets.pictures);
        out.one("img_router_stored_bytes", "gauge", "What they weigh", &[], facets.bytes);
    }
    if let Ok(free) = admin.engine.callers_spool().free_bytes() {
        out.one("img_router_disk_free_bytes", "gauge", "Free space of the data folder", &[], free);
    }
    if let Ok(Some(status)) = admin.engine.outbox().status().await {
        out.one("img_router_outbox_waiting", "gauge", "Copies and deletions that wait for the bucket", &[], status.backlog.waiting);
        out.one("img_router_outbox_open", "gauge", "Whether the bucket takes pictures", &[], u64::from(status.open));
    }
    out.0
}

fn requests(admin: &Admin, out: &mut Page) {
    let all = admin.engine.counters().all();
    type Number = fn(&ir_engine::Count) -> u64;
    let counters: [(&str, &str, Number); 3] = [
        ("img_router_requests_total", "Requests that ended", |count| count.requests),
        ("img_router_pictures_total", "Pictures drawn", |count| count.pictures),
        ("img_router_picture_bytes_total", "What they weigh", |count| count.bytes),
    ];
    for (name, help, number) in counters {
        out.head(name, "counter", help);
        for ((provider, outcome), count) in &all {
            out.line(name, &[("provider", provider), ("outcome", outcome)], number(count));
        }
    }
    const NAME: &str = "img_router_request_duration_seconds";
    out.head(NAME, "histogram", "How long requests took");
    for ((provider, outcome), count) in &all {
        let labels = [("provider", provider.as_str()), ("outcome", outcome.as_str())];
        let mut sum = 0;
        for (at, number) in count.buckets.iter().enumerate() {
            sum += number;
            let bound = BOUNDS_MS.get(at).map_or_else(|| "+Inf".to_owned(), |ms| seconds(*ms));
            out.line(&format!("{NAME}_bucket"), &[labels[0], labels[1], ("le", &bound)], sum);
        }
        out.line(&format!("{NAME}_sum"), &labels, seconds(count.duration_ms));
        out.line(&format!("{NAME}_count"), &labels, count.requests);
    }
}

fn attempts(admin: &Admin, out: &mut Page) {
    let counters = admin.engine.counters();
    out.head("img_router_attempts_total", "counter", "Exchanges with platforms that ended");
    for ((provider, outcome), count) in counters.attempts() {
        out.line("img_router_attempts_total", &[("provider", provider), ("outcome", outcome)], count);
    }
    let lost = "Attempts that may have been charged and gave no picture";
    out.one("img_router_possibly_billed_total", "counter", lost, &[], counters.possibly_billed());
    out.head("img_router_key_exchanges", "gauge", "Exchanges under way with keys of the pools");
    let mut under_way = std::collections::BTreeMap::<&str, u64>::new();
    let mut seen = std::collections::HashSet::new();
    let snapshot = admin.engine.snapshot();
    for upstream in &snapshot.upstreams {
        // Servers of one platform share its keys.
        let sum: u64 = upstream.keys.iter().filter(|key| seen.insert(&key.id)).map(|key| u64::from(key.health.in_flight())).sum();
        *under_way.entry(upstream.name()).or_default() += sum;
    }
    for (provider, count) in under_way {
        out.line("img_router_key_exchanges", &[("provider", provider)], count);
    }
}

async fn keys(admin: &Admin, out: &mut Page) {
    let Ok(keys) = crate::keys::all(admin).await else { return };
    let mut counts = std::collections::BTreeMap::<(String, &str), u64>::new();
    for key in &keys {
        *counts.entry((key.provider().to_owned(), key.state())).or_default() += 1;
    }
    out.head("img_router_keys", "gauge", "Keys of the pools, by state");
    for ((provider, state), count) in &counts {
        out.line("img_router_keys", &[("provider", provider), ("state", state)], count);
    }
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let labels: Vec<String> = labels.iter().map(|(name, text)| format!("{name}=\"{}\"", escaped(text))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.head(name, kind, help);
        self.line(name, labels, value);
    }
}
