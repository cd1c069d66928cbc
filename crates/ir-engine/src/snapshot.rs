//! One immutable picture of everything that decides a request: settings, upstreams, keys. Built
//! whole from settings and stored keys, swapped whole; what was healthy or not is carried over.

use crate::breaker::Breaker;
use crate::clients::ClientKeys;
use crate::keys::{KeyCell, KeyHealthCell};
use arc_swap::ArcSwapOption;
use ir_model::{Class, Fault, KeyId, SizeAsk, Task, Timestamp};
use ir_platforms::{ADAPTERS, Adapter, Auth, Card, SpaceCard, TaskCard};
use ir_settings::{Settings, Vault};
use ir_store::KeyRecord;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;
use url::Url;

/// What one request decides by, from its beginning to its end.
#[derive(Debug)]
pub struct Snapshot {
    /// Counts up with every change.
    pub version: u64,
    /// All settings.
    pub settings: Arc<Settings>,
    /// Every platform at every base address that has keys or needs none.
    pub upstreams: Vec<Arc<Upstream>>,
    /// Keys of callers.
    pub clients: ClientKeys,
    /// Stored keys that cannot be used, and why: for the operator.
    pub problems: Vec<KeyProblem>,
}

/// A stored key that the snapshot could not take up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyProblem {
    /// Which.
    pub id: KeyId,
    /// Why, in English.
    pub why: String,
}

/// One platform at one base address: what can be tried, be down, and recover by itself.
pub struct Upstream {
    /// The platform.
    pub adapter: &'static dyn Adapter,
    /// Without a trailing slash; empty for the built-in renderer.
    pub base_url: String,
    /// At the platform's own (built-in or configured) address; others came with keys of the pool.
    pub own: bool,
    /// Switched on.
    pub enabled: bool,
    /// Takes part in automatic plans.
    pub in_plans: bool,
    /// The server of some models only, where every model has its own: which.
    pub space: Option<Space>,
    /// What it does per task.
    pub routes: Vec<TaskRoute>,
    /// Its keys.
    pub keys: Vec<Arc<KeyCell>>,
    /// Whose turn it is among equally busy keys.
    pub(crate) turn: AtomicU32,
    /// Carried over between snapshots.
    pub(crate) health: Arc<UpstreamHealth>,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("name", &self.name())
            .field("base_url", &self.base_url)
            .field("keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

/// A server of some models only.
#[derive(Debug)]
pub struct Space {
    /// The models that it draws with, and the task where that is known.
    pub models: Vec<(String, Option<Task>)>,
    /// Tried when the first server of its models fails.
    pub backup: bool,
    /// Named by the operator: only then it is given keys.
    pub trusted: bool,
}

/// What an upstream does for one task: its card and the operator's choices.
#[derive(Debug)]
pub struct TaskRoute {
    /// The card.
    pub card: &'static TaskCard,
    /// The model when the caller names none.
    pub model: Option<String>,
    /// The size when the caller names none.
    pub size: Option<SizeAsk>,
    /// OpenAI's quality when the caller names none.
    pub quality: Option<String>,
    /// Pictures when the caller names no count.
    pub n: Option<u32>,
    /// Sampling steps when the caller names none.
    pub steps: Option<u32>,
    /// 0–100; 0 takes it out of automatic plans.
    pub weight: u32,
    /// Model ids that lead here.
    pub aliases: Vec<String>,
}

/// What is known of an upstream's state, shared by all snapshots.
#[derive(Debug, Default)]
pub(crate) struct UpstreamHealth {
    pub(crate) breaker: Breaker,
    /// Models that its own list tells; `None`: not asked yet.
    pub(crate) models: ArcSwapOption<Vec<String>>,
    /// Rung when a place on one of its keys comes free.
    pub(crate) freed: Notify,
    last_failure: ArcSwapOption<LastFailure>,
}

/// An upstream's last failure, for the operator.
#[derive(Debug)]
pub struct LastFailure {
    /// When.
    pub time: Timestamp,
    /// Its class.
    pub class: Class,
    /// The platform's cleaned words, or the detail of the log.
    pub message: String,
}

impl UpstreamHealth {
    /// Remembers a failure that is the platform's or its key's.
    pub(crate) fn failed(&self, fault: &Fault, time: Timestamp) {
        if fault.blame() != ir_model::Blame::Caller {
            let words = fault.upstream.as_deref().or(fault.detail.as_deref());
            let message = words.and_then(ir_model::sanitise).unwrap_or_default();
            self.last_failure.store(Some(std::sync::Arc::new(LastFailure { time, class: fault.class, message })));
        }
    }
}

impl Upstream {
    /// The platform's name.
    pub fn name(&self) -> &'static str {
        self.card().name
    }

    /// The platform's card.
    pub fn card(&self) -> &'static Card {
        self.adapter.card()
    }

