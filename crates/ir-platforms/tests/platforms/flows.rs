//! Answers that are more than a list of pictures: series, streams of events, tasks.

use crate::common::job;
use ir_model::{Charge, Class, Node, Source, Task};
use ir_platforms::{Adapter, Event, Next, Progress, Reply, ReplyBody, Ticket, by_name};
use serde_json::{Value, json};

const URL: &str = "https://pictures.example/0.png";

fn platform(name: &str) -> &'static dyn Adapter {
    by_name(name).expect(name)
}

fn document(value: Value) -> ReplyBody {
    ReplyBody::Json(Node::from(value))
}

fn read(name: &str, value: Value) -> Result<Next, ir_model::Fault> {
    platform(name).read(&job(Task::Text), &Reply::new(200, document(value)))
}

/// The answer to asking for a task.
fn polled(name: &str, value: Value) -> Result<Next, ir_model::Fault> {
    let ticket = Ticket { id: "t1".to_owned(), after_ms: 1 };
    let memo = platform(name).poll(&job(Task::Text), &ticket).expect("it has tasks").memo;
    platform(name).read(&job(Task::Text), &Reply { memo, ..Reply::new(200, document(value)) })
}

fn is_picture(next: &Next) -> bool {
    matches!(next, Next::Done(found) if found.len() == 1 && matches!(&found[0].source, Source::Url(url) if url == URL))
}

#[test]
fn a_series_with_a_withheld_picture_gives_the_others_and_says_why() {
    let error = json!({"error": {"code": "OutputImageSensitiveContentDetected", "message": "withheld"}});
    match read("Doubao", json!({"created": 1, "data": [{"url": URL, "size": "2048x2048"}, error]})) {
        Ok(Next::Partly(found, fault)) => assert_eq!((found.len(), fault.class), (1, Class::ContentRejected)),
        other => panic!("{other:?}"),
    }
    assert_eq!(read("Doubao", json!({"data": [error]})).expect_err("nothing").class, Class::ContentRejected);
}

#[test]
fn a_series_is_told_picture_by_picture() {
    let ark = platform("Doubao");
    let tell = |body: ReplyBody| ark.event(&job(Task::Text), &Value::Null, &Event { name: String::new(), body });
    let kind = |kind: &str| format!("image_generation.{kind}");
    let picture = tell(document(json!({"type": kind("partial_succeeded"), "image_index": 0, "url": URL})));
    assert!(matches!(picture, Ok(Progress::Picture(_))));
    let withheld = json!({"type": kind("partial_failed"), "error": {"code": "OutputImageSensitiveContentDetected", "message": "no"}});
    assert!(matches!(tell(document(withheld)), Ok(Progress::Missing(fault)) if fault.class == Class::ContentRejected));
    assert!(matches!(tell(document(json!({"type": kind("completed"), "usage": {}}))), Ok(Progress::End)));
    assert!(matches!(tell(ReplyBody::Text("[DONE]".to_owned())), Ok(Progress::End)));
    let broken = json!({"error": {"code": "InternalServiceError", "message": "failed"}});
    assert_eq!(tell(document(broken)).expect_err("an error").class, Class::UpstreamFault);
    assert!(matches!(tell(document(json!({"type": "something.new"}))), Ok(Progress::Nothing)));
}

