//! The admin API of the real binary.

mod client_keys;
mod described;
mod documentation;
mod doors;
mod folder_1x;
mod live;
mod secrets;
mod signing_in;
mod steering;
mod trusted;

use crate::client::{self, Answer};
use crate::support::{Running, Setup};
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

pub(crate) const PASSWORD: &str = "correct horse battery";

/// Somebody who calls `/api`.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    pub(crate) port: u16,
    pub(crate) cookie: String,
}

impl Operator {
    /// Signs in by the one-time link of the log.
    pub(crate) async fn first(running: &Running) -> Self {
        let log = running.log();
        let token = log.split("/setup?token=").last().unwrap().split_whitespace().next().unwrap().to_owned();
        let answer = send(running.port, "POST", "/api/setup", &[], &json!({"token": token, "password": PASSWORD})).await;
        assert_eq!(answer.status, 200, "{}", text(&answer));
        Self { port: running.port, cookie: cookie(&answer) }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, document: &Value) -> Answer {
        self.send("POST", path, document).await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, document: &Value) -> Answer {
        send(self.port, method, path, &[("cookie", &self.cookie)], document).await
    }

    /// The document of an answer that must be good.
    pub(crate) async fn read(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", text(&answer));
        answer.json()
    }

    /// The document of a change that must be taken.
    pub(crate) async fn change(&self, path: &str, document: Value) -> Value {
        let answer = self.post(path, &document).await;
        assert_eq!(answer.status, 200, "{path}: {}", text(&answer));
        answer.json()
    }
}

pub(crate) async fn send(port: u16, method: &str, path: &str, headers: &[(&str, &str)], document: &Value) -> Answer {
    try_send(port, method, path, headers, document).await.unwrap_or_else(|why| panic!("{method} {path}: {why}"))
}

/// As [`send`], where the gateway may not live to answer.
pub(crate) async fn try_send(port: u16, method: &str, path: &str, headers: &[(&str, &str)], document: &Value) -> Result<Answer, String> {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", format!("localhost:{port}"));
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let has = |name: &str| headers.iter().any(|(known, _)| *known == name);
    if has("cookie") && !has("origin") && !has("sec-fetch-site") {
        // As the panel's own pages.
        request = request.header("sec-fetch-site", "same-origin");
    }
    let body = if document.is_null() { String::new() } else { document.to_string() };
    if !document.is_null() {
        request = request.header("content-type", "application/json");
    }
    client::ask(port, request.body(Full::from(body)).unwrap()).await
}

pub(crate) fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// The session that an answer begins.
pub(crate) fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

pub(crate) fn code(answer: &Answer) -> String {
    answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
}

/// A gateway without any way in, and no port in its environment.
pub(crate) fn fresh() -> Setup {
    let setup = Setup::new().without("IMG_ROUTER_GLOBAL_ACCESS_KEY").without("PORT").without("IMG_ROUTER_PUBLIC_BASE_URL");
    configure(&setup, &json!({"system": {"port": setup.port}}));
    setup
}

/// Writes the configuration file.
#[expect(clippy::disallowed_methods, reason = "a test's own file")]
pub(crate) fn configure(setup: &Setup, document: &Value) {
    std::fs::create_dir_all(setup.data()).unwrap();
    std::fs::write(setup.data().join("runtime-config.json"), document.to_string()).unwrap();
}
