//! Conversations with Spaces, step by step: what the suite against real Gradio servers cannot show.

use crate::common::job;
use ir_model::{Charge, Class, Job, Node, Source, Task};
use ir_platforms::{Adapter, Call, CallBody, Event, Next, Progress, Reply, ReplyBody, Target, by_name};
use serde_json::{Value, json};
use std::time::Duration;

const SPACE: &str = "https://owner-name.hf.space";

fn space() -> &'static dyn Adapter {
    by_name("HuggingFace").expect("listed")
}

fn drawing(task: Task) -> Job {
    Job { base_url: SPACE.to_owned(), home: "https://huggingface.co".to_owned(), ..job(task) }
}

fn url(call: &Call) -> &str {
    let Target::Http { url, .. } = &call.target else { panic!("over HTTP") };
    url
}

fn reply(call: &Call, status: u16, body: ReplyBody) -> Reply {
    Reply { memo: call.memo.clone(), ..Reply::new(status, body) }
}

/// The call that follows when `call` is answered with this document.
fn after(job: &Job, call: &Call, document: Value) -> Call {
    match space().read(job, &reply(call, 200, ReplyBody::Json(Node::from(document)))) {
        Ok(Next::Then(next)) => next,
        other => panic!("{other:?}"),
    }
}

fn config() -> Value {
    json!({
        "version": "6.31.0", "api_prefix": "/gradio_api", "protocol": "sse_v3",
        "dependencies": [{"id": 3, "api_name": "surprise"}, {"id": 7, "api_name": "draw"}, {"id": 8, "api_name": false}],
    })
}

fn parameter(name: &str, component: &str, default: Value) -> Value {
    let has = !default.is_null();
    json!({"label": name, "parameter_name": name, "parameter_has_default": has, "parameter_default": default,
        "type": {"type": "x", "description": if component == "Slider" { "numeric value between 256 and 1536" } else { "" }}, "component": component})
}

fn info(parameters: &[Value]) -> Value {
    json!({"named_endpoints": {
        "/surprise": {"parameters": [], "returns": [{"component": "Textbox"}]},
        "/draw": {"parameters": parameters, "returns": [{"component": "Image"}, {"component": "Number"}]},
    }})
}

/// The arguments with which a call joins the queue.
fn joined(job: &Job, parameters: &[Value]) -> Value {
    let look = space().open(job).expect("opens");
    let ask = after(job, &look, config());
    assert_eq!(url(&ask), format!("{SPACE}/gradio_api/info"));
    let join = after(job, &ask, info(parameters));
    assert_eq!(url(&join), format!("{SPACE}/gradio_api/queue/join"));
    let CallBody::Json(body) = &join.body else { panic!("a document") };
    let body = body.to_value_lossy();
    assert_eq!(body["fn_index"], 7);
    body["data"].clone()
}

#[test]
fn wishes_stay_within_what_the_space_takes() {
    let mut job = drawing(Task::Text);
    job.size = Some(ir_model::Size::new(4096, 64));
    let arguments = joined(
        &job,
        &[
            parameter("height", "Slider", json!(512)),
            parameter("style", "Dropdown", json!("None")),
            parameter("width", "Slider", json!(512)),
            parameter("your_text", "Textbox", Value::Null),
            parameter("num_images_per_prompt", "Number", json!(4)),
        ],
    );
    assert_eq!(arguments, json!([256, "None", 1536, "a red fox", 1]));
}

#[test]
fn a_wish_that_changes_the_picture_is_not_dropped() {
    for (param, change) in [
        ("seed", (|job| job.extras.seed = Some(1)) as fn(&mut Job)),
        ("negative_prompt", |job| job.extras.negative_prompt = Some("text".to_owned())),
    ] {
        let mut job = drawing(Task::Text);
        change(&mut job);
        let ask = after(&job, &space().open(&job).expect("opens"), config());
        let info = info(&[parameter("prompt", "Textbox", Value::Null)]);
        let fault = space().read(&job, &reply(&ask, 200, ReplyBody::Json(Node::from(info)))).expect_err(param);
        assert_eq!((fault.class, fault.charge, fault.param.as_deref()), (Class::InvalidRequest, Charge::No, Some(param)));
    }
}

