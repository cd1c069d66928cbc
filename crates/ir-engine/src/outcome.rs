//! What came of a request, as it is written down for those who come back.

use crate::course::DrawEvent;
use crate::draw::{AttemptNote, Failure, Summary};
use crate::engine::Engine;
use ir_model::{Charge, Class, Drawn, Fault, Gate, Message};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The stored form.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// In order of delivery.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) pictures: Vec<Kept>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    summary: Option<Told>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<Failed>,
}

/// One picture: its bytes are in the gallery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) index: u32,
    pub(crate) name: Option<String>,
    pub(crate) url: Option<String>,
    revised: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Told {
    provider: String,
    model: String,
    attempts: u32,
    warnings: Vec<String>,
    ignored: Vec<String>,
    revised: Vec<(String, String)>,
    asked: u32,
    pictures: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Failed {
    class: String,
    charge: String,
    message: Option<(String, String)>,
    upstream: Option<String>,
    param: Option<String>,
    retry_after_ms: Option<u64>,
    provider: Option<String>,
    model: Option<String>,
    attempts: Vec<Note>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Note {
    provider: String,
    model: String,
    class: Option<String>,
    message: String,
}

impl Outcome {
    /// Of what was told on a course.
    pub(crate) fn of(pictures: &[(u32, Drawn)], result: &Result<Summary, Failure>) -> Self {
        let pictures = pictures.iter().map(|(index, drawn)| Kept {
            index: *index,
            name: drawn.name.clone(),
            url: drawn.url.clone(),
            revised: drawn.revised_prompt.clone(),
        });
        Self { pictures: pictures.collect(), summary: result.as_ref().ok().map(Told::of), failure: result.as_ref().err().map(Failed::of) }
    }

    /// Of pictures that an earlier run left, by their names.
    pub(crate) fn of_names(names: Vec<String>, result: &Result<Summary, Failure>) -> Self {
        let kept = |(index, name)| Kept { index, name: Some(name), url: None, revised: None };
        Self { pictures: (0..).zip(names).map(kept).collect(), ..Self::of(&[], result) }
    }

    /// As it is stored.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("invariant: texts and numbers are always JSON")
    }

    /// What [`Outcome::to_json`] wrote.
    pub(crate) fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// How it went, without the pictures.
    pub(crate) fn result(&self) -> Result<Summary, Box<Failure>> {
        match (&self.summary, &self.failure) {
            (Some(told), _) => Ok(told.summary()),
            (None, Some(failed)) => Err(Box::new(failed.failure())),
            (None, None) => Err(Box::new(Failure::of(Fault::new(Class::Gate(Gate::Internal)).detail("an outcome that says nothing")))),
        }
    }

    /// The events that were told, with the pictures as the gallery has them now. Those that were
    /// deleted meanwhile are missing; where all of them are, that is the failure.
    pub(crate) async fn events(&self, engine: &Engine) -> Vec<DrawEvent> {
        let mut events = Vec::new();
        let mut gone = 0;
        for kept in &self.pictures {
            let picture = match &kept.name {
                Some(name) => match engine.stored(name).await {
                    Ok(picture) => picture,
                    // It is there, and will be had by whoever asks again.
                    Err(error) => return vec![DrawEvent::Done(Err(Failure::of(unreadable().detail(error))))],
                },
                None => None,
            };
            if picture.is_none() && kept.url.is_none() {
                gone += 1;
                continue;
            }
            let name = kept.name.clone().filter(|_| picture.is_some());
            let drawn = Drawn { picture, name, url: kept.url.clone(), revised_prompt: kept.revised.clone() };
            events.push(DrawEvent::Picture { index: kept.index, drawn });
        }
        let result = match self.result() {
            Ok(_) if events.is_empty() => Err(Failure::of(Fault::gate(
                Gate::NotFound,
                "The pictures of this request were deleted meanwhile.",
                "该请求的图片已被删除。",
            ))),
            Ok(mut summary) if gone > 0 => {
                summary.warnings.push(format!("{gone} pictures were deleted meanwhile"));
                Ok(summary)
            }
            other => other.map_err(|failure| *failure),
        };
        events.push(DrawEvent::Done(result));
        events
    }
}

fn unreadable() -> Fault {
    Fault::gate(
        Gate::Overloaded,
        "The pictures of this request are stored, but could not be read just now. Try again in a moment.",
        "该请求的图片已保存，但暂时无法读取，请稍后再试。",
    )
    .retry_after(Some(Duration::from_secs(2)))
}

impl Told {
    fn of(summary: &Summary) -> Self {
        let Summary { provider, model, attempts, warnings, ignored, revised, asked, pictures } = summary.clone();
        Self { provider, model, attempts, warnings, ignored, revised, asked, pictures }
    }

    fn summary(&self) -> Summary {
        let Self { provider, model, attempts, warnings, ignored, revised, asked, pictures } = self.clone();
        Summary { provider, model, attempts, warnings, ignored, revised, asked, pictures }
    }
}

impl Failed {
    fn of(failure: &Failure) -> Self {
        let fault = &failure.fault;
        let note = |note: &AttemptNote| Note {
            provider: note.provider.clone(),
            model: note.model.clone(),
            class: note.class.map(class_name),
            message: note.message.clone(),
        };
        Self {
            class: class_name(fault.class),
            charge: charge_name(fault.charge).to_owned(),
            message: fault.message.as_ref().map(|message| (message.en.clone(), message.zh.clone())),
            upstream: fault.upstream.as_deref().and_then(ir_model::sanitise),
            param: fault.param.clone(),
            retry_after_ms: fault.retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            provider: failure.provider.clone(),
            model: failure.model.clone(),
            attempts: failure.attempts.iter().map(note).collect(),
        }
    }

    fn failure(&self) -> Failure {
        let charge = [Charge::No, Charge::Maybe, Charge::Yes].into_iter().find(|charge| charge_name(*charge) == self.charge);
        let fault = Fault {
            message: self.message.as_ref().map(|(en, zh)| Message::new(en.as_str(), zh.as_str())),
            upstream: self.upstream.clone(),
            param: self.param.clone(),
            retry_after: self.retry_after_ms.map(Duration::from_millis),
            ..Fault::new(class_of(&self.class)).charged(charge.unwrap_or(Charge::Maybe))
        };
        let note = |note: &Note| AttemptNote {
            provider: note.provider.clone(),
            model: note.model.clone(),
            class: note.class.as_deref().map(class_of),
            message: note.message.clone(),
        };
        let attempts = self.attempts.iter().map(note).collect();
        Failure { fault, provider: self.provider.clone(), model: self.model.clone(), attempts }
    }
}

/// A class's lasting name. Gates and classes share some names.
fn class_name(class: Class) -> String {
    match class {
        Class::Gate(gate) => format!("gate:{}", gate.code()),
        class => class.name().to_owned(),
    }
}

fn class_of(name: &str) -> Class {
    let gates = || Gate::ALL.into_iter().map(Class::Gate);
    let found = Class::ATTEMPT.into_iter().chain(gates()).find(|class| class_name(*class) == name);
    found.unwrap_or(Class::UpstreamFault)
}

const fn charge_name(charge: Charge) -> &'static str {
    match charge {
        Charge::No => "no",
        Charge::Maybe => "maybe",
        Charge::Yes => "yes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_comes_back_as_it_was() {
        for class in Class::ATTEMPT.into_iter().chain(Gate::ALL.into_iter().map(Class::Gate)) {
            assert_eq!(class_of(&class_name(class)), class);
        }
    }

    #[test]
    fn a_failure_comes_back_as_it_was() {
        let fault = Fault::bad("size", "en", "zh").upstream("words").charged(Charge::Yes).retry_after(Some(Duration::from_millis(1500)));
        let attempts =
            vec![AttemptNote { provider: "A".into(), model: "m".into(), class: Some(Class::Overloaded), message: "busy".into() }];
        let failure = Failure { fault, provider: Some("B".into()), model: None, attempts };
        let outcome = Outcome::of(&[], &Err(failure.clone()));
        let back = Outcome::from_json(&outcome.to_json()).unwrap();
        assert_eq!(back, outcome);
        let back = back.result().unwrap_err();
        assert_eq!(format!("{back:?}"), format!("{failure:?}"));
    }
}
