//! The plan of a request: which upstreams are tried in which order with which model, and for every
//! other one the reason why not (`02-http-api.md`, "Models and plans").

use crate::breaker::Admission;
use crate::keys::soonest;
use crate::ready::Ready;
use crate::snapshot::{Snapshot, TaskRoute, Upstream};
use ir_model::{Ask, Caller, Class, Dice, Fault, Gate, Size, SizeAsk, Task, Timestamp};
use ir_platforms::{Auth, TaskCard};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// One upstream of a plan.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Where to go.
    pub upstream: Arc<Upstream>,
    /// The platform's own model id.
    pub model: String,
    /// What the platform does for the task with this model.
    pub card: &'static TaskCard,
    /// The size to draw; `None`: the platform's default.
    pub size: Option<Size>,
    /// Pictures made ready for it, once for all shots.
    pub(crate) ready: Arc<OnceCell<Ready>>,
}

impl Candidate {
    /// Pictures that one exchange may give, beside so many that go in; at least 1.
    pub(crate) fn at_once(&self, inputs: usize) -> u32 {
        let inputs = u32::try_from(inputs).unwrap_or(u32::MAX);
        self.card.native_n.min(self.card.max_in_and_out.saturating_sub(inputs)).max(1)
    }
}

/// Why an upstream is not in the plan.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// Switched off.
    Disabled,
    /// The built-in renderer, outside demo mode.
    NotInPlans,
    /// Another platform was asked for by name, or the caller's key belongs to another.
    OtherPlatform,
    /// It cannot do this task.
    Task,
    /// Weight 0.
    WeightZero,
    /// It does not have the model.
    Model,
    /// No model was named and none is configured.
    NoDefaultModel,
    /// No key is stored.
    NoKey,
    /// Every key is disabled, or none serves the model.
    KeysUnusable,
    /// Every key is cooling, until then.
    KeysCooling(Timestamp),
    /// It takes fewer pictures.
    Pictures(u32),
    /// It takes shorter prompts, in characters.
    Prompt(usize),
    /// It cannot honour a parameter that changes what is drawn.
    Unsupported(&'static str),
}

/// An upstream that is not tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Exclusion {
    /// The platform.
    pub platform: &'static str,
    /// Its base address.
    pub base_url: String,
    /// Why.
    pub reason: Reason,
}

/// What to try, in order, and what not.
#[derive(Debug, Default)]
pub struct Plan {
    /// In the order in which they are tried.
    pub candidates: Vec<Candidate>,
    /// All others.
    pub exclusions: Vec<Exclusion>,
}

/// How the caller's model leads to upstreams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule<'a> {
    Alias,
    Named { platform: &'a str, model: &'a str },
    Listed,
    Auto,
}

/// Ids that clients are tied to, whatever is behind the address that they are given (Dify, LibreChat,
/// n8n, NextChat): with `routing.clientModelNames` they leave the choice to the gateway.
pub(crate) const CLIENT_NAMES: [&str; 4] = ["gpt-image-1", "gpt-image-2", "dall-e-3", "dall-e-2"];

/// Whether a model id leaves the choice to the gateway.
pub(crate) fn is_auto(model: &str) -> bool {
    matches!(model, "" | "auto" | "default")
}

/// Makes the plan.
///
/// # Errors
/// `model_not_found` when the model is unknown and `routing.unknownModel` is `reject`; otherwise an
/// empty plan's most telling reason.
pub fn plan(snapshot: &Snapshot, ask: &Ask, caller: &Caller, dice: &dyn Dice, wall: Timestamp, mono: u64) -> Result<Plan, Fault> {
    let rule = rule(snapshot, ask)?;
    let mut plan = Plan::default();
    let mut ranked: Vec<(f64, bool, Candidate)> = Vec::new();
    for upstream in &snapshot.upstreams {
        match consider(upstream, ask, caller, rule, wall) {
            Ok(candidate) => {
                let weight = upstream.route(ask.task).map_or(0, |route| route.weight);
                let last = upstream.health.breaker.admission(mono) == Admission::Last;
                let backup = upstream.space.as_ref().is_some_and(|space| space.backup);
                ranked.push((rank(snapshot.settings.routing.weighted, weight, backup, dice), last, candidate));
            }
            Err(reason) => plan.exclusions.push(Exclusion { platform: upstream.name(), base_url: upstream.base_url.clone(), reason }),
        }
    }
    ranked.sort_by(|a, b| a.1.cmp(&b.1).then(b.0.total_cmp(&a.0)));
    plan.candidates = ranked.into_iter().map(|(_, _, candidate)| candidate).collect();
    if plan.candidates.is_empty() { Err(empty(&plan, ask, wall)) } else { Ok(plan) }
}

