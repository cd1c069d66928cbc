//! `GET /api/dashboard/stats`: the numbers of the dashboard, from roll-ups of the request log.

use crate::admin::Admin;
use crate::body::{Answer, Query};
use crate::refusal::Refusal;
use crate::requests::labels;
use crate::words::WindowName;
use axum::extract::State;
use ir_model::Timestamp;
use ir_store::{Group, Stats, Store, StoreError, Tally, Window};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio::sync::Mutex;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How long an answer for a long window is good, in milliseconds. At ten million requests one takes a
/// second.
const GOOD_FOR: i64 = 30_000;

pub(crate) fn router() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new().routes(routes!(read))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct StatsQuery {
    /// `1h`, `6h`, `24h` (default), `7d`, `30d` or `90d`.
    #[param(value_type = Option<WindowName>)]
    window: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DashboardStats {
    #[schema(value_type = WindowName)]
    window: String,
    from: i64,
    to: i64,
    step_ms: i64,
    totals: Totals,
    /// One point a step; none is left out.
    series: Vec<SeriesPoint>,
    by_platform: Vec<StatsGroup>,
    by_model: Vec<StatsGroup>,
    by_key: Vec<StatsGroup>,
    by_client: Vec<StatsGroup>,
    /// As in 1.x.
    providers: BTreeMap<String, PoolStats>,
    storage: StorageStats,
    bucket: BucketStats,
    /// Requests under way.
    in_flight: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Totals {
    requests: u64,
    errors: u64,
    /// 0 to 1.
    error_rate: f64,
    pictures: u64,
    bytes: u64,
    p50_ms: Option<u64>,
    p95_ms: Option<u64>,
    p99_ms: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
struct SeriesPoint {
    time: i64,
    #[serde(flatten)]
    totals: Totals,
}

#[derive(Debug, Serialize, ToSchema)]
struct StatsGroup {
    name: String,
    /// What to show for it.
    label: String,
    #[serde(flatten)]
    totals: Totals,
}

#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PoolStats {
    total: u64,
    valid: u64,
    invalid: u64,
    unused: u64,
    total_calls: u64,
    total_success: u64,
    /// In percent.
    success_rate: f64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StorageStats {
    pictures: u64,
    bytes: u64,
    free_bytes: u64,
}

#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct BucketStats {
    /// None: no bucket is configured.
    target: Option<String>,
    waiting: u64,
    oldest: Option<i64>,
    last_error: Option<String>,
}

/// The last answers for long windows. One is worked out at a time: others wait for it and share it.
#[derive(Default)]
pub(crate) struct Answers(Mutex<HashMap<Window, (Timestamp, Stats)>>);

impl Answers {
    /// Short windows are always worked out: they are quick. Long ones may be half a minute old.
    async fn read(&self, store: &dyn Store, window: Window, now: Timestamp) -> Result<Stats, StoreError> {
        if matches!(window, Window::Hour | Window::SixHours | Window::Day) {
            return store.stats(window, now).await;
        }
        let mut known = self.0.lock().await;
        if let Some((asked, stats)) = known.get(&window)
            && asked.plus_ms(GOOD_FOR) > now
        {
            return Ok(stats.clone());
        }
        let stats = store.stats(window, now).await?;
        known.insert(window, (now, stats.clone()));
        Ok(stats)
    }
}

/// Numbers of a window of time.
#[utoipa::path(get, path = "/api/dashboard/stats", tag = "dashboard", params(StatsQuery), responses(
    (status = 200, body = DashboardStats)))]
async fn read(State(admin): State<Arc<Admin>>, Query(query): Query<StatsQuery>) -> Result<Answer<DashboardStats>, Refusal> {
    let name = query.window.as_deref().unwrap_or("24h");
    let window = Window::from_name(name)
        .ok_or_else(|| Refusal::bad("window", "'window' is 1h, 6h, 24h, 7d, 30d or 90d.", "window 须为 1h、6h、24h、7d、30d 或 90d。"))?;
    let store = admin.engine.store();
    let stats = admin.stats.read(&**store, window, admin.now()).await?;
    let facets = store.facets().await?;
    let labels = labels(&admin).await?;
    let none = HashMap::new();
    Ok(Answer(DashboardStats {
        window: window.name().to_owned(),
        from: stats.from.0,
        to: stats.to.0,
        step_ms: stats.step_ms,
        totals: totals(stats.totals),
        series: stats.series.into_iter().map(|point| SeriesPoint { time: point.time.0, totals: totals(point.tally) }).collect(),
        by_platform: groups(stats.providers, &none),
        by_model: groups(stats.models, &none),
        by_key: groups(stats.keys, &labels),
        by_client: groups(stats.clients, &labels),
        providers: pools(&admin).await?,
        storage: StorageStats {
            pictures: facets.pictures,
            bytes: facets.bytes,
            free_bytes: admin.engine.callers_spool().free_bytes().unwrap_or_default(),
        },
        bucket: bucket(&admin).await?,
        in_flight: admin.engine.jobs(),
    }))
}

fn totals(tally: Tally) -> Totals {
    // Far below 2⁵³: exact enough for a share.
    let error_rate = if tally.requests == 0 { 0.0 } else { tally.errors as f64 / tally.requests as f64 };
    Totals {
        requests: tally.requests,
        errors: tally.errors,
        error_rate,
        pictures: tally.pictures,
        bytes: tally.bytes,
        p50_ms: tally.p50_ms,
        p95_ms: tally.p95_ms,
        p99_ms: tally.p99_ms,
    }
}

fn groups(groups: Vec<Group>, labels: &HashMap<String, String>) -> Vec<StatsGroup> {
    groups
        .into_iter()
        .map(|group| StatsGroup {
            label: labels.get(&group.name).cloned().unwrap_or_else(|| group.name.clone()),
            name: group.name,
            totals: totals(group.tally),
        })
        .collect()
}

async fn pools(admin: &Admin) -> Result<BTreeMap<String, PoolStats>, Refusal> {
    let mut pools: BTreeMap<String, PoolStats> = BTreeMap::new();
    for key in crate::keys::all(admin).await? {
        let pool = pools.entry(key.provider().to_owned()).or_default();
        let (calls, successes) = key.calls();
        pool.total += 1;
        pool.valid += u64::from(key.is_good());
        pool.invalid += u64::from(!key.is_good());
        pool.unused += u64::from(calls == 0);
        pool.total_calls += calls;
        pool.total_success += successes;
    }
    for pool in pools.values_mut().filter(|pool| pool.total_calls > 0) {
        pool.success_rate = (pool.total_success as f64 / pool.total_calls as f64 * 1000.0).round() / 10.0;
    }
    Ok(pools)
}

async fn bucket(admin: &Admin) -> Result<BucketStats, Refusal> {
    Ok(match admin.engine.outbox().status().await? {
        None => BucketStats::default(),
        Some(status) => BucketStats {
            target: Some(status.target),
            waiting: status.backlog.waiting,
            oldest: status.backlog.oldest.map(|time| time.0),
            last_error: status.trouble.or(status.backlog.last_error),
        },
    })
}
