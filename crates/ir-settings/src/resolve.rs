//! Which value of every setting is in force, and where it came from.

use crate::build;
use crate::env::Env;
use crate::error::{Problem, SettingsError};
use crate::hosts::{HostPort, judge_place};
use crate::platforms::{PLATFORMS, canonical};
use crate::sealing;
use crate::table::{Kind, all_defs, index_of};
use crate::types::Settings;
use crate::value::{self, Value};
use crate::vault::{NEW_SECRET_KEY, SECRET_KEY, Vault};
use ir_model::guard::AddressClass;
use serde_json::{Map, Value as Json};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;
use url::Url;

/// Problems that are reported of one file.
const MOST_PROBLEMS: usize = 200;
/// Variables of ours that are no settings.
const OTHER_VARIABLES: &[&str] = &["IMG_ROUTER_DATA_DIR", SECRET_KEY, NEW_SECRET_KEY];
/// The name of the file in messages.
pub(crate) const FILE: &str = "runtime-config.json";
/// The section of 1.x that is taken over into the key store.
pub(crate) const KEY_POOLS: &str = "keyPools";

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The environment variable of this name.
    Environment(String),
    /// The runtime configuration file.
    File,
    /// The table of settings.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "environment ({name})"),
            Self::File => f.write_str("file"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One setting as it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its place in the file.
    pub path: String,
    /// Its value as text: a mask for a secret, empty when not set.
    pub value: String,
    /// Where the value came from.
    pub source: Source,
}

/// The settings in force, and how they came about.
#[derive(Clone, Debug)]
pub struct Effective {
    /// Typed.
    pub settings: Settings,
    /// Every setting of the table, in its order.
    pub rows: Vec<Row>,
    /// What was odd in the file and in the environment. At most 200.
    pub problems: Vec<Problem>,
}

/// Values and sources, by the row of the table.
pub(crate) struct Resolved {
    values: Vec<Option<Value>>,
    sources: Vec<Source>,
}

impl Resolved {
    pub(crate) fn value(&self, path: &str) -> Option<&Value> {
        self.values[index_of(path).expect("the path stands in the table")].as_ref()
    }

    fn url(&self, path: &str) -> Option<&Url> {
        match self.value(path) {
            Some(Value::Url(url)) => Some(url),
            _ => None,
        }
    }

    fn is_true(&self, path: &str) -> bool {
        matches!(self.value(path), Some(Value::Bool(true)))
    }

    fn set(&mut self, path: &str, value: Value, source: Source) {
        let index = index_of(path).expect("the path stands in the table");
        self.values[index] = Some(value);
        self.sources[index] = source;
    }

    /// The origin that a secret is bound to; empty for one that is not.
    pub(crate) fn origin_of(&self, kind: Kind) -> String {
        match kind {
            Kind::Secret { bound_to: Some(path), .. } => self.url(path).map(|url| url.origin().ascii_serialization()).unwrap_or_default(),
            _ => String::new(),
        }
    }
}

/// Decides the value of every setting. `origin` names where `file` came from in messages.
pub(crate) fn resolve(env: &Env, file: &Map<String, Json>, vault: &Vault, origin: &str) -> Result<(Effective, Resolved), SettingsError> {
    let mut problems = Problems::default();
    let mut found = HashMap::new();
    gather(file, "", origin, &mut found, &mut problems)?;
    for name in env.names().filter(|name| name.starts_with("IMG_ROUTER_")) {
        if !OTHER_VARIABLES.contains(&name) && !all_defs().iter().any(|def| def.env == name) {
            problems.add(name, "is not the name of a setting's variable; it has no effect");
        }
    }
    let rows = all_defs().len();
    let mut resolved = Resolved { values: vec![None; rows], sources: vec![Source::Default; rows] };
    // Addresses before the secrets that are bound to them.
    let (secrets, others): (Vec<usize>, Vec<usize>) = (0..rows).partition(|index| all_defs()[*index].is_secret());
    for index in others.into_iter().chain(secrets) {
        let (value, source) = decide(index, env, found.get(&index).copied(), &resolved, vault, origin, &mut problems)?;
        resolved.values[index] = value;
        resolved.sources[index] = source;
    }
    consequences(&mut resolved, file);
    look_over(&resolved, &mut problems);
    let shown = |value: &Option<Value>| value.as_ref().map(Value::show).unwrap_or_default();
    let rows = all_defs()
        .iter()
        .zip(resolved.values.iter().zip(&resolved.sources))
        .map(|(def, (value, source))| Row { path: def.path.to_string(), value: shown(value), source: source.clone() })
        .collect();
    Ok((Effective { settings: build::settings(&resolved), rows, problems: problems.0 }, resolved))
}

