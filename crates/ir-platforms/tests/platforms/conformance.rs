//! What every platform must do, chosen by its card.

use crate::common::{KEY, apis, blob, job};
use ir_model::{Class, Format, Node, Task};
use ir_platforms::{ADAPTERS, Adapter, Auth, CallBody, InputForm, Method, Next, Reply, ReplyBody, SizePolicy, Target, by_name};
use proptest::prelude::*;
use serde_json::Value;

/// Every task that a platform offers, through each of its APIs.
fn offers() -> impl Iterator<Item = (&'static dyn Adapter, Task)> {
    apis().into_iter().flat_map(|adapter| adapter.card().tasks.iter().map(move |card| (adapter, card.task)))
}

#[test]
fn names_are_unique_and_found_in_any_case() {
    for adapter in ADAPTERS {
        let name = adapter.card().name;
        assert_eq!(by_name(&name.to_uppercase()).expect(name).card().name, name);
        assert_eq!(ADAPTERS.iter().filter(|other| other.card().name.eq_ignore_ascii_case(name)).count(), 1, "{name}");
    }
    assert!(by_name("Nobody").is_none());
}

#[test]
fn cards_are_consistent() {
    for (adapter, task) in offers() {
        let card = adapter.card();
        let what = card.task(task).expect("listed");
        let name = format!("{} {task}", card.name);
        assert!(what.native_n >= 1 && what.max_prompt > 0, "{name}");
        assert_eq!(what.models.is_empty(), card.open_models, "{name}: either models or an open list");
        assert_eq!(what.inputs == InputForm::None, task == Task::Text, "{name}");
        assert_eq!(what.inputs == InputForm::None, what.max_inputs == 0 && what.input_formats.is_empty() && !what.mask, "{name}");
        assert!(task != Task::Blend || what.max_inputs >= 2, "{name}");
        for what in what.variants.iter().map(|(_, variant)| variant).chain([what]) {
            // Blending is editing with several pictures.
            assert!(what.task == task || (what.task, task) == (Task::Edit, Task::Blend), "{name}");
            assert!(what.variants.is_empty() || std::ptr::eq(what, card.task(task).expect("listed")), "{name}: variants of variants");
            if let (Some(size), false) = (what.default_size, what.sizes == SizePolicy::None) {
                assert!(what.sizes.takes(size), "{name}: {size}");
            }
        }
    }
}

#[test]
fn the_least_job_opens_an_exchange_that_shows_no_secret() {
    for (adapter, task) in offers() {
        let name = format!("{} {task}", adapter.card().name);
        let call = adapter.open(&job(task)).unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
        assert!(!format!("{call:?}").contains(KEY), "{name}");
        match &call.target {
            Target::Http { method, url, headers } => {
                let parsed = url::Url::parse(url).expect(&name);
                assert!(matches!(parsed.scheme(), "http" | "https") && parsed.has_host(), "{name}: {url}");
                assert!(!url.contains(KEY), "{name}: {url}");
                assert!(headers.iter().all(|(header, _)| !header.chars().any(char::is_uppercase)), "{name}");
                assert_eq!(matches!(call.body, CallBody::None), *method == Method::Get, "{name}");
            }
            Target::Render(recipe) => assert_eq!((recipe.task, recipe.prompt.as_str()), (task, "a red fox"), "{name}"),
        }
    }
}

#[test]
fn a_job_without_what_it_needs_is_refused_and_not_charged() {
    for (adapter, task) in offers() {
        let card = adapter.card();
        if task != Task::Text {
            let mut bare = job(task);
            bare.pictures.clear();
            let fault = adapter.open(&bare).expect_err(card.name);
            assert_eq!((fault.class, fault.charge), (Class::InvalidRequest, ir_model::Charge::No), "{}", card.name);
        }
        if card.auth == Auth::Required {
            let mut keyless = job(task);
            keyless.key = None;
            assert_eq!(adapter.open(&keyless).expect_err(card.name).class, Class::NoKey, "{}", card.name);
        }
    }
}

