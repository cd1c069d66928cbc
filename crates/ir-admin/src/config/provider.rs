//! A platform as the panel shows it: what its card says, what the operator set, and how it fares.

use ir_engine::{Engine, Snapshot, TaskRoute, Upstream};
use ir_model::{Task, Timestamp};
use ir_platforms::{Adapter, Auth, Card, TaskCard};
use ir_settings::TaskSettings;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Provider {
    name: String,
    enabled: bool,
    /// Whether it could draw: it has a key or needs none.
    configured: bool,
    base_url: Option<String>,
    needs_key: NeedsKey,
    capabilities: Capabilities,
    text_models: Vec<String>,
    edit_models: Vec<String>,
    blend_models: Vec<String>,
    default_model: String,
    default_edit_model: String,
    default_blend_model: String,
    default_size: String,
    default_edit_size: String,
    default_blend_size: String,
    supports_quality: bool,
    /// By task; tasks that it cannot do are absent.
    tasks: BTreeMap<String, ProviderTask>,
    breaker: BreakerState,
    last_failure: Option<LastFailure>,
    keys: KeyCount,
    /// Whether pictures bear its mark, where the operator may choose.
    watermark: Option<bool>,
    /// Whether every model has servers of its own.
    uses_spaces: bool,
    /// Its APIs, where there are several.
    apis: Vec<String>,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum NeedsKey {
    Required,
    Optional,
    None,
}

/// 1.x's names.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Capabilities {
    text_to_image: bool,
    image_to_image: bool,
    multi_image_fusion: bool,
    async_task: bool,
    max_input_images: u32,
    max_output_images: u32,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProviderTask {
    model: Option<String>,
    size: Option<String>,
    quality: Option<String>,
    n: Option<u32>,
    steps: Option<u32>,
    weight: u32,
    model_map: String,
    translate: Option<bool>,
    expand: Option<bool>,
    models: Vec<String>,
    default_model: Option<String>,
    default_size: Option<String>,
    sizes: Vec<String>,
    max_inputs: u32,
    native_n: u32,
    mask: bool,
    seed: bool,
    takes_steps: bool,
    negative_prompt: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum BreakerState {
    Closed,
    Open,
    /// Open, and the next request tries it.
    Probing,
}

#[derive(Debug, Serialize, ToSchema)]
struct LastFailure {
    time: i64,
    class: String,
    message: String,
}

#[derive(Debug, Default, Serialize, ToSchema)]
struct KeyCount {
    total: u32,
    good: u32,
    cooling: u32,
    disabled: u32,
    /// Switched off by the operator.
    off: u32,
}

/// All platforms, in the order of the adapters.
pub(super) fn all(engine: &Engine, now: Timestamp) -> Vec<Provider> {
    let snapshot = engine.snapshot();
    ir_platforms::ADAPTERS.iter().map(|adapter| provider(engine, &snapshot, *adapter, now)).collect()
}

fn provider(engine: &Engine, snapshot: &Snapshot, adapter: &'static dyn Adapter, now: Timestamp) -> Provider {
    let name = adapter.card().name;
    let upstreams: Vec<&Arc<Upstream>> = snapshot.upstreams.iter().filter(|upstream| upstream.name() == name).collect();
    // The card of the API that is spoken, where there are several.
    let card = upstreams.first().map_or(adapter.card(), |upstream| upstream.card());
    let settings = snapshot.settings.providers.get(name);
    let own = upstreams.iter().find(|upstream| upstream.own).or(upstreams.first()).copied();
    let keys = count_keys(&upstreams, now);
    let task = |task: Task| card.task(task);
    let models = |task: Task| {
        let mut all: Vec<String> = Vec::new();
        for model in upstreams.iter().flat_map(|upstream| upstream.models(task)) {
            if !all.contains(&model) {
                all.push(model);
            }
        }
        all
    };
    let default_model = |task: Task| own.and_then(|upstream| upstream.default_model(task)).unwrap_or_default();
    let default_size = |of: Task| {
        let set = own.and_then(|upstream| upstream.route(of)).and_then(|route| route.size).map(|size| size.to_string());
        set.or_else(|| task(of).and_then(|card| card.default_size).map(|size| size.to_string())).unwrap_or_default()
    };
    let tasks = Task::ALL.into_iter().filter_map(|of| {
        let route = own.and_then(|upstream| upstream.route(of))?;
        let set = settings.map(|settings| settings.task(of));
        Some((of.name().to_owned(), provider_task(route, set, models(of))))
    });
    Provider {
        name: name.to_owned(),
        enabled: own.is_some_and(|upstream| upstream.enabled),
        configured: match card.auth {
            Auth::None | Auth::Optional => true,
            Auth::Required => keys.total > 0,
        },
        base_url: settings.and_then(|settings| settings.base_url.clone()).or_else(|| card.base_url.map(str::to_owned)),
        needs_key: match card.auth {
            Auth::None => NeedsKey::None,
            Auth::Optional => NeedsKey::Optional,
            Auth::Required => NeedsKey::Required,
        },
        capabilities: capabilities(card),
        text_models: models(Task::Text),
        edit_models: models(Task::Edit),
        blend_models: models(Task::Blend),
        default_model: default_model(Task::Text),
        default_edit_model: default_model(Task::Edit),
        default_blend_model: default_model(Task::Blend),
        default_size: default_size(Task::Text),
        default_edit_size: default_size(Task::Edit),
        default_blend_size: default_size(Task::Blend),
        supports_quality: card.tasks.iter().any(|task| task.openai_hints),
        tasks: tasks.collect(),
        breaker: breaker(engine, &upstreams),
        last_failure: upstreams
            .iter()
            .filter_map(|upstream| upstream.last_failure())
            .max_by_key(|failure| failure.time)
            .map(|failure| LastFailure { time: failure.time.0, class: failure.class.name().to_owned(), message: failure.message.clone() }),
        keys,
        watermark: settings.filter(|_| name == "Doubao").map(|settings| settings.watermark),
        uses_spaces: card.spaces.is_some(),
        apis: if adapter.api("legacy").is_some() { vec!["gen".to_owned(), "legacy".to_owned()] } else { Vec::new() },
    }
}

/// A platform is down when all its addresses are.
fn breaker(engine: &Engine, upstreams: &[&Arc<Upstream>]) -> BreakerState {
    if upstreams.is_empty() || upstreams.iter().any(|upstream| !upstream.is_down()) {
        BreakerState::Closed
    } else if upstreams.iter().any(|upstream| engine.is_probing(upstream)) {
        BreakerState::Probing
    } else {
        BreakerState::Open
    }
}

fn capabilities(card: &Card) -> Capabilities {
    let inputs = |task: Task| card.task(task).map_or(0, |task| task.max_inputs);
    Capabilities {
        text_to_image: card.task(Task::Text).is_some(),
        image_to_image: card.task(Task::Edit).is_some(),
        multi_image_fusion: card.task(Task::Blend).is_some_and(|task| task.max_inputs > 1),
        async_task: matches!(card.name, "Gitee" | "ModelScope" | "HuggingFace"),
        max_input_images: inputs(Task::Edit).max(inputs(Task::Blend)),
        max_output_images: 16,
    }
}

fn provider_task(route: &TaskRoute, set: Option<&TaskSettings>, models: Vec<String>) -> ProviderTask {
    let card: &TaskCard = route.card;
    ProviderTask {
        model: set.and_then(|set| set.model.clone()),
        size: set.and_then(|set| set.size).map(|size| size.to_string()),
        quality: set.and_then(|set| set.quality.clone()),
        n: set.and_then(|set| set.n),
        steps: set.and_then(|set| set.steps),
        weight: route.weight,
        model_map: set.map(|set| set.model_map.join(", ")).unwrap_or_default(),
        translate: set.and_then(|set| set.prompt_optimizer.translate),
        expand: set.and_then(|set| set.prompt_optimizer.expand),
        models,
        default_model: card.models.first().map(|model| (*model).to_owned()),
        default_size: card.default_size.map(|size| size.to_string()),
        sizes: ir_engine::offered_sizes(card.sizes),
        max_inputs: card.max_inputs,
        native_n: card.native_n,
        mask: card.mask,
        seed: card.seed,
        takes_steps: card.steps,
        negative_prompt: card.negative_prompt,
    }
}

fn count_keys(upstreams: &[&Arc<Upstream>], now: Timestamp) -> KeyCount {
    let mut count = KeyCount::default();
    let mut seen = Vec::new();
    for key in upstreams.iter().flat_map(|upstream| &upstream.keys) {
        if seen.contains(&&key.id) {
            continue;
        }
        seen.push(&key.id);
        count.total += 1;
        if !key.enabled {
            count.off += 1;
        } else if key.health.is_disabled() {
            count.disabled += 1;
        } else if key.health.cooling_until(now).is_some() {
            count.cooling += 1;
        } else {
            count.good += 1;
        }
    }
    count
}
