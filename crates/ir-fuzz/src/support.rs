//! What targets share: a runtime and a spool per thread, cuts, and documents in comparable form.

use bytes::Bytes;
use ir_model::{AskPicture, Blob, Fault, Limits, Node, Picture, SeededDice};
use ir_settings::{Env, SettingsError, SettingsFile};
use ir_spool::{LiftError, LiftLimits, Lifter, Spool, SpoolConfig};
use std::fmt::Write as _;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// What a picture may measure here: small, so that everything that is accepted can be decoded.
pub(crate) const SMALL: Limits = Limits { side: 512, pixels: 65_536, bytes: 256 * 1024 };

/// A runtime and a spool.
pub(crate) struct Bench {
    runtime: Runtime,
    pub(crate) spool: Spool,
    _folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime can be built");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let data_dir = folder.path().to_owned();
        let config = SpoolConfig { data_dir, limits: SMALL, fsync: false, max_in_flight_bytes: 1 << 28 };
        let spool = Spool::open(config, Arc::new(SeededDice::new(1))).expect("the folder is new");
        Self { runtime, spool, _folder: folder }
    }

    /// Runs to the end.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// All bytes of a blob.
    pub(crate) async fn bytes(&self, blob: &Blob) -> Vec<u8> {
        self.spool.read(blob, u64::MAX).await.expect("the spool can be read")
    }
}

/// Lends the thread's bench. Nothing may stay in the spool.
pub(crate) fn bench<T>(work: impl FnOnce(&Bench) -> T) -> T {
    thread_local! {
        static BENCH: Bench = Bench::new();
    }
    BENCH.with(|bench| {
        let result = work(bench);
        assert_eq!(bench.spool.in_flight_bytes(), 0, "bytes stayed in the spool");
        result
    })
}

/// A number that follows from the bytes (FNV-1a): what a target chooses by it is the same each time.
pub(crate) fn fingerprint(data: &[u8]) -> u64 {
    data.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

/// Numbers in a fixed sequence (xorshift64*).
#[derive(Clone, Debug)]
pub struct Sequence(u64);

impl Sequence {
    /// The sequence of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// The next number below `bound`, which is not 0.
    pub const fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize) % bound
    }
}

/// How bytes can arrive: at once, one by one, and in pieces of many lengths.
pub(crate) fn cuttings(data: &[u8]) -> Vec<Vec<Bytes>> {
    let data = Bytes::copy_from_slice(data);
    let mut ways = vec![vec![data.clone()]];
    if data.len() <= 512 {
        ways.push((0..data.len()).map(|at| data.slice(at..=at)).collect());
    }
    let mut sequence = Sequence::new(fingerprint(&data));
    for most in [7, 64] {
        let (mut at, mut way) = (0, Vec::new());
        while at < data.len() {
            let end = (at + 1 + sequence.below(most)).min(data.len());
            way.push(data.slice(at..end));
            at = end;
        }
        ways.push(way);
    }
    ways
}

/// Reads a document that arrives in pieces.
pub(crate) async fn lift(spool: &Spool, limits: LiftLimits, pieces: &[Bytes]) -> Result<Node, LiftError> {
    let mut lifter = Lifter::new(spool, limits);
    for piece in pieces {
        lifter.push(piece).await?;
    }
    lifter.finish().await
}

/// An outcome of reading, comparable: where the document is good its whole content, else the error
/// with its place.
pub(crate) fn told(outcome: &Result<Node, LiftError>) -> String {
    match outcome {
        Ok(node) => written(node),
        Err(error) => format!("{error:?}"),
    }
}

/// A document with the hashes of what left it.
pub(crate) fn written(node: &Node) -> String {
    let mut out = String::new();
    write_node(node, &mut out);
    out
}

fn write_node(node: &Node, out: &mut String) {
    match node {
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::String(_) => out.push_str(&node.to_value_lossy().to_string()),
        Node::Bytes(bytes) => {
            let _ = write!(out, "<bytes {:?} {}>", bytes.data_uri, named(&bytes.blob));
        }
        Node::Text(text) => {
            let pictures: Vec<String> = text.pictures.iter().map(named).collect();
            let _ = write!(out, "<text {} {pictures:?}>", named(&text.blob));
        }
        Node::Array(items) => {
            out.push('[');
            for item in items {
                write_node(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Node::Object(map) => {
            out.push('{');
            for (name, item) in &map.0 {
                let _ = write!(out, "{name:?}:");
                write_node(item, out);
                out.push(',');
            }
            out.push('}');
        }
    }
}

/// A blob by its content.
pub(crate) fn named(blob: &Blob) -> String {
    format!("{}:{} {:?}", blob.size(), ir_model::hex(&blob.sha256()), blob.probe())
}

/// A picture by its content.
pub(crate) fn shown(picture: &AskPicture) -> String {
    match picture {
        AskPicture::Here(Picture { blob, probe }) => format!("{} {probe:?}", named(blob)),
        AskPicture::Url(url) => url.clone(),
    }
}

/// A refusal as its caller reads it.
pub(crate) fn refusal(fault: &Fault) -> String {
    format!("{:?} {:?} {:?}", fault.class, fault.param, fault.message)
}

/// Settings in a folder of their own, with a file if there is to be one.
#[expect(clippy::disallowed_methods, reason = "a file that was edited by hand is neither atomic nor durable")]
pub(crate) fn opened(env: Env, file: Option<&[u8]>) -> Result<(SettingsFile, TempDir), SettingsError> {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    if let Some(bytes) = file {
        std::fs::write(folder.path().join("runtime-config.json"), bytes).expect("the folder can be written");
    }
    let env = env.with("IMG_ROUTER_DATA_DIR", folder.path().to_string_lossy());
    // So that no key is written for it.
    let env = env.with("IMG_ROUTER_SECRET_KEY", "a master key for the fuzz targets");
    SettingsFile::open(env, Arc::new(SeededDice::new(3))).map(|file| (file, folder))
}

/// A whole picture of one pixel.
pub(crate) async fn tiny_picture(spool: &Spool) -> Picture {
    const GIF: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
    let mut writer = spool.writer().expect("there is room");
    writer.write(GIF).await.expect("there is room");
    Picture::from_blob(writer.finish().await.expect("the spool can be written")).expect("a whole picture")
}
