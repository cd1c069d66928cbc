//! Names that come from outside: of requests, of stored pictures, of links to inputs.

use super::events::{NOW, door};
use crate::support::{Bench, bench, opened, tiny_picture};
use ir_engine::Hosting;
use ir_model::{ManualClock, RequestId, SeededDice};
use ir_settings::{Effective, Env};
use ir_spool::{PictureStore, Sidecar};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// No accepted name differs from its one spelling: an id is kept as it is, a stored picture is found
/// under its own name only, a link opens as it was given and in no other way.
pub(crate) fn run(data: &[u8]) {
    thread_local! {
        static STORED: Stored = Stored::new();
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(id) = RequestId::parse(text) {
        assert_eq!(id.as_str(), text);
        assert!(text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)));
    }
    STORED.with(|stored| stored.found(text));
    bench(|bench| bench.wait(linked(bench, text)));
}

/// A picture that is stored.
struct Stored {
    bench: Bench,
    store: PictureStore,
    relative: String,
}

impl Stored {
    fn new() -> Self {
        let bench = Bench::new();
        let store = PictureStore::new(&bench.spool);
        let relative = bench.wait(async {
            let picture = tiny_picture(&bench.spool).await;
            let name = store.name_for(NOW, picture.probe.format);
            store.keep(&picture, &name, &Sidecar::of(&picture, &name)).await.expect("it can be kept")
        });
        Self { bench, store, relative }
    }

    /// The text itself, and the true name changed by it.
    fn found(&self, text: &str) {
        for asked in
            [text.to_owned(), changed(&self.relative, text), format!("{}{text}", self.relative), format!("{text}{}", self.relative)]
        {
            if self.bench.wait(self.store.open(&asked)).is_ok() {
                assert_eq!(asked, self.relative, "another name of the same picture");
            }
        }
        assert!(self.bench.wait(self.store.open(&self.relative)).is_ok());
    }
}

async fn linked(bench: &Bench, text: &str) {
    let hosting = Hosting::new(Arc::new(ManualClock::at(NOW)), Arc::new(SeededDice::new(7)));
    thread_local! {
        static SETTINGS: Arc<Effective> = {
            let env = Env::default().with("IMG_ROUTER_PUBLIC_BASE_URL", "https://gateway.example");
            opened(env, None).expect("good settings").0.current()
        };
    }
    let settings = SETTINGS.with(Arc::clone);
    let links = hosting.links();
    let picture = tiny_picture(&bench.spool).await;
    let door = door(bench, 200, &[], Vec::new());
    let deadline = Instant::now() + Duration::from_secs(60);
    let link = hosting.host(&door, &settings.settings, &picture, &links, deadline).await.expect("a link");
    let link = link.strip_prefix("https://gateway.example/inputs/").expect("a link to the gateway");
    for asked in [text.to_owned(), changed(link, text), format!("{link}{text}"), format!("{text}{link}")] {
        if opens(&hosting, &asked, 0) {
            assert_eq!(asked, link, "another spelling of the same link");
        }
    }
    assert!(opens(&hosting, link, 0) && !opens(&hosting, link, 15 * 60 * 1000), "it works for a quarter of an hour");
    drop(links);
    assert!(!opens(&hosting, link, 0), "it ends with its request");
}

fn opens(hosting: &Hosting, path: &str, later_ms: i64) -> bool {
    let mut parts = path.splitn(3, '/');
    let [Some(id), Some(expiry), Some(tail)] = [parts.next(), parts.next(), parts.next()] else { return false };
    hosting.open(id, expiry, tail, NOW.plus_ms(later_ms)).is_some()
}

/// A name in which the text stands at a place that its first byte chooses.
fn changed(name: &str, text: &str) -> String {
    let at = text.bytes().next().map_or(0, usize::from) % name.len();
    let end = (at + text.len().saturating_sub(1)).min(name.len());
    format!("{}{}{}", &name[..at], text.get(1..).unwrap_or_default(), &name[end..])
}