    /// Whether its breaker is open: it goes to the end of plans until a probe succeeds.
    pub fn is_down(&self) -> bool {
        self.health.breaker.is_open()
    }

    /// Its last failure that was not a caller's, since the gateway started.
    pub fn last_failure(&self) -> Option<std::sync::Arc<LastFailure>> {
        self.health.last_failure.load_full()
    }

    /// What it does for a task.
    pub fn route(&self, task: Task) -> Option<&TaskRoute> {
        self.routes.iter().find(|route| route.card.task == task)
    }

    /// Whether a key may be sent to it.
    pub(crate) fn takes_keys(&self) -> bool {
        self.card().auth != Auth::None && self.space.as_ref().is_none_or(|space| space.trusted)
    }

    /// The platform's own address, which differs from its server's where every model has its own.
    pub(crate) fn home(&self, settings: &Settings) -> String {
        effective_base(settings, self.card(), None).unwrap_or_default()
    }

    /// The model drawn with when the caller leaves the choice, if one is settled.
    pub fn default_model(&self, task: Task) -> Option<String> {
        let route = self.route(task)?;
        if let Some(space) = &self.space {
            return route.model.clone().filter(|model| space.serves(model, task));
        }
        route
            .model
            .clone()
            .or_else(|| route.card.models.first().map(|m| (*m).to_owned()))
            .or_else(|| self.keys.iter().find_map(|key| key.models.first().cloned()))
    }

    /// Models that it is known to offer for a task, each once.
    pub fn models(&self, task: Task) -> Vec<String> {
        let Some(route) = self.route(task) else { return Vec::new() };
        if let Some(space) = &self.space {
            return space.models.iter().map(|(model, _)| model.clone()).filter(|model| space.serves(model, task)).collect();
        }
        let discovered = self.health.models.load();
        let mut models: Vec<String> = Vec::new();
        let known = route
            .model
            .iter()
            .cloned()
            .chain(route.card.models.iter().map(|m| (*m).to_owned()))
            .chain(self.keys.iter().flat_map(|key| key.models.iter().cloned()))
            .chain(discovered.iter().flat_map(|list| list.iter().cloned()));
        for model in known {
            if !models.contains(&model) {
                models.push(model);
            }
        }
        models
    }
}

impl Space {
    fn serves(&self, model: &str, task: Task) -> bool {
        self.models.iter().any(|(known, of)| known == model && of.is_none_or(|of| of == task || (of == Task::Edit && task == Task::Blend)))
    }
}

/// Health that outlives snapshots. Locked only while a snapshot is built.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    keys: Mutex<HashMap<KeyId, Arc<KeyHealthCell>>>,
    upstreams: Mutex<HashMap<(&'static str, String), Arc<UpstreamHealth>>>,
}

impl Registry {
    fn key(&self, record: &KeyRecord) -> Arc<KeyHealthCell> {
        let mut keys = self.keys.lock().expect("no panic while held");
        // The stored health is at best as new as the cell's: it counts once, when the key is met.
        Arc::clone(keys.entry(record.id.clone()).or_insert_with(|| Arc::new(KeyHealthCell::from_record(record))))
    }

    /// The health of a key, whatever snapshot holds it.
    pub(crate) fn health(&self, id: &KeyId) -> Option<Arc<KeyHealthCell>> {
        self.keys.lock().expect("no panic while held").get(id).cloned()
    }

    /// Tells requests that began before which keys the operator has taken out of use.
    fn withdraw(&self, records: &[KeyRecord]) {
        let enabled: HashSet<&KeyId> = records.iter().filter(|record| record.enabled).map(|record| &record.id).collect();
        for (id, cell) in &*self.keys.lock().expect("no panic while held") {
            cell.withdraw(!enabled.contains(id));
        }
    }

    fn upstream(&self, name: &'static str, base_url: &str) -> Arc<UpstreamHealth> {
        let mut upstreams = self.upstreams.lock().expect("no panic while held");
        Arc::clone(upstreams.entry((name, base_url.to_owned())).or_default())
    }

