//! Drives a gateway with async-openai: does what the stage names and prints one JSON line for each feature.
//!
//! `async-openai-driver STAGE`, a JSON file: see `../clients/README.md`.

use std::error::Error;
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::ReqwestService;
use async_openai::types::InputSource;
use async_openai::types::chat::CreateChatCompletionRequest;
use async_openai::types::images::{
    CreateImageEditRequest, CreateImageEditRequestArgs, CreateImageRequest, CreateImageVariationRequestArgs, DallE2ImageSize, Image,
    ImageEditInput, ImageEditStreamEvent, ImageGenStreamEvent, ImageInput, ImageResponseFormat, ImagesResponse,
};
use base64::Engine;
use futures_util::StreamExt;
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const UNSUPPORTED: &str = "unsupported";

#[derive(Clone)]
struct Stage(Value);

impl Stage {
    fn text(&self, name: &str) -> String {
        self.0[name].as_str().unwrap_or_default().to_owned()
    }

    fn prompt(&self, feature: &str) -> String {
        self.0["prompts"][feature].as_str().unwrap_or_default().to_owned()
    }

    fn picture(&self, name: &str) -> Result<Vec<u8>> {
        Ok(base64::engine::general_purpose::STANDARD.decode(self.text(name))?)
    }

    fn config(&self) -> OpenAIConfig {
        OpenAIConfig::new().with_api_base(self.text("v1")).with_api_key(self.text("key"))
    }

    /// As a user has it: it repeats 429 and 5xx up to three times.
    fn client(&self) -> Client<OpenAIConfig> {
        Client::with_config(self.config())
    }