/// The higher the earlier. By priority: the weight, equals in random order. By share: a random order
/// in which each place falls to an upstream in proportion to its weight (Efraimidis and Spirakis).
/// A backup comes after what it stands in for.
fn rank(weighted: bool, weight: u32, backup: bool, dice: &dyn Dice) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "31 random bits fit")]
    let chance = (dice.below(1 << 31) as f64 + 1.0) / (f64::from(1u32 << 31) + 1.0);
    let weight = f64::from(weight.max(1));
    match (weighted, backup) {
        (true, false) => chance.ln() / weight,
        (true, true) => (chance.ln() - 100.0) / weight,
        (false, false) => weight + chance * 0.25,
        (false, true) => weight - 0.5 + chance * 0.25,
    }
}

fn rule<'a>(snapshot: &Snapshot, ask: &'a Ask) -> Result<Rule<'a>, Fault> {
    let model = ask.model.as_str();
    if let Some(rule) = known(snapshot, ask.task, model) {
        return Ok(rule);
    }
    if live(snapshot).any(passes_any) {
        return Ok(Rule::Listed);
    }
    if is_client_name(snapshot, model) {
        return Ok(Rule::Auto);
    }
    if snapshot.settings.routing.unknown_model_auto {
        return Ok(Rule::Auto);
    }
    Err(unknown_model(model))
}

/// What a model id says by itself; `None`: nothing here is called so.
fn known<'a>(snapshot: &Snapshot, task: Task, model: &'a str) -> Option<Rule<'a>> {
    if live(snapshot).filter_map(|u| u.route(task)).any(|route| route.aliases.iter().any(|alias| alias == model)) {
        return Some(Rule::Alias);
    }
    if let Some((platform, rest)) = model.split_once('/')
        && let Some(adapter) = ir_platforms::by_name(platform)
    {
        return Some(Rule::Named { platform: adapter.card().name, model: rest });
    }
    if is_auto(model) {
        return Some(Rule::Auto);
    }
    if live(snapshot).any(|u| u.models(task).iter().any(|known| known == model)) {
        return Some(Rule::Listed);
    }
    ir_platforms::by_name(model).map(|adapter| Rule::Named { platform: adapter.card().name, model: "" })
}

/// Whether a model id leads to drawing here: an alias, a platform, a model that one lists. Relays list
/// their text models too, and OpenAI's are told by their names.
pub(crate) fn is_known(snapshot: &Snapshot, task: Task, model: &str) -> bool {
    match known(snapshot, task, model) {
        Some(Rule::Listed) => !is_text_model(model) || live(snapshot).any(|u| u.default_model(task).as_deref() == Some(model)),
        Some(Rule::Alias | Rule::Named { .. } | Rule::Auto) => true,
        None => is_client_name(snapshot, model),
    }
}

fn is_text_model(model: &str) -> bool {
    let numbered = model.strip_prefix('o').is_some_and(|rest| rest.starts_with(|ch: char| ch.is_ascii_digit()));
    let family = ["gpt-", "chatgpt-", "codex"].iter().any(|family| model.starts_with(family));
    (numbered || family) && !model.contains("image")
}

fn is_client_name(snapshot: &Snapshot, model: &str) -> bool {
    snapshot.settings.routing.client_model_names && CLIENT_NAMES.contains(&model)
}

fn live(snapshot: &Snapshot) -> impl Iterator<Item = &Upstream> {
    snapshot.upstreams.iter().map(|upstream| &**upstream).filter(|u| u.enabled && u.in_plans)
}

/// A platform that takes any model, has not told its list, and has no model configured: the
/// caller's word is all there is.
fn passes_any(upstream: &Upstream) -> bool {
    upstream.card().open_models
        && upstream.health.models.load().is_none()
        && upstream.routes.iter().all(|route| route.model.is_none())
        && upstream.keys.iter().all(|key| key.models.is_empty())
}