    /// Forgets keys and upstreams that no snapshot holds any more. Deleted keys are out of use for
    /// requests under way, too, which hold older snapshots.
    fn sweep(&self) {
        self.keys.lock().expect("no panic while held").retain(|_, cell| Arc::strong_count(cell) > 1);
        self.upstreams.lock().expect("no panic while held").retain(|_, health| Arc::strong_count(health) > 1);
    }
}

/// The text that a sealed key is bound to: a key opens only for the platform and address that it
/// was saved for.
pub(crate) fn key_binding(id: &KeyId, platform: &str, base_url: &str) -> String {
    let origin = Url::parse(base_url).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    format!("key|{}|{platform}|{origin}", id.0)
}

/// The base address that a key of a platform is used at.
pub(crate) fn effective_base(settings: &Settings, card: &Card, key_base: Option<&str>) -> Option<String> {
    let configured = settings.providers.get(card.name).and_then(|p| p.base_url.as_deref());
    key_base.or(configured).or(card.base_url).map(|url| url.trim().trim_end_matches('/').to_owned())
}

/// What is stored and decides requests.
pub(crate) struct Stored {
    /// The pools.
    pub(crate) keys: Vec<KeyRecord>,
    /// Keys of callers.
    pub(crate) clients: ClientKeys,
}

pub(crate) fn build(version: u64, settings: Arc<Settings>, stored: Stored, vault: &Vault, registry: &Registry) -> Snapshot {
    let Stored { keys: records, clients } = stored;
    let mut problems = Vec::new();
    let mut upstreams = Vec::new();
    for adapter in ADAPTERS.iter().copied() {
        let adapter = spoken(&settings, adapter);
        let card = adapter.card();
        let mut groups: Vec<(String, Vec<Arc<KeyCell>>)> = Vec::new();
        if let Some(base) = effective_base(&settings, card, None) {
            groups.push((base, Vec::new()));
        } else if card.auth == Auth::None {
            groups.push((String::new(), Vec::new()));
        }
        for record in records.iter().filter(|record| record.platform == card.name) {
            match key_cell(&settings, card, record, vault, registry) {
                Ok((base, cell)) => match groups.iter_mut().find(|(known, _)| *known == base) {
                    Some((_, keys)) => keys.push(cell),
                    None => groups.push((base, vec![cell])),
                },
                Err(why) => problems.push(KeyProblem { id: record.id.clone(), why }),
            }
        }
        let provider = settings.providers.get(card.name);
        let own_base = effective_base(&settings, card, None).unwrap_or_default();
        // Who gives a platform a key wants it used.
        let by_default = card.enabled_by_default || groups.iter().any(|(_, keys)| !keys.is_empty());
        let spaces = card.spaces.map(|built_in| spaces(&settings, built_in));
        let groups: Vec<(String, Vec<Arc<KeyCell>>, Option<Space>)> = match spaces {
            None => groups.into_iter().map(|(base, keys)| (base, keys, None)).collect(),
            Some(spaces) => {
                // Keys belong to the platform, whichever server draws.
                let keys: Vec<_> = groups.into_iter().flat_map(|(_, keys)| keys).collect();
                spaces.into_iter().map(|(base, space)| (base, keys.clone(), Some(space))).collect()
            }
        };
        for (base_url, keys, space) in groups {
            upstreams.push(Arc::new(Upstream {
                adapter,
                own: space.is_some() || base_url == own_base,
                enabled: provider.and_then(|p| p.enabled).unwrap_or(by_default),
                in_plans: card.in_plans || settings.system.demo,
                routes: card.tasks.iter().map(|task_card| route(&settings, card, task_card)).collect(),
                health: registry.upstream(card.name, &base_url),
                base_url,
                space,
                keys,
                turn: AtomicU32::new(0),
            }));
        }
    }
    registry.withdraw(&records);
    registry.sweep();
    Snapshot { version, settings, upstreams, clients, problems }
}

