//! Values: how each kind of setting is read from text and from JSON, and how it is shown.

use crate::hosts::{HostPort, IpNet};
use crate::table::Kind;
use crate::types::Space;
use ir_model::{Secret, SizeAsk};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use url::Url;

/// What stands for a secret wherever settings are shown.
pub const MASK: &str = "********";
/// Entries of one list, and of the map of Spaces.
const MOST_ENTRIES: usize = 200;
/// Shortest secret that lets people in.
const SHORTEST_KEY: usize = 8;
/// Longest secret: a key of any platform is far shorter, a password hash too.
const LONGEST_SECRET: usize = 4096;
/// Longest address, host, origin and model id.
const LONGEST_NAME: usize = 2048;
/// Longest model id.
const LONGEST_MODEL: usize = 200;

/// A value that fits its setting's kind.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Bool(bool),
    Int(u64),
    Number(f64),
    Text(String),
    Secret(Secret),
    Url(Url),
    Ip(IpAddr),
    Socket(SocketAddr),
    Hosts(Vec<HostPort>),
    Nets(Vec<IpNet>),
    Texts(Vec<String>),
    Size(SizeAsk, String),
    Spaces(BTreeMap<String, Space>),
}

impl Value {
    /// How it is shown; secrets as a mask.
    pub(crate) fn show(&self) -> String {
        fn list<T: ToString>(items: &[T]) -> String {
            items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
        match self {
            Self::Bool(v) => v.to_string(),
            Self::Int(v) => v.to_string(),
            Self::Number(v) => v.to_string(),
            Self::Text(v) | Self::Size(_, v) => v.clone(),
            Self::Secret(_) => MASK.to_owned(),
            Self::Url(v) => show_url(v),
            Self::Ip(v) => v.to_string(),
            Self::Socket(v) => v.to_string(),
            Self::Hosts(v) => list(v),
            Self::Nets(v) => list(v),
            Self::Texts(v) => list(v),
            Self::Spaces(v) => list(&v.iter().map(|(model, space)| format!("{model} = {}", show_url(&space.main))).collect::<Vec<_>>()),
        }
    }
}

/// An address without the slash at its end.
pub(crate) fn show_url(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// What was read.
pub(crate) struct Taken {
    /// The value; None: not set.
    pub(crate) value: Option<Value>,
    /// What was odd about it, though it could be read.
    pub(crate) odd: Option<String>,
}

impl Taken {
    fn plain(value: Option<Value>) -> Self {
        Self { value, odd: None }
    }
}

/// Reads a value from text, as the environment and the table's defaults have it. Blank text is "not
/// set", except for a secret that lets people in, where it is an error.
pub(crate) fn from_text(kind: Kind, text: &str) -> Result<Option<Value>, String> {
    if let Kind::Secret { opens, .. } = kind {
        return secret(text, opens);
    }
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let value = match kind {
        Kind::Bool => match text.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Value::Bool(true),
            "0" | "false" | "no" | "off" => Value::Bool(false),
            _ => return Err(must_be(kind)),
        },
        Kind::Int { .. } => int(kind, digits(text).ok_or_else(|| must_be(kind))?)?,
        Kind::Number { .. } => number(kind, text.parse().map_err(|_| must_be(kind))?)?,
        Kind::Hosts | Kind::Nets | Kind::Origins | Kind::Names => list(kind, &split(text, &[',']))?,
        Kind::Models => models(text)?,
        Kind::Spaces => spaces(&serde_json::from_str(text).map_err(|error| format!("{}: {error}", must_be(kind)))?)?,
        _ => one(kind, text)?,
    };
    Ok(Some(value))
}

/// Reads a value from the file. `null` and empty text are "not set"; numbers and booleans written as
/// text, as 1.x left them, are taken and reported.
pub(crate) fn from_json(kind: Kind, json: &Json) -> Result<Taken, String> {
    let plain = |value| Ok(Taken::plain(Some(value)));
    match (kind, json) {
        (_, Json::Null) => Ok(Taken { value: None, odd: Some("is null, which is the same as not set".to_owned()) }),
        (Kind::Secret { opens, .. }, Json::String(text)) if text.is_empty() => {
            // 1.x wrote that for "none". It lets nobody in.
            Ok(Taken { value: None, odd: opens.then(|| "is empty, which is the same as not set: nobody is let in by it".to_owned()) })
        }
        (Kind::Secret { opens, .. }, Json::String(text)) => Ok(Taken::plain(secret(text, opens)?)),
        (Kind::Bool, Json::Bool(v)) => plain(Value::Bool(*v)),
        (Kind::Int { .. }, Json::Number(v)) => plain(int(kind, whole(v).ok_or_else(|| must_be(kind))?)?),
        (Kind::Number { .. }, Json::Number(v)) => plain(number(kind, v.as_f64().ok_or_else(|| must_be(kind))?)?),
        (Kind::Bool | Kind::Int { .. } | Kind::Number { .. }, Json::String(text)) => {
            let value = from_text(kind, text)?;
            let odd = if value.is_some() {
                "is written as text; it was understood, but should stand without quotes"
            } else {
                "is empty, which is the same as not set"
            };
            Ok(Taken { value, odd: Some(odd.to_owned()) })
        }
        (Kind::Hosts | Kind::Nets | Kind::Origins | Kind::Names, Json::Array(items)) => {
            let texts: Option<Vec<&str>> = items.iter().map(Json::as_str).collect();
            plain(list(kind, &texts.ok_or_else(|| must_be(kind))?)?)
        }
        (Kind::Spaces, Json::Object(map)) => {
            let value = spaces(json)?;
            let bare: Vec<&str> = map.iter().filter(|(_, entry)| has_no_main(entry)).map(|(model, _)| model.as_str()).take(5).collect();
            let odd =
                (!bare.is_empty()).then(|| format!("has models without a main address, which are left out: {}", shorten(&bare.join(", "))));
            Ok(Taken { value: Some(value), odd })
        }
        (Kind::Bool | Kind::Int { .. } | Kind::Number { .. } | Kind::Spaces | Kind::Secret { .. }, _) => Err(must_be(kind)),
        (_, Json::String(text)) => Ok(Taken::plain(from_text(kind, text)?)),
        _ => Err(must_be(kind)),
    }
}

/// What values a kind of setting takes, as a sentence's end.
pub(crate) fn must_be(kind: Kind) -> String {
    format!("must be {}", allowed(kind))
}

/// What values a kind of setting takes.
pub(crate) fn allowed(kind: Kind) -> String {
    let counted = |text: String, unit: &str| if unit.is_empty() { text } else { format!("{text} {unit}") };
    match kind {
        Kind::Bool => "true or false".to_owned(),
        Kind::Int { min, max, unit } => counted(format!("a whole number from {min} to {max}"), unit),
        Kind::Number { min, max, unit } => counted(format!("a number from {min} to {max}"), unit),
        Kind::Text { max } => format!("text of at most {max} characters"),
        Kind::Choice(words) => format!("one of {}", words.join(", ")),
        Kind::Url { .. } => "an http:// or https:// address without user name, password and fragment".to_owned(),
        Kind::Secret { opens: true, .. } => format!("text of at least {SHORTEST_KEY} characters, without blanks"),
        Kind::Secret { opens: false, .. } => "text (a secret)".to_owned(),
        Kind::Ip => "an IP address".to_owned(),
        Kind::Socket => "an IP address and a port, such as 127.0.0.1:9100".to_owned(),
        Kind::Hosts => format!("a list of at most {MOST_ENTRIES} host:port"),
        Kind::Nets => format!("a list of at most {MOST_ENTRIES} IP addresses or networks such as 10.0.0.0/8"),
        Kind::Origins => format!("a list of at most {MOST_ENTRIES} origins such as https://app.example.com"),
        Kind::Names => format!("a list of at most {MOST_ENTRIES} host names, without ports"),
        Kind::Size => "a size such as 1024x768, 16:9, 2K or auto".to_owned(),
        Kind::Models => format!("text: at most {MOST_ENTRIES} model ids, separated by commas"),
        Kind::Spaces => format!("an object of at most {MOST_ENTRIES} members: model id → {{\"main\": address, \"backup\": address}}"),
    }
}

fn one(kind: Kind, text: &str) -> Result<Value, String> {
    let wrong = || must_be(kind);
    match kind {
        Kind::Text { max } if text.chars().count() <= max && !text.contains('\0') => Ok(Value::Text(text.to_owned())),
        Kind::Choice(words) => {
            words.iter().find(|word| word.eq_ignore_ascii_case(text)).map(|word| Value::Text((*word).to_owned())).ok_or_else(wrong)
        }
        Kind::Url { .. } => url(text).map(Value::Url).ok_or_else(wrong),
        Kind::Ip => text.parse().map(Value::Ip).map_err(|_| wrong()),
        Kind::Socket => text.parse().ok().filter(|at: &SocketAddr| at.port() != 0).map(Value::Socket).ok_or_else(wrong),
        Kind::Size => SizeAsk::parse(text).map(|size| Value::Size(size, text.to_owned())).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

/// Whether a text is an address that may be saved: http or https, a host, and no user name, password or fragment.
pub fn is_address(text: &str) -> bool {
    url(text).is_some()
}

pub(crate) fn url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= LONGEST_NAME && !text.chars().any(char::is_control))?;
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none() && url.host().is_some();
    // The parser mends `http:host` and `http:\host`; what is saved should read as it is meant.
    let written = text.to_ascii_lowercase();
    (plain && (written.starts_with("http://") || written.starts_with("https://"))).then_some(url)
}

fn secret(text: &str, opens: bool) -> Result<Option<Value>, String> {
    if text.len() > LONGEST_SECRET || text.chars().any(char::is_control) {
        return Err(format!("must be text of at most {LONGEST_SECRET} bytes, without control characters"));
    }
    if text == MASK {
        return Err("is the mask that is shown in place of a secret, not a secret".to_owned());
    }
    if opens && (text.chars().count() < SHORTEST_KEY || text.chars().any(char::is_whitespace)) {
        return Err(must_be(Kind::Secret { opens, bound_to: None }));
    }
    Ok((!text.trim().is_empty()).then(|| Value::Secret(Secret::new(text.trim()))))
}

fn digits(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

/// 10 and 10.0 are whole, 10.5 is not.
fn whole(number: &serde_json::Number) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    number.as_u64().or_else(|| {
        let v = number.as_f64().filter(|v| (0.0..=EXACT).contains(v) && v.fract() == 0.0)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, not negative and below 2^53")]
        Some(v as u64)
    })
}

fn int(kind: Kind, v: u64) -> Result<Value, String> {
    match kind {
        Kind::Int { min, max, .. } if (min..=max).contains(&v) => Ok(Value::Int(v)),
        _ => Err(must_be(kind)),
    }
}

fn number(kind: Kind, v: f64) -> Result<Value, String> {
    match kind {
        Kind::Number { min, max, .. } if (min..=max).contains(&v) => Ok(Value::Number(v)),
        _ => Err(must_be(kind)),
    }
}

fn split<'a>(text: &'a str, at: &[char]) -> Vec<&'a str> {
    text.split(at).map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn list(kind: Kind, items: &[&str]) -> Result<Value, String> {
    let wrong = |item: &str| format!("{}; '{}' is none", must_be(kind), shorten(item));
    if items.len() > MOST_ENTRIES || items.iter().any(|item| item.len() > LONGEST_NAME) {
        return Err(must_be(kind));
    }
    match kind {
        Kind::Hosts => {
            items.iter().map(|item| HostPort::parse(item).ok_or_else(|| wrong(item))).collect::<Result<_, _>>().map(Value::Hosts)
        }
        Kind::Nets => items.iter().map(|item| IpNet::parse(item).ok_or_else(|| wrong(item))).collect::<Result<_, _>>().map(Value::Nets),
        Kind::Origins => items.iter().map(|item| origin(item).ok_or_else(|| wrong(item))).collect::<Result<_, _>>().map(Value::Texts),
        Kind::Names => items.iter().map(|item| host_name(item).ok_or_else(|| wrong(item))).collect::<Result<_, _>>().map(Value::Texts),
        _ => Err(must_be(kind)),
    }
}

