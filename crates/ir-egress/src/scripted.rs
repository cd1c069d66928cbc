//! A wire without a network, for tests: it answers from a script and remembers what it was asked.

use crate::rules::Purpose;
use crate::wire::{Wire, WireBody, WireFault, WireFaultKind, WireReply, WireRequest};
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body::Body;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use url::Url;

/// Most bytes of one body that are remembered.
const MAX_RECORDED: usize = 256 * 1024 * 1024;

/// A request as it was sent.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, rendered.
    pub body: Vec<u8>,
    /// On whose word.
    pub purpose: Purpose,
}

impl Recorded {
    /// A header's value, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

type Answer = Box<dyn Fn(&Recorded) -> Result<WireReply, WireFault> + Send + Sync>;

/// A [`Wire`] that answers by a function or from a queue. No address is judged.
pub struct ScriptedWire {
    answer: Answer,
    recorded: Mutex<Vec<Recorded>>,
}

impl fmt::Debug for ScriptedWire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedWire").field("recorded", &self.lock().len()).finish_non_exhaustive()
    }
}

impl ScriptedWire {
    /// Answers every request by `answer`.
    pub fn new(answer: impl Fn(&Recorded) -> Result<WireReply, WireFault> + Send + Sync + 'static) -> Self {
        Self { answer: Box::new(answer), recorded: Mutex::default() }
    }

    /// Answers in turn; when the queue is empty, connections are refused.
    pub fn queue(answers: impl IntoIterator<Item = Result<WireReply, WireFault>>) -> Self {
        let queue: Mutex<VecDeque<_>> = Mutex::new(answers.into_iter().collect());
        Self::new(move |_| {
            queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front().unwrap_or_else(|| {
                Err(WireFault { kind: WireFaultKind::Connect, sent: false, detail: "the script is at its end".to_owned() })
            })
        })
    }

    /// What was asked so far.
    pub fn recorded(&self) -> Vec<Recorded> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Recorded>> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WireReply {
    /// A reply with these headers whose body comes in one piece. For scripts.
    ///
    /// # Panics
    /// When a header is not one.
    pub fn scripted(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Self {
        let header = |(name, value): &(&str, &str)| {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("invariant of scripts: a header's name");
            (name, HeaderValue::from_str(value).expect("invariant of scripts: a header's value"))
        };
        Self { status, headers: headers.iter().map(header).collect(), body: WireBody::scripted([Ok(body.into())]) }
    }
}

#[async_trait]
impl Wire for ScriptedWire {
    async fn send(&self, request: WireRequest) -> Result<WireReply, WireFault> {
        let mut body = Vec::new();
        if let Some(pieces) = request.body {
            let mut pieces = Box::pin(pieces);
            while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut pieces).as_mut().poll_frame(cx)).await {
                let broken = |detail: String| WireFault { kind: WireFaultKind::Broken, sent: true, detail };
                let frame = frame.map_err(|error| broken(error.to_string()))?;
                body.extend_from_slice(&frame.into_data().unwrap_or_default());
                if body.len() > MAX_RECORDED {
                    return Err(broken("the body is too long to be remembered".to_owned()));
                }
            }
        }
        let (method, url, headers, purpose) = (request.method, request.url, request.headers, request.purpose);
        let recorded = Recorded { method, url, headers, body, purpose };
        let answer = (self.answer)(&recorded);
        self.lock().push(recorded);
        answer
    }
}