fn unknown_model(model: &str) -> Fault {
    let shown = ir_model::echo(model);
    Fault::new(Class::ModelNotFound)
        .say(
            format!("No platform here has the model '{shown}'. GET /v1/models lists what there is."),
            format!("没有平台提供模型“{shown}”。可用模型见 GET /v1/models。"),
        )
        .param("model")
}

fn consider(upstream: &Arc<Upstream>, ask: &Ask, caller: &Caller, rule: Rule<'_>, wall: Timestamp) -> Result<Candidate, Reason> {
    let card = upstream.card();
    if !upstream.enabled {
        return Err(Reason::Disabled);
    }
    match caller {
        // A caller's key goes to the platform's own address, never to one that came with a pool key.
        Caller::Relay { platform, .. } if *platform != card.name || !upstream.own => return Err(Reason::OtherPlatform),
        Caller::Relay { .. } | Caller::Client(_) | Caller::Key(_) => {}
    }
    if let Rule::Named { platform, .. } = rule {
        if platform != card.name {
            return Err(Reason::OtherPlatform);
        }
    } else if !upstream.in_plans {
        return Err(Reason::NotInPlans);
    }
    let route = upstream.route(ask.task).ok_or(Reason::Task)?;
    let relayed = matches!(caller, Caller::Relay { .. });
    if route.weight == 0 && !relayed && !matches!(rule, Rule::Named { .. }) {
        return Err(Reason::WeightZero);
    }
    let model = model(upstream, route, ask, rule)?;
    if !relayed {
        usable_key(upstream, &model, wall)?;
    }
    let card = route.card.for_model(&model);
    fits(card, ask)?;
    let size = size(route, card, ask.size);
    Ok(Candidate { upstream: Arc::clone(upstream), model, card, size, ready: Arc::default() })
}

fn model(upstream: &Upstream, route: &TaskRoute, ask: &Ask, rule: Rule<'_>) -> Result<String, Reason> {
    let task = ask.task;
    let default = || upstream.default_model(task).ok_or(Reason::NoDefaultModel);
    match rule {
        Rule::Alias if route.aliases.contains(&ask.model) => default(),
        Rule::Alias => Err(Reason::Model),
        Rule::Named { model, .. } if is_auto(model) => default(),
        Rule::Named { model, .. } if upstream.card().open_models || upstream.models(task).iter().any(|known| known == model) => {
            Ok(model.to_owned())
        }
        Rule::Named { .. } => Err(Reason::Model),
        Rule::Listed if passes_any(upstream) || upstream.models(task).contains(&ask.model) => Ok(ask.model.clone()),
        Rule::Listed => Err(Reason::Model),
        // Without a model of its own to fall back on, a platform that may have any model is asked
        // for the caller's: it knows best, and says so if it does not.
        Rule::Auto if upstream.card().open_models && !is_auto(&ask.model) => {
            Ok(upstream.default_model(task).unwrap_or_else(|| ask.model.clone()))
        }
        Rule::Auto => default(),
    }
}

fn usable_key(upstream: &Upstream, model: &str, wall: Timestamp) -> Result<(), Reason> {
    if upstream.card().auth != Auth::Required {
        return Ok(());
    }
    if upstream.keys.is_empty() {
        return Err(Reason::NoKey);
    }
    match soonest(&upstream.keys, model) {
        None => Err(Reason::KeysUnusable),
        Some(when) if when > wall => Err(Reason::KeysCooling(when)),
        Some(_) => Ok(()),
    }
}

fn fits(card: &TaskCard, ask: &Ask) -> Result<(), Reason> {
    let most = card.max_inputs.min(card.max_in_and_out.saturating_sub(1));
    if ask.pictures.len() > most as usize {
        return Err(Reason::Pictures(most));
    }
    if ask.prompt.chars().count() > card.max_prompt {
        return Err(Reason::Prompt(card.max_prompt));
    }
    let refused = [
        (ask.mask.is_some() && !card.mask, "mask"),
        (ask.extras.seed.is_some() && !card.seed, "seed"),
        (ask.extras.negative_prompt.is_some() && !card.negative_prompt, "negative_prompt"),
    ];
    match refused.into_iter().find(|(refused, _)| *refused) {
        Some((_, param)) => Err(Reason::Unsupported(param)),
        None => Ok(()),
    }
}

