//! Every state that a crash or 1.x can leave on the disk, and what a scan makes of it.

use super::*;

/// Where it is under `storage/`, and its bytes.
type File<'a> = (&'a str, &'a [u8]);

fn found(store: &PictureStore) -> Vec<ScanItem> {
    let mut items: Vec<ScanItem> = store.scan().collect();
    items.sort_by(|a, b| a.relative.cmp(&b.relative));
    items
}

/// The bytes of a picture and of its sidecar, as a finished keep leaves them.
async fn kept() -> (Vec<u8>, Vec<u8>) {
    let bench = bench_with(false, Limits::default());
    let bytes = png(4, 4, 1);
    bench.store.keep(&bench.picture(&bytes).await, NAME, &story()).await.unwrap();
    (bytes, fs::read(bench.storage(&format!("{RELATIVE}.json"))).unwrap())
}

/// At each step of keeping.
///
/// Proves C-8, C-9, C-10.
#[tokio::test]
async fn after_a_crash_a_picture_is_whole_or_none() {
    let (picture, card) = kept().await;
    let temporary = format!("2026-11-22/.{NAME}.json.tmp");
    let copy = format!("2026-11-22/.{NAME}.tmp");
    let sidecar = format!("{RELATIVE}.json");

    // Half a sidecar; a whole one that is not renamed; renamed without its picture; a half-made copy.
    let cut_short: [(&str, &[File<'_>]); 4] = [
        ("half a sidecar", &[(&temporary, &card[..9])]),
        ("a sidecar not yet renamed", &[(&temporary, &card)]),
        ("a sidecar before its picture", &[(&sidecar, &card)]),
        ("a copy half made", &[(&sidecar, &card), (&copy, &picture[..20])]),
    ];
    for (state, disk) in cut_short {
        let dir = tempfile::tempdir().unwrap();
        for (relative, bytes) in disk {
            put(&dir.path().join("storage").join(relative), bytes);
        }
        put(&dir.path().join("spool/some-picture"), &picture);
        let (_spool, store) = open_in(dir.path(), true, Limits::default());
        let items = found(&store);
        assert_eq!(items.len(), disk.len(), "{state}");
        for item in &items {
            assert!(matches!(item.kind, ScanKind::Leftover), "{state}: {item:?}");
            assert!(matches!(store.verify(item), Err(Unfit::Unknown)));
            assert!(store.remove_leftover(item).unwrap());
            assert!(!store.remove_leftover(item).unwrap());
        }
        assert_eq!(files(&dir.path().join("storage/2026-11-22")), [""; 0], "{state}");
        assert_eq!(files(&dir.path().join("spool")), [""; 0]);
    }

    // Both renamed: the picture counts, whether or not anybody was told.
    let bench = bench();
    bench.put(&sidecar, &card);
    bench.put(RELATIVE, &picture);
    let [item] = &found(&bench.store)[..] else { panic!() };
    assert!(matches!(&item.kind, ScanKind::Ours(sidecar) if sidecar.prompt == "a cat"), "{item:?}");
    let verified = bench.store.verify(item).unwrap();
    assert_eq!((verified.bytes, verified.sha256), (picture.len() as u64, Sha256::digest(&picture).into()));
    assert!(bench.store.remove_leftover(item).is_err(), "a picture is not a leftover");
}

#[tokio::test]
async fn what_no_sidecar_vouches_for_is_not_indexed() {
    let (picture, card) = kept().await;
    let sidecar = format!("{RELATIVE}.json");
    let other = png(4, 4, 2);
    let torn = &picture[..picture.len() - 3];
    let zeroed = vec![0; picture.len()];
    let cases: [(&str, &[u8], &[u8], &str); 5] = [
        ("another picture", &other, &card, "Mismatch"),
        ("torn by a power failure", torn, &card, "Flaw(Truncated)"),
        ("zeroed by a power failure", &zeroed, &card, "Flaw(Unsupported)"),
        ("sidecar torn", &picture, &card[..40], "Unknown"),
        ("sidecar empty", &picture, b"", "Unknown"),
    ];
    for (state, bytes, card, expected) in cases {
        let bench = bench();
        bench.put(RELATIVE, bytes);
        bench.put(&sidecar, card);
        let [item] = &found(&bench.store)[..] else { panic!("{state}") };
        assert_eq!(format!("{:?}", bench.store.verify(item).unwrap_err()), expected, "{state}");
    }
    let bench = bench();
    bench.put(RELATIVE, &picture);
    let [item] = &found(&bench.store)[..] else { panic!() };
    assert!(matches!(item.kind, ScanKind::NoSidecar));
}

#[tokio::test]
async fn pictures_of_1x_are_found_where_they_are() {
    let bench = bench();
    let picture = png(2, 2, 1);
    let card =
        |prompt: &str| format!(r#"{{"prompt":"{prompt}","model":"m","params":{{"size":"1x1"}},"timestamp":1735689600000}}"#).into_bytes();
    bench.put("img_1.png", &picture);
    bench.put("img_1.png.json", &card("beside"));
    bench.put("img_2.png", &picture);
    bench.put("img_2.json", &card("by stem"));
    bench.put("猫 3.PNG", &picture);
    bench.put("half.png", &picture[..30]);
    bench.put("large.png", &picture);
    bench.put("large.png.json", &vec![b' '; 3 << 20]);
    bench.put("notes.txt", b"mine");
    bench.put("orphan.json", &card("no picture"));
    bench.put("a/b/deep.png", &picture);

    let legacy = |prompt: &str| LegacyMetadata {
        prompt: prompt.into(),
        model: if prompt.is_empty() { String::new() } else { "m".into() },
        created: (!prompt.is_empty()).then_some(Timestamp(1_735_689_600_000)),
        ..LegacyMetadata::default()
    };
    let expected = [
        ("half.png", "", false),
        ("img_1.png", "beside", true),
        ("img_2.png", "by stem", true),
        ("large.png", "", true),
        ("猫 3.PNG", "", true),
    ];
    let items = found(&bench.store);
    assert_eq!(items.len(), expected.len(), "{items:?}");
    for (item, (name, prompt, whole)) in items.iter().zip(expected) {
        let ScanKind::Legacy(metadata) = &item.kind else { panic!("{item:?}") };
        assert_eq!((item.relative.as_str(), metadata), (name, &legacy(prompt)));
        let mtime = fs::metadata(bench.storage(name)).unwrap();
        assert_eq!(item.modified.secs(), mtime.mtime(), "adopted with the file's own time");
        assert_eq!(bench.store.verify(item).is_ok(), whole, "{name}");
        assert_eq!(bench.store.open(name).await.is_ok(), whole, "{name}");
    }
}

/// A scan at work beside keeping: what it calls a leftover really is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_being_kept_is_no_leftover() {
    let bench = Arc::new(bench_with(false, Limits::default()));
    let bytes = png(1, 1, 3);
    let keeper = {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move {
            for _ in 0..300 {
                let picture = bench.picture(&bytes).await;
                bench.store.keep(&picture, &bench.store.name_for(NOON, Format::Png), &story()).await.unwrap();
            }
        })
    };
    while !keeper.is_finished() {
        let store = bench.store.clone();
        let odd = tokio::task::spawn_blocking(move || store.scan().find(|item| !matches!(item.kind, ScanKind::Ours(_)))).await.unwrap();
        assert!(odd.is_none(), "{odd:?}");
    }
    keeper.await.unwrap();
    assert_eq!(bench.store.scan().count(), 300);
}
