//! One setting, with where its value came from.

use ir_settings::{Def, Kind, Row, Source};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Setting {
    /// Its place in the configuration file.
    path: String,
    /// The environment variable that overrides it.
    env: String,
    kind: SettingKind,
    unit: Option<String>,
    min: Option<f64>,
    max: Option<f64>,
    choices: Vec<String>,
    default: Option<String>,
    /// As text: `********` for a secret that is set, empty when not set.
    value: String,
    source: ValueSource,
    secret: bool,
    is_set: bool,
    /// The address that a secret is bound to: a change of that address drops the secret.
    bound_to: Option<String>,
    doc: String,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum SettingKind {
    Bool,
    Int,
    Number,
    Text,
    Choice,
    Url,
    Secret,
    Ip,
    Socket,
    Hosts,
    Nets,
    Origins,
    Names,
    Size,
    Models,
    Spaces,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ValueSource {
    Env,
    Runtime,
    Default,
}

impl Setting {
    pub(super) fn of(def: &Def, row: &Row) -> Self {
        let (mut unit, mut min, mut max, mut choices, mut bound_to) = (None, None, None, Vec::new(), None);
        let named = |unit: &str| (!unit.is_empty()).then(|| unit.to_owned());
        let kind = match def.kind {
            Kind::Bool => SettingKind::Bool,
            Kind::Int { min: least, max: most, unit: counts } => {
                // Far below 2⁵³: exact.
                (unit, min, max) = (named(counts), Some(least as f64), Some(most as f64));
                SettingKind::Int
            }
            Kind::Number { min: least, max: most, unit: counts } => {
                (unit, min, max) = (named(counts), Some(least), Some(most));
                SettingKind::Number
            }
            Kind::Text { max: most } => {
                (unit, max) = (Some("characters".to_owned()), Some(most as f64));
                SettingKind::Text
            }
            Kind::Choice(words) => {
                choices = words.iter().map(|word| (*word).to_owned()).collect();
                SettingKind::Choice
            }
            Kind::Url { .. } => SettingKind::Url,
            Kind::Secret { bound_to: to, .. } => {
                bound_to = to.map(str::to_owned);
                SettingKind::Secret
            }
            Kind::Ip => SettingKind::Ip,
            Kind::Socket => SettingKind::Socket,
            Kind::Hosts => SettingKind::Hosts,
            Kind::Nets => SettingKind::Nets,
            Kind::Origins => SettingKind::Origins,
            Kind::Names => SettingKind::Names,
            Kind::Size => SettingKind::Size,
            Kind::Models => SettingKind::Models,
            Kind::Spaces => SettingKind::Spaces,
        };
        let source = match row.source {
            Source::Environment(_) => ValueSource::Env,
            Source::File => ValueSource::Runtime,
            Source::Default => ValueSource::Default,
        };
        Self {
            path: def.path.to_string(),
            env: def.env.to_string(),
            kind,
            unit,
            min,
            max,
            choices,
            default: def.default.map(str::to_owned),
            value: row.value.clone(),
            source,
            secret: def.is_secret(),
            is_set: !row.value.is_empty(),
            bound_to,
            doc: def.doc.to_owned(),
        }
    }
}
