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
pub(crate) struct Wordings(Mutex<Vec<(Way, Arc<OnceCell<Improved>>)>>);

impl Wordings {
    fn cell(&self, way: Way) -> Arc<OnceCell<Improved>> {
        let mut known = self.0.lock().expect("no panic while held");
        if let Some((_, cell)) = known.iter().find(|(other, _)| *other == way) {
            return Arc::clone(cell);
        }
        let cell = Arc::default();
        known.push((way, Arc::clone(&cell)));
        cell
    }

    /// Why prompts were left as they were, each reason once.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let known = self.0.lock().expect("no panic while held");
        let mut troubles: Vec<String> = known.iter().filter_map(|(_, cell)| cell.get()?.trouble.clone()).collect();
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

    /// The prompt for a candidate and the pictures from `index` on.
    pub(crate) async fn prompt(&self, candidate: &Candidate, index: u32) -> String {
        let settings = &self.snapshot.settings;
        let steps = self.steps(candidate);
        let prompt = if steps.any() {
            let variant = if self.words_each_picture(candidate) { index } else { 0 };
            let cell = self.wordings.cell((steps, variant));
            let (optimizer, door) = (&self.engine.optimizer, &self.engine.door);
            let improve = || optimizer.improve(door, &settings.prompt_optimizer, steps, &self.ask.prompt, variant, self.deadline);
            cell.get_or_init(improve).await.prompt.clone()
        } else {
            self.ask.prompt.clone()
        };
        let numbered = settings.providers.get(candidate.upstream.name()).is_some_and(|provider| provider.picture_hints);
        if numbered { with_numbers(&prompt, self.inputs.len()) } else { prompt }
    }
}
