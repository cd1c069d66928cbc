use super::*;
use crate::{LegacyMetadata, SpoolConfig};
use ir_model::{Limits, SeededDice, Size, hex};
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use tempfile::TempDir;

mod crash;
mod prepare;
mod small;

const NOON: Timestamp = Timestamp(1_795_348_800_000); // 2026-11-22T12:00:00Z
const NAME: &str = "20261122T120000-0123456789abcdef0123456789abcdef.png";
const RELATIVE: &str = "2026-11-22/20261122T120000-0123456789abcdef0123456789abcdef.png";

struct Bench {
    dir: TempDir,
    spool: Spool,
    store: PictureStore,
}

fn bench() -> Bench {
    bench_with(true, Limits::default())
}

fn bench_with(fsync: bool, limits: Limits) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let (spool, store) = open_in(dir.path(), fsync, limits);
    Bench { dir, spool, store }
}

fn open_in(dir: &Path, fsync: bool, limits: Limits) -> (Spool, PictureStore) {
    let config = SpoolConfig { data_dir: dir.to_owned(), limits, fsync, max_in_flight_bytes: 1 << 30 };
    let spool = Spool::open(config, Arc::new(SeededDice::new(7))).unwrap();
    let store = PictureStore::new(&spool);
    (spool, store)
}

impl Bench {
    async fn picture(&self, bytes: &[u8]) -> Picture {
        let mut writer = self.spool.writer().unwrap();
        writer.write(bytes).await.unwrap();
        Picture::from_blob(writer.finish().await.unwrap()).unwrap()
    }

    fn storage(&self, relative: &str) -> PathBuf {
        self.dir.path().join("storage").join(relative)
    }

    fn put(&self, relative: &str, bytes: &[u8]) {
        put(&self.storage(relative), bytes);
    }
}

#[expect(clippy::disallowed_methods, reason = "a test builds the state of a disk by hand")]
fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn png(width: u32, height: u32, shade: u8) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(width, height, image::Rgb([shade, 9, 9])).write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

