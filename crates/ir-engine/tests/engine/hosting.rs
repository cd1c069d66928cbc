//! Public addresses for pictures: the image bed's protocol against a scripted bed, and the gateway's
//! own links, signed and short-lived.

use crate::support::{Bench, NOW, bench, png};
use ir_egress::{Door, Recorded, ScriptedWire, Wire, WireFault, WireFaultKind, WireReply};
use ir_engine::Hosting;
use ir_model::{Charge, Class, Clock, Fault, Gate, Picture};
use ir_settings::Settings;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const BED: &str = r#"{"imageBed":{"baseUrl":"https://bed.example/","authCode":"bed-canary","uploadFolder":"in put","uploadChannel":"cfr2"},
  "system":{"publicBaseUrl":"https://gate.example/ir"}}"#;
const BED_ALONE: &str = r#"{"imageBed":{"baseUrl":"https://bed.example/","authCode":"bed-canary"}}"#;
const OWN: &str = r#"{"system":{"publicBaseUrl":"https://gate.example/ir/"}}"#;

struct Host {
    hosting: Hosting,
    bench: Bench,
    settings: Settings,
    wire: Arc<ScriptedWire>,
    door: Door,
}

async fn host(config: &str, answer: impl Fn(&Recorded) -> Result<WireReply, WireFault> + Send + Sync + 'static) -> Host {
    let bench = bench(config, &[], |_| panic!("the engine asks nobody")).await;
    let wire = Arc::new(ScriptedWire::new(answer));
    let clock = Arc::clone(bench.engine.clock());
    let door = Door::new(Arc::clone(&wire) as Arc<dyn Wire>, bench.engine.callers_spool().clone(), Arc::clone(&clock));
    let hosting = Hosting::new(clock, Arc::clone(bench.engine.dice()));
    let settings = (*bench.engine.snapshot().settings).clone();
    Host { hosting, bench, settings, wire, door }
}

impl Host {
    async fn picture(&self, shade: u8) -> Picture {
        let mut writer = self.bench.engine.callers_spool().writer().expect("writer");
        writer.write(&png(shade)).await.expect("written");
        Picture::from_blob(writer.finish().await.expect("blob")).expect("a picture")
    }

    async fn host(&self, picture: &Picture, links: &ir_engine::Links) -> Result<String, Fault> {
        self.hosting.host(&self.door, &self.settings, picture, links, Instant::now() + Duration::from_secs(60)).await
    }

    /// Opens a link by the parts of its path.
    fn open(&self, url: &str) -> Option<Picture> {
        let path = url.strip_prefix("https://gate.example/ir/inputs/").expect(url);
        let parts: Vec<&str> = path.split('/').collect();
        assert_eq!(parts.len(), 3, "{url}");
        self.hosting.open(parts[0], parts[1], parts[2], self.bench.clock.now())
    }
}

fn nobody(_: &Recorded) -> Result<WireReply, WireFault> {
    panic!("nobody is to be asked")
}

fn json(body: &str) -> Result<WireReply, WireFault> {
    Ok(WireReply::scripted(200, &[("content-type", "application/json")], body.to_owned()))
}

fn text(status: u16, body: &str) -> Result<WireReply, WireFault> {
    Ok(WireReply::scripted(status, &[("content-type", "text/plain")], body.to_owned()))
}

