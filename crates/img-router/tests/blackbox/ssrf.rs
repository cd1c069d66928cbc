//! Nobody leads the gateway to places inside: not callers, not platforms, not settings.

use crate::admin::{Operator, code, configure, fresh};
use crate::client::{self, Answer};
use crate::platforms::{NEW_API, RED, host};
use crate::support::{Running, SOON, Setup};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// A server on loopback that gives every request the same answer, and keeps what came.
struct Server {
    port: u16,
    got: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let got = Arc::new(Mutex::new(Vec::new()));
        let came = Arc::clone(&got);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                // Whoever connects is kept, whether a request comes or not.
                let at = {
                    let mut came = came.lock().unwrap();
                    came.push(String::new());
                    came.len() - 1
                };
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut head, mut line) = (String::new(), String::new());
                while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                    head.push_str(&line);
                    line.clear();
                }
                let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.trim().parse().ok());
                let mut body = vec![0; length.unwrap_or(0)];
                let _ = reader.read_exact(&mut body);
                came.lock().unwrap()[at] = head + &String::from_utf8_lossy(&body);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { port, got }
    }

    /// Nobody may ever come.
    fn canary() -> Self {
        Self::start(whole(200, "text/plain", "canary"))
    }

    fn redirect(status: u16, to: &str) -> Self {
        Self::start(format!("HTTP/1.1 {status} x\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"))
    }

    fn origin(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn got(&self) -> Vec<String> {
        self.got.lock().unwrap().clone()
    }
}

fn whole(status: u16, media: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} x\r\ncontent-type: {media}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

/// What a caller reads, but for what differs by request.
fn read(answer: &Answer) -> (u16, Value) {
    let mut document = answer.json();
    if let Some(error) = document["error"].as_object_mut() {
        for own in ["request_id", "attempts", "param"] {
            error.remove(own);
        }
    }
    (answer.status, document)
}

async fn edit(port: u16, url: &str) -> Answer {
    client::post(port, "/v1/images/edits", &json!({"model": "auto", "prompt": "brighter", "image": url})).await.unwrap()
}

async fn blend(port: u16, url: &str) -> Answer {
    client::post(port, "/v1/images/blend", &json!({"model": "auto", "prompt": "both", "images": [RED, url]})).await.unwrap()
}

async fn chat(port: u16, url: &str) -> Answer {
    let content = json!([{"type": "text", "text": "brighter"}, {"type": "image_url", "image_url": {"url": url}}]);
    client::post(port, "/v1/chat/completions", &json!({"model": "auto", "messages": [{"role": "user", "content": content}]})).await.unwrap()
}