#[test]
fn a_task_is_asked_for_until_it_ends() {
    for (name, taken) in [
        ("Gitee", json!({"task_id": "TASK7K2", "status": "waiting"})),
        // The state beside the id only says that the task was taken.
        ("ModelScope", json!({"task_status": "SUCCEED", "task_id": "TASK7K2"})),
    ] {
        match read(name, taken) {
            Ok(Next::Wait(ticket)) => assert_eq!((ticket.id.as_str(), ticket.after_ms >= 1000), ("TASK7K2", true), "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
    for status in ["waiting", "in_progress", "processing", "something new"] {
        assert!(matches!(polled("Gitee", json!({"task_id": "t1", "status": status})), Ok(Next::Wait(_))), "{status}");
    }
    for status in ["PENDING", "RUNNING", "PROCESSING"] {
        let answer = json!({"task_id": "t1", "task_status": status, "output_images": []});
        assert!(matches!(polled("ModelScope", answer), Ok(Next::Wait(_))), "{status}");
    }
}

#[test]
fn a_finished_task_gives_its_picture_wherever_it_stands() {
    for output in [
        json!({"output": {"file_url": URL}}),
        json!({"output": [{"url": URL}]}),
        json!({"output": {"data": {"url": URL}}}),
        json!({"data": {"file_url": URL}}),
    ] {
        let mut answer = output.clone();
        answer["task_id"] = json!("t1");
        answer["status"] = json!("success");
        assert!(is_picture(&polled("Gitee", answer).expect("a picture")), "{output}");
    }
    // Rarely, the first answer holds it already.
    assert!(is_picture(&read("Gitee", json!({"task_id": "t1", "status": "in_progress", "output": {"file_url": URL}})).expect("a picture")));
    let answer = json!({"task_id": "t1", "task_status": "SUCCEED", "output_images": [URL]});
    assert!(is_picture(&polled("ModelScope", answer).expect("a picture")));
    assert!(is_picture(&read("ModelScope", json!({"images": [{"url": URL}]})).expect("a picture")));
}

#[test]
fn a_failed_task_may_have_been_charged() {
    let gitee = json!({"task_id": "t1", "status": "failure", "error": "boom", "message": "the worker died"});
    let scope = json!({"task_id": "t1", "task_status": "FAILED", "errors": {"code": 500, "message": "it did not work"}});
    for (name, answer) in [("Gitee", gitee), ("ModelScope", scope)] {
        let fault = polled(name, answer).expect_err(name);
        assert_eq!((fault.class, fault.charge), (Class::TaskFailed, Charge::Maybe), "{name}");
    }
}

#[test]
fn an_id_that_would_change_the_address_is_no_task() {
    for id in ["../models", "a/b", "a?b", "a#b", "", "a b", &"x".repeat(300)] {
        for name in ["Gitee", "ModelScope"] {
            let answer = json!({"task_id": id, "status": "waiting", "task_status": "PENDING"});
            assert_eq!(read(name, answer).expect_err(id).charge, Charge::Maybe, "{name} {id}");
        }
    }
}

#[test]
fn pollinations_takes_a_negative_prompt_only_in_an_address() {
    let mut long = job(Task::Text);
    long.prompt = "字".repeat(1501);
    assert!(platform("Pollinations").open(&long).is_ok());
    long.extras.negative_prompt = Some("text".to_owned());
    let fault = platform("Pollinations").open(&long).expect_err("no address has room for it");
    assert_eq!((fault.class, fault.charge, fault.param.as_deref()), (Class::InvalidRequest, Charge::No, Some("prompt")));
    long.prompt = "a fox".to_owned();
    long.key = None;
    assert_eq!(platform("Pollinations").open(&long).expect_err("a key is needed").class, Class::NoKey);
}

#[test]
fn keys_are_tried_by_what_costs_nothing() {
    let key = ir_model::Secret::new("sk-canary");
    let told = |name: &str| {
        let call = platform(name).probe("https://relay.example/v1", &key)?;
        let text = format!("{:?} {:?}", call.target, call.body);
        assert!(!text.contains("canary"), "{text}");
        Some(text)
    };
    let ark = told("Doubao").expect("Ark refuses a picture of one pixel after it has looked at the key");
    assert!(ark.contains("Post") && ark.contains("1x1"), "{ark}");
    assert!(told("NewApi").expect("relays list models for good keys only").contains("/v1/models"));
    // Their lists answer anybody: what they say proves nothing.
    assert_eq!((told("Gitee"), told("ModelScope")), (None, None));
}
