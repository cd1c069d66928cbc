//! Answers of the Responses API: a Response object whose output is an `image_generation_call` per
//! picture and a message that says so.

use crate::answer::{Finished, Place, Wish, json_response, known_quality, place, remarks, set_summary};
use crate::chat_answer::safe_address;
use crate::compose::Composer;
use crate::error::Reader;
use crate::responses_memory::Own;
use axum::body::Body;
use http::Response;
use ir_engine::Summary;
use ir_model::{Background, Clock, Drawn, Language, Map, Node, Quality, ResponseForm};
use serde_json::{Value, json};
use std::sync::Arc;

/// Most entries of `metadata` that do, as at OpenAI.
const METADATA: usize = 16;
/// Bytes of a text that are remembered for a caller who comes back.
const REMEMBERED: usize = 4096;
/// What the answer repeats of the tool.
const OF_TOOL: [&str; 10] = [
    "model",
    "action",
    "size",
    "quality",
    "background",
    "output_format",
    "output_compression",
    "moderation",
    "partial_images",
    "input_fidelity",
];

/// What of a request stands in its answer: OpenAI's SDKs want most of it there, and strict ones only
/// what they know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Echo {
    /// The model as the caller named it, beside the tool.
    pub(crate) model: Option<String>,
    fields: Vec<(&'static str, Value)>,
}

impl Echo {
    /// Takes note of a request.
    pub(crate) fn of(map: &Map, tool: &Map) -> Self {
        let plain = |name: &str| map.get(name).map(Node::to_value_lossy);
        let text = |name: &str| Value::from(map.get(name).and_then(Node::as_str));
        let number = |name: &str| plain(name).filter(Value::is_number).unwrap_or_default();
        let choice = plain("tool_choice")
            .filter(|value| matches!(value.as_str(), Some("none" | "auto" | "required")) || *value == json!({"type": "image_generation"}));
        let fields = vec![
            ("instructions", text("instructions")),
            ("max_output_tokens", number("max_output_tokens")),
            ("metadata", metadata(map)),
            ("parallel_tool_calls", plain("parallel_tool_calls").filter(Value::is_boolean).unwrap_or(Value::Bool(true))),
            ("previous_response_id", text("previous_response_id")),
            ("temperature", number("temperature")),
            ("tool_choice", choice.unwrap_or_else(|| json!("auto"))),
            ("tools", json!([echoed_tool(tool)])),
            ("top_p", number("top_p")),
            ("user", text("user")),
        ];
        let model = map.get("model").and_then(Node::as_filled_str).map(|model| model.chars().take(256).collect());
        Self { model, fields }
    }
}

fn metadata(map: &Map) -> Value {
    let Some(Node::Object(given)) = map.get("metadata") else { return json!({}) };
    let texts = given.0.iter().filter_map(|(name, node)| Some((name.clone(), Value::from(node.as_str()?))));
    Value::Object(texts.take(METADATA).collect())
}

fn echoed_tool(tool: &Map) -> Value {
    let mut echoed = json!({"type": "image_generation"});
    for name in OF_TOOL {
        match tool.get(name) {
            Some(node @ (Node::String(_) | Node::Number(_))) if name != "quality" || openai_quality(node.as_str()) => {
                echoed[name] = node.to_value_lossy();
            }
            _ => {}
        }
    }
    echoed
}

/// DALL·E's qualities are none of the tool's.
fn openai_quality(name: Option<&str>) -> bool {
    matches!(name, Some("low" | "medium" | "high" | "xhigh" | "max" | "auto"))
}

impl Echo {
    /// As it is remembered for a caller who comes back; a text that is long is not.
    pub(crate) fn memo(&self) -> Value {
        let short = |value: &Value| value.as_str().is_none_or(|text| text.len() <= REMEMBERED);
        let fields = self.fields.iter().filter(|(_, value)| short(value)).map(|(name, value)| ((*name).to_owned(), value.clone()));
        json!({"model": self.model, "fields": Value::Object(fields.collect())})
    }

    /// What [`Echo::memo`] remembered.
    pub(crate) fn of_memo(memo: &Value) -> Self {
        let fields = Self::of(&Map::default(), &Map::default()).fields.into_iter();
        let remembered = |name: &str, before: Value| memo["fields"].get(name).cloned().unwrap_or(before);
        let fields = fields.map(|(name, before)| (name, remembered(name, before)));
        Self { model: memo["model"].as_str().map(str::to_owned), fields: fields.collect() }
    }
}

/// What stays the same in all parts of one answer.
#[derive(Clone)]
pub(crate) struct ResponseAnswer {
    /// What the ids of the answer and its items are made of.
    pub(crate) id: String,
    /// Unix seconds.
    pub(crate) created: i64,
    /// Pictures went in.
    pub(crate) edit: bool,
    pub(crate) echo: Echo,
    /// Addresses are wanted beside the bytes.
    pub(crate) links: bool,
    pub(crate) wish: Wish,
    /// Where the pictures are taken note of.
    pub(crate) given: Own,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) reader: Reader,
}

impl ResponseAnswer {
    /// The id of a picture's item.
    pub(crate) fn item_id(&self, index: usize) -> String {
        format!("ig_{}{index:02x}", self.id)
    }

    /// The id of the message's item.
    pub(crate) fn message_id(&self) -> String {
        format!("msg_{}", self.id)
    }