/// Waits until the audit log says so.
async fn audited(operator: &Operator, target: &str, class: &str) {
    let began = Instant::now();
    loop {
        let page = operator.read("/api/audit?limit=100").await;
        let rows = page["items"].as_array().unwrap();
        let told = |row: &Value, field: &str, what: &str| row[field].as_str().unwrap_or_default().starts_with(what);
        if rows.iter().any(|row| row["action"] == "refuse connection" && told(row, "target", target) && told(row, "outcome", class)) {
            return;
        }
        assert!(began.elapsed() < SOON, "{target}, {class}: {page}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// A gateway whose operator has signed in, before one platform.
async fn gateway(setup: &Setup) -> (Running, Operator) {
    let running = setup.start();
    let operator = Operator::first(&running).await;
    (running, operator)
}

/// Proves R-SSRF-2, R-SSRF-3, R-SSRF-4, R-SSRF-6, R-SSRF-11.
#[tokio::test]
async fn callers_reach_nothing_inside_and_learn_nothing() {
    let sim = NEW_API.sim().await;
    let canary = Server::canary();
    let inner = canary.origin();
    let front = Server::redirect(302, &format!("http://{inner}/"));
    let twice = Server::redirect(307, &format!("http://127.0.0.1:{}/", front.port));
    let gone = Server::start(whole(404, "text/html", "nothing"));
    let allowed = [front.origin(), twice.origin(), gone.origin(), "127.0.0.1:9".to_owned()].join(",");
    let setup =
        NEW_API.add(Setup::new().env("IMG_ROUTER_ALLOW_PRIVATE", allowed), &sim).env("IMG_ROUTER_LIMITS_URL_FETCHES_PER_MINUTE", "1000");
    let running = setup.start();
    let port = canary.port;
    let refused = [
        format!("http://{inner}/x.png"),
        format!("http://2130706433:{port}/x.png"),
        format!("http://0x7f.1:{port}/"),
        format!("http://017700000001:{port}/"),
        format!("http://①②⑦.⓪.⓪.①:{port}/"),
        format!("http://127。0。0。1:{port}/"),
        format!("http://%31%32%37.0.0.1:{port}/"),
        format!("http://127.0.0.1.:{port}/"),
        format!("http://0.0.0.0:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://[::ffff:7f00:1]:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://example.com\\@{inner}/"),
        format!("http://example.com@{inner}/"),
        format!("http://127.0.0.1:{}/api/config", running.port),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://metadata.google.internal/".to_owned(),
        "http://10.0.0.1/".to_owned(),
        "http://192.168.1.1:8080/".to_owned(),
    ];
    let mut told = Vec::new();
    for url in &refused {
        told.push(read(&edit(running.port, url).await));
        told.push(read(&blend(running.port, url).await));
    }
    for url in &refused {
        told.push(read(&chat(running.port, url).await));
    }
    assert_eq!((told[0].0, &told[0].1["error"]["code"]), (400, &json!("url_not_allowed")), "{}", told[0].1);
    told.dedup();
    assert_eq!(told.len(), 1, "one answer for all: {told:#?}");
    // Other schemes are no addresses of pictures at all.
    for url in [format!("gopher://{inner}/"), format!("file://{inner}/etc/passwd"), format!("dict://{inner}/stat")] {
        let answer = edit(running.port, &url).await;
        assert_eq!((answer.status, code(&answer).as_str()), (400, "url_not_allowed"), "{url}");
    }
    // What happens behind an address that is allowed as it is written.
    let mut told = Vec::new();
    for server in ["127.0.0.1:9".to_owned(), front.origin(), twice.origin(), gone.origin()] {
        told.push(read(&edit(running.port, &format!("http://{server}/x.png")).await));
        told.push(read(&chat(running.port, &format!("http://{server}/x.png")).await));
    }
    told.push(read(&edit(running.port, "http://nowhere.invalid/x.png").await));
    assert_eq!((told[0].0, &told[0].1["error"]["code"]), (400, &json!("image_url_unreachable")), "{}", told[0].1);
    told.dedup();
    assert_eq!(told.len(), 1, "one answer for all: {told:#?}");
    assert_eq!((canary.got().len(), sim.ledger().drawings().len()), (0, 0));
    running.stop();
}

/// Proves R-SSRF-9, F-28.
#[tokio::test]
async fn a_platform_leads_nowhere_inside() {
    let canary = Server::canary();
    let inner = canary.origin();
    let front = Server::redirect(302, &format!("http://{inner}/"));
    let places = [
        format!("http://{inner}/x.png"),
        format!("http://0x7f.0.0.1:{}/x.png", canary.port),
        format!("http://[::ffff:127.0.0.1]:{}/x.png", canary.port),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        format!("http://{}/x.png", front.origin()),
    ];
    for place in places {
        let platform = Server::start(whole(200, "application/json", &json!({"created": 1, "data": [{"url": place}]}).to_string()));
        let setup = fresh()
            .env("IMG_ROUTER_SYSTEM_MODES_BACKEND", "1")
            .env("IMG_ROUTER_GLOBAL_ACCESS_KEY", crate::support::KEY)
            .env("IMG_ROUTER_ALLOW_PRIVATE", format!("{},{}", platform.origin(), front.origin()));
        let base = format!("http://{}/v1", platform.origin());
        configure(
            &setup,
            &json!({"system": {"port": setup.port}, "providers": {"NewApi": {"enabled": true, "baseUrl": base, "text": {"model": "sim"}}}}),
        );
        setup.run(&["keys", "add", "NewApi", NEW_API.key]);
        let (running, operator) = gateway(&setup).await;
        let asked = json!({"model": "auto", "prompt": "a boat", "response_format": "url"});
        let answer = client::post(running.port, "/v1/images/generations", &asked).await.unwrap();
        assert_eq!((answer.status, code(&answer).as_str()), (502, "upstream_error"), "{place}: {}", answer.json());
        let drawings = platform.got().iter().filter(|text| text.starts_with("POST")).count();
        assert_eq!(drawings, 1, "{place}: it was paid for, and is not asked for again");
        let class = if place.contains("169.254") { "metadata" } else { "address" };
        audited(&operator, "drawn ", class).await;
    }
    assert_eq!(canary.got().len(), 0);
}

/// A platform's name that leads inside: told from the platform's own failures, and the operator reads
/// why.
///
/// Proves F-5, R-SSRF-7.
#[tokio::test]
async fn a_platform_that_leads_inside_is_blocked() {
    let canary = Server::canary();
    let setup = fresh().env("IMG_ROUTER_SYSTEM_MODES_BACKEND", "1").env("IMG_ROUTER_GLOBAL_ACCESS_KEY", crate::support::KEY);
    // The system's resolver knows this name, and what it leads to.
    let base = format!("http://localhost:{}/v1", canary.port);
    configure(
        &setup,
        &json!({"system": {"port": setup.port}, "providers": {"NewApi": {"enabled": true, "baseUrl": base, "text": {"model": "sim"}}}}),
    );
    setup.run(&["keys", "add", "NewApi", NEW_API.key]);
    let (running, operator) = gateway(&setup).await;
    let answer = client::post(running.port, "/v1/images/generations", &json!({"model": "auto", "prompt": "a boat"})).await.unwrap();
    assert_eq!((answer.status, code(&answer).as_str()), (503, "upstream_blocked"), "{}", answer.json());
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(answer.header("x-should-retry"), "false");
    assert!(!String::from_utf8_lossy(&answer.body).contains("127.0.0.1"), "callers do not learn how names resolve in here");
    audited(&operator, "provider localhost", "address").await;
    let pool = operator.read("/api/key-pool?provider=NewApi").await;
    assert!(!pool.to_string().contains("disabled\":true") && pool.to_string().contains("active"), "no key is blamed: {pool}");
    let metrics = String::from_utf8(operator.get("/metrics").await.body).unwrap();
    let line = metrics.lines().find(|line| line.starts_with(r#"img_router_egress_refused_total{purpose="provider",class="address"}"#));
    assert!(line.is_some_and(|line| !line.ends_with(" 0")), "{metrics}");
    assert_eq!(canary.got().len(), 0);
}

/// Proves R-SSRF-1, R-SSRF-7, B-93, B-98.
#[tokio::test]
async fn settings_lead_inside_only_if_listed() {
    let canary = Server::canary();
    let inner = canary.origin();
    let setup = fresh();
    let (running, operator) = gateway(&setup).await;
    let bucket = |endpoint: &str| json!({"storage": {"s3": {"endpoint": endpoint, "bucket": "pictures", "accessKey": "id", "secretKey": "a-secret-of-the-bucket"}}});
    let settings = |address: &str| {
        [
            json!({"providers": {"NewApi": {"baseUrl": address}}}),
            json!({"promptOptimizer": {"baseUrl": address}}),
            json!({"imageBed": {"baseUrl": address}}),
            json!({"webhooks": {"url": address}}),
            json!({"hfModelMap": {"m": {"main": address}}}),
            bucket(address),
        ]
    };
    let inside = [
        format!("http://{inner}"),
        format!("http://localhost:{}", canary.port),
        format!("http://[::1]:{}", canary.port),
        format!("http://2130706433:{}", canary.port),
        format!("http://[::ffff:127.0.0.1]:{}", canary.port),
        format!("http://0.0.0.0:{}", canary.port),
        format!("http://127.0.0.1:{}", running.port),
        "http://10.0.0.1".to_owned(),
        "http://198.18.0.1".to_owned(),
        "http://[64:ff9b::a00:1]".to_owned(),
        "http://169.254.169.254".to_owned(),
        "http://168.63.129.16".to_owned(),
        "http://[fd00:ec2::254]".to_owned(),
        "example.com".to_owned(),
        "ftp://example.com".to_owned(),
        "http://user:password@example.com".to_owned(),
        "http://example.com/#fragment".to_owned(),
    ];
    let mut refused = 0;
    for address in &inside {
        for change in settings(address) {
            let answer = operator.post("/api/runtime-config", &change).await;
            assert_eq!(answer.status, 400, "{change}: {}", answer.json());
            refused += 1;
        }
        let key = json!({"key": "sk-newapi-of-a-place-inside", "baseUrl": address});
        let answer = operator.post("/api/key-pool", &json!({"provider": "NewApi", "action": "add", "keyItem": key})).await;
        assert_eq!(answer.status, 400, "{address}: {}", answer.json());
        // A trial asks nobody either.
        for (path, ask) in [
            ("/api/tools/fetch-models", json!({"baseUrl": address, "apiKey": "sk-a-key-to-be-tried"})),
            ("/api/tools/test-newapi-key", json!({"baseUrl": address, "key": "sk-a-key-to-be-tried"})),
        ] {
            let answer = operator.post(path, &ask).await;
            assert!(answer.status == 400 || answer.json()["ok"] == false, "{path} {address}: {}", answer.json());
        }
    }
    println!("settings: {refused} changes that lead inside refused");
    assert_eq!(canary.got().len(), 0);
    // What hands out credentials cannot be listed, anything else can: by host and port, not more.
    for metadata in ["169.254.169.254:80", "[fd00:ec2::254]:80", "168.63.129.16:80"] {
        let answer = operator.post("/api/runtime-config", &json!({"security": {"allowPrivate": [metadata]}})).await;
        assert_eq!(answer.status, 400, "{metadata}");
    }
    operator.change("/api/runtime-config", json!({"security": {"allowPrivate": [inner]}})).await;
    for change in settings(&format!("http://{inner}")) {
        operator.change("/api/runtime-config", change).await;
    }
    let neighbour = format!("http://127.0.0.1:{}", running.port);
    assert_eq!(operator.post("/api/runtime-config", &settings(&neighbour)[0]).await.status, 400);
    operator.post("/api/tools/test-storage", &json!({})).await;
    assert!(!canary.got().is_empty(), "listed, the same place is asked");
}

/// Proves R-SSRF-11.
#[tokio::test]
async fn a_caller_has_so_many_addresses_fetched_in_a_minute() {
    let sim = NEW_API.sim().await;
    let setup = NEW_API.add(Setup::new(), &sim);
    let running = setup.start();
    let nowhere = "http://10.0.0.1/x.png";
    for _ in 0..30 {
        assert_eq!(code(&edit(running.port, nowhere).await), "url_not_allowed");
    }
    for _ in 0..2 {
        let answer = edit(running.port, nowhere).await;
        assert_eq!((answer.status, code(&answer).as_str()), (429, "rate_limit_exceeded"));
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
    }
    // Bytes are no fetches.
    assert_eq!(edit(running.port, RED).await.status, 200);
    running.says("a picture at a caller's address cannot be used").await;
}

/// Canaries of every kind of secret, and servers that lead each of them elsewhere: what is sent to the
/// other place is read byte by byte.
///
/// Proves P-7, R-SEC-3, R-SEC-6, R-PRIV-1, F-42, F-54.
#[tokio::test]
async fn secrets_stay_with_their_origins() {
    const SECRETS: [&str; 4] =
        ["sk-canary-of-the-platform", "canary-of-the-bucket", "canary-of-the-optimizer", "whsec_Y2FuYXJ5LW9mLXRoZS1ob29rcw=="];
    let other = Server::start(whole(200, "application/json", "{}"));
    for status in [301, 302, 303, 307, 308] {
        let platform = Server::redirect(status, &format!("http://{}/stolen", other.origin()));
        let bucket = Server::redirect(status, &format!("http://{}/stolen", other.origin()));
        let optimizer = Server::redirect(status, &format!("http://{}/stolen", other.origin()));
        let hooks = Server::redirect(status, &format!("http://{}/stolen", other.origin()));
        let servers = [&platform, &bucket, &optimizer, &hooks, &other];
        let setup = fresh()
            .env("IMG_ROUTER_SYSTEM_MODES_BACKEND", "1")
            .env("IMG_ROUTER_GLOBAL_ACCESS_KEY", crate::support::KEY)
            .env("IMG_ROUTER_ALLOW_PRIVATE", servers.map(Server::origin).join(","));
        let at = |server: &Server| format!("http://{}", server.origin());
        let improved = json!({"model": "sim", "promptOptimizer": {"translate": true, "expand": true}});
        configure(
            &setup,
            &json!({
                "system": {"port": setup.port},
                "providers": {"NewApi": {"enabled": true, "baseUrl": at(&platform), "text": improved}},
                "promptOptimizer": {"baseUrl": at(&optimizer), "apiKey": SECRETS[2], "model": "m"},
                "storage": {"s3": {"endpoint": at(&bucket), "bucket": "pictures", "accessKey": "id", "secretKey": SECRETS[1]}},
                "webhooks": {"url": at(&hooks), "secret": SECRETS[3]},
            }),
        );
        setup.run(&["keys", "add", "NewApi", SECRETS[0]]);
        let (running, operator) = gateway(&setup).await;
        let answer = client::post(running.port, "/v1/images/generations", &json!({"model": "auto", "prompt": "a boat"})).await.unwrap();
        assert_eq!(answer.status, 502, "{status}: {}", answer.json());
        let tried = operator.post("/api/tools/test-storage", &json!({})).await.json();
        assert_eq!(tried["ok"], false, "{tried}");
        for (path, ask) in [
            ("/api/tools/fetch-models", json!({"baseUrl": at(&platform), "apiKey": SECRETS[0]})),
            ("/api/key-pool", json!({"provider": "NewApi", "action": "test_all"})),
        ] {
            operator.post(path, &ask).await;
        }
        // The webhook is told of the failure, with its signature and never its secret.
        let began = Instant::now();
        while hooks.got().is_empty() {
            assert!(began.elapsed() < SOON, "{}", running.log());
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert!(platform.got().iter().any(|text| text.contains(SECRETS[0])), "it went where it belongs");
        assert!(optimizer.got().iter().any(|text| text.contains(SECRETS[2])), "{:?}", optimizer.got());
        let bound = [Some(&platform), None, Some(&optimizer), None];
        for (secret, owner) in SECRETS.iter().zip(bound) {
            for server in servers.iter().filter(|server| owner.is_none_or(|owner| owner.port != server.port)) {
                assert!(!server.got().iter().any(|text| text.contains(secret)), "{status}: {secret} at another place");
            }
        }
    }
    assert!(other.got().is_empty(), "no redirect of what carries a secret is followed: {:?}", other.got());
}

/// A picture goes to the platform that was picked, and to the bucket that was configured.
///
/// Proves R-PRIV-1.
#[tokio::test]
async fn a_picture_goes_to_the_platform_that_was_picked() {
    let (sim, other) = (NEW_API.sim().await, crate::platforms::SILICON_FLOW.sim().await);
    let setup = crate::platforms::SILICON_FLOW.add(NEW_API.add(Setup::new(), &sim), &other);
    let running = setup.start();
    for (picked, idle) in [("NewApi", &other), ("SiliconFlow", &sim)] {
        let before = idle.ledger().drawings().len();
        let body = json!({"model": picked, "prompt": "brighter", "image": RED, "response_format": "b64_json"});
        let answer = client::post(running.port, "/v1/images/edits", &body).await.unwrap();
        assert_eq!((answer.status, answer.header("x-img-router-provider")), (200, picked), "{} {}", answer.json(), host(&sim));
        assert_eq!(idle.ledger().drawings().len(), before, "{picked}");
    }
}
