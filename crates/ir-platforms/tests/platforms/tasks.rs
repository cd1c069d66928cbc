//! Gitee and ModelScope beyond what all platforms share: questions after tasks, wishes per model,
//! and what a refusal means before and after a task was taken.

use crate::common::{golden, job, show};
use ir_model::{Charge, Class, Job, Node, Task};
use ir_platforms::{Adapter, CallBody, Next, PartBody, Reply, ReplyBody, Target, Ticket, by_name};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;

const WITH_TASKS: [&str; 2] = ["Gitee", "ModelScope"];

fn platform(name: &str) -> &'static dyn Adapter {
    by_name(name).expect(name)
}

fn ticket() -> Ticket {
    Ticket { id: "TASK7K2".to_owned(), after_ms: 1 }
}

/// A reply to a submission.
fn submitted(status: u16, value: Value) -> Reply {
    Reply::new(status, ReplyBody::Json(value.into()))
}

/// A reply to a question after a task.
fn polled(name: &str, status: u16, value: Value) -> Reply {
    let memo = platform(name).poll(&job(Task::Text), &ticket()).expect("it has tasks").memo;
    Reply { memo, ..submitted(status, value) }
}

fn drawn_by(model: &str, task: Task) -> Job {
    Job { model: model.to_owned(), ..job(task) }
}

/// A JSON body as text.
fn body(name: &str, job: &Job) -> String {
    show(&platform(name).open(job).expect("opens"))
}

#[test]
fn questions_after_a_task() {
    let asked = WITH_TASKS.map(|name| show(&platform(name).poll(&job(Task::Text), &ticket()).expect("it has tasks")));
    golden("tasks-asked-for.txt", &asked.join("\n"));
}

#[test]
fn a_ticket_that_would_change_the_address_is_not_asked_for() {
    for id in ["", "..", "../models", "a/b", "a?b", "a#b", "a%2e"] {
        let ticket = Ticket { id: id.to_owned(), after_ms: 1 };
        assert!(WITH_TASKS.iter().all(|name| platform(name).poll(&job(Task::Text), &ticket).is_none()), "{id}");
    }
}

proptest! {
    #[test]
    fn any_id_is_a_plain_one_or_none(id in "[ -~é]{0,40}") {
        for name in WITH_TASKS {
            let read = platform(name).read(&job(Task::Text), &submitted(200, json!({"task_id": id})));
            if let Ok(next) = read {
                let Next::Wait(ticket) = next else { panic!("{next:?}") };
                let call = platform(name).poll(&job(Task::Text), &ticket).expect("a ticket of its own");
                let Target::Http { url, .. } = call.target else { panic!("over HTTP") };
                let path = url::Url::parse(&url).expect("an address").path().to_owned();
                prop_assert!(url.ends_with(&path) && path.rsplit('/').next() == Some(id.as_str()), "{}", url);
            }
        }
    }
}

