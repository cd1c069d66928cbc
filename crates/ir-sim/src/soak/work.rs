//! The mixed load: one request of some kind after the other.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use http::request::Builder;
use http_body_util::Full;
use memchr::memmem;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};

use super::book::{Acked, Book, Failed};
use super::client::{self, Answer};
use super::dice::Dice;
use super::gateway::{CALLER, OPERATOR};

const GENERATE: &str = "/v1/images/generations";
const BOUNDARY: &str = "ir-sim-soak-5f0c2b7d91e64a3d";
/// How long a caller who comes back goes on trying.
const PERSISTENCE: Duration = Duration::from_secs(60);

/// What a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Link,
    Base64,
    Edit,
    Chat,
    Stream,
    Repeated,
    PickedUp,
    Gallery,
    Admin,
    Picture,
    Thumbnail,
    Bad,
}

/// How often each is drawn by lot.
const MIX: &[(Kind, u64)] = &[
    (Kind::Link, 22),
    (Kind::Base64, 15),
    (Kind::Edit, 8),
    (Kind::Chat, 10),
    (Kind::Stream, 10),
    (Kind::Repeated, 12),
    (Kind::PickedUp, 6),
    (Kind::Gallery, 4),
    (Kind::Admin, 4),
    (Kind::Picture, 5),
    (Kind::Thumbnail, 2),
    (Kind::Bad, 2),
];

/// One caller of one gateway.
pub(super) struct Worker {
    pub(super) port: u16,
    pub(super) dice: Dice,
    pub(super) book: Arc<Book>,
    /// Numbers of requests, shared by all callers.
    pub(super) numbers: Arc<AtomicU64>,
    /// Uploaded as the picture to change.
    pub(super) picture: Bytes,
}

impl Worker {
    /// Asks one thing after the other until `end`, `pause` apart on average.
    pub(super) async fn work(mut self, end: Instant, pause: Duration) {
        while Instant::now() < end {
            let millis = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX).max(1);
            sleep(Duration::from_millis(self.dice.below(2 * millis))).await;
            self.step().await;
        }
    }

    async fn step(&mut self) {
        let mut lot = self.dice.below(MIX.iter().map(|(_, share)| share).sum());
        let kind =
            MIX.iter().find(|(_, share)| lot.checked_sub(*share).map(|rest| lot = rest).is_none()).map_or(Kind::Link, |(kind, _)| *kind);
        match kind {
            Kind::Link | Kind::Base64 | Kind::Edit | Kind::Chat | Kind::Stream => {
                let number = self.number();
                let answer = self.draw(kind, number, None).await;
                self.told(number, &answer);
            }
            Kind::Repeated => self.repeat().await,
            Kind::PickedUp => self.pick_up().await,
            Kind::Gallery => self.read("/api/gallery?limit=50", OPERATOR).await,
            Kind::Admin => {
                let paths = ["/api/requests?limit=50", "/api/dashboard/stats", "/api/key-pool", "/v1/models", "/health"];
                let path = paths[self.dice.index(paths.len())];
                self.read(path, if path.starts_with("/api") { OPERATOR } else { CALLER }).await;
            }
            Kind::Picture | Kind::Thumbnail => {
                let Some(name) = self.book.any_name(self.port, &mut self.dice) else { return };
                let query = if kind == Kind::Thumbnail { "?thumb=256" } else { "" };
                self.read(&format!("/storage/{name}{query}"), CALLER).await;
            }
            Kind::Bad => {
                let answer = self.post(GENERATE, &json!({"model": "sim", "prompt": "", "n": 99}), None).await;
                if let Ok(answer) = &answer
                    && answer.status != 400
                {
                    self.book.wrong(format!("nonsense was answered {}", answer.status));
                }
                self.note(&answer);
            }
        }
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// A prompt that the platforms' ledgers know the request by.
    fn prompt(&mut self, number: u64) -> String {
        let bytes = [4_000, 4_000, 12_000, 12_000, 40_000, 150_000][self.dice.index(6)];
        let delay = self.dice.below(400);
        format!("soak-{number} a fox in the snow [sim bytes={bytes} delay={delay}]")
    }

    async fn draw(&mut self, kind: Kind, number: u64, headers: Option<(&str, &str)>) -> io::Result<Answer> {
        let prompt = self.prompt(number);
        match kind {
            Kind::Edit => {
                let request =
                    self.begin("POST", "/v1/images/edits").header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
                client::ask(self.port, whole(request, form(&prompt, &self.picture))?).await
            }
            Kind::Chat => {
                let document = json!({"model": "sim", "messages": [{"role": "user", "content": prompt}]});
                self.post("/v1/chat/completions", &document, headers).await
            }
            Kind::Stream => {
                let document = json!({"model": "sim", "prompt": prompt, "size": "64x64", "stream": true, "response_format": "b64_json"});
                self.post(GENERATE, &document, headers).await
            }
            Kind::Base64 => self.post(GENERATE, &generation(&prompt, "b64_json"), headers).await,
            _ => self.post(GENERATE, &generation(&prompt, "url"), headers).await,
        }
    }

    /// The same request under one key until it is answered, and once more afterwards.
    async fn repeat(&mut self) {
        let number = self.number();
        let (key, document) = (format!("soak-key-{number}"), generation(&self.prompt(number), "b64_json"));
        let first = self.persist(&document, &key).await;
        self.told(number, &first);
        let again = self.persist(&document, &key).await;
        if let (Ok(first), Ok(again)) = (&first, &again)
            && first.status == 200
            && (again.status != 200 || pictures(first) != pictures(again))
        {
            self.book.wrong(format!("soak-{number}: its repetition was answered {} {}", again.status, again.code()));
        }
    }

    /// Sends until there is an answer that is not to be repeated.
    async fn persist(&mut self, document: &Value, key: &str) -> io::Result<Answer> {
        let began = Instant::now();
        loop {
            let answer = self.post(GENERATE, document, Some(("idempotency-key", key))).await;
            let is_final = answer.as_ref().is_ok_and(|answer| !matches!(answer.status, 429 | 503));
            if is_final || began.elapsed() > PERSISTENCE {
                return answer;
            }
            sleep(Duration::from_millis(500 + self.dice.below(1000))).await;
        }
    }

    /// Asks for an answer later, and fetches it.
    async fn pick_up(&mut self) {
        let number = self.number();
        let document = generation(&self.prompt(number), "url");
        let answer = self.post(GENERATE, &document, Some(("prefer", "respond-async"))).await;
        let Ok(accepted) = &answer else { return self.told(number, &answer) };
        if accepted.status != 202 {
            return self.told(number, &answer);
        }
        let path = format!("/v1/images/requests/{}", accepted.json()["id"].as_str().unwrap_or_default());
        let began = Instant::now();
        loop {
            sleep(Duration::from_millis(300)).await;
            let answer = self.get(&path, CALLER).await;
            let waits = answer.as_ref().map_or(true, |answer| answer.status == 202);
            if !waits || began.elapsed() > PERSISTENCE {
                return self.told(number, &answer);
            }
        }
    }

    async fn read(&self, path: &str, key: &str) {
        let answer = self.get(path, key).await;
        if let Ok(answer) = &answer
            && answer.status != 200
        {
            self.book.wrong(format!("{path} was answered {}", answer.status));
        }
        self.note(&answer);
    }

    fn note(&self, answer: &io::Result<Answer>) {
        if let Err(error) = answer {
            self.book.failed(self.port, &Failed::Connection(error.to_string()));
        }
    }

    /// Writes down what a drawing came to.
    fn told(&self, number: u64, answer: &io::Result<Answer>) {
        match answer {
            Err(error) => self.book.failed(self.port, &Failed::Connection(error.to_string())),
            Ok(answer) => {
                let pictures = pictures(answer);
                if answer.status == 200 && !pictures.is_empty() {
                    self.book.acked(self.port, number, pictures);
                } else {
                    let code = if answer.status == 200 { stream_error(answer) } else { answer.code() };
                    self.book.failed(self.port, &Failed::Refused(answer.status, code));
                }
            }
        }
    }

    fn begin(&self, method: &str, path: &str) -> Builder {
        Request::builder().method(method).uri(path).header("host", "localhost").header("authorization", format!("Bearer {CALLER}"))
    }

    async fn post(&self, path: &str, document: &Value, header: Option<(&str, &str)>) -> io::Result<Answer> {
        let mut request = self.begin("POST", path).header("content-type", "application/json");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        client::ask(self.port, whole(request, document.to_string())?).await
    }

    async fn get(&self, path: &str, key: &str) -> io::Result<Answer> {
        let request =
            Request::get(path).header("host", format!("localhost:{}", self.port)).header("authorization", format!("Bearer {key}"));
        client::ask(self.port, whole(request, Bytes::new())?).await
    }
}

