//! Image and chat answers: exact bytes, exact lengths.

use super::*;
use crate::chat_answer::ChatAnswer;
use crate::error::{Mode, Reader};
use crate::testing::{b64, jpeg, place, png, stored};
use http_body::Body as _;
use http_body_util::BodyExt;
use ir_model::{Language, RequestId};

fn wish(form: ResponseForm) -> Wish {
    Wish { form, stream: false, quality: None, background: None, public_base_url: None }
}

fn drawn(picture: Option<Picture>, url: Option<&str>) -> Drawn {
    Drawn {
        name: picture.is_some().then(|| "20261122T225358-00.png".to_owned()),
        picture,
        url: url.map(str::to_owned),
        revised_prompt: None,
    }
}

fn summary(asked: u32, pictures: u32) -> Summary {
    Summary { provider: "Doubao".into(), model: "seedream/4".into(), attempts: 2, asked, pictures, ..Summary::default() }
}

/// The text of a response, whose announced length is checked.
async fn text(response: Response<Body>) -> String {
    let announced: u64 = response.headers()[CONTENT_LENGTH].to_str().unwrap().parse().unwrap();
    assert_eq!(response.body().size_hint().exact(), Some(announced));
    #[expect(clippy::disallowed_methods, reason = "a test reads a small answer whole")]
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(bytes.len() as u64, announced);
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn base64_is_bare_and_whole() {
    let place = place();
    let bytes = png(1024, 1024);
    let finished = Finished {
        pictures: vec![drawn(Some(stored(&place.spool, &bytes).await), Some("https://p.example/x.png"))],
        summary: summary(1, 1),
    };
    let response = images(&finished, &wish(ResponseForm::Base64), 1_795_388_038);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["x-img-router-provider"], "Doubao");
    assert_eq!(response.headers()["x-img-router-model"], "seedream/4");
    assert_eq!(response.headers()["x-img-router-attempts"], "2");
    assert!(!response.headers().contains_key("x-img-router-warning"));
    let wanted = format!(
        "{{\"created\":1795388038,\"output_format\":\"png\",\"size\":\"1024x1024\",\"data\":[{{\"b64_json\":\"{}\"}}]}}",
        b64(&bytes)
    );
    assert_eq!(text(response).await, wanted);
}

#[tokio::test]
async fn an_address_is_the_platforms_then_ours_then_the_bytes() {
    let place = place();
    let bytes = jpeg();
    let picture = stored(&place.spool, &bytes).await;
    let both = drawn(Some(picture.clone()), Some("https://p.example/x.png?a=1&b=\"2\""));
    let ours = drawn(Some(picture), None);
    let public = Wish { public_base_url: Some("https://draw.example/img".into()), ..wish(ResponseForm::Url) };
    let rows = [
        (&both, wish(ResponseForm::Url), "https://p.example/x.png?a=1&b=\"2\"".to_owned()),
        (&both, public.clone(), "https://p.example/x.png?a=1&b=\"2\"".to_owned()),
        (&ours, public, "https://draw.example/img/storage/20261122T225358-00.png".to_owned()),
        (&ours, wish(ResponseForm::Url), format!("data:image/jpeg;base64,{}", b64(&bytes))),
    ];
    for (drawn, wish, url) in rows {
        let finished = Finished { pictures: vec![drawn.clone()], summary: summary(1, 1) };
        let value: Value = serde_json::from_str(&text(images(&finished, &wish, 1)).await).unwrap();
        assert_eq!(value["data"], json!([{"url": url}]));
        assert_eq!(value["output_format"], "jpeg");
        assert!(value.get("size").is_none(), "8x8 is no size that strict clients know");
    }
    // What could not be fetched has only its address.
    let finished = Finished { pictures: vec![Drawn { picture: None, name: None, ..both.clone() }], summary: summary(1, 1) };
    let value: Value = serde_json::from_str(&text(images(&finished, &wish(ResponseForm::Base64), 1)).await).unwrap();
    assert!(value["data"][0].get("b64_json").is_none() && value["data"][0]["url"].is_string());
}