#[tokio::test]
async fn the_image_bed_gets_one_upload_for_one_picture() {
    let host = host(BED, |_| json(r#"[{"src":"https://cdn.example/file/a.png"}]"#)).await;
    let (links, picture) = (host.hosting.links(), host.picture(7).await);
    for _ in 0..2 {
        assert_eq!(host.host(&picture, &links).await.unwrap(), "https://cdn.example/file/a.png");
    }
    let sent = host.wire.recorded();
    assert_eq!(sent.len(), 1, "the second time its address is known");
    assert_eq!(sent[0].url.as_str(), "https://bed.example/upload?returnFormat=full&uploadChannel=cfr2&uploadFolder=in+put");
    assert_eq!(sent[0].header("authorization"), Some("Bearer bed-canary"));
    assert_eq!(sent[0].header("authcode"), Some("bed-canary"));
    let body = String::from_utf8_lossy(&sent[0].body).into_owned();
    assert!(body.contains("name=\"file\"; filename=\"input-") && body.contains("image/png"), "{body:.300}");
    assert!(sent[0].body.windows(png(7).len()).any(|window| window == png(7)));
    host.host(&host.picture(8).await, &links).await.unwrap();
    assert_eq!(host.wire.recorded().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn uploads_are_forgotten_after_an_hour() {
    let host = host(BED, |_| json(r#"[{"src":"/file/a.png"}]"#)).await;
    let (links, picture) = (host.hosting.links(), host.picture(7).await);
    host.host(&picture, &links).await.unwrap();
    tokio::time::advance(Duration::from_secs(3600)).await;
    host.host(&picture, &links).await.unwrap();
    assert_eq!(host.wire.recorded().len(), 2);
}

#[tokio::test]
async fn each_form_of_its_answer_is_read() {
    for (answer, expected) in [
        (r#"[{"src":"/file/a.png"}]"#, "https://bed.example/file/a.png"),
        (r#"[{"src":"file/a b.png"}]"#, "https://bed.example/file/a%20b.png"),
        (r#"{"code":200,"data":{"url":"https://cdn.example/b.png"}}"#, "https://cdn.example/b.png"),
        (r#"{"code":200,"data":{"url":"/b.png"}}"#, "https://bed.example/b.png"),
    ] {
        let host = host(BED, move |_| json(answer)).await;
        assert_eq!(host.host(&host.picture(7).await, &host.hosting.links()).await.unwrap(), expected);
    }
}

/// Its failures cost nothing, say what failed, and hold neither the credential nor its words.
#[tokio::test]
async fn failures_of_the_image_bed_are_clear() {
    type Script = fn() -> Result<WireReply, WireFault>;
    let table: [(Script, Class, &str); 10] = [
        (|| text(401, "Unauthorized bed-canary"), Class::UpstreamFault, "refused the credential (status 401)"),
        (|| text(403, "blocked"), Class::UpstreamFault, "refused the credential (status 403)"),
        (|| text(500, "Error: Failed to upload to S3 - bed-canary"), Class::UpstreamFault, "status 500"),
        (|| text(302, ""), Class::UpstreamFault, "status 302"),
        (|| text(200, "<html>bed-canary</html>"), Class::UpstreamFault, "names no address"),
        (|| text(200, ""), Class::UpstreamFault, "names no address"),
        (|| json(r#"{"code":401,"msg":"bed-canary"}"#), Class::UpstreamFault, "names no address"),
        (|| json(r#"[{"src":""}]"#), Class::UpstreamFault, "names no address"),
        (|| json(r#"[{"src":"javascript://x/"}]"#), Class::UpstreamFault, "cannot be used"),
        (|| Err(WireFault { kind: WireFaultKind::Connect, sent: false, detail: "refused".to_owned() }), Class::UpstreamFault, "image bed"),
    ];
    for (script, class, detail) in table {
        let host = host(BED_ALONE, move |_| script()).await;
        let (links, picture) = (host.hosting.links(), host.picture(7).await);
        let fault = host.host(&picture, &links).await.unwrap_err();
        assert_eq!((fault.class, fault.charge), (class, Charge::No), "{fault:?}");
        assert!(fault.detail.as_deref().unwrap().contains(detail), "{fault:?}");
        assert!(!format!("{fault:?}").contains("canary"), "{fault:?}");
        assert!(fault.message.unwrap().en.contains("image bed"));
        host.host(&picture, &links).await.unwrap_err();
        assert_eq!(host.wire.recorded().len(), 2, "a failure is not remembered");
    }
}

#[tokio::test]
async fn a_link_stands_in_for_a_bed_that_fails() {
    let host = host(BED, |_| text(500, "")).await;
    let (links, picture) = (host.hosting.links(), host.picture(7).await);
    let url = host.host(&picture, &links).await.unwrap();
    assert_eq!(host.open(&url).expect("open").blob.sha256(), picture.blob.sha256());
    assert_eq!(host.wire.recorded().len(), 1);
}

#[tokio::test]
async fn without_a_way_the_caller_reads_what_to_do() {
    let host = host("{}", nobody).await;
    assert!(!Hosting::available(&host.settings));
    let fault = host.host(&host.picture(7).await, &host.hosting.links()).await.unwrap_err();
    assert_eq!((fault.class, fault.charge, fault.param.as_deref()), (Class::InvalidRequest, Charge::No, Some("image")));
    let message = fault.message.unwrap();
    for word in ["imageBed", "publicBaseUrl", "http"] {
        assert!(message.en.contains(word) && message.zh.contains(word), "{message:?}");
    }
}

#[tokio::test]
async fn a_link_shows_the_picture_until_its_request_ends() {
    let host = host(OWN, nobody).await;
    assert!(Hosting::available(&host.settings));
    let (links, picture) = (host.hosting.links(), host.picture(7).await);
    let url = host.host(&picture, &links).await.unwrap();
    assert!(url.ends_with(".png"), "{url}");
    assert_eq!(host.host(&picture, &links).await.unwrap(), url, "one link for one picture");
    let sha256 = picture.blob.sha256();
    drop(picture);
    assert_eq!(host.open(&url).expect("open").blob.sha256(), sha256, "the link holds the bytes");
    let other = host.host(&host.picture(8).await, &links).await.unwrap();
    assert_ne!(other, url);
    // Another request for the same picture has links of its own.
    let later = host.hosting.links();
    let again = host.host(&host.picture(7).await, &later).await.unwrap();
    assert_ne!(again, url);
    drop(links);
    assert!(host.open(&url).is_none() && host.open(&other).is_none());
    assert!(host.open(&again).is_some());
}

#[tokio::test]
async fn only_links_that_were_given_out_open() {
    let host = host(OWN, nobody).await;
    let links = host.hosting.links();
    let url = host.host(&host.picture(7).await, &links).await.unwrap();
    let parts: Vec<&str> = url.rsplitn(4, '/').collect();
    let (tail, expiry, id) = (parts[0], parts[1], parts[2]);
    let now = host.bench.clock.now();
    assert!(host.hosting.open(id, expiry, tail, now).is_some());
    let later = (expiry.parse::<i64>().unwrap() + 60_000).to_string();
    let (signature, _) = tail.split_once('.').unwrap();
    let flipped = format!("{}{}", if tail.starts_with('0') { '1' } else { '0' }, &tail[1..]);
    let other_id = "0".repeat(32);
    let bad = [
        (id, later.as_str(), tail.to_owned()),
        (id, &format!("0{expiry}"), tail.to_owned()),
        (id, &format!("+{expiry}"), tail.to_owned()),
        (id, "", tail.to_owned()),
        (id, "never", tail.to_owned()),
        (other_id.as_str(), expiry, tail.to_owned()),
        (&id.to_uppercase(), expiry, tail.to_owned()),
        ("", expiry, tail.to_owned()),
        (id, expiry, flipped),
        (id, expiry, tail.to_uppercase()),
        (id, expiry, signature.to_owned()),
        (id, expiry, format!("{signature}.jpg")),
        (id, expiry, format!("{signature}.png.png")),
        (id, expiry, String::new()),
        (id, expiry, ".png".to_owned()),
    ];
    for (id, expiry, tail) in bad {
        assert!(host.hosting.open(id, expiry, &tail, now).is_none(), "{id} {expiry} {tail}");
    }
    // Another process has another key: its links are nothing here.
    let stranger = Hosting::new(Arc::clone(host.bench.engine.clock()), Arc::clone(host.bench.engine.dice()));
    assert!(stranger.open(id, expiry, tail, now).is_none());
}

#[tokio::test]
async fn links_end_after_a_quarter_of_an_hour() {
    let host = host(OWN, nobody).await;
    let (links, picture) = (host.hosting.links(), host.picture(7).await);
    let url = host.host(&picture, &links).await.unwrap();
    host.bench.clock.advance_ms(15 * 60 * 1000 - 1);
    assert!(host.open(&url).is_some());
    // It is about to end: asked again, there is a new one.
    let fresh = host.host(&picture, &links).await.unwrap();
    assert_ne!(fresh, url);
    host.bench.clock.advance_ms(1);
    assert!(host.open(&url).is_none());
    assert!(host.open(&fresh).is_some());
    assert_eq!(host.bench.clock.now(), NOW.plus_ms(15 * 60 * 1000));
}

#[tokio::test]
async fn there_are_only_so_many_links() {
    let host = host(OWN, nobody).await;
    let picture = host.picture(7).await;
    let mut requests = Vec::new();
    for _ in 0..4096 {
        let links = host.hosting.links();
        host.host(&picture, &links).await.unwrap();
        requests.push(links);
    }
    let links = host.hosting.links();
    assert_eq!(host.host(&picture, &links).await.unwrap_err().class, Class::Gate(Gate::Overloaded));
    requests.pop();
    host.host(&picture, &links).await.unwrap();
    // Those that have ended make room, whether their requests go on or not.
    host.bench.clock.advance_ms(15 * 60 * 1000);
    host.host(&picture, &host.hosting.links()).await.unwrap();
}
