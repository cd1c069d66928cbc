//! The fields that all drawing endpoints share: typed, bounded, and refused with their name and
//! what they may be. `null` is the same as absent.

use crate::body::spool_fault;
use crate::language::echo;
use ir_model::{Background, Extras, Fault, Format, Map, Node, Quality, ResponseForm, SizeAsk, SizeError};
use ir_spool::{Spool, SpoolError};
use std::ops::RangeInclusive;

/// Longest prompt in characters: OpenAI's own limit.
pub(crate) const PROMPT: usize = 32_000;
/// Longest short text (a name, a user) in characters.
const SHORT: usize = 512;
/// Longest model id in characters.
const MODEL: usize = 256;
/// Unknown fields that are passed on; more are dropped.
const UNKNOWN: usize = 64;

/// The shared fields of one request.
#[derive(Debug, Default)]
pub(crate) struct Params {
    pub(crate) model: String,
    pub(crate) prompt: Option<String>,
    pub(crate) n: Option<u32>,
    pub(crate) size: SizeAsk,
    pub(crate) form: Option<ResponseForm>,
    pub(crate) stream: bool,
    pub(crate) extras: Extras,
}

impl Params {
    /// Reads the fields of a document; what an endpoint wants for itself it has taken out before.
    ///
    /// # Errors
    /// 400 naming the field, and what it may be.
    pub(crate) async fn read(spool: &Spool, mut map: Map) -> Result<Self, Fault> {
        let prompt = match map.take("prompt") {
            None | Some(Node::Null) => None,
            Some(node) => Some(text(spool, &node, "prompt", PROMPT).await?),
        };
        if prompt.as_deref().is_some_and(|text| text.trim().is_empty()) {
            return Err(no_prompt());
        }
        let negative_prompt = match map.take("negative_prompt") {
            None | Some(Node::Null) => None,
            Some(node) => Some(text(spool, &node, "negative_prompt", PROMPT).await?).filter(|text| !text.trim().is_empty()),
        };
        let mut fields = Fields(map);
        let stream = fields.switch("stream")?.unwrap_or(false);
        let partial_images = fields.whole("partial_images", 0..=3)?.unwrap_or(0);
        if partial_images > 0 && !stream {
            return Err(Fault::bad("partial_images", "partial_images needs stream: true.", "partial_images 需要 stream: true。"));
        }
        Ok(Self {
            prompt,
            model: fields.short("model", MODEL)?.unwrap_or_default(),
            n: fields.whole("n", 1..=16)?.map(small),
            size: fields.size()?,
            form: fields.choice("response_format", &[("url", ResponseForm::Url), ("b64_json", ResponseForm::Base64)])?,
            stream,
            extras: fields.extras(negative_prompt, small(partial_images))?,
        })
    }

    /// The prompt, which most endpoints require.
    ///
    /// # Errors
    /// 400 when there is none.
    pub(crate) fn prompt(&self) -> Result<&str, Fault> {
        self.prompt.as_deref().ok_or_else(no_prompt)
    }
}

/// The refusal of a request without words.
pub(crate) fn no_prompt() -> Fault {
    Fault::bad("prompt", "prompt is required: say what to draw.", "缺少 prompt：请说明要画什么。")
}

/// The refusal of too many words.
pub(crate) fn prompt_too_long(param: &str, most: usize) -> Fault {
    Fault::bad(param, format!("{param} is too long: at most {most} characters."), format!("{param} 过长：最多 {most} 个字符。"))
}

/// A text that may have left the memory.
///
/// # Errors
/// 400 for other types, texts above the limit, and pictures hidden in it.
pub(crate) async fn text(spool: &Spool, node: &Node, param: &str, most: usize) -> Result<String, Fault> {
    let text = match node {
        Node::String(text) => text.clone(),
        Node::Text(long) if long.pictures.is_empty() => {
            let bytes = u64::try_from(most * 4).unwrap_or(u64::MAX);
            spool.read_text(long, bytes).await.map_err(|error| match error {
                SpoolError::TooLarge { .. } => prompt_too_long(param, most),
                other => spool_fault(&other, param),
            })?
        }
        Node::Text(_) => {
            return Err(Fault::bad(
                param,
                format!("{param} must be text only; give pictures to /v1/images/edits."),
                format!("{param} 只能是文本；图片请用 /v1/images/edits。"),
            ));
        }
        // Long enough to be lifted: far above any limit of a text.
        Node::Bytes(_) => return Err(prompt_too_long(param, most)),
        Node::Null | Node::Bool(_) | Node::Number(_) | Node::Array(_) | Node::Object(_) => {
            return Err(wrong(param, "a string", "字符串", node));
        }
    };
    if text.chars().count() > most {
        return Err(prompt_too_long(param, most));
    }
    Ok(text)
}

/// A wrong value: what it must be, and what came (a short piece of it).
pub(crate) fn wrong(param: &str, wanted: &str, wanted_zh: &str, got: &Node) -> Fault {
    let got = match got {
        Node::String(text) => format!("\"{}\"", echo(text)),
        Node::Number(number) => echo(&number.to_string()),
        Node::Bool(flag) => flag.to_string(),
        Node::Null | Node::Bytes(_) | Node::Text(_) | Node::Array(_) | Node::Object(_) => got.kind().to_owned(),
    };
    Fault::bad(param, format!("{param} must be {wanted}; got {got}."), format!("{param} 必须是{wanted_zh}，收到 {got}。"))
}

