use super::*;
use crate::scripted::{Recorded, ScriptedWire};
use crate::wire::Wire;
use ir_model::{Clock, Dice, Limits, ManualClock};
use ir_spool::{Spool, SpoolConfig};
use std::sync::Arc;

struct Zeros;

impl Dice for Zeros {
    fn fill(&self, out: &mut [u8]) {
        out.fill(0);
    }
}

fn config(endpoint: &str) -> BucketConfig {
    BucketConfig {
        endpoint: Url::parse(endpoint).unwrap(),
        bucket: "pictures".to_owned(),
        access_key: "AKID".to_owned(),
        secret_key: Secret::new("canary-of-the-secret-key"),
        region: "auto".to_owned(),
        style: BucketStyle::Auto,
        prefix: None,
    }
}

fn door(folder: &std::path::Path, wire: &Arc<ScriptedWire>) -> Door {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp(1_795_388_038_000)));
    let config = SpoolConfig { data_dir: folder.to_owned(), limits: Limits::default(), fsync: false, max_in_flight_bytes: 1 << 20 };
    let spool = Spool::open(config, Arc::new(Zeros)).unwrap();
    Door::new(Arc::clone(wire) as Arc<dyn Wire>, spool, clock)
}

/// Talks to a bucket that answers by `answer`; what it was asked comes back.
async fn talk<T>(
    config: BucketConfig,
    answer: impl Fn(&Recorded) -> Result<WireReply, WireFault> + Send + Sync + 'static,
    with: impl AsyncFnOnce(&Bucket) -> T,
) -> (T, Vec<Recorded>) {
    let folder = tempfile::tempdir().unwrap();
    let wire = Arc::new(ScriptedWire::new(answer));
    let bucket = Bucket::new(&door(folder.path(), &wire), config).unwrap();
    let result = with(&bucket).await;
    (result, wire.recorded())
}

fn status(status: u16) -> impl Fn(&Recorded) -> Result<WireReply, WireFault> {
    move |_| Ok(WireReply::scripted(status, &[], ""))
}

fn text(content: &str) -> Object {
    Object::from_bytes(content.as_bytes().to_vec(), "image/png")
}

#[tokio::test]
async fn an_object_is_put_with_its_digest_signed() {
    let config = BucketConfig { prefix: Some("img".to_owned()), ..config("http://127.0.0.1:9000") };
    let (put, sent) = talk(config, status(200), async |bucket: &Bucket| {
        assert_eq!(bucket.target(), "http://127.0.0.1:9000|pictures/img");
        let public = Url::parse("https://cdn.example/p/").unwrap();
        assert_eq!(bucket.link(&public, &bucket.key("a b.png")), "https://cdn.example/p/img/a%20b.png");
        bucket.put(&bucket.key("2026-11-22/a b.png"), text("picture")).await
    })
    .await;
    assert_eq!(put, Ok(()));
    let [put] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!((put.method.as_str(), put.url.as_str()), ("PUT", "http://127.0.0.1:9000/pictures/img/2026-11-22/a%20b.png"));
    assert_eq!(put.body, b"picture");
    assert_eq!(put.purpose, Purpose::Storage);
    assert_eq!(put.header("content-type"), Some("image/png"));
    assert_eq!(put.header("x-amz-content-sha256"), Some(hex(&Sha256::digest(b"picture")).as_str()));
    assert!(put.header("authorization").unwrap().contains("Credential=AKID/20261122/us-east-1/s3/aws4_request"));
    assert!(put.headers["authorization"].is_sensitive());
}

#[tokio::test]
async fn the_bucket_stands_where_the_service_wants_it() {
    let name = "photo.album";
    for (endpoint, bucket, style, expected, region) in [
        ("https://s3.eu-west-1.amazonaws.com", "pictures", BucketStyle::Auto, "https://pictures.s3.eu-west-1.amazonaws.com/k", "eu-west-1"),
        ("https://s3.amazonaws.com", name, BucketStyle::Auto, "https://s3.amazonaws.com/photo.album/k", "us-east-1"),
        ("https://id.r2.cloudflarestorage.com", "pictures", BucketStyle::Path, "https://id.r2.cloudflarestorage.com/pictures/k", "auto"),
        ("https://id.r2.cloudflarestorage.com", "pictures", BucketStyle::Auto, "https://pictures.id.r2.cloudflarestorage.com/k", "auto"),
        ("http://minio:9000", "pictures", BucketStyle::Auto, "http://minio:9000/pictures/k", "us-east-1"),
        ("http://[::1]:9000/s3/", "pictures", BucketStyle::Auto, "http://[::1]:9000/s3/pictures/k", "us-east-1"),
        ("https://minio.example:9000", "pictures", BucketStyle::Auto, "https://minio.example:9000/pictures/k", "us-east-1"),
        ("http://minio.example:9000", "pictures", BucketStyle::Virtual, "http://pictures.minio.example:9000/k", "us-east-1"),
    ] {
        let config = BucketConfig { bucket: bucket.to_owned(), style, ..config(endpoint) };
        let (_, sent) = talk(config, status(204), async |bucket: &Bucket| bucket.delete("k").await).await;
        assert_eq!(sent[0].url.as_str(), expected);
        assert!(sent[0].header("authorization").unwrap().contains(&format!("/{region}/s3/")), "{endpoint}");
    }
}