fn decide(
    index: usize,
    env: &Env,
    json: Option<&Json>,
    so_far: &Resolved,
    vault: &Vault,
    origin: &str,
    problems: &mut Problems,
) -> Result<(Option<Value>, Source), SettingsError> {
    let def = &all_defs()[index];
    let invalid =
        |source: &str, message: String| SettingsError::Invalid { path: def.path.to_string(), source_name: source.to_owned(), message };
    // The file's value is judged even when the environment hides it: the day the variable goes, the
    // gateway must still start.
    let in_file = match json {
        None => None,
        Some(Json::String(text)) if def.is_secret() && sealing::is_sealed(text) => {
            let opened = sealing::open(vault, text, &def.path, &so_far.origin_of(def.kind));
            match (opened, def.kind) {
                (Ok(secret), _) => Some(Value::Secret(secret)),
                (Err(_), Kind::Secret { bound_to: Some(to), .. }) => {
                    problems
                        .add(&def.path, format!("was saved for another address ({to} has changed since) and is not used: enter it again"));
                    None
                }
                (Err(error), _) => return Err(invalid(origin, error.to_string())),
            }
        }
        Some(json) => {
            let taken = value::from_json(def.kind, json).map_err(|message| invalid(origin, message))?;
            if let Some(odd) = taken.odd {
                problems.add(&def.path, odd);
            }
            taken.value
        }
    };
    let in_env = match env.get(&def.env) {
        None => None,
        Some(text) => value::from_text(def.kind, text).map_err(|message| invalid(&format!("environment variable {}", def.env), message))?,
    };
    Ok(match (in_env, in_file, def.default) {
        (Some(value), _, _) => (Some(value), Source::Environment(def.env.to_string())),
        (None, Some(value), _) => (Some(value), Source::File),
        (None, None, default) => {
            let value = default.map(|text| value::from_text(def.kind, text).expect("defaults fit their settings"));
            (value.flatten(), Source::Default)
        }
    })
}

