//! Forms.

use crate::support::{bench, cuttings, refusal, shown, written};
use bytes::Bytes;
use ir_model::{AskPicture, Fault, Node};
use ir_openai::fuzzing::{Arriving, Fields, fields};
use ir_spool::Spool;

/// Short, so that it is hit by chance.
const BOUNDARY: &str = "xYz";
/// As the reader has them.
const PARTS: usize = 96;
const PICTURES: usize = 16;
const TEXTS: usize = 1024 * 1024;

/// Cuts change nothing; what is accepted is within its limits and stands in the body as it came out.
pub(crate) fn run(data: &[u8]) {
    bench(|bench| {
        bench.wait(async {
            let ways = cuttings(data);
            let whole = read(&bench.spool, &ways[0]).await;
            for way in &ways[1..] {
                let cut = read(&bench.spool, way).await;
                // Of two faults the one that is seen first is told; a form that breaks off is seen late.
                let broken = |fault: &Fault| fault.param.as_deref() == Some("body");
                if let (Err(a), Err(b)) = (&cut, &whole)
                    && (broken(a) || broken(b))
                {
                    continue;
                }
                assert_eq!(told(&cut), told(&whole), "cuts make a difference");
            }
            let Ok(form) = whole else { return };
            let pictures: Vec<&AskPicture> = form.pictures.iter().chain(&form.mask).collect();
            assert!(form.pictures.len() <= PICTURES && form.fields.0.len() + pictures.len() <= PARTS);
            let mut texts = 0;
            for (name, node) in &form.fields.0 {
                assert!(!name.is_empty() && name.len() <= 128);
                if let Node::String(text) = node {
                    texts += text.len();
                    assert!(holds(data, text.as_bytes()), "{name} is {text:?}");
                }
            }
            assert!(texts <= TEXTS);
            for picture in pictures {
                // Others came as base64.
                if let AskPicture::Here(picture) = picture {
                    let bytes = bench.bytes(&picture.blob).await;
                    assert!(holds(data, &bytes) || bytes.len() * 4 / 3 <= data.len());
                }
            }
        });
    });
}

async fn read(spool: &Spool, pieces: &[Bytes]) -> Result<Fields, Fault> {
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    fields(spool, Arriving { content_type, chunks: pieces.to_vec() }).await
}

fn told(outcome: &Result<Fields, Fault>) -> String {
    match outcome {
        Ok(form) => {
            let pictures: Vec<String> = form.pictures.iter().map(shown).collect();
            let mask = form.mask.as_ref().map(shown);
            format!("{} {pictures:?} {mask:?}", written(&Node::Object(form.fields.clone())))
        }
        Err(fault) => refusal(fault),
    }
}

/// Whether a part's content stands between the end of its head and a delimiter.
fn holds(body: &[u8], content: &[u8]) -> bool {
    let framed = [b"\r\n\r\n", content, b"\r\n--", BOUNDARY.as_bytes()].concat();
    body.windows(framed.len()).any(|window| window == framed)
}