#[test]
fn a_space_without_a_function_for_the_task_is_not_to_blame() {
    let picture = || parameter("image", "Image", Value::Null);
    for (task, parameters, param) in [
        (Task::Edit, vec![parameter("prompt", "Textbox", Value::Null)], "image"),
        (Task::Blend, vec![parameter("prompt", "Textbox", Value::Null), picture()], "image"),
        (Task::Text, vec![picture()], "model"),
    ] {
        let job = drawing(task);
        let ask = after(&job, &space().open(&job).expect("opens"), config());
        let answer = reply(&ask, 200, ReplyBody::Json(Node::from(info(&parameters))));
        let fault = space().read(&job, &answer).expect_err("no such function");
        assert_eq!((fault.class, fault.charge, fault.param.as_deref()), (Class::InvalidRequest, Charge::No, Some(param)), "{task}");
    }
}

#[test]
fn a_sleeping_space_is_woken_and_a_paused_one_is_left() {
    let job = drawing(Task::Text);
    let mut look = space().open(&job).expect("opens");
    for turn in 0..10 {
        let asleep = reply(&look, 503, ReplyBody::Text("<html><title>Sleeping</title></html>".to_owned()));
        let Ok(Next::Then(ask)) = space().refused(&job, &asleep) else { panic!("turn {turn}: it is asked for its state") };
        assert_eq!(url(&ask), "https://huggingface.co/api/spaces/by-subdomain/owner-name");
        for stage in ["PAUSED", "STOPPED", "BUILD_ERROR", "RUNTIME_ERROR"] {
            let stopped = reply(&ask, 200, ReplyBody::Json(Node::from(json!({"runtime": {"stage": stage}}))));
            let fault = space().read(&job, &stopped).expect_err(stage);
            assert_eq!((fault.class, fault.charge), (Class::Overloaded, Charge::No), "{stage}");
        }
        // Its state is only a hint: the Space is looked at whether it is told or not.
        for status in [404, 429, 500] {
            let Ok(Next::Then(look)) = space().refused(&job, &reply(&ask, status, ReplyBody::Empty)) else { panic!("{status}") };
            assert_eq!((url(&look), look.after_ms), (format!("{SPACE}/config").as_str(), 5000), "{status}");
        }
        look = after(&job, &ask, json!({"runtime": {"stage": "APP_STARTING"}}));
        assert_eq!((url(&look), look.after_ms), (format!("{SPACE}/config").as_str(), 5000));
    }
    let asleep = reply(&look, 503, ReplyBody::Empty);
    let fault = space().refused(&job, &asleep).expect_err("it does not wake up");
    assert_eq!((fault.class, fault.charge), (Class::Overloaded, Charge::No));
}

/// What a refusal means at a step.
fn refused(job: &Job, step: &str, status: u16, body: Value) -> (Class, Charge) {
    let reply = Reply { memo: json!({"step": step, "tries": 1}), ..Reply::new(status, ReplyBody::Json(Node::from(body))) };
    let fault = space().refused(job, &reply).expect_err(step);
    (fault.class, fault.charge)
}

#[test]
fn a_space_judges_no_key() {
    let mut job = drawing(Task::Text);
    let login = json!({"detail": {"error": "Not authenticated", "auth_message": null}});
    for step in ["config", "info", "upload", "join"] {
        for status in [401, 403] {
            assert_eq!(refused(&job, step, status, login.clone()), (Class::UpstreamFault, Charge::No), "{step} {status}");
        }
    }
    // The call has joined the queue, and goes on there.
    assert_eq!(refused(&job, "data", 401, login), (Class::UpstreamFault, Charge::Maybe));
    // What the call drew is there, and is not drawn again at the same Space.
    let hidden = json!({"detail": "File not allowed: /etc/passwd"});
    assert_eq!(refused(&job, "file", 403, hidden), (Class::UpstreamFault, Charge::Yes));
    assert_eq!(refused(&job, "file", 404, json!({"detail": "Not Found"})), (Class::UpstreamFault, Charge::Yes));
    // HuggingFace itself knows, and is taken at its word.
    let token = json!({"error": "Invalid credentials in Authorization header"});
    assert_eq!(refused(&job, "config", 401, token.clone()), (Class::KeyRejected, Charge::No));
    assert_eq!(refused(&job, "runtime", 401, json!({"error": "no"})), (Class::KeyRejected, Charge::No));
    job.key = None;
    assert_eq!(refused(&job, "config", 401, token).0, Class::UpstreamFault);
    assert!(space().open(&job).expect("opens").header("authorization").is_none());
}