/// The API of a platform that the operator's setting chooses.
pub(crate) fn spoken(settings: &Settings, adapter: &'static dyn Adapter) -> &'static dyn Adapter {
    let chosen = settings.providers.get(adapter.card().name).and_then(|provider| provider.api);
    chosen.and_then(|api| adapter.api(api.name())).unwrap_or(adapter)
}

/// The servers of a platform whose models have their own: the operator's map, which replaces what is
/// built in for the same model, each server once.
fn spaces(settings: &Settings, built_in: &[SpaceCard]) -> Vec<(String, Space)> {
    let mut found: Vec<(String, Space)> = Vec::new();
    let mut add = |server: String, model: &str, task: Option<Task>, backup: bool, trusted: bool| match found
        .iter_mut()
        .find(|(known, _)| *known == server)
    {
        Some((_, space)) => space.models.push((model.to_owned(), task)),
        None => found.push((server, Space { models: vec![(model.to_owned(), task)], backup, trusted })),
    };
    let known = |model: &str| built_in.iter().find(|space| space.model == model);
    for (model, space) in &settings.hf_model_map {
        let task = known(model).map(|space| space.task);
        add(space_server(&space.main), model, task, false, true);
        if let Some(backup) = &space.backup {
            add(space_server(backup), model, task, true, true);
        }
    }
    for space in built_in.iter().filter(|space| !settings.hf_model_map.contains_key(space.model)) {
        for (at, server) in space.servers.iter().enumerate() {
            add((*server).to_owned(), space.model, Some(space.task), at > 0, false);
        }
    }
    found
}

/// The server of a Space whose page was named (`https://huggingface.co/spaces/owner/name`), else the
/// address itself: the page tells people about the Space, and its server stands under a name of its
/// own, in which all that a name of a host cannot hold is a hyphen.
fn space_server(url: &Url) -> String {
    let page = matches!(url.host_str(), Some("huggingface.co" | "www.huggingface.co" | "hf.co"));
    let mut path = url.path_segments().into_iter().flatten().filter(|part| !part.is_empty());
    match (path.next(), path.next(), path.next()) {
        (Some("spaces"), Some(owner), Some(name)) if page => {
            let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
            format!("https://{}.hf.space", format!("{owner}-{name}").chars().map(plain).collect::<String>())
        }
        _ => url.as_str().trim_end_matches('/').to_owned(),
    }
}

fn key_cell(
    settings: &Settings,
    card: &Card,
    record: &KeyRecord,
    vault: &Vault,
    registry: &Registry,
) -> Result<(String, Arc<KeyCell>), String> {
    let base = effective_base(settings, card, record.base_url.as_deref())
        .ok_or_else(|| format!("{} has no base address: set providers.{}.baseUrl", card.name, card.name))?;
    let secret = vault
        .open(&record.sealed, &key_binding(&record.id, card.name, &base))
        .map_err(|_| "it was saved for another address or with another master key: enter it again".to_owned())?;
    let cell =
        KeyCell { id: record.id.clone(), secret, models: record.models.clone(), enabled: record.enabled, health: registry.key(record) };
    Ok((base, Arc::new(cell)))
}

fn route(settings: &Settings, card: &Card, task_card: &'static TaskCard) -> TaskRoute {
    let own = settings.providers.get(card.name).map(|provider| provider.task(task_card.task));
    let model = own.and_then(|t| t.model.clone());
    TaskRoute {
        card: task_card,
        // Servers that know some models only cannot tell the platform's default by themselves.
        model: if card.spaces.is_some() { model.or_else(|| task_card.models.first().map(|m| (*m).to_owned())) } else { model },
        size: own.and_then(|t| t.size),
        quality: own.and_then(|t| t.quality.clone()),
        n: own.and_then(|t| t.n),
        steps: own.and_then(|t| t.steps),
        weight: own.map_or(10, |t| t.weight),
        aliases: own.map(|t| t.model_map.clone()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_a_space_leads_to_its_server() {
        for (named, server) in [
            ("https://huggingface.co/spaces/Owner/Some.Name_v2", "https://owner-some-name-v2.hf.space"),
            ("https://huggingface.co/spaces/o/n/", "https://o-n.hf.space"),
            ("https://huggingface.co/spaces/o/n/tree/main?x=1", "https://o-n.hf.space"),
            ("https://hf.co/spaces/o/n", "https://o-n.hf.space"),
            ("https://o-n.hf.space/", "https://o-n.hf.space"),
            ("http://127.0.0.1:7860/app/", "http://127.0.0.1:7860/app"),
            ("https://mirror.example/spaces/o/n", "https://mirror.example/spaces/o/n"),
            ("https://huggingface.co/o/n", "https://huggingface.co/o/n"),
        ] {
            assert_eq!(space_server(&named.parse().expect(named)), server, "{named}");
        }
    }
}