    /// The whole answer.
    pub(crate) fn document(&self, finished: &Finished) -> Response<Body> {
        let summary = &finished.summary;
        finished.pictures.iter().for_each(|drawn| self.note(drawn));
        let mut out = Composer::default();
        self.completed(&mut out, &finished.pictures, summary, &summary.ignored);
        let mut response = json_response(out.finish());
        set_summary(response.headers_mut(), summary);
        response
    }

    /// Takes note of the next picture, for callers that name it later.
    pub(crate) fn note(&self, drawn: &Drawn) {
        self.given.note(&self.id, drawn.name.as_deref());
    }

    /// Writes the Response object of a success.
    pub(crate) fn completed(&self, out: &mut Composer, pictures: &[Drawn], summary: &Summary, ignored: &[String]) {
        self.object(out, "completed", Value::Null, |out| {
            for (index, drawn) in pictures.iter().enumerate() {
                self.call(out, index, drawn, ignored);
                out.raw(",");
            }
            out.value(&self.message("completed", Some(&self.words(pictures, summary))));
        });
    }

    /// Writes a Response object around an output.
    pub(crate) fn object(&self, out: &mut Composer, status: &str, error: Value, output: impl FnOnce(&mut Composer)) {
        let over = status == "completed";
        let mut value = json!({
            "id": format!("resp_{}", self.id), "object": "response", "created_at": self.created, "status": status,
            "background": false, "completed_at": over.then(|| self.clock.now().secs()), "error": error, "incomplete_details": null,
            "max_tool_calls": null, "model": self.echo.model.as_deref().unwrap_or("auto"),
            "reasoning": {"effort": null, "summary": null}, "service_tier": "default", "store": false,
            "text": {"format": {"type": "text"}}, "truncation": "disabled", "usage": over.then(usage),
        });
        for (name, field) in &self.echo.fields {
            value[*name] = field.clone();
        }
        let text = value.to_string();
        out.raw(&text[..text.len() - 1]).raw(",\"output\":[");
        output(out);
        out.raw("]}");
    }

    /// Writes the item of a picture. Only values that strict clients know; what was ignored is not said.
    pub(crate) fn call(&self, out: &mut Composer, index: usize, drawn: &Drawn, ignored: &[String]) {
        let said = |name: &str| !ignored.iter().any(|field| field == name);
        let quality = match self.wish.quality {
            Some(quality @ (Quality::Xhigh | Quality::Max)) => Some(quality.name()),
            quality => known_quality(quality),
        };
        let background = match self.wish.background {
            Some(background @ (Background::Transparent | Background::Opaque)) if said("background") => background.name(),
            Some(_) | None => "auto",
        };
        let mut item = json!({
            "type": "image_generation_call", "id": self.item_id(index), "status": "completed",
            "action": if self.edit { "edit" } else { "generate" },
            "quality": quality.filter(|_| said("quality")).unwrap_or("auto"), "background": background,
        });
        if let Some(picture) = &drawn.picture {
            item["output_format"] = json!(picture.probe.format.openai_name());
            item["size"] = json!(picture.probe.size.to_string());
        }
        if let Some(prompt) = &drawn.revised_prompt {
            item["revised_prompt"] = json!(prompt);
        }
        if let Some(url) = self.link(drawn) {
            item["url"] = json!(url);
        }
        let text = item.to_string();
        out.raw(&text[..text.len() - 1]).raw(",\"result\":\"");
        if let Some(picture) = &drawn.picture {
            out.base64(&picture.blob);
        }
        out.raw("\"}");
    }

    /// The item of a picture that is not there.
    pub(crate) fn pending(&self, index: usize, status: &str) -> Value {
        json!({"type": "image_generation_call", "id": self.item_id(index), "status": status, "result": null})
    }

    /// The item of the message.
    pub(crate) fn message(&self, status: &str, text: Option<&str>) -> Value {
        let content: Vec<Value> = text.map(text_part).into_iter().collect();
        json!({"type": "message", "id": self.message_id(), "role": "assistant", "status": status, "content": content})
    }

    /// What the message says: that pictures were drawn, where they are if that was asked for, and what
    /// is missing.
    pub(crate) fn words(&self, pictures: &[Drawn], summary: &Summary) -> String {
        let links = pictures.iter().enumerate().filter_map(|(i, drawn)| Some(format!("![image{}]({})", i + 1, self.link(drawn)?)));
        let links = links.collect::<Vec<_>>().join("\n");
        let said = match (links.is_empty(), pictures.len(), self.reader.language) {
            (false, ..) => links,
            (true, 1, Language::English) => "Here is the picture.".to_owned(),
            (true, n, Language::English) => format!("Here are {n} pictures."),
            (true, n, Language::Chinese) => format!("已生成 {n} 张图片。"),
        };
        std::iter::once(said).chain(remarks(summary, self.reader.language)).collect::<Vec<_>>().join("\n\n")
    }

    /// A picture's address, where it is wanted or all that there is.
    fn link(&self, drawn: &Drawn) -> Option<String> {
        if !self.links && drawn.picture.is_some() {
            return None;
        }
        match place(drawn, &Wish { form: ResponseForm::Url, ..self.wish.clone() })? {
            Place::Url(url) => Some(safe_address(&url)),
            Place::Bytes(_) => None,
        }
    }
}

/// A part of a message.
pub(crate) fn text_part(text: &str) -> Value {
    json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text})
}

/// Complete, as strict clients need it. Platforms count nothing that would be comparable.
fn usage() -> Value {
    json!({
        "input_tokens": 0, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 0, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 0,
    })
}

#[cfg(test)]
#[path = "responses_answer_tests.rs"]
mod tests;
