//! `GET /api/update/check`: whether there is a newer release. Nothing is asked unless an admin asks
//! here and `update.url` is set; an answer is good for an hour, one question at a time (`R-DOS-2`).

use crate::admin::Admin;
use crate::body::{Answer, Query};
use crate::refusal::sentence;
use axum::extract::State;
use ir_model::{Language, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::Mutex;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// How long an answer is good, in milliseconds.
const GOOD_FOR: i64 = 3_600_000;
/// The least between two questions, even forced ones, in milliseconds.
const LEAST_BETWEEN: i64 = 10_000;
/// Longest notes that are passed on, in characters.
const LONGEST_NOTES: usize = 20_000;

pub(crate) fn router() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new().routes(routes!(check))
}

/// The last answer. Locked while asking: others wait for it.
#[derive(Default)]
pub(crate) struct Updates(Mutex<Known>);

#[derive(Default)]
struct Known {
    release: Option<Release>,
    asked: Option<Timestamp>,
    error: Option<String>,
}

#[derive(Clone)]
struct Release {
    version: String,
    notes: String,
    url: Option<String>,
    read: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UpdateState {
    current: String,
    latest: Option<String>,
    newer: bool,
    /// Markdown.
    notes: String,
    url: Option<String>,
    /// When the release was read.
    checked: Option<i64>,
    error: Option<String>,
    /// The release host failed; this is what it said before.
    #[serde(rename = "_stale", skip_serializing_if = "Option::is_none")]
    stale: Option<bool>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct UpdateQuery {
    /// Ask anew.
    #[serde(default)]
    force: bool,
}

/// The newest release.
#[utoipa::path(get, path = "/api/update/check", tag = "update", params(UpdateQuery), responses((status = 200, body = UpdateState)))]
async fn check(State(admin): State<Arc<Admin>>, Query(query): Query<UpdateQuery>) -> Answer<UpdateState> {
    let mut known = admin.updates.0.lock().await;
    let now = admin.now();
    let older_than = |ms: i64| known.asked.is_none_or(|asked| asked.plus_ms(ms) <= now);
    let due = older_than(GOOD_FOR) || (query.force && older_than(LEAST_BETWEEN));
    let url = admin.settings.current().settings.update_url.clone();
    match url {
        None => known.error = Some("update.url is not set: nothing is asked".to_owned()),
        Some(url) if due => {
            known.asked = Some(now);
            match admin.engine.release_at(url.as_str()).await {
                Ok((version, notes, url)) => {
                    let notes = notes.chars().take(LONGEST_NOTES).collect();
                    known.release = Some(Release { version, notes, url, read: now });
                    known.error = None;
                }
                Err(fault) => known.error = Some(Language::English.pick(&sentence(&fault)).to_owned()),
            }
        }
        Some(_) => {}
    }
    let release = known.release.clone();
    let newer = release.as_ref().is_some_and(|release| is_newer(&release.version, admin.version));
    Answer(UpdateState {
        current: admin.version.to_owned(),
        latest: release.as_ref().map(|release| release.version.clone()),
        newer,
        notes: release.as_ref().map(|release| release.notes.clone()).unwrap_or_default(),
        url: release.as_ref().and_then(|release| release.url.clone()),
        checked: release.as_ref().map(|release| release.read.0),
        stale: (release.is_some() && known.error.is_some()).then_some(true),
        error: known.error.clone(),
    })
}

/// Whether a version comes after another, by the rules of semantic versioning for what we publish:
/// three numbers, and a pre-release before its release.
fn is_newer(latest: &str, current: &str) -> bool {
    fn parts(version: &str) -> ([u64; 3], Option<&str>) {
        let (core, pre) = version.split_once('-').map_or((version, None), |(core, pre)| (core, Some(pre)));
        let mut numbers = core.split('.').map(|part| part.parse().unwrap_or(0));
        ([0; 3].map(|_: u64| numbers.next().unwrap_or(0)), pre)
    }
    let (latest, current) = (parts(latest.trim_start_matches('v')), parts(current.trim_start_matches('v')));
    match latest.0.cmp(&current.0) {
        std::cmp::Ordering::Equal => match (latest.1, current.1) {
            (None, Some(_)) => true,
            (Some(latest), Some(current)) => latest > current,
            (_, None) => false,
        },
        order => order.is_gt(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_newer;

    #[test]
    fn versions() {
        for (latest, current, newer) in [
            ("2.0.0", "2.0.0-alpha.1", true),
            ("v2.0.1", "2.0.0", true),
            ("2.0.0-alpha.2", "2.0.0-alpha.1", true),
            ("2.0.0", "2.0.0", false),
            ("1.9.9", "2.0.0", false),
            ("2.0.0-alpha.1", "2.0.0", false),
            ("nonsense", "2.0.0", false),
        ] {
            assert_eq!(is_newer(latest, current), newer, "{latest} {current}");
        }
    }
}