/// A host name as browsers send it.
fn host_name(text: &str) -> Option<String> {
    let url = url(&format!("http://{text}/")).filter(|url| url.path() == "/" && url.query().is_none() && url.port().is_none())?;
    url.domain().map(str::to_owned)
}

/// An origin as browsers send it.
fn origin(text: &str) -> Option<String> {
    let url = url(text).filter(|url| url.path() == "/" && url.query().is_none())?;
    Some(url.origin().ascii_serialization())
}

fn models(text: &str) -> Result<Value, String> {
    let mut out: Vec<String> = Vec::new();
    let ids = split(text, &[',', '，', '\n']);
    if ids.len() > MOST_ENTRIES {
        return Err(must_be(Kind::Models));
    }
    for id in ids {
        // A model of this name would be a trap for every client that keeps models in an object.
        if id.chars().count() > LONGEST_MODEL || id.chars().any(char::is_control) || id == "__proto__" {
            return Err(format!("{}; '{}' is none", must_be(Kind::Models), shorten(id)));
        }
        if !out.iter().any(|known| known == id) {
            out.push(id.to_owned());
        }
    }
    Ok(Value::Texts(out))
}

fn spaces(json: &Json) -> Result<Value, String> {
    let wrong = || must_be(Kind::Spaces);
    let map = json.as_object().filter(|map| map.len() <= MOST_ENTRIES).ok_or_else(wrong)?;
    let mut out = BTreeMap::new();
    for (model, entry) in map {
        if model.is_empty() || model.chars().count() > LONGEST_MODEL || model == "__proto__" {
            return Err(format!("{}; '{}' is no model id", wrong(), shorten(model)));
        }
        let place = |name: &str| match entry.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) if text.trim().is_empty() => Ok(None),
            Some(Json::String(text)) => {
                url(text.trim()).map(Some).ok_or_else(|| format!("{}.{name} {}", shorten(model), must_be(Kind::Url { dialled: true })))
            }
            Some(_) => Err(wrong()),
        };
        if !entry.is_object() && !entry.is_null() {
            return Err(wrong());
        }
        let backup = place("backup")?;
        if let Some(main) = place("main")? {
            out.insert(model.clone(), Space { main, backup });
        }
    }
    Ok(Value::Spaces(out))
}

fn has_no_main(entry: &Json) -> bool {
    entry.get("main").and_then(Json::as_str).is_none_or(|text| text.trim().is_empty())
}

fn shorten(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}