#[tokio::test]
async fn details_only_where_true_and_known() {
    let place = place();
    let picture = stored(&place.spool, &png(4, 4)).await;
    let finished = |ignored: &[&str]| Finished {
        pictures: vec![drawn(Some(picture.clone()), None)],
        summary: Summary { ignored: ignored.iter().map(|name| (*name).to_owned()).collect(), ..summary(1, 1) },
    };
    let asked = |quality, background| Wish { quality: Some(quality), background: Some(background), ..wish(ResponseForm::Base64) };
    let rows = [
        (asked(Quality::Low, Background::Transparent), &[][..], json!("low"), json!("transparent")),
        (asked(Quality::Hd, Background::Auto), &[], Value::Null, Value::Null),
        (asked(Quality::High, Background::Opaque), &["quality", "background"], Value::Null, Value::Null),
    ];
    for (wish, ignored, quality, background) in rows {
        let response = images(&finished(ignored), &wish, 1);
        let told = response.headers().get("x-img-router-ignored").map(|v| v.to_str().unwrap().to_owned());
        assert_eq!(told.unwrap_or_default(), ignored.join(", "));
        let value: Value = serde_json::from_str(&text(response).await).unwrap();
        assert_eq!((&value["quality"], &value["background"]), (&quality, &background));
        assert!(value.get("usage").is_none());
    }
}

#[tokio::test]
async fn fewer_pictures_than_asked_are_never_silent() {
    let place = place();
    let picture = stored(&place.spool, &png(4, 4)).await;
    let one = drawn(Some(picture), None);
    let summary = Summary { revised: vec![("size".into(), "2560x1440".into())], ..summary(3, 2) };
    let finished = Finished { pictures: vec![one.clone(), one], summary };
    let response = images(&finished, &wish(ResponseForm::Base64), 1);
    assert_eq!(response.headers()["x-img-router-warning"], "Only 2 of 3 pictures could be drawn.");
    assert_eq!(response.headers()["x-img-router-revised-size"], "2560x1440");
    let value: Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(value["warnings"], json!(["Only 2 of 3 pictures could be drawn."]));
    assert_eq!(value["data"].as_array().unwrap().len(), 2);
}

#[test]
fn headers_are_tame() {
    let mut headers = HeaderMap::new();
    set_headers(&mut headers, Some("P\r\nx: y"), Some("模型"), 1);
    assert_eq!((headers[&PROVIDER].to_str().unwrap(), headers[&MODEL].to_str().unwrap()), ("P??x: y", "??"));
    let mut headers = HeaderMap::new();
    set_headers(&mut headers, None, Some("m"), 0);
    assert!(headers.is_empty(), "no platform was reached");
}

#[tokio::test]
async fn chat_answers_are_complete() {
    let place = place();
    let bytes = png(4, 4);
    let picture = stored(&place.spool, &bytes).await;
    let finished = Finished {
        pictures: vec![drawn(Some(picture), None), drawn(None, Some("https://p.example/a (1).png?x=%2F"))],
        summary: summary(2, 2),
    };
    let answer = ChatAnswer {
        id: "chatcmpl-1".into(),
        created: 5,
        model: "a\"b".into(),
        include_usage: false,
        message_images: false,
        wish: wish(ResponseForm::Url),
        reader: Reader { id: RequestId::parse("r").unwrap(), language: Language::English, mode: Mode::Backend },
        sent: 0,
    };
    let value: Value = serde_json::from_str(&text(answer.document(&finished)).await).unwrap();
    let content = format!("![image1](data:image/png;base64,{})\n![image2](https://p.example/a%20%281%29.png?x=%2F)", b64(&bytes));
    assert_eq!(
        value,
        json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 5, "model": "a\"b",
            "choices": [{
                "index": 0, "logprobs": null, "finish_reason": "stop",
                "message": {"role": "assistant", "content": content, "refusal": null},
            }],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        })
    );
    let value: Value = serde_json::from_str(&text(ChatAnswer { message_images: true, ..answer }.document(&finished)).await).unwrap();
    let message = &value["choices"][0]["message"];
    assert_eq!(message["content"], content);
    let entry = |index: u32, url: &str| json!({"type": "image_url", "index": index, "image_url": {"url": url}});
    let urls = [format!("data:image/png;base64,{}", b64(&bytes)), "https://p.example/a%20%281%29.png?x=%2F".to_owned()];
    assert_eq!(message["images"], json!([entry(0, &urls[0]), entry(1, &urls[1])]));
}
