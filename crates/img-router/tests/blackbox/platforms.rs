//! Every platform × task × form of the answer × {one, several pictures}, through the public API, against
//! its simulator.

use crate::client;
use crate::support::Setup;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use http_body_util::Full;
use ir_sim::{Dialect, PictureSpec, Sim, SimConfig};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// A platform and its simulator.
pub(crate) struct Platform {
    pub(crate) name: &'static str,
    pub(crate) dialect: Dialect,
    /// What follows the host in its base address.
    pub(crate) path: &'static str,
    pub(crate) key: &'static str,
    /// `IMG_ROUTER_PROVIDERS_<name>_…`
    pub(crate) settings: &'static [(&'static str, &'static str)],
}

const fn platform(name: &'static str, dialect: Dialect, path: &'static str, key: &'static str) -> Platform {
    Platform { name, dialect, path, key, settings: &[] }
}

pub(crate) const DOUBAO: Platform = platform("Doubao", Dialect::Ark, "/api/v3", "550e8400-e29b-41d4-a716-446655440000");
pub(crate) const GITEE: Platform = platform("Gitee", Dialect::Gitee, "/v1", "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6");
pub(crate) const MODEL_SCOPE: Platform = platform("ModelScope", Dialect::ModelScope, "/v1", "ms-11111111-2222-3333-4444-555555555555");
pub(crate) const POLLINATIONS: Platform = platform("Pollinations", Dialect::Pollinations, "", "pk_abcdefghijklmnop");
pub(crate) const LEGACY: Platform = Platform { settings: &[("API", "legacy")], ..POLLINATIONS };
pub(crate) const HUGGING_FACE: Platform = platform("HuggingFace", Dialect::Gradio, "", "hf_abcdefghijklmnopqrst");
pub(crate) const SILICON_FLOW: Platform = platform("SiliconFlow", Dialect::SiliconFlow, "/v1", "sk-of-siliconflow-0123456789");
pub(crate) const NEW_API: Platform = Platform {
    settings: &[("TEXT_MODEL", "sim"), ("EDIT_MODEL", "sim"), ("BLEND_MODEL", "sim")],
    ..platform("NewApi", Dialect::OpenAi, "/v1", "sk-newapi-0123456789")
};

impl Platform {
    pub(crate) async fn sim(&self) -> Sim {
        let picture = PictureSpec::exactly(20_000);
        Sim::start(SimConfig { dialect: self.dialect, picture, ..SimConfig::default() }).await.unwrap()
    }

    /// A gateway that has this platform besides what it had.
    pub(crate) fn add(&self, setup: Setup, sim: &Sim) -> Setup {
        let variable = |name: &str| format!("IMG_ROUTER_PROVIDERS_{}_{name}", self.name.to_uppercase());
        let allowed = setup.value("IMG_ROUTER_ALLOW_PRIVATE").map_or_else(String::new, |before| format!("{before},"));
        let mut setup = setup
            .env("IMG_ROUTER_ALLOW_PRIVATE", format!("{allowed}{}", host(sim)))
            .env("IMG_ROUTER_LIMITS_KEY_CONCURRENCY", "64")
            .env(&variable("ENABLED"), "1");
        if self.name == "HuggingFace" {
            let spaces = json!({"z-image-turbo": {"main": sim.url()}, "Qwen-Image-Edit-2511": {"main": sim.url()}});
            setup = setup.env("IMG_ROUTER_HF_MODEL_MAP", spaces.to_string());
        } else {
            setup = setup.env(&variable("BASE_URL"), format!("{}{}", sim.url(), self.path));
        }
        for (name, value) in self.settings {
            setup = setup.env(&variable(name), *value);
        }
        setup.run(&["keys", "add", self.name, self.key]);
        setup
    }
}

pub(crate) fn host(sim: &Sim) -> &str {
    sim.url().strip_prefix("http://").unwrap()
}

