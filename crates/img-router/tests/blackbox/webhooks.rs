//! Webhooks: signed, repeated until they are taken, across restarts, and to no forbidden place.

use crate::client;
use crate::platforms::{NEW_API, host};
use crate::support::{KEY, SOON, Setup};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Instant;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What came to a receiver.
#[derive(Clone, Debug)]
struct Message {
    headers: HashMap<String, String>,
    body: String,
}

/// A receiver that answers with these statuses in turn, and with the last one from then on.
struct Receiver {
    address: String,
    got: Arc<Mutex<Vec<Message>>>,
}

impl Receiver {
    fn start(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let got = Arc::new(Mutex::new(Vec::new()));
        let messages = Arc::clone(&got);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream);
                let mut headers = HashMap::new();
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                    if let Some((name, value)) = line.split_once(':') {
                        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
                    }
                    line.clear();
                }
                let mut body = vec![0; headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
                reader.read_exact(&mut body).unwrap();
                let mut messages = messages.lock().unwrap();
                let status = statuses[messages.len().min(statuses.len() - 1)];
                messages.push(Message { headers, body: String::from_utf8(body).unwrap() });
                drop(messages);
                let _ = write!(reader.get_mut(), "HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            }
        });
        Self { address, got }
    }

    fn messages(&self) -> Vec<Message> {
        self.got.lock().unwrap().clone()
    }

    async fn wait(&self, count: usize) -> Vec<Message> {
        let began = Instant::now();
        while self.messages().len() < count {
            assert!(began.elapsed() < SOON, "{count} messages never came: {:?}", self.messages());
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        self.messages()
    }
}

/// As the specification's libraries check it.
fn is_signed(message: &Message) -> bool {
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{}.{}.{}", message.headers["webhook-id"], message.headers["webhook-timestamp"], message.body).as_bytes());
    message.headers["webhook-signature"] == format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

async fn draw(port: u16, prompt: &str, hook: Option<&str>) -> client::Answer {
    let mut request = Request::post("/v1/images/generations").header("host", "localhost").header("authorization", format!("Bearer {KEY}"));
    if let Some(hook) = hook {
        request = request.header("x-img-router-webhook", hook);
    }
    let body = json!({"model": "auto", "prompt": prompt, "response_format": "url"}).to_string();
    client::ask(port, request.header("content-type", "application/json").body(Full::from(body)).unwrap()).await.unwrap()
}

#[tokio::test]
async fn the_end_of_a_request_is_told_until_it_is_heard() {
    let sim = NEW_API.sim().await;
    let receiver = Receiver::start(&[500, 204]);
    let setup = NEW_API
        .add(Setup::new().env("IMG_ROUTER_ALLOW_PRIVATE", &receiver.address), &sim)
        .env("IMG_ROUTER_WEBHOOKS_URL", format!("http://{}/hook?token=of-the-receiver", receiver.address))
        .env("IMG_ROUTER_WEBHOOKS_SECRET", SECRET);
    let running = setup.start();
    let answer = draw(running.port, "a cat", None).await;
    let first = receiver.wait(1).await[0].clone();
    // The receiver failed; so does the gateway.
    let began = Instant::now();
    while !running.log().contains("a webhook was not taken") {
        assert!(began.elapsed() < SOON, "{}", running.log());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    running.kill();
    let running = setup.start();
    let second = receiver.wait(2).await[1].clone();
    assert!(is_signed(&first) && is_signed(&second), "{first:?}");
    assert_eq!((&first.headers["webhook-id"], &first.body), (&second.headers["webhook-id"], &second.body), "a repetition can be told");
    let told: Value = serde_json::from_str(&second.body).unwrap();
    assert_eq!(told["type"], json!("image.request.completed"));
    assert_eq!(told["data"]["id"], json!(answer.header("x-request-id")));
    assert_eq!(told["data"]["pictures"][0]["url"], answer.json()["data"][0]["url"]);

    let failed = draw(running.port, "a cat [sim moderation]", None).await;
    let third: Value = serde_json::from_str(&receiver.wait(3).await[2].body).unwrap();
    assert_eq!((&third["type"], &third["data"]["id"]), (&json!("image.request.failed"), &json!(failed.header("x-request-id"))));
    assert_eq!(third["data"]["error"]["code"], json!("content_rejected"));
    running.stop();
    let log = std::fs::read_to_string(setup.beside("log.txt")).unwrap();
    assert!(!log.contains("of-the-receiver") && !log.contains(SECRET), "{log}");
    assert_eq!(receiver.messages().len(), 3, "what was taken is not told again");
}

/// Proves R-SSRF-4, R-SSRF-9.
#[tokio::test]
async fn a_callers_webhook_is_called_unless_it_leads_inside() {
    let sim = NEW_API.sim().await;
    let receiver = Receiver::start(&[200]);
    let stranger = Receiver::start(&[200]);
    let setup =
        NEW_API.add(Setup::new().env("IMG_ROUTER_ALLOW_PRIVATE", &receiver.address), &sim).env("IMG_ROUTER_WEBHOOKS_SECRET", SECRET);
    let running = setup.start();
    // Loopback is for the operator to allow.
    assert_eq!(draw(running.port, "a cat", Some(&format!("http://{}/", stranger.address))).await.status, 200);
    assert_eq!(draw(running.port, "a dog", Some(&format!("http://{}/mine", receiver.address))).await.status, 200);
    let told: Value = serde_json::from_str(&receiver.wait(1).await[0].body).unwrap();
    assert_eq!(told["data"]["status"], json!("completed"));
    assert!(stranger.messages().is_empty());
    for bad in ["ftp://there.example/", "not an address", ""] {
        let refused = draw(running.port, "a bird", Some(bad)).await;
        assert_eq!((refused.status, &refused.json()["error"]["param"]), (400, &json!("X-Img-Router-Webhook")), "{bad}");
    }
    running.stop();
    assert!(stranger.messages().is_empty());
    assert_eq!(sim.ledger().drawings().len(), 2, "{}", host(&sim));

    // Nothing is sent that cannot be signed.
    let setup = setup.without("IMG_ROUTER_WEBHOOKS_SECRET");
    let running = setup.start();
    let refused = draw(running.port, "a cat", Some(&format!("http://{}/", receiver.address))).await;
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (400, Some("unsupported_parameter")));
}

/// Proves R-DOS-6.
#[tokio::test]
async fn a_receiver_that_never_answers_holds_up_no_other() {
    let sim = NEW_API.sim().await;
    let silent = TcpListener::bind("127.0.0.2:0").unwrap();
    let dead = silent.local_addr().unwrap().to_string();
    let receiver = Receiver::start(&[200]);
    let setup = NEW_API
        .add(Setup::new().env("IMG_ROUTER_ALLOW_PRIVATE", format!("{dead},{}", receiver.address)), &sim)
        .env("IMG_ROUTER_WEBHOOKS_SECRET", SECRET);
    let running = setup.start();
    for number in 0..12 {
        assert_eq!(draw(running.port, &format!("cat {number}"), Some(&format!("http://{dead}/"))).await.status, 200);
    }
    assert_eq!(draw(running.port, "a dog", Some(&format!("http://{}/", receiver.address))).await.status, 200);
    receiver.wait(1).await;
    running.kill();
}
