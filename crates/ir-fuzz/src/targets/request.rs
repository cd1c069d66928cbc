//! Requests, read up to what is asked of the engine.

use crate::support::{Bench, bench, cuttings, refusal, shown, written};
use bytes::Bytes;
use ir_model::{Ask, AskPicture, Class, Extras, Fault, Format, Node, ResponseForm, SizeAsk, Task};
use ir_openai::fuzzing::{Arriving, Endpoint, ask};
use serde_json::{Value, json};

/// The first byte chooses the endpoint, the rest is the body.
///
/// Cuts change nothing; what is accepted is within its limits, and written down again it is the same
/// request; what is refused says why.
pub(crate) fn run(data: &[u8]) {
    let [first, body @ ..] = data else { return };
    let endpoint = Endpoint::ALL[usize::from(*first) % Endpoint::ALL.len()];
    bench(|bench| bench.wait(check(bench, endpoint, body)));
}

async fn check(bench: &Bench, endpoint: Endpoint, body: &[u8]) {
    let ways = cuttings(body);
    let whole = read(bench, endpoint, &ways[0]).await;
    let last = ways.last().expect("there are several");
    assert_eq!(told(&read(bench, endpoint, last).await), told(&whole), "cuts make a difference");
    match whole {
        Ok(ask) => {
            within_limits(&ask);
            if matches!(endpoint, Endpoint::Generations | Endpoint::Edits | Endpoint::Blend) {
                again(bench, endpoint, &ask).await;
            }
        }
        Err(fault) => {
            let Class::Gate(gate) = fault.class else { panic!("{:?} of a request", fault.class) };
            assert!((400..500).contains(&gate.status()), "{fault:?}");
            let message = fault.message.expect("a refusal says why");
            assert!(!message.en.is_empty() && !message.zh.is_empty());
            let printable = |text: &str| !text.chars().any(char::is_control);
            assert!(printable(&message.en) && printable(&message.zh) && fault.param.as_deref().is_none_or(printable), "{message:?}");
            assert!(message.en.len() <= 2048, "{} bytes", message.en.len());
        }
    }
}

async fn read(bench: &Bench, endpoint: Endpoint, pieces: &[Bytes]) -> Result<Ask, Fault> {
    Box::pin(ask(endpoint, &bench.spool, Arriving { content_type: "application/json".to_owned(), chunks: pieces.to_vec() })).await
}

fn told(outcome: &Result<Ask, Fault>) -> String {
    match outcome {
        Ok(ask) => summary(ask),
        Err(fault) => refusal(fault),
    }
}

fn summary(ask: &Ask) -> String {
    let pictures: Vec<String> = ask.pictures.iter().chain(&ask.mask).map(shown).collect();
    let Ask { task, model, prompt, n, size, form, extras, .. } = ask;
    let unknown = written(&Node::Object(extras.unknown.clone()));
    let extras = Extras { unknown: ir_model::Map::default(), ..extras.clone() };
    format!("{task} {model:?} {prompt:?} {n:?} {size:?} {form:?} {extras:?} {unknown} {pictures:?}")
}

fn within_limits(ask: &Ask) {
    let Extras { seed, steps, guidance_scale, output_compression, partial_images, unknown, user, .. } = &ask.extras;
    assert!(!ask.prompt.trim().is_empty() && ask.prompt.chars().count() <= 32_000);
    assert!(ask.model.chars().count() <= 256);
    assert!(ask.n.is_none_or(|n| (1..=16).contains(&n)));
    match ask.size {
        SizeAsk::Auto => {}
        SizeAsk::Exact(size) => assert!([size.width, size.height].iter().all(|side| (1..=16_384).contains(side))),
        SizeAsk::Ratio(w, h) => assert!((1..=64).contains(&w) && (1..=64).contains(&h)),
        SizeAsk::Tier(side) => assert!([1024, 2048, 4096].contains(&side)),
    }
    match ask.task {
        Task::Text => assert!(ask.pictures.is_empty() && ask.mask.is_none()),
        Task::Edit => assert_eq!(ask.pictures.len(), 1),
        Task::Blend => assert!((1..=16).contains(&ask.pictures.len())),
    }
    if let Some(AskPicture::Here(mask)) = &ask.mask {
        assert!(mask.probe.alpha);
    }
    assert!(seed.is_none_or(|seed| i64::try_from(seed).is_ok()));
    assert!(steps.is_none_or(|steps| (1..=100).contains(&steps)));
    assert!(guidance_scale.is_none_or(|scale| (0.0..=100.0).contains(&scale)));
    assert!(output_compression.is_none_or(|value| value <= 100) && *partial_images <= 3);
    assert!(unknown.0.len() <= 64 && user.as_ref().is_none_or(|user| user.chars().count() <= 512));
    assert_ne!(ask.extras.output_format, Some(Format::Gif));
}

/// Written down in its plainest form and read again.
async fn again(bench: &Bench, endpoint: Endpoint, ask: &Ask) {
    let Some(pictures) = plain_pictures(ask) else { return };
    // What left the memory, and what the plain form would mean otherwise.
    if ask.extras.unknown.0.iter().any(|(_, node)| !matches!(node, Node::Bool(_) | Node::Number(_) | Node::String(_))) {
        return;
    }
    let Extras { quality, style, background, output_format, output_compression, moderation, input_fidelity, .. } = &ask.extras;
    let Extras { user, seed, steps, guidance_scale, negative_prompt, partial_images, unknown, .. } = &ask.extras;
    let mut body = json!({
        "model": ask.model,
        "prompt": ask.prompt,
        "n": ask.n,
        "size": ask.size.to_string(),
        "response_format": if ask.form == ResponseForm::Url { "url" } else { "b64_json" },
        "stream": *partial_images > 0,
        "partial_images": partial_images,
        "quality": quality.map(ir_model::Quality::name),
        "style": style,
        "background": background.map(ir_model::Background::name),
        "output_format": output_format.map(Format::openai_name),
        "output_compression": output_compression,
        "moderation": moderation,
        "input_fidelity": input_fidelity,
        "user": user,
        "seed": seed,
        "steps": steps,
        "guidance_scale": guidance_scale,
        "negative_prompt": negative_prompt,
    });
    for (name, node) in &unknown.0 {
        body[name] = node.to_value_lossy();
    }
    if !pictures.is_empty() {
        body["images"] = Value::Array(pictures);
    }
    let written = read(bench, endpoint, &[Bytes::from(body.to_string())]).await.expect("what was accepted is accepted");
    let [written, ask] = [&written, ask].map(sorted);
    assert_eq!(written, ask, "written down again, it is another request");
}

/// With the unknown fields in order: JSON has none.
fn sorted(ask: &Ask) -> String {
    let mut ask = ask.clone();
    ask.extras.unknown.0.sort_by(|(a, _), (b, _)| a.cmp(b));
    summary(&ask)
}

/// The pictures, if all are addresses.
fn plain_pictures(ask: &Ask) -> Option<Vec<Value>> {
    if ask.mask.is_some() {
        return None;
    }
    ask.pictures
        .iter()
        .map(|picture| match picture {
            AskPicture::Url(url) => Some(Value::String(url.clone())),
            AskPicture::Here(_) => None,
        })
        .collect()
}