fn small(number: u64) -> u32 {
    u32::try_from(number).expect("invariant: the ranges of counts are small")
}

/// The members of a document that are not read yet.
struct Fields(Map);

impl Fields {
    fn take(&mut self, name: &str) -> Option<Node> {
        self.0.take(name).filter(|node| !node.is_null())
    }

    fn switch(&mut self, name: &str) -> Result<Option<bool>, Fault> {
        match self.take(name) {
            None => Ok(None),
            Some(Node::Bool(flag)) => Ok(Some(flag)),
            Some(other) => Err(wrong(name, "true or false", " true 或 false", &other)),
        }
    }

    fn whole(&mut self, name: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, Fault> {
        let Some(node) = self.take(name) else { return Ok(None) };
        let number = match &node {
            Node::Number(number) => number.as_u64(),
            _ => None,
        };
        match number.filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let (low, high) = range.into_inner();
                Err(wrong(name, &format!("a whole number from {low} to {high}"), &format!(" {low} 到 {high} 的整数"), &node))
            }
        }
    }

    fn number(&mut self, name: &str, range: RangeInclusive<f64>) -> Result<Option<f64>, Fault> {
        let Some(node) = self.take(name) else { return Ok(None) };
        let number = match &node {
            Node::Number(number) => number.as_f64(),
            _ => None,
        };
        match number.filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let (low, high) = range.into_inner();
                Err(wrong(name, &format!("a number from {low} to {high}"), &format!(" {low} 到 {high} 的数字"), &node))
            }
        }
    }

    /// A short text; the empty one is absent.
    fn short(&mut self, name: &str, most: usize) -> Result<Option<String>, Fault> {
        match self.take(name) {
            None => Ok(None),
            Some(Node::String(text)) if text.chars().count() <= most => Ok(Some(text).filter(|text| !text.is_empty())),
            Some(Node::String(_) | Node::Text(_) | Node::Bytes(_)) => Err(prompt_too_long(name, most)),
            Some(other) => Err(wrong(name, "a string", "字符串", &other)),
        }
    }

    fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Result<Option<T>, Fault> {
        let Some(node) = self.take(name) else { return Ok(None) };
        if let Some((_, value)) = choices.iter().find(|(text, _)| node.as_str() == Some(text)) {
            return Ok(Some(*value));
        }
        let list = choices.iter().map(|(text, _)| *text).collect::<Vec<_>>().join(", ");
        Err(wrong(name, &format!("one of {list}"), &format!("以下之一：{list}"), &node))
    }

    fn size(&mut self) -> Result<SizeAsk, Fault> {
        let Some(node) = self.take("size") else { return Ok(SizeAsk::Auto) };
        let wanted = "auto, WIDTHxHEIGHT such as 1024x1024, an aspect ratio such as 16:9, or 1K, 2K, 4K";
        let wanted_zh = " auto、宽x高（如 1024x1024）、宽高比（如 16:9）或 1K、2K、4K";
        let Some(text) = node.as_str() else { return Err(wrong("size", wanted, wanted_zh, &node)) };
        SizeAsk::parse(text).map_err(|error| match error {
            SizeError::Form => wrong("size", wanted, wanted_zh, &node),
            SizeError::Range => wrong(
                "size",
                "possible: sides from 1 to 16384, ratios from 1:64 to 64:1",
                "可行的尺寸：边长 1 到 16384，宽高比 1:64 到 64:1",
                &node,
            ),
        })
    }

    fn extras(mut self, negative_prompt: Option<String>, partial_images: u32) -> Result<Extras, Fault> {
        let named = |names: &[&'static str]| names.iter().map(|name| (*name, *name)).collect::<Vec<_>>();
        let extras = Extras {
            quality: self.choice("quality", &Quality::ALL.map(|value| (value.name(), value)))?,
            style: self.choice("style", &named(&["vivid", "natural"]))?.map(str::to_owned),
            background: self
                .choice("background", &[Background::Transparent, Background::Opaque, Background::Auto].map(|v| (v.name(), v)))?,
            output_format: self.choice("output_format", &[Format::Png, Format::Jpeg, Format::Webp].map(|v| (v.openai_name(), v)))?,
            output_compression: self.whole("output_compression", 0..=100)?.map(|v| u8::try_from(v).expect("invariant: at most 100")),
            moderation: self.choice("moderation", &named(&["low", "auto"]))?.map(str::to_owned),
            input_fidelity: self.choice("input_fidelity", &named(&["high", "low"]))?.map(str::to_owned),
            user: self.short("user", SHORT)?,
            seed: self.whole("seed", 0..=(u64::MAX >> 1))?,
            steps: self.whole("steps", 1..=100)?.map(small),
            guidance_scale: self.number("guidance_scale", 0.0..=100.0)?,
            negative_prompt,
            partial_images,
            unknown: self.unknown(),
        };
        if extras.background == Some(Background::Transparent) && extras.output_format == Some(Format::Jpeg) {
            return Err(Fault::bad(
                "background",
                "A JPEG cannot be transparent: use output_format png or webp.",
                "JPEG 不支持透明背景：请使用 output_format png 或 webp。",
            ));
        }
        Ok(extras)
    }

    /// What is left over, for platforms that take extra parameters.
    fn unknown(&mut self) -> Map {
        let rest = std::mem::take(&mut self.0);
        Map(rest.0.into_iter().filter(|(_, node)| !node.is_null()).take(UNKNOWN).collect())
    }
}

#[cfg(test)]
#[path = "params_tests.rs"]
mod tests;