#[test]
fn the_id_of_the_question_goes_on_when_the_answer_names_none() {
    for (name, state) in [("Gitee", "status"), ("ModelScope", "task_status")] {
        match platform(name).read(&job(Task::Text), &polled(name, 200, json!({ state: "RUNNING" }))) {
            Ok(Next::Wait(again)) => assert_eq!(again.id, "TASK7K2", "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
    let numbered = platform("ModelScope").read(&job(Task::Text), &submitted(200, json!({"task_id": 3_541_001})));
    assert!(matches!(numbered, Ok(Next::Wait(ticket)) if ticket.id == "3541001"));
}

#[test]
fn an_answer_to_a_question_without_a_state_is_a_fault() {
    for name in WITH_TASKS {
        for value in [json!({}), json!({"task_id": "TASK7K2"}), json!({"error": {"message": "no"}}), json!([])] {
            let fault = platform(name).read(&job(Task::Text), &polled(name, 200, value)).expect_err(name);
            assert_eq!((fault.class, fault.charge), (Class::UpstreamFault, Charge::Maybe), "{name}");
        }
    }
}

#[test]
fn a_failed_task_punishes_no_key() {
    let failed = |name: &str, error: Value| {
        let value = json!({"task_id": "TASK7K2", "status": "failure", "task_status": "FAILED", "errors": error});
        platform(name).read(&job(Task::Text), &polled(name, 200, value)).expect_err(name)
    };
    for name in WITH_TASKS {
        let codes = [
            (401, "unauthorized"),
            (403, "forbidden"),
            (404, "not found"),
            (429, "slow down"),
            (500, "task not found"),
            (503, "busy"),
            (0, ""),
        ];
        for (code, message) in codes {
            let fault = failed(name, json!({"code": code, "message": message}));
            assert_eq!((fault.class, fault.charge), (Class::TaskFailed, Charge::Maybe), "{name} {code}");
        }
        assert_eq!(failed(name, json!({"message": "内容违规"})).class, Class::ContentRejected, "{name}");
    }
    let empty = polled("ModelScope", 200, json!({"task_status": "SUCCEED", "output_images": []}));
    assert_eq!(platform("ModelScope").read(&job(Task::Text), &empty).expect_err("nothing").class, Class::TaskFailed);
}

#[test]
fn a_refused_question_says_nothing_of_the_charge_and_of_the_key() {
    let no = || json!({"message": "no"});
    for name in WITH_TASKS {
        for (status, class) in
            [(401, Class::KeyRejected), (402, Class::QuotaExhausted), (403, Class::KeyRejected), (429, Class::RateLimited)]
        {
            let fault = platform(name).fault(&submitted(status, no()));
            assert_eq!((fault.class, fault.charge), (class, Charge::No), "{name} {status}");
            let fault = platform(name).fault(&polled(name, status, no()));
            assert_eq!((fault.class, fault.charge), (Class::UpstreamFault, Charge::Maybe), "{name} {status}");
        }
        for status in [404, 503] {
            assert_eq!(platform(name).fault(&submitted(status, no())).charge, Charge::No, "{name} {status}");
            assert_eq!(platform(name).fault(&polled(name, status, no())).charge, Charge::Maybe, "{name} {status}");
        }
        let inside = polled(name, 200, json!({"error": {"code": 401, "message": "unauthorized"}}));
        let fault = platform(name).read(&job(Task::Text), &inside).expect_err(name);
        assert_eq!((fault.class, fault.charge), (Class::UpstreamFault, Charge::Maybe), "{name}");
    }
    let spent = vec![("modelscope-ratelimit-requests-remaining".to_owned(), "0".to_owned()), ("retry-after".to_owned(), "9".to_owned())];
    let fault = platform("ModelScope").fault(&Reply { headers: spent, ..polled("ModelScope", 429, no()) });
    assert_eq!((fault.class, fault.charge, fault.retry_after), (Class::UpstreamFault, Charge::Maybe, Some(Duration::from_secs(9))));
}

#[test]
fn many_pictures_of_one_task_are_bounded() {
    let urls: Vec<_> = (0..40).map(|at| format!("https://pictures.example/{at}.png")).collect();
    let answer = polled("ModelScope", 200, json!({"task_status": "SUCCEED", "output_images": urls}));
    match platform("ModelScope").read(&job(Task::Text), &answer) {
        Ok(Next::Done(found)) => assert_eq!(found.len(), 16),
        other => panic!("{other:?}"),
    }
}

#[test]
fn gitee_sends_a_model_only_what_it_takes() {
    let mut wan = drawn_by("wan2.7-image", Task::Text);
    wan.n = 4;
    wan.extras.seed = Some(7);
    wan.extras.steps = Some(30);
    wan.extras.guidance_scale = Some(3.0);
    let text = body("Gitee", &wan);
    assert!(text.contains("\"n\": 4") && text.contains("\"seed\": 7"), "{text}");
    assert!(!text.contains("num_inference_steps") && !text.contains("guidance_scale"), "{text}");
    let text = body("Gitee", &Job { model: "gpt-image-2".to_owned(), n: 1, ..wan });
    assert!(!text.contains("seed") && !text.contains("response_format"), "{text}");
}

#[test]
fn gitee_says_what_each_picture_of_a_task_is_there_for() {
    for (model, task, count) in [
        ("Qwen-Image-Edit-2511", Task::Edit, 1),
        ("longcat-image-edit", Task::Blend, 2),
        ("Qwen-Image-Edit", Task::Blend, 0),
        ("Qwen-Image-Edit-2509", Task::Edit, 0),
    ] {
        let call = platform("Gitee").open(&drawn_by(model, task)).expect("opens");
        let CallBody::Multipart(parts) = &call.body else { panic!("a form") };
        let told = parts.iter().filter(|part| part.name == "task_types" && matches!(part.body, PartBody::Text(_))).count();
        let Target::Http { url, .. } = &call.target else { panic!("over HTTP") };
        assert_eq!((told, url.contains("/async/")), (count, count > 0), "{model}");
    }
}

#[test]
fn modelscope_takes_addresses_where_there_are_any_and_data_uris_else() {
    let mut edit = drawn_by("Qwen/Qwen-Image-Edit", Task::Blend);
    edit.pictures[1].url = None;
    let call = platform("ModelScope").open(&edit).expect("opens");
    let CallBody::Json(document) = &call.body else { panic!("JSON") };
    match document.get("image_url").and_then(Node::as_array) {
        Some([Node::String(url), Node::Bytes(bytes)]) => {
            assert_eq!((url.as_str(), bytes.data_uri.as_deref()), ("https://pictures.example/in", Some("image/jpeg")));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn modelscope_is_sent_no_value_that_it_would_refuse() {
    let refused = |change: fn(&mut Job)| {
        let mut wrong = job(Task::Text);
        change(&mut wrong);
        let fault = platform("ModelScope").open(&wrong).expect_err("out of bounds");
        assert_eq!((fault.class, fault.charge, fault.everywhere), (Class::InvalidRequest, Charge::No, false));
        fault.param
    };
    assert_eq!(refused(|job| job.extras.guidance_scale = Some(1.0)).as_deref(), Some("guidance_scale"));
    assert_eq!(refused(|job| job.extras.guidance_scale = Some(f64::NAN)).as_deref(), Some("guidance_scale"));
    assert_eq!(refused(|job| job.extras.negative_prompt = Some("字".repeat(2000))).as_deref(), Some("negative_prompt"));
    let mut wide = job(Task::Text);
    wide.extras.seed = Some((5 << 31) + 42);
    assert!(body("ModelScope", &wide).contains("\"seed\": 42\n"));
}

#[test]
fn modelscope_tells_a_spent_model_from_a_spent_account() {
    let told = |account: &str, model: &str, message: &str| {
        let headers = [("modelscope-ratelimit-requests-remaining", account), ("modelscope-ratelimit-model-requests-remaining", model)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let reply = Reply { headers, ..submitted(429, json!({"errors": {"message": message}})) };
        platform("ModelScope").fault(&reply).class
    };
    let cases = [
        ("0", "0", "Too many requests", Class::QuotaExhausted),
        ("0", "7", "Too many requests", Class::QuotaExhausted),
        // The key still draws with other models.
        ("1200", "0", "Too many requests", Class::RateLimited),
        ("1200", "0", "exceeded today's quota for this model", Class::RateLimited),
        ("1200", "7", "Too many requests", Class::RateLimited),
        ("", "", "exceeded today's quota", Class::QuotaExhausted),
    ];
    for (account, model, message, class) in cases {
        assert_eq!(told(account, model, message), class, "{account} {model} {message}");
    }
}

#[test]
fn the_pause_of_a_refusal_is_kept() {
    let reply = Reply { headers: vec![("retry-after".to_owned(), "3".to_owned())], ..submitted(429, json!({"message": "slow down"})) };
    for name in WITH_TASKS {
        assert_eq!(platform(name).fault(&reply).retry_after, Some(Duration::from_secs(3)), "{name}");
    }
}