/// The size to draw: what was asked for, else what is configured, else the card's, brought within
/// what the model takes. What that changed is told with the answer.
fn size(route: &TaskRoute, card: &TaskCard, ask: SizeAsk) -> Option<Size> {
    let ask = if ask == SizeAsk::Auto { route.size.unwrap_or(SizeAsk::Auto) } else { ask };
    if ask == SizeAsk::Auto && card.default_size.is_none() {
        return None;
    }
    card.sizes.fit(ask.resolve(card.default_size.unwrap_or(Size::new(1024, 1024))))
}

/// What to say when nothing can be tried: what the caller can mend comes before what the operator can.
fn empty(plan: &Plan, ask: &Ask, wall: Timestamp) -> Fault {
    let why: Vec<String> = plan.exclusions.iter().map(|e| format!("{} {}: {:?}", e.platform, e.base_url, e.reason)).collect();
    let mut best: Option<(u8, Fault)> = None;
    let mut soonest: Option<Timestamp> = None;
    for exclusion in &plan.exclusions {
        if let Reason::KeysCooling(when) = exclusion.reason {
            soonest = Some(soonest.map_or(when, |s| s.min(when)));
        }
        let (rank, fault) = explain(exclusion, ask);
        if best.as_ref().is_none_or(|(known, _)| rank > *known) {
            best = Some((rank, fault));
        }
    }
    let mut fault = best.map_or_else(|| Fault::new(Class::NoKey).say("No platform is set up.", "尚未配置任何平台。"), |(_, fault)| fault);
    if fault.class == Class::NoKey {
        fault.retry_after = soonest.map(|when| Duration::from_millis(when.since(wall)).max(Duration::from_secs(1)));
    }
    fault.detail(why.join("; "))
}

fn explain(exclusion: &Exclusion, ask: &Ask) -> (u8, Fault) {
    let name = exclusion.platform;
    match &exclusion.reason {
        Reason::Unsupported(param) => (
            9,
            Fault::gate(
                Gate::Unsupported,
                format!("{name} cannot honour '{param}', and no other platform can take this request."),
                format!("{name} 不支持参数“{param}”，也没有其他平台能处理此请求。"),
            )
            .param(*param),
        ),
        Reason::Prompt(most) => (
            7,
            Fault::bad(
                "prompt",
                format!("The prompt is too long: {name} takes at most {most} characters."),
                format!("提示词过长：{name} 最多 {most} 个字符。"),
            ),
        ),
        Reason::Pictures(most) => (
            7,
            Fault::bad("image", format!("Too many pictures: {name} takes at most {most}."), format!("图片过多：{name} 最多 {most} 张。")),
        ),
        Reason::KeysCooling(_) => {
            (6, Fault::new(Class::NoKey).say(format!("All keys of {name} are resting."), format!("{name} 的所有密钥都在冷却中。")))
        }
        Reason::KeysUnusable => {
            (5, Fault::new(Class::NoKey).say(format!("No key of {name} can be used at present."), format!("{name} 当前没有可用的密钥。")))
        }
        Reason::NoKey => (
            4,
            Fault::new(Class::NoKey).say(
                format!("{name} has no key. The operator can add one: img-router keys add {name}."),
                format!("{name} 尚未添加密钥，可运行：img-router keys add {name}。"),
            ),
        ),
        Reason::Model => (3, unknown_model(&ask.model)),
        Reason::NoDefaultModel => (
            3,
            Fault::new(Class::NoKey).say(
                format!("No model is set for {name}: name one in the request, or set providers.{name}.{}.model.", ask.task),
                format!("{name} 尚未设置默认模型：请在请求中指定 model，或设置 providers.{name}.{}.model。", ask.task),
            ),
        ),
        Reason::Task => (
            2,
            Fault::gate(
                Gate::Unsupported,
                format!("{name} cannot do the task '{}'.", ask.task),
                format!("{name} 不支持“{}”任务。", ask.task),
            )
            .param("model"),
        ),
        Reason::Disabled | Reason::NotInPlans | Reason::OtherPlatform | Reason::WeightZero => {
            (1, Fault::new(Class::NoKey).say("No platform is switched on for this task.", "没有为此任务启用任何平台。"))
        }
    }
}