    /// Without repetitions.
    fn strict(&self, config: OpenAIConfig) -> Client<OpenAIConfig> {
        Client::with_config(config).with_http_service(ReqwestService::default())
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let path = std::env::args().nth(1).ok_or("usage: async-openai-driver STAGE")?;
    let stage = Stage(serde_json::from_slice(&std::fs::read(path)?)?);
    let together = stage.0["together"] == json!(true);
    let features: Vec<String> = stage.0["prompts"].as_object().ok_or("no prompts")?.keys().cloned().collect();
    let mut running = Vec::new();
    for feature in features {
        let task = tokio::spawn(report(stage.clone(), feature));
        if together {
            running.push(task);
        } else {
            task.await?;
        }
    }
    for task in running {
        task.await?;
    }
    Ok(())
}

async fn report(stage: Stage, feature: String) {
    let mut record = match act(&stage, &feature).await {
        Ok(seen) => seen,
        Err(error) if error.to_string() == UNSUPPORTED => json!({ "unsupported": true }),
        Err(error) => json!({ "error": told(&*error) }),
    };
    record["feature"] = json!(feature);
    println!("{record}");
}

/// What a user sees of an error.
fn told(error: &(dyn Error + Send + Sync + 'static)) -> Value {
    let text = error.to_string();
    match error.downcast_ref::<OpenAIError>() {
        Some(OpenAIError::ApiError(answer)) => {
            json!({ "kind": "ApiError", "status": answer.status_code.as_u16(), "code": answer.api_error.code, "message": answer.api_error.message })
        }
        Some(OpenAIError::Reqwest(cause)) if cause.is_timeout() => json!({ "kind": "Timeout", "message": text }),
        Some(OpenAIError::Reqwest(_)) => json!({ "kind": "Reqwest", "message": text }),
        Some(OpenAIError::JSONDeserialize(..)) => json!({ "kind": "JSONDeserialize", "message": text }),
        Some(OpenAIError::StreamError(_)) => json!({ "kind": "StreamError", "message": text }),
        _ => json!({ "kind": "Error", "message": text }),
    }
}

async fn act(stage: &Stage, feature: &str) -> Result<Value> {
    let (client, prompt, gpt, model) = (stage.client(), stage.prompt(feature), stage.text("gpt"), stage.text("model"));
    let strict = stage.strict(stage.config());
    match feature {
        "generate_b64" | "long_generate" => pictures(&client.images().generate(generation(&gpt, &prompt, json!({}))?).await?),
        "generate_url" => pictures(&client.images().generate(generation(&model, &prompt, json!({ "response_format": "url" }))?).await?),
        "generate_three" => pictures(&client.images().generate(generation(&gpt, &prompt, json!({ "n": 3 }))?).await?),
        "edit_one" => pictures(&client.images().edit(edit(stage, &prompt, &["red"])?).await?),
        "edit_many" => pictures(&client.images().edit(edit(stage, &prompt, &["blue", "red"])?).await?),
        "edit_mask" => {
            let request = CreateImageEditRequest { mask: Some(input(stage, "mask")?), ..edit(stage, &prompt, &["red"])? };
            pictures(&client.images().edit(request).await?)
        }
        "variations" => variations(stage, &client).await,
        "chat" => chat(&client, talk(&model, json!(prompt))?).await,
        "chat_pictures" => {
            let parts = json!([{ "type": "text", "text": prompt }, part(stage, "blue"), part(stage, "red")]);
            chat(&client, talk(&model, parts)?).await
        }
        "chat_stream" | "error_in_stream" | "long_chat" => chat_stream(&client, talk(&model, json!(prompt))?).await,
        "image_stream" => image_stream(&client, generation(&gpt, &prompt, json!({ "n": 2 }))?).await,
        "edit_stream" => edit_stream(&client, edit(stage, &prompt, &["red"])?).await,
        "models" => {
            let list = client.models().list().await?;
            Ok(json!({ "models": list.data.iter().map(|model| &model.id).collect::<Vec<_>>() }))
        }
        "error_key" => {
            let wrong = stage.strict(stage.config().with_api_key("wrong"));
            pictures(&wrong.images().generate(generation(&model, &prompt, json!({}))?).await?)
        }
        "error_request" => pictures(&strict.images().generate(generation(&model, &prompt, json!({ "size": "large" }))?).await?),
        "error_large" => {
            let long = "x".repeat(usize::try_from(stage.0["too_large"].as_u64().unwrap_or_default())?);
            pictures(&strict.images().generate(generation(&model, &format!("{prompt}{long}"), json!({}))?).await?)
        }
        "error_unknown_model" => {
            let found = strict.models().retrieve("no-such-model").await?;
            Ok(json!({ "models": [found.id] }))
        }
        "error_refusal" | "error_model" | "error_upstream" | "error_overloaded" | "error_rate_limit" | "error_quota" => {
            pictures(&strict.images().generate(generation(&model, &prompt, json!({}))?).await?)
        }
        "retry" | "no_retry" => pictures(&client.images().generate(generation(&gpt, &prompt, json!({}))?).await?),
        "timeout" => {
            let impatient = reqwest::Client::builder().timeout(Duration::from_secs(1)).build()?;
            let client = Client::build(impatient.clone(), stage.config()).with_http_service(ReqwestService::new(impatient));
            pictures(&client.images().generate(generation(&model, &prompt, json!({}))?).await?)
        }
        "cancel" => {
            let request = generation(&model, &prompt, json!({}))?;
            let drawing = tokio::spawn(async move { client.images().generate(request).await });
            until_drawing(stage, &prompt).await?;
            drawing.abort();
            let cancelled = drawing.await.is_err_and(|end| end.is_cancelled());
            Ok(json!({ "cancelled": cancelled }))
        }
        "cancel_stream" => {
            let mut chunks = client.chat().create_stream(talk(&model, json!(prompt))?).await?;
            let first = chunks.next().await.is_some();
            drop(chunks);
            Ok(json!({ "cancelled": first }))
        }
        _ => Err(UNSUPPORTED.into()),
    }
}

/// Waits until the platform is asked to draw this prompt.
async fn until_drawing(stage: &Stage, prompt: &str) -> Result<()> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    client.get(stage.text("drawing")).query(&[("prompt", prompt)]).send().await?.error_for_status()?;
    Ok(())
}

fn generation(model: &str, prompt: &str, more: Value) -> Result<CreateImageRequest> {
    let mut request: CreateImageRequest =
        CreateImageRequest { prompt: prompt.into(), model: serde_json::from_value(json!(model))?, ..Default::default() };
    request.n = more["n"].as_u64().map(u8::try_from).transpose()?;
    request.size = more.get("size").cloned().map(serde_json::from_value).transpose()?;
    #[expect(deprecated, reason = "callers of gateways use it")]
    {
        request.response_format = more.get("response_format").cloned().map(serde_json::from_value).transpose()?;
    }
    Ok(request)
}

fn input(stage: &Stage, name: &str) -> Result<ImageInput> {
    Ok(ImageInput { source: InputSource::VecU8 { filename: format!("{name}.png"), vec: stage.picture(name)? } })
}

fn edit(stage: &Stage, prompt: &str, names: &[&str]) -> Result<CreateImageEditRequest> {
    let mut images = names.iter().map(|name| input(stage, name)).collect::<Result<Vec<_>>>()?;
    let image = if images.len() == 1 { ImageEditInput::Image(images.remove(0)) } else { ImageEditInput::Images(images) };
    let model: async_openai::types::images::ImageModel = serde_json::from_value(json!(stage.text("gpt")))?;
    Ok(CreateImageEditRequestArgs::default().image(image).prompt(prompt).model(model).build()?)
}

async fn variations(stage: &Stage, client: &Client<OpenAIConfig>) -> Result<Value> {
    let request = CreateImageVariationRequestArgs::default()
        .image(input(stage, "own")?)
        .response_format(ImageResponseFormat::B64Json)
        .size(DallE2ImageSize::S512x512)
        .build()?;
    #[expect(deprecated, reason = "still in the API")]
    pictures(&client.images().create_variation(request).await?)
}

fn part(stage: &Stage, name: &str) -> Value {
    json!({ "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{}", stage.text(name)) } })
}