/// Real pictures as callers give them: 64×64, one red, one blue.
pub(crate) const RED: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAATklEQVR42u3PMQ0AAAgDsN3zLwpZSOAmaVIDzbSvRUBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEDgsoHZwMQUbi3RAAAAAElFTkSuQmCC";
pub(crate) const BLUE: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAATklEQVR42u3PMQ0AAAgDsN3zLwpZSOAmaVIDTTuvRUBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEDgssBxwMTUGJSzAAAAAElFTkSuQmCC";

/// The pictures of an answer, in either form.
pub(crate) async fn pictures(answer: &Value) -> Vec<Vec<u8>> {
    let items = answer["data"].as_array().unwrap_or_else(|| panic!("{answer}"));
    join_all(items.iter().map(|item| async move {
        match (item["b64_json"].as_str(), item["url"].as_str()) {
            (Some(text), None) => STANDARD.decode(text).unwrap(),
            (None, Some(url)) => {
                let url = url::Url::parse(url).unwrap();
                let request = http::Request::get(url.path()).header("host", "localhost").body(Full::default()).unwrap();
                let fetched = client::ask(url.port().unwrap(), request).await.unwrap();
                assert_eq!(fetched.status, 200, "{url}");
                fetched.body
            }
            _ => panic!("one form, not {item}"),
        }
    }))
    .await
}

/// Draws in every way.
async fn draws_in_every_way(platform: &Platform) {
    let sim = platform.sim().await;
    let setup = platform.add(Setup::new(), &sim);
    let running = setup.start();
    let mut ways = Vec::new();
    for (task, path) in [("text", "/v1/images/generations"), ("edit", "/v1/images/edits"), ("blend", "/v1/images/blend")] {
        for form in ["url", "b64_json"] {
            for n in [1_u32, 3] {
                let mut body = json!({"model": "auto", "prompt": format!("a boat, {task} {form} {n}"), "response_format": form, "n": n});
                match task {
                    "edit" => body["image"] = json!(RED),
                    "blend" => body["images"] = json!([RED, BLUE]),
                    _ => {}
                }
                ways.push((path, body, n));
            }
        }
    }
    join_all(ways.iter().map(|(path, body, n)| async {
        let name = format!("{} {}", platform.name, body["prompt"]);
        let answer = client::post(running.port, path, body).await.unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(answer.status, 200, "{name}: {}\n{}", String::from_utf8_lossy(&answer.body), running.log());
        assert_eq!(answer.header("x-img-router-provider"), platform.name, "{name}");
        let drawn = pictures(&answer.json()).await;
        assert_eq!(drawn.len(), *n as usize, "{name}");
        assert!(drawn.iter().all(|bytes| bytes.starts_with(b"\x89PNG") || bytes.starts_with(b"\xff\xd8") || bytes.starts_with(b"RIFF")));
        let different: BTreeSet<_> = drawn.iter().map(|bytes| Sha256::digest(bytes).to_vec()).collect();
        assert_eq!(different.len(), drawn.len(), "{name}: the same picture twice");
    }))
    .await;
    assert_eq!(crate::support::stored(&setup.data()).len(), 24, "{}: every picture is kept once", platform.name);
    running.stop();
}

#[tokio::test]
async fn doubao() {
    draws_in_every_way(&DOUBAO).await;
}

#[tokio::test]
async fn gitee() {
    draws_in_every_way(&GITEE).await;
}

#[tokio::test]
async fn model_scope() {
    draws_in_every_way(&MODEL_SCOPE).await;
}

#[tokio::test]
async fn pollinations() {
    draws_in_every_way(&POLLINATIONS).await;
}

#[tokio::test]
async fn pollinations_legacy() {
    draws_in_every_way(&LEGACY).await;
}

#[tokio::test]
async fn hugging_face() {
    draws_in_every_way(&HUGGING_FACE).await;
}

#[tokio::test]
async fn silicon_flow() {
    draws_in_every_way(&SILICON_FLOW).await;
}

#[tokio::test]
async fn new_api() {
    draws_in_every_way(&NEW_API).await;
}
