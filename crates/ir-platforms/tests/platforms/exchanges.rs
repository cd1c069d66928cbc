//! Every request fixture × every platform → the exact exchange, one file per platform. A platform that
//! is added gets its file by itself.

use crate::common::{apis, golden, input, job, show};
use ir_model::{Format, Job, Quality, ResponseForm, Size, Task};
use ir_platforms::{Adapter, CallBody, InputForm, Target, TaskCard};
use std::fmt::Write as _;

/// A change that makes a fixture of the least job.
type Change = fn(&mut Job, &TaskCard);

const FIXTURES: &[(&str, Task, Change)] = &[
    ("text, least", Task::Text, |_, _| {}),
    ("text, several at once", Task::Text, |job, card| job.n = card.native_n.min(3)),
    ("text, base64 wanted", Task::Text, |job, _| job.form = ResponseForm::Base64),
    ("text, every wish that is honoured", Task::Text, wishes),
    ("text, without a mark", Task::Text, |job, _| job.watermark = false),
    ("text, PNG wanted", Task::Text, |job, _| job.extras.output_format = Some(Format::Png)),
    ("edit, one picture", Task::Edit, |_, _| {}),
    ("edit, every wish that is honoured", Task::Edit, wishes),
    ("blend, two pictures", Task::Blend, |_, _| {}),
    ("blend, three pictures", Task::Blend, |job, _| job.pictures.push(input(Format::Webp))),
];

fn wishes(job: &mut Job, card: &TaskCard) {
    job.size = card.sizes.fit(Size::new(1536, 1024));
    job.extras.seed = card.seed.then_some(42);
    job.extras.steps = card.steps.then_some(30);
    job.extras.guidance_scale = card.guidance.then_some(7.5);
    job.extras.negative_prompt = card.negative_prompt.then(|| "text".to_owned());
    job.extras.quality = Some(Quality::High);
}

/// What a platform is asked by every fixture, with its default model and each that is written otherwise.
fn exchanges(adapter: &dyn Adapter) -> String {
    let mut out = String::new();
    for (name, task, change) in FIXTURES {
        let Some(card) = adapter.card().task(*task) else { continue };
        let variants = card.variants.iter().filter_map(|(part, _)| card.models.iter().find(|model| model.to_lowercase().contains(part)));
        let mut models: Vec<&str> = Vec::new();
        for model in card.models.first().copied().into_iter().chain(variants.copied()) {
            if !models.contains(&model) {
                models.push(model);
            }
        }
        for model in if models.is_empty() { vec!["a-model"] } else { models } {
            let card = card.for_model(model);
            let mut fixture = job(*task);
            fixture.model = model.to_owned();
            fixture.size = card.default_size.and_then(|size| card.sizes.fit(size));
            change(&mut fixture, card);
            if fixture.pictures.len() > card.max_inputs as usize {
                continue;
            }
            if card.inputs == InputForm::Bytes {
                fixture.pictures.iter_mut().for_each(|picture| picture.url = None);
            }
            let call = adapter.open(&fixture).unwrap_or_else(|fault| panic!("{name}, {model}: {fault:?}"));
            let _ = writeln!(out, "== {name}, {model}\n{}", show(&call));
        }
    }
    out
}

#[test]
fn every_fixture_is_written_in_the_platforms_words() {
    for adapter in apis() {
        if matches!(adapter.open(&job(Task::Text)).expect("the least job").target, Target::Render(_)) {
            continue;
        }
        let name = adapter.card().name.to_lowercase();
        let other = if ir_platforms::by_name(&name).is_some_and(|main| std::ptr::eq(main.card(), adapter.card())) { "" } else { "-legacy" };
        golden(&format!("exchanges-{name}{other}.txt"), &exchanges(adapter));
    }
}

#[test]
fn a_seed_is_folded_to_what_the_platform_takes() {
    for (name, model, most) in [
        ("Doubao", "doubao-seedream-3-0-t2i-250415", (1_u64 << 31) - 1),
        ("ModelScope", "Qwen/Qwen-Image", (1 << 31) - 1),
        ("Pollinations", "flux", (1 << 31) - 1),
        ("SiliconFlow", "Kwai-Kolors/Kolors", 9_999_999_999),
    ] {
        let seed = |asked: u64| {
            let mut fixture = Job { model: model.to_owned(), ..job(Task::Text) };
            fixture.extras.seed = Some(asked);
            let call = ir_platforms::by_name(name).expect(name).open(&fixture).expect("opens");
            let CallBody::Json(document) = call.body else { panic!("{name}: a document") };
            document.to_value_lossy()["seed"].as_u64().expect("a seed")
        };
        assert_eq!((seed(most), seed(most + 1), seed(most + 43)), (most, 0, 42), "{name}");
        assert!(seed(u64::MAX) <= most, "{name}");
    }
}