fn talk(model: &str, content: Value) -> Result<CreateChatCompletionRequest> {
    Ok(serde_json::from_value(json!({ "model": model, "messages": [{ "role": "user", "content": content }] }))?)
}

fn pictures(answer: &ImagesResponse) -> Result<Value> {
    let shown = |image: &Image| match image {
        Image::Url { url, .. } => json!({ "url": url }),
        Image::B64Json { b64_json, .. } => json!({ "b64": b64_json }),
    };
    Ok(json!({ "pictures": answer.data.iter().map(|image| shown(image)).collect::<Vec<_>>() }))
}

async fn chat(client: &Client<OpenAIConfig>, request: CreateChatCompletionRequest) -> Result<Value> {
    let answer = client.chat().create(request).await?;
    let choice = answer.choices.first().ok_or("no choice")?;
    Ok(json!({ "text": choice.message.content, "finish": choice.finish_reason }))
}

async fn chat_stream(client: &Client<OpenAIConfig>, request: CreateChatCompletionRequest) -> Result<Value> {
    let mut chunks = client.chat().create_stream(request).await?;
    let (mut text, mut finish) = (String::new(), Value::Null);
    while let Some(chunk) = chunks.next().await {
        for choice in chunk?.choices {
            text += choice.delta.content.as_deref().unwrap_or_default();
            if let Some(reason) = choice.finish_reason {
                finish = json!(reason);
            }
        }
    }
    Ok(json!({ "text": text, "finish": finish }))
}

async fn image_stream(client: &Client<OpenAIConfig>, request: CreateImageRequest) -> Result<Value> {
    let mut stream = client.images().generate_stream(request).await?;
    let (mut events, mut pictures) = (Vec::new(), Vec::new());
    while let Some(event) = stream.next().await {
        match event? {
            ImageGenStreamEvent::PartialImage(_) => events.push("image_generation.partial_image"),
            ImageGenStreamEvent::Completed(event) => {
                events.push("image_generation.completed");
                pictures.push(json!({ "b64": event.b64_json }));
            }
        }
    }
    Ok(json!({ "events": events, "pictures": pictures }))
}

async fn edit_stream(client: &Client<OpenAIConfig>, request: CreateImageEditRequest) -> Result<Value> {
    let mut stream = client.images().edit_stream(request).await?;
    let (mut events, mut pictures) = (Vec::new(), Vec::new());
    while let Some(event) = stream.next().await {
        match event? {
            ImageEditStreamEvent::PartialImage(_) => events.push("image_edit.partial_image"),
            ImageEditStreamEvent::Completed(event) => {
                events.push("image_edit.completed");
                pictures.push(json!({ "b64": event.b64_json }));
            }
        }
    }
    Ok(json!({ "events": events, "pictures": pictures }))
}