fn whole(request: Builder, body: impl Into<Bytes>) -> io::Result<Request<Full<Bytes>>> {
    request.body(Full::new(body.into())).map_err(io::Error::other)
}

fn generation(prompt: &str, form: &str) -> Value {
    json!({"model": "sim", "prompt": prompt, "size": "64x64", "response_format": form})
}

fn form(prompt: &str, picture: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in [("prompt", prompt), ("model", "sim"), ("size", "64x64"), ("response_format", "url")] {
        body.extend(format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
    }
    let head = "content-disposition: form-data; name=\"image\"; filename=\"a.png\"\r\ncontent-type: image/png";
    body.extend(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").bytes());
    body.extend_from_slice(picture);
    body.extend(format!("\r\n--{BOUNDARY}--\r\n").bytes());
    body
}

/// The pictures of an answer of any kind: by their links, or by the hash of their base64.
fn pictures(answer: &Answer) -> Vec<Acked> {
    let mut found = Vec::new();
    for at in memmem::find_iter(&answer.body, b"/storage/") {
        let rest = &answer.body[at + "/storage/".len()..];
        let end = rest.iter().position(|byte| !(byte.is_ascii_alphanumeric() || b"-._".contains(byte))).unwrap_or(rest.len());
        found.push(Acked::Name(String::from_utf8_lossy(&rest[..end]).into_owned()));
    }
    const NAME: &[u8] = b"\"b64_json\":\"";
    for at in memmem::find_iter(&answer.body, NAME) {
        let rest = &answer.body[at + NAME.len()..];
        let end = memchr::memchr(b'"', rest).unwrap_or(rest.len());
        if let Ok(bytes) = STANDARD.decode(&rest[..end]) {
            found.push(Acked::Hash(hash(&bytes)));
        }
    }
    found.dedup();
    found
}

pub(super) fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The code in an event of failure.
fn stream_error(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    let code = text.split("\"code\":\"").nth(1).and_then(|rest| rest.split('"').next());
    code.map_or_else(|| format!("no picture: {:.120}", text), str::to_owned)
}