#[test]
fn a_picture_as_the_body_is_a_picture() {
    for (adapter, task) in offers() {
        let reply = Reply::new(200, ReplyBody::Picture(blob(Format::Png, 8, 8)));
        let next = adapter.read(&job(task), &reply);
        assert!(matches!(&next, Ok(Next::Done(found)) if found.len() == 1), "{} {task}: {next:?}", adapter.card().name);
    }
}

#[test]
fn key_formats_exclude_each_other() {
    let keys = [
        "hf_abcdefghijklmnopqrstuvwxyz",
        "ms-12345678-1234-1234-1234-123456789abc",
        "sk_abcdefghijklmnopqrstuvwxyz0123456789abcdefghijkl",
        "3f2b1c9e-0a4d-4e8f-9c1b-7d6e5f4a3b2c",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        "sk-newapi-x",
        "sk-0123456789012345678901234567890123456789",
        "",
    ];
    for key in keys {
        let takers: Vec<_> = ADAPTERS.iter().filter(|adapter| (adapter.card().key_format)(key)).map(|a| a.card().name).collect();
        assert!(takers.len() <= 1, "{key}: {takers:?}");
    }
    let new_api = by_name("NewApi").expect("listed").card().key_format;
    assert!(new_api("sk-newapi-x") && new_api(&format!("sk-{}", "a".repeat(38))));
    for no in ["sk-newapi-", "sk-short", &format!("sk-{}", "a".repeat(37)), &format!("sk-{} b", "a".repeat(60)), "demo"] {
        assert!(!new_api(no), "{no}");
    }
}

/// Documents that lean towards the words which adapters look for.
fn documents() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("data"),
        Just("url"),
        Just("b64_json"),
        Just("error"),
        Just("message"),
        Just("code"),
        Just("images"),
        Just("choices"),
        Just("detail"),
        Just("content"),
        Just("image_url"),
        Just("errors"),
        Just("status"),
        Just("loc"),
        Just("metadata"),
        Just("type"),
    ];
    let text = prop_oneof![
        Just(String::new()),
        Just("https://pictures.example/a.png".to_owned()),
        Just(format!("data:image/png;base64,{}", "A".repeat(60))),
        Just("![a](https://pictures.example/a.png) ![](".to_owned()),
        "[a-zA-Z0-9+/]{0,60}",
        any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (400u16..600).prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

fn bodies() -> impl Strategy<Value = ReplyBody> {
    prop_oneof![
        1 => Just(ReplyBody::Empty),
        2 => any::<String>().prop_map(ReplyBody::Text),
        2 => "<html><TITLE>[^\\x00]{0,40}(</title>)?".prop_map(ReplyBody::Text),
        8 => documents().prop_map(|value| ReplyBody::Json(Node::from(value))),
    ]
}

proptest! {
    #[test]
    fn any_reply_is_pictures_or_a_fault(status in 100u16..1000, body in bodies(), header in "[ -~]{0,20}") {
        let reply = Reply { headers: vec![("retry-after".to_owned(), header)], ..Reply::new(status, body) };
        for (adapter, task) in offers() {
            if let Ok(Next::Done(found)) = adapter.read(&job(task), &reply) {
                prop_assert!((1..=16).contains(&found.len()), "{}", adapter.card().name);
            }
            let fault = adapter.fault(&reply);
            prop_assert!(Class::ATTEMPT.contains(&fault.class) && fault.class != Class::NoKey && fault.class != Class::Cancelled);
            prop_assert!(fault.upstream.as_ref().is_none_or(|text| text.chars().count() <= 2000));
            prop_assert!(fault.detail.is_some());
            let _ = adapter.read_models(&reply);
        }
    }

    #[test]
    fn any_base_address_and_key_open_or_refuse(base in any::<String>(), key in any::<String>()) {
        for (adapter, task) in offers() {
            let mut wild = job(task);
            wild.base_url = base.clone();
            wild.key = Some(ir_model::Secret::new(key.clone()));
            let _ = adapter.open(&wild);
            let _ = adapter.list_models(&base, wild.key.as_ref());
        }
    }
}
