//! Which request is answered how.

use serde::{Deserialize, Deserializer, Serialize};

use crate::behaviour::Behaviour;
use crate::directive;

/// Most rules of a script.
pub(crate) const MAX_RULES: usize = 1_000;

/// Rules in order; the first that matches wins.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The rules, at most 1000.
    pub rules: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which requests it is for.
    #[serde(default)]
    pub when: When,
    /// How often it is played before it is used up; `None` for ever.
    #[serde(default)]
    pub times: Option<u32>,
    /// What is played. In JSON an object, or a line of directives.
    #[serde(deserialize_with = "object_or_line")]
    pub then: Behaviour,
}

/// Conditions that must all hold; an empty one matches every request.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// The key exactly.
    pub key: Option<String>,
    /// The model exactly.
    pub model: Option<String>,
    /// A part of the path, for instance `/edits` or `/pic/`. Without it, a rule is not asked for `/models` and `/pic/`.
    pub path: Option<String>,
    /// A part of the prompt.
    pub prompt: Option<String>,
    /// Only the n-th request, from 1, among those that the other conditions let through since the script was set.
    pub nth: Option<u64>,
}

impl Script {
    /// One rule for every request.
    #[must_use]
    pub fn always(then: Behaviour) -> Self {
        Self::default().rule(When::default(), None, then)
    }

    /// These behaviours for the first requests, one each, then the default.
    #[must_use]
    pub fn in_turn(behaviours: impl IntoIterator<Item = Behaviour>) -> Self {
        behaviours.into_iter().fold(Self::default(), |script, then| script.rule(When::default(), Some(1), then))
    }

    /// Adds a rule.
    #[must_use]
    pub fn rule(mut self, when: When, times: Option<u32>, then: Behaviour) -> Self {
        self.rules.push(Rule { when, times, then });
        self
    }
}

impl When {
    /// Requests with this key.
    #[must_use]
    pub fn key(key: &str) -> Self {
        Self { key: Some(key.into()), ..Self::default() }
    }

    /// Requests for this model.
    #[must_use]
    pub fn model(model: &str) -> Self {
        Self { model: Some(model.into()), ..Self::default() }
    }

    /// Requests whose path holds this.
    #[must_use]
    pub fn path(path: &str) -> Self {
        Self { path: Some(path.into()), ..Self::default() }
    }

    /// Requests whose prompt holds this.
    #[must_use]
    pub fn prompt(prompt: &str) -> Self {
        Self { prompt: Some(prompt.into()), ..Self::default() }
    }

    /// Only the n-th of them, from 1.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.nth = Some(nth);
        self
    }
}

/// What a rule can look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight<'a> {
    pub(crate) path: &'a str,
    pub(crate) key: Option<&'a str>,
    pub(crate) model: Option<&'a str>,
    pub(crate) prompt: Option<&'a str>,
    /// Whether the request asks for a drawing (and not for a list or a file).
    pub(crate) draws: bool,
}

/// A script being played.
#[derive(Debug, Default)]
pub(crate) struct Play {
    rules: Vec<Counted>,
}

#[derive(Debug)]
struct Counted {
    rule: Rule,
    seen: u64,
    played: u32,
}

impl Play {
    pub(crate) fn new(script: Script) -> Self {
        Self { rules: script.rules.into_iter().take(MAX_RULES).map(|rule| Counted { rule, seen: 0, played: 0 }).collect() }
    }

    /// The behaviour of the first rule that matches and is not used up. Every rule that is asked counts the request.
    pub(crate) fn choose(&mut self, sight: Sight<'_>) -> Option<Behaviour> {
        let mut chosen = None;
        for counted in &mut self.rules {
            if !counted.rule.when.holds(sight) {
                continue;
            }
            counted.seen += 1;
            let turn = counted.rule.when.nth.is_none_or(|nth| nth == counted.seen);
            let left = counted.rule.times.is_none_or(|times| counted.played < times);
            if chosen.is_none() && turn && left {
                counted.played += 1;
                chosen = Some(counted.rule.then.clone());
            }
        }
        chosen
    }
}

impl When {
    fn holds(&self, sight: Sight<'_>) -> bool {
        let equal = |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_none_or(|wanted| found == Some(wanted));
        let part = |wanted: &str, found: Option<&str>| found.is_some_and(|found| found.contains(wanted));
        equal(&self.key, sight.key)
            && equal(&self.model, sight.model)
            && self.prompt.as_deref().is_none_or(|wanted| part(wanted, sight.prompt))
            && self.path.as_deref().map_or(sight.draws, |wanted| part(wanted, Some(sight.path)))
    }
}

fn object_or_line<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Behaviour, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Line(String),
        Object(Box<Behaviour>),
    }
    match Either::deserialize(deserializer)? {
        Either::Line(line) => directive::parse(&line).map_err(serde::de::Error::custom),
        Either::Object(behaviour) => Ok(*behaviour),
    }
}
