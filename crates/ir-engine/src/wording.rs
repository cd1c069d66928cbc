//! The words in which a request's prompt is drawn: improved once for the whole request, whatever is
//! tried, and numbered for models that know their pictures by number.

use crate::draw::Request;
use crate::hints::with_numbers;
use crate::optimizer::{Improved, Steps};
use crate::plan::Candidate;
use ir_model::Caller;
use std::sync::{Arc, Mutex};
use tokio::sync::OnceCell;

/// A way to improve a prompt: what is done, and which of several wordings.
type Way = (Steps, u32);

/// Prompts of one request that are or were improved.
#[derive(Debug, Default)]
pub(crate) struct Wordings {
    improved: Mutex<Vec<(Way, Arc<OnceCell<Improved>>)>>,
    /// Why some of them were not drawn.
    unfit: Mutex<Vec<String>>,
}

impl Wordings {
    fn cell(&self, way: Way) -> Arc<OnceCell<Improved>> {
        let mut known = self.improved.lock().expect("no panic while held");
        if let Some((_, cell)) = known.iter().find(|(other, _)| *other == way) {
            return Arc::clone(cell);
        }
        let cell = Arc::default();
        known.push((way, Arc::clone(&cell)));
        cell
    }

    /// Why prompts were left as they were, each reason once.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let known = self.improved.lock().expect("no panic while held");
        let mut troubles = self.unfit.lock().expect("no panic while held").clone();
        troubles.extend(known.iter().filter_map(|(_, cell)| cell.get()?.trouble.clone()));
        troubles.sort();
        troubles.dedup();
        troubles
    }
}

impl Request {
    fn steps(&self, candidate: &Candidate) -> Steps {
        // The optimizer runs on the operator's key, which a caller who brings a key has no part in (R-AUTH-5).
        if matches!(self.caller, Caller::Relay { .. }) {
            return Steps::default();
        }
        let settings = &self.snapshot.settings;
        let provider = settings.providers.get(candidate.upstream.name());
        provider
            .map_or_else(Steps::default, |provider| Steps::of(&settings.prompt_optimizer, provider.task(self.ask.task).prompt_optimizer))
    }

    /// Whether every picture of a request for several gets a wording of its own.
    pub(crate) fn words_each_picture(&self, candidate: &Candidate) -> bool {
        self.snapshot.settings.prompt_optimizer.per_picture && self.steps(candidate).any()
    }

    /// The prompt for a candidate and the pictures from `index` on. The plan chose the candidate by the
    /// caller's own prompt: one that grew beyond what it takes is drawn as it was written.
    pub(crate) async fn prompt(&self, candidate: &Candidate, index: u32) -> String {
        let written = &self.ask.prompt;
        if let Some(improved) = self.improved(candidate, index).await {
            let numbered = self.numbered(candidate, &improved);
            if fits(candidate, &numbered) {
                return numbered;
            }
            let most = candidate.card.max_prompt;
            let trouble =
                format!("the prompt optimizer's answer was longer than the {most} characters that {} takes", candidate.upstream.name());
            tracing::warn!(request_id = %self.id, reason = trouble, "a prompt was left as it was written");
            self.wordings.unfit.lock().expect("no panic while held").push(trouble);
        }
        let numbered = self.numbered(candidate, written);
        if fits(candidate, &numbered) { numbered } else { written.clone() }
    }

    /// What the optimizer made of the prompt; `None` where it has nothing to do, or failed.
    async fn improved(&self, candidate: &Candidate, index: u32) -> Option<String> {
        let settings = &self.snapshot.settings.prompt_optimizer;
        let steps = self.steps(candidate);
        if !steps.any() {
            return None;
        }
        let variant = if self.words_each_picture(candidate) { index } else { 0 };
        let cell = self.wordings.cell((steps, variant));
        let (optimizer, door) = (&self.engine.optimizer, &self.engine.door);
        let improve = || optimizer.improve(door, settings, steps, &self.ask.prompt, variant, self.deadline);
        let improved = cell.get_or_init(improve).await;
        improved.trouble.is_none().then(|| improved.prompt.clone())
    }

    /// The prompt with numbers for its pictures, where the operator wants them.
    fn numbered(&self, candidate: &Candidate, prompt: &str) -> String {
        let provider = self.snapshot.settings.providers.get(candidate.upstream.name());
        if provider.is_some_and(|provider| provider.picture_hints) {
            with_numbers(prompt, &self.ask.prompt, self.inputs.len())
        } else {
            prompt.to_owned()
        }
    }
}

fn fits(candidate: &Candidate, prompt: &str) -> bool {
    prompt.chars().count() <= candidate.card.max_prompt
}