#[tokio::test]
async fn what_cannot_be_a_bucket_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let door = door(folder.path(), &Arc::new(ScriptedWire::queue([])));
    let odd = |bucket: &str, prefix: Option<&str>, style| {
        let config =
            BucketConfig { bucket: bucket.to_owned(), prefix: prefix.map(str::to_owned), style, ..config("http://127.0.0.1:9000") };
        Bucket::new(&door, config).map(drop).map_err(|fault| fault.kind)
    };
    for bucket in ["../x", "a", "a/b", "a b", "..", "a..b", "图图图"] {
        assert_eq!(odd(bucket, None, BucketStyle::Path), Err(BucketFaultKind::Settings), "{bucket}");
    }
    for prefix in ["a/../b", "..", "a//b", "."] {
        assert_eq!(odd("pictures", Some(prefix), BucketStyle::Path), Err(BucketFaultKind::Settings), "{prefix}");
    }
    assert_eq!(odd("pictures", Some("a/b"), BucketStyle::Path), Ok(()));
}

#[tokio::test]
async fn failures_tell_whom_they_are_about() {
    use BucketFaultKind::{Object as Obj, Service, Settings};
    for (status, code, kind) in [
        (403, "SignatureDoesNotMatch", Settings),
        (403, "InvalidAccessKeyId", Settings),
        (403, "RequestTimeTooSkewed", Settings),
        (403, "", Settings),
        (401, "", Settings),
        (404, "NoSuchBucket", Settings),
        (301, "PermanentRedirect", Settings),
        (307, "TemporaryRedirect", Settings),
        (400, "AuthorizationHeaderMalformed", Settings),
        (400, "XAmzContentSHA256Mismatch", Obj),
        (409, "OperationAborted", Obj),
        (429, "", Service),
        (500, "InternalError", Service),
        (503, "SlowDown", Service),
    ] {
        let document = format!(
            "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>canary-of-the-secret-key</Message>\
             <StringToSign>canary-of-the-secret-key</StringToSign></Error>"
        );
        let answer = move |_: &Recorded| Ok(WireReply::scripted(status, &[("retry-after", "7")], document.clone()));
        let (put, sent) = talk(config("http://127.0.0.1:9000"), answer, async |bucket: &Bucket| bucket.put("k", text("x")).await).await;
        let fault = put.unwrap_err();
        assert_eq!((fault.kind, fault.retry_after), (kind, Some(Duration::from_secs(7))), "{status} {code}");
        let expected = if code.is_empty() { format!("status {status}") } else { format!("status {status}, {code}") };
        assert_eq!(fault.to_string(), expected, "nothing else of the answer is repeated");
        assert_eq!(sent.len(), 1, "nothing is followed or repeated here");
    }
}

#[tokio::test]
async fn a_wrong_region_names_the_right_one() {
    let answer = |_: &Recorded| {
        Ok(WireReply::scripted(400, &[], "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>"))
    };
    let (put, _) = talk(config("http://127.0.0.1:9000"), answer, async |bucket: &Bucket| bucket.delete("k").await).await;
    assert_eq!(
        put.unwrap_err().to_string(),
        "status 400, AuthorizationHeaderMalformed: the bucket's region is eu-west-1, us-east-1 is set"
    );
}

#[tokio::test]
async fn a_service_that_is_away_is_told_from_a_transfer_that_broke() {
    for (kind, expected) in [
        (WireFaultKind::Connect, BucketFaultKind::Service),
        (WireFaultKind::Resolve, BucketFaultKind::Service),
        (WireFaultKind::Timeout(Phase::Connect), BucketFaultKind::Service),
        (WireFaultKind::Timeout(Phase::FirstByte), BucketFaultKind::Object),
        (WireFaultKind::Broken, BucketFaultKind::Object),
        (WireFaultKind::Refused, BucketFaultKind::Settings),
        (WireFaultKind::Blocked, BucketFaultKind::Settings),
    ] {
        let answer = move |_: &Recorded| Err(WireFault { kind, sent: true, detail: String::new() });
        let (put, _) = talk(config("http://127.0.0.1:9000"), answer, async |bucket: &Bucket| bucket.delete("k").await).await;
        assert_eq!(put.unwrap_err().kind, expected, "{kind:?}");
    }
}

#[tokio::test]
async fn a_probe_leaves_nothing_behind() {
    let (probe, sent) = talk(config("http://127.0.0.1:9000"), status(200), async |bucket: &Bucket| bucket.probe().await).await;
    assert_eq!(probe, Ok(()));
    let lines: Vec<String> = sent.iter().map(|request| format!("{} {}", request.method, request.url.path())).collect();
    assert_eq!(lines, ["PUT /pictures/.img-router-probe", "DELETE /pictures/.img-router-probe"]);
}

#[tokio::test]
async fn an_object_is_looked_at() {
    let there = |_: &Recorded| Ok(WireReply::scripted(200, &[("content-length", "42")], ""));
    let (head, _) = talk(config("http://127.0.0.1:9000"), there, async |bucket: &Bucket| bucket.head("k").await).await;
    assert_eq!(head, Ok(Some(42)));
    let (head, _) = talk(config("http://127.0.0.1:9000"), status(404), async |bucket: &Bucket| bucket.head("k").await).await;
    assert_eq!(head, Ok(None));
}

#[tokio::test]
async fn what_is_not_there_is_deleted() {
    use BucketFaultKind::Settings;
    for (code, expected) in [("NoSuchKey", Ok(())), ("", Ok(())), ("NotFound", Ok(())), ("NoSuchBucket", Err(Settings))] {
        let answer = move |_: &Recorded| Ok(WireReply::scripted(404, &[], format!("<Error><Code>{code}</Code></Error>")));
        let (deleted, _) = talk(config("http://127.0.0.1:9000"), answer, async |bucket: &Bucket| bucket.delete("k").await).await;
        assert_eq!(deleted.map_err(|fault| fault.kind), expected, "{code}");
    }
}