#[test]
fn nothing_is_charged_before_the_call_has_joined_the_queue() {
    for step in ["config", "info", "upload"] {
        for body in [ReplyBody::Empty, ReplyBody::Text("not JSON".to_owned())] {
            let reply = Reply { memo: json!({"step": step, "tries": 10}), ..Reply::new(200, body) };
            assert_eq!(space().read(&drawing(Task::Text), &reply).expect_err(step).charge, Charge::No, "{step}");
        }
        assert_eq!(refused(&drawing(Task::Text), step, 599, json!({})).1, Charge::No, "{step}");
    }
}

#[test]
fn only_the_steps_that_draw_can_be_charged() {
    let job = drawing(Task::Edit);
    let look = space().open(&job).expect("opens");
    let Ok(Next::Then(state)) = space().refused(&job, &reply(&look, 503, ReplyBody::Empty)) else { panic!("it is asked for its state") };
    let ask = after(&job, &look, config());
    let upload = after(&job, &ask, info(&[parameter("prompt", "Textbox", Value::Null), parameter("image", "Image", Value::Null)]));
    let join = after(&job, &upload, json!(["/tmp/gradio/a.png"]));
    let listen = after(&job, &join, json!({"event_id": "e1"}));
    assert_eq!([&look, &state, &ask, &upload, &join, &listen].map(|call| call.harmless), [true, true, true, true, false, false]);
    assert!(url(&upload).ends_with("/upload") && url(&listen).contains("/queue/data"));
}

fn told(document: Value) -> Result<Progress, ir_model::Fault> {
    let memo = json!({"step": "data", "prefix": "/gradio_api", "event": "e1"});
    space().event(&drawing(Task::Text), &memo, &Event { name: String::new(), body: ReplyBody::Json(Node::from(document)) })
}

#[test]
fn events_of_others_and_of_the_queue_are_passed_over() {
    for document in [
        json!({"msg": "estimation", "event_id": "e1", "rank": 4}),
        json!({"msg": "heartbeat"}),
        json!({"msg": "log", "event_id": "e1", "title": "ZeroGPU queue", "log": "waiting"}),
        json!({"msg": "process_completed", "event_id": "another", "success": false, "output": {"error": "not ours"}}),
        json!({"msg": "something new"}),
    ] {
        assert!(matches!(told(document.clone()), Ok(Progress::Nothing)), "{document}");
    }
    assert!(matches!(told(json!({"msg": "close_stream", "event_id": null})), Ok(Progress::End)));
}

#[test]
fn a_finished_call_leads_to_its_file() {
    let done = |data: Value| told(json!({"msg": "process_completed", "event_id": "e1", "success": true, "output": {"data": data}}));
    let file = json!({"path": "/tmp/gradio/abc/a picture.webp", "url": "http://wrong.example/x", "meta": {"_type": "gradio.FileData"}});
    for data in [
        json!([file, 7]),
        json!(["said", file]),
        json!([[{"image": file, "caption": null}]]),
        json!([[file, file]]),
        json!([{"__type__": "update", "value": file}]),
    ] {
        match done(data.clone()) {
            Ok(Progress::Then(call)) => assert_eq!(url(&call), format!("{SPACE}/gradio_api/file=/tmp/gradio/abc/a%20picture.webp")),
            other => panic!("{data}: {other:?}"),
        }
    }
    assert!(
        matches!(done(json!(["https://pictures.example/a.png"])), Ok(Progress::Picture(output)) if matches!(output.source, Source::Url(_)))
    );
    assert_eq!(done(json!(["only words"])).expect_err("no picture").class, Class::UpstreamFault);
}

#[test]
fn gpu_quotas_rest_the_key_for_the_time_that_is_named() {
    let text = "'You have exceeded your GPU quota (60s requested vs. 0s left). Try again in 2:00:01'";
    let output = json!({"error": text, "title": "ZeroGPU quota exceeded"});
    let fault = told(json!({"msg": "process_completed", "event_id": "e1", "success": false, "output": output})).expect_err("no quota");
    assert_eq!((fault.class, fault.retry_after), (Class::QuotaExhausted, Some(Duration::from_secs(7201))));
    assert_eq!(told(json!({"msg": "queue_full"})).expect_err("full").class, Class::Overloaded);
    let lost = json!({"msg": "unexpected_error", "message": "404: Session not found.", "success": false});
    assert_eq!(told(lost).expect_err("lost").class, Class::UpstreamFault);
}