/// What some settings mean for others.
fn consequences(resolved: &mut Resolved, file: &Map<String, Json>) {
    if resolved.is_true("system.demo") {
        let source = resolved.sources[index_of("system.demo").expect("stands in the table")].clone();
        resolved.set("system.modes.backend", Value::Bool(true), source);
    }
    let has_key = resolved.value("system.globalAccessKey").is_some();
    let has_admin =
        ["security.adminPassword", "security.adminPasswordHash", "security.adminKey"].iter().any(|path| resolved.value(path).is_some());
    if resolved.value("system.host").is_none() {
        // Without a credential there is nobody to let in from outside.
        let host = if has_key || has_admin { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
        resolved.set("system.host", Value::Ip(IpAddr::V4(host)), Source::Default);
    }
    if resolved.value("system.globalKeyIsAdmin").is_none() {
        // In 1.x that key was the only one; key pools in the file tell that it was written by 1.x.
        let taken_over = has_key && !has_admin && file.get(KEY_POOLS).is_some_and(Json::is_object);
        resolved.set("system.globalKeyIsAdmin", Value::Bool(taken_over), Source::Default);
    }
}

/// Values that fit each by itself, but not together.
fn look_over(resolved: &Resolved, problems: &mut Problems) {
    let allowed: &[HostPort] = match resolved.value("security.allowPrivate") {
        Some(Value::Hosts(hosts)) => hosts,
        _ => &[],
    };
    for place in allowed.iter().filter(|place| place.class() == AddressClass::Metadata) {
        problems.add("security.allowPrivate", format!("lists {place}, which hands out credentials: it is never dialled"));
    }
    let mut judge = |path: &str, url: &Url| {
        if let Err(why) = judge_place(url, allowed) {
            problems.add(path, why);
        }
    };
    for (def, value) in all_defs().iter().zip(&resolved.values) {
        match (def.kind, value) {
            (Kind::Url { dialled: true }, Some(Value::Url(url))) => judge(&def.path, url),
            (Kind::Spaces, Some(Value::Spaces(spaces))) => {
                for (model, space) in spaces {
                    std::iter::once(&space.main).chain(&space.backup).for_each(|url| judge(&format!("{}.{model}", def.path), url));
                }
            }
            _ => {}
        }
    }
    for platform in PLATFORMS.iter() {
        for task in ir_model::Task::ALL {
            let at = |name: &str| format!("providers.{platform}.{task}.{name}");
            if let (Some(Value::Text(model)), Some(Value::Texts(aliases))) = (resolved.value(&at("model")), resolved.value(&at("modelMap")))
                && aliases.contains(model)
            {
                problems.add(&at("modelMap"), "maps the configured model to itself, which has no effect");
            }
        }
    }
    if let (Some(Value::Number(target)), Some(Value::Number(threshold))) =
        (resolved.value("system.compressTarget"), resolved.value("system.compressThreshold"))
        && target > threshold
    {
        problems.add("system.compressTarget", "is above system.compressThreshold: pictures between the two are left as they are");
    }
}

/// Finds the settings in a file, by the row of the table. What the table does not know is reported.
fn gather<'a>(
    section: &'a Map<String, Json>,
    above: &str,
    origin: &str,
    found: &mut HashMap<usize, &'a Json>,
    problems: &mut Problems,
) -> Result<(), SettingsError> {
    for (name, json) in section {
        let name = if above == "providers" { canonical(name).unwrap_or(name) } else { name };
        let path = if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
        if let Some(index) = index_of(&path) {
            if found.insert(index, json).is_some() {
                problems.add(&path, "stands in the file twice, in different spellings; the last one holds");
            }
        } else if is_section(&path) {
            match json {
                Json::Object(members) => gather(members, &path, origin, found, problems)?,
                Json::Null => problems.add(&path, "is null, which is the same as not set"),
                _ => return Err(SettingsError::Invalid { path, source_name: origin.to_owned(), message: "must be an object".to_owned() }),
            }
        } else if above == "providers" {
            problems.add(&path, format!("is no platform; there are {}", PLATFORMS.join(", ")));
        } else if path != KEY_POOLS {
            problems.add(&path, "is not a known setting; it has no effect");
        }
    }
    Ok(())
}

/// Whether settings stand below a path.
pub(crate) fn is_section(path: &str) -> bool {
    static SECTIONS: LazyLock<HashSet<&'static str>> =
        LazyLock::new(|| all_defs().iter().flat_map(|def| def.path.match_indices('.').map(|(at, _)| &def.path[..at])).collect());
    SECTIONS.contains(path)
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, path: &str, message: impl Into<String>) {
        if self.0.len() < MOST_PROBLEMS {
            // A name from a file may be anything; it is going to a log.
            let path = path.chars().take(200).flat_map(|c| if c.is_control() { c.escape_debug().collect() } else { vec![c] }).collect();
            self.0.push(Problem { path, message: message.into() });
        }
    }
}