fn story() -> Sidecar {
    serde_json::from_str(
        r#"{"version":1,"name":"?","sha256":"?","bytes":0,"format":"png","width":0,"height":0,"prompt":"a cat","model":"m1",
            "provider":"doubao","task":"text","created_ms":1795348800000,"request_id":"req_1","client":"me"}"#,
    )
    .unwrap()
}

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn kind_of(error: &SpoolError) -> io::ErrorKind {
    match error {
        SpoolError::Io(error) => error.kind(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_kept_picture_is_where_it_says_with_what_made_it() {
    for fsync in [true, false] {
        let bench = bench_with(fsync, Limits::default());
        let bytes = png(5, 4, 1);
        let picture = bench.picture(&bytes).await;
        assert!(bench.spool.in_flight_bytes() > 0);
        let relative = bench.store.keep(&picture, NAME, &story()).await.unwrap();
        assert_eq!(relative, RELATIVE);
        assert_eq!(fs::read(bench.storage(&relative)).unwrap(), bytes);
        assert_eq!(fs::metadata(bench.storage(&relative)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(bench.storage("2026-11-22")).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(files(&bench.storage("2026-11-22")), [NAME.to_owned(), format!("{NAME}.json")]);
        assert_eq!(files(&bench.dir.path().join("spool")), [""; 0]);
        assert_eq!(bench.spool.in_flight_bytes(), 0, "kept bytes are not in flight");

        let sidecar: Sidecar = serde_json::from_slice(&fs::read(bench.storage(&format!("{relative}.json"))).unwrap()).unwrap();
        let facts =
            Sidecar { name: NAME.into(), sha256: hex(&Sha256::digest(&bytes)), bytes: bytes.len() as u64, width: 5, height: 4, ..story() };
        assert_eq!(sidecar, facts);

        assert_eq!(bench.spool.read(&picture.blob, 10_000).await.unwrap(), bytes, "the handle still reads");
        drop(picture);
        let blob = bench.store.open(&relative).await.unwrap();
        assert_eq!(blob.sha256(), <[u8; 32]>::from(Sha256::digest(&bytes)));
        assert_eq!(blob.probe(), Ok(Probe { format: Format::Png, size: Size::new(5, 4), alpha: false }));
        drop(blob);
        assert!(bench.storage(&relative).exists(), "handles never remove what is kept");
    }
}

#[tokio::test]
async fn nothing_is_written_over() {
    let bench = bench();
    bench.put(RELATIVE, b"somebody's");
    let picture = bench.picture(&png(1, 1, 1)).await;
    let error = bench.store.keep(&picture, NAME, &story()).await.unwrap_err();
    assert_eq!(kind_of(&error), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(bench.storage(RELATIVE)).unwrap(), b"somebody's");
    assert_eq!(files(&bench.storage("2026-11-22")), [NAME], "no sidecar stays behind");

    let other = bench.store.name_for(NOON, Format::Png);
    bench.put(&format!("2026-11-22/{other}.json"), b"somebody's");
    let error = bench.store.keep(&picture, &other, &story()).await.unwrap_err();
    assert_eq!(kind_of(&error), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(bench.storage(&format!("2026-11-22/{other}.json"))).unwrap(), b"somebody's");

    let third = bench.store.name_for(NOON, Format::Png);
    bench.store.keep(&picture, &third, &story()).await.expect("a picture that could not be kept can be kept elsewhere");
    let error = bench.store.keep(&picture, &bench.store.name_for(NOON, Format::Png), &story()).await.unwrap_err();
    assert_eq!(kind_of(&error), io::ErrorKind::AlreadyExists, "once only");
}

/// `storage/` may be a mount of its own, where no rename leads to.
#[tokio::test]
async fn a_picture_is_kept_on_another_file_system() {
    let dir = tempfile::tempdir().unwrap();
    let Ok(other) = tempfile::tempdir_in("/dev/shm") else { return };
    if fs::metadata(&dir).unwrap().dev() == fs::metadata(&other).unwrap().dev() {
        return;
    }
    symlink(other.path(), dir.path().join("storage")).unwrap();
    let (spool, store) = open_in(dir.path(), true, Limits::default());
    let bench = Bench { dir, spool, store };
    let bytes = png(100, 100, 8);
    let picture = bench.picture(&bytes).await;
    let relative = bench.store.keep(&picture, NAME, &story()).await.unwrap();
    assert_eq!(bench.store.open(&relative).await.unwrap().sha256(), picture.blob.sha256());
    assert_eq!(files(&other.path().join("2026-11-22")), [NAME.to_owned(), format!("{NAME}.json")]);
    assert_eq!(files(&bench.dir.path().join("spool")), [""; 0]);
    assert_eq!(bench.spool.in_flight_bytes(), 0);
    assert_eq!(bench.spool.read(&picture.blob, 1 << 20).await.unwrap(), bytes);
    let again = bench.picture(&bytes).await;
    assert_eq!(kind_of(&bench.store.keep(&again, NAME, &story()).await.unwrap_err()), io::ErrorKind::AlreadyExists);
    assert_eq!(files(&other.path().join("2026-11-22")).len(), 2, "nothing half-made stays");
}

/// Proves R-FS-1.
#[tokio::test]
async fn names_are_of_one_form() {
    let bench = bench();
    let name = bench.store.name_for(NOON, Format::Jpeg);
    assert!(name.starts_with("20261122T120000-") && name.ends_with(".jpg") && name.len() == 16 + 32 + 4, "{name}");
    let picture = bench.picture(&png(1, 1, 1)).await;
    for bad in
        ["", "a.png", "../20261122T120000-0123456789abcdef0123456789abcdef.png", &NAME.replace("png", "jpg"), &NAME.replace('2', "/")]
    {
        let error = bench.store.keep(&picture, bad, &story()).await.unwrap_err();
        assert_eq!(kind_of(&error), io::ErrorKind::InvalidInput, "{bad}");
    }
}

/// `IR_SAVES` says how many, a thousand at a time.
///
/// Proves R-DUR-1, P-9.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "how much is tested comes from outside")]
async fn many_at_once_are_as_many_files() {
    let many = std::env::var("IR_SAVES").map_or(2000, |text| text.parse().unwrap());
    let bench = Arc::new(bench_with(false, Limits::default()));
    let (bytes, places) = (Arc::new(png(1, 1, 3)), Arc::new(Semaphore::new(200)));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..many {
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        let (bench, bytes) = (Arc::clone(&bench), Arc::clone(&bytes));
        tasks.spawn(async move {
            let _place = place;
            let picture = bench.picture(&bytes).await;
            bench.store.keep(&picture, &bench.store.name_for(NOON, Format::Png), &story()).await.unwrap()
        });
    }
    let names: HashSet<String> = tasks.join_all().await.into_iter().collect();
    assert_eq!(names.len(), many);
    assert_eq!(files(&bench.storage("2026-11-22")).len(), 2 * many);
    let scanned: HashSet<String> =
        bench.store.scan().inspect(|item| assert!(bench.store.verify(item).is_ok())).map(|item| item.relative).collect();
    assert_eq!(scanned, names);
}

#[tokio::test]
async fn over_long_texts_are_cut_and_still_read_back() {
    let bench = bench();
    let picture = bench.picture(&png(1, 1, 1)).await;
    let prompt = "\u{1}é".repeat(500_000);
    let sidecar = Sidecar { revised_prompt: Some(prompt.clone()), prompt, ..story() };
    bench.store.keep(&picture, NAME, &sidecar).await.unwrap();
    let item = bench.store.scan().next().unwrap();
    let ScanKind::Ours(read) = &item.kind else { panic!("{item:?}") };
    assert!(read.prompt.len() > 100_000 && sidecar.prompt.starts_with(&read.prompt));
    assert!(bench.store.verify(&item).is_ok());
}

/// B-80: neither paths nor links lead out of the store.
/// Proves R-FS-1.
#[tokio::test]
async fn nothing_outside_is_opened_or_removed() {
    let bench = bench();
    let secret = bench.dir.path().join("secret.png");
    put(&secret, &png(1, 1, 1));
    bench.put("2026-11-22/real.png", &png(1, 1, 1));
    symlink(&secret, bench.storage("link.png")).unwrap();
    symlink(bench.dir.path(), bench.storage("folder")).unwrap();
    fs::create_dir(bench.storage("directory.png")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, bench.storage("pipe.png"), rustix::fs::Mode::RWXU).unwrap();

    let plain = ["link.png", "folder/secret.png", "directory.png", "pipe.png", "2026-11-22/none.png", "none/none.png"];
    let escapes = [
        "../secret.png",
        "2026-11-22/../../secret.png",
        "/etc/passwd",
        "2026-11-22//real.png",
        "./real.png",
        "",
        ".",
        "..",
        "2026-11-22",
        "2026-11-22/",
        "..\\secret.png",
        "..%2fsecret.png",
        "....//secret.png",
        "a\0.png",
        "2026-11-22/real.png/",
        "2026-11-22/real.png\0",
    ];
    let expected = |relative: &str| if plain.contains(&relative) { io::ErrorKind::NotFound } else { io::ErrorKind::InvalidInput };
    for relative in plain.into_iter().chain(escapes) {
        assert_eq!(kind_of(&bench.store.open(relative).await.unwrap_err()), expected(relative), "open {relative:?}");
        assert_eq!(kind_of(&bench.store.thumbnail(relative, 256).await.unwrap_err()), expected(relative), "thumbnail {relative:?}");
        match bench.store.delete(relative).await {
            Ok(removed) => assert!(!removed && relative.contains("none") || relative == "folder/secret.png", "delete {relative:?}"),
            Err(error) => {
                assert!(matches!(kind_of(&error), io::ErrorKind::InvalidInput | io::ErrorKind::NotFound), "delete {relative:?}: {error}")
            }
        }
    }
    assert!(secret.exists() && bench.storage("link.png").symlink_metadata().is_ok() && bench.storage("2026-11-22/real.png").exists());
    let found: Vec<String> = bench.store.scan().map(|item| item.relative).collect();
    assert_eq!(found, ["2026-11-22/real.png"], "a scan follows no links either");
}

#[tokio::test]
async fn what_is_opened_is_what_it_says() {
    let bench = bench();
    let bytes = png(3, 3, 1);
    let picture = bench.picture(&bytes).await;
    bench.store.keep(&picture, NAME, &story()).await.unwrap();
    // Another picture under a sidecar that tells of the first.
    put(&bench.storage(RELATIVE), &png(64, 64, 9));
    let blob = bench.store.open(RELATIVE).await.unwrap();
    assert_eq!(blob.probe().unwrap().size, Size::new(64, 64));
    assert_ne!(blob.sha256(), picture.blob.sha256());
    put(&bench.storage(RELATIVE), b"<html>");
    assert_eq!(kind_of(&bench.store.open(RELATIVE).await.unwrap_err()), io::ErrorKind::InvalidData);
    bench.put("half.png", &bytes[..bytes.len() - 1]);
    assert_eq!(kind_of(&bench.store.open("half.png").await.unwrap_err()), io::ErrorKind::InvalidData);
    bench.put("whole.png", &bytes);
    assert_eq!(bench.store.open("whole.png").await.unwrap().sha256(), picture.blob.sha256());
}

#[tokio::test]
async fn a_removed_picture_leaves_nothing() {
    let bench = bench();
    let picture = bench.picture(&png(600, 300, 1)).await;
    bench.store.keep(&picture, NAME, &story()).await.unwrap();
    for side in [256, 512] {
        bench.store.thumbnail(RELATIVE, side).await.unwrap();
    }
    assert!(bench.store.delete(RELATIVE).await.unwrap());
    assert!(!bench.store.delete(RELATIVE).await.unwrap());
    assert_eq!(files(&bench.storage("2026-11-22")), [""; 0]);
    assert_eq!(files(&bench.dir.path().join("thumbs/256/2026-11-22")), [""; 0]);
    assert_eq!(kind_of(&bench.store.thumbnail(RELATIVE, 256).await.unwrap_err()), io::ErrorKind::NotFound);
    assert!(bench.spool.read(&picture.blob, 1 << 20).await.is_ok(), "whoever is answering finishes");
    drop(picture);

    // 1.x: a sidecar that two pictures share goes with the last of them; other files are not touched.
    for name in ["a.png", "a.jpg", "b.png"] {
        bench.put(name, &png(1, 1, 1));
    }
    bench.put("a.json", br#"{"prompt":"shared"}"#);
    bench.put("b.json", br#"{"notes":"mine"}"#);
    assert!(bench.store.delete("a.png").await.unwrap());
    assert!(bench.storage("a.json").exists());
    assert!(bench.store.delete("a.jpg").await.unwrap());
    assert!(bench.store.delete("b.png").await.unwrap());
    assert_eq!(files(&bench.storage("")), ["2026-11-22", "b.json"]);
}
