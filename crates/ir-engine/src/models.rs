//! The list of models, served from memory.

use crate::plan::CLIENT_NAMES;
use crate::snapshot::Snapshot;
use ir_model::{Caller, Size, Task};
use ir_platforms::{Auth, SizePolicy};

/// One entry of `/v1/models`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    /// What to write in `model`.
    pub id: String,
    /// The platform, or the gateway itself.
    pub owner: String,
    /// Unix seconds.
    pub created: i64,
    /// What it can do.
    pub tasks: Vec<Task>,
    /// Sizes worth offering; any size that the platform takes may be asked for.
    pub sizes: Vec<String>,
    /// Most pictures in one request.
    pub max_n: u32,
}

/// The release of ImgRouter 2.0: models have no birthday of their own here.
const CREATED: i64 = 1_795_305_600;
/// The most that a request may ask for (`02-http-api.md`).
const MAX_N: u32 = 16;

/// The sizes of 1.x's panel.
const OFFERED: [Size; 14] = [
    Size::new(256, 256),
    Size::new(512, 512),
    Size::new(1024, 1024),
    Size::new(1024, 768),
    Size::new(768, 1024),
    Size::new(2048, 2048),
    Size::new(2304, 1728),
    Size::new(1728, 2304),
    Size::new(2560, 1440),
    Size::new(1440, 2560),
    Size::new(2496, 1664),
    Size::new(1664, 2496),
    Size::new(3024, 1296),
    Size::new(4096, 4096),
];

/// `auto`, the models of all enabled platforms that could serve, all aliases, and the names that
/// clients are tied to; each id once. A platform's own key is served by that platform, keys of the
/// gateway by its pools, with the models that the key may use.
pub(crate) fn list(snapshot: &Snapshot, caller: Option<&Caller>) -> Vec<ModelInfo> {
    let mut list =
        vec![ModelInfo { id: "auto".into(), owner: "img-router".into(), created: CREATED, tasks: vec![], sizes: vec![], max_n: MAX_N }];
    for upstream in snapshot.upstreams.iter().filter(|u| u.enabled && u.in_plans) {
        let pooled = || upstream.card().auth != Auth::Required || upstream.keys.iter().any(|key| key.enabled);
        let usable = match caller {
            None => pooled() || snapshot.settings.system.relay,
            Some(Caller::Client(_) | Caller::Key(_)) => pooled(),
            Some(Caller::Relay { platform, .. }) => upstream.own && upstream.name() == *platform,
        };
        if !usable {
            continue;
        }
        for route in &upstream.routes {
            let task = route.card.task;
            let sizes = offered_sizes(route.card.sizes);
            for id in upstream.models(task).into_iter().chain(route.aliases.iter().cloned()) {
                add(&mut list, id, upstream.name(), task, &sizes);
            }
            add(&mut list, "auto".into(), "img-router", task, &sizes);
        }
    }
    if snapshot.settings.routing.client_model_names {
        let auto = list[0].clone();
        for id in CLIENT_NAMES.into_iter().filter(|_| !auto.tasks.is_empty()) {
            if !list.iter().any(|known| known.id == id) {
                list.push(ModelInfo { id: id.into(), ..auto.clone() });
            }
        }
    }
    if let Some(Caller::Key(id)) = caller {
        let key = snapshot.clients.by_id(id);
        list.retain(|info| key.is_some_and(|key| key.may_use(&info.id)));
    }
    list
}

fn add(list: &mut Vec<ModelInfo>, id: String, owner: &str, task: Task, sizes: &[String]) {
    match list.iter_mut().find(|known| known.id == id) {
        Some(known) => {
            if !known.tasks.contains(&task) {
                known.tasks.push(task);
            }
            for size in sizes {
                if !known.sizes.contains(size) {
                    known.sizes.push(size.clone());
                }
            }
        }
        None => {
            list.push(ModelInfo { id, owner: owner.to_owned(), created: CREATED, tasks: vec![task], sizes: sizes.to_vec(), max_n: MAX_N })
        }
    }
}

/// Sizes worth offering: those of 1.x that a policy takes as they are.
pub fn offered_sizes(policy: SizePolicy) -> Vec<String> {
    OFFERED.iter().filter(|size| policy.takes(**size)).map(ToString::to_string).collect()
}
