//! Which pictures the newest answers gave. Clients of the Responses API name them again by the ids of
//! answers and items instead of sending them (LangChain, the AI SDK, `previous_response_id`).
//!
//! Only names of pictures are remembered, and only until a restart: the pictures are in the store. An
//! answer is its caller's own: another credential finds nothing by its ids.

use ir_engine::Engine;
use ir_model::AskPicture;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Answers that are remembered; the oldest is forgotten first.
const ANSWERS: usize = 4096;

/// The memory of all answers.
#[derive(Debug, Default)]
pub(crate) struct Given(Mutex<Shelf>);

/// The memory as one caller has it. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    given: Arc<Given>,
    scope: Arc<str>,
}

#[derive(Debug, Default)]
struct Shelf {
    /// The names of an answer's pictures, by its scope and id; `None`: one that is not stored.
    answers: HashMap<String, Vec<Option<String>>>,
    order: VecDeque<String>,
}

impl Given {
    /// What was given to the caller of this scope ([`Engine::scope`]).
    pub(crate) fn to(self: &Arc<Self>, scope: &str) -> Own {
        Own { given: Arc::clone(self), scope: scope.into() }
    }
}

impl Own {
    fn key(&self, answer: &str) -> String {
        format!("{} {answer}", self.scope)
    }

    /// Takes note of an answer's next picture.
    pub(crate) fn note(&self, answer: &str, name: Option<&str>) {
        let answer = self.key(answer);
        let mut shelf = self.given.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !shelf.answers.contains_key(&answer) {
            shelf.order.push_back(answer.clone());
            if shelf.order.len() > ANSWERS
                && let Some(oldest) = shelf.order.pop_front()
            {
                shelf.answers.remove(&oldest);
            }
        }
        shelf.answers.entry(answer).or_default().push(name.map(str::to_owned));
    }

    /// The name of the picture of an item, or of the newest one of an answer.
    pub(crate) fn name(&self, id: &str) -> Option<String> {
        let shelf = self.given.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = id.strip_prefix("resp_") {
            return shelf.answers.get(&self.key(answer))?.iter().rev().flatten().next().cloned();
        }
        let item = id.strip_prefix("ig_")?;
        let (answer, index) = item.split_at_checked(item.len().checked_sub(2)?)?;
        shelf.answers.get(&self.key(answer))?.get(usize::from_str_radix(index, 16).ok()?)?.clone()
    }
}

/// Finds pictures by the ids that were given for them.
pub(crate) struct Recall<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) given: &'a Own,
}

impl Recall<'_> {
    /// The stored picture of an item or answer, if it is remembered and still there.
    pub(crate) async fn picture(&self, id: &str) -> Option<AskPicture> {
        let name = self.given.name(id)?;
        self.engine.stored(&name).await.ok()?.map(AskPicture::Here)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_and_answers_lead_to_names_until_too_many_came_after() {
        let all = Arc::new(Given::default());
        let given = all.to("mine");
        given.note("aa", Some("1.png"));
        given.note("aa", Some("2.png"));
        given.note("aa", None);
        let name = |id: &str| given.name(id);
        assert_eq!(
            (name("ig_aa00").as_deref(), name("ig_aa01").as_deref(), name("resp_aa").as_deref()),
            (Some("1.png"), Some("2.png"), Some("2.png"))
        );
        for none in ["ig_aa02", "ig_aa03", "ig_aa", "ig_", "ig_é", "ig_aaé", "resp_", "resp_bb", "msg_aa", "aa00", ""] {
            assert_eq!(name(none), None, "{none}");
        }
        assert_eq!(all.to("another's").name("resp_aa"), None);
        for number in 0..ANSWERS {
            given.note(&number.to_string(), Some("x.png"));
        }
        assert_eq!((name("resp_aa"), name("resp_0").as_deref()), (None, Some("x.png")));
    }
}
