//! Answers with pictures, in the shape of each route.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::{Draft, text};
use crate::behaviour::{ChatForm, Coding, ErrorBody, Flaw, Form, Pictures};
use crate::body::Piece;
use crate::config::{PictureFormat, PictureSpec};
use crate::intake::{Asked, Route};
use crate::picture::{MAX_SIDE, Studio, Template};

/// Most pictures of one answer, whatever a behaviour says.
const MAX_PICTURES: u32 = 64;
/// `created` of a simulator's first second: 22 Nov 2026. The simulator reads no clock, so that its answers can be compared.
const EPOCH: u64 = 1_795_305_600;

/// What draws: one per simulator.
#[derive(Debug)]
pub(crate) struct Easel {
    pub(crate) studio: Studio,
    pub(crate) spec: PictureSpec,
    /// Address that links begin with.
    pub(crate) url: String,
    pub(crate) next: AtomicU64,
}

/// One request as the easel sees it.
pub(crate) struct Order<'a> {
    pub(crate) route: Route,
    pub(crate) asked: &'a Asked,
    pub(crate) pictures: &'a Pictures,
    /// Seconds since the start.
    pub(crate) age: u64,
}

/// The size asked for as `WxH`, if it is one that can be drawn.
pub(crate) fn size(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once('x')?;
    let (width, height) = (width.parse().ok()?, height.parse().ok()?);
    ((1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height)).then_some((width, height))
}

impl Easel {
    /// The whole answer to an order.
    pub(crate) fn draw(&self, order: &Order<'_>) -> io::Result<Draft> {
        let spec = self.spec_for(order);
        let template = self.studio.template(spec)?;
        let drawer = Drawer { easel: self, order, spec, template };
        Ok(match (order.route, order.asked.stream) {
            (Route::Chat, false) => drawer.chat(),
            (Route::Chat, true) => drawer.chat_stream(),
            (_, false) => drawer.images(),
            (_, true) => drawer.images_stream(None),
        })
    }

    /// A stream that ends in an error after its first event.
    pub(crate) fn fail(&self, order: &Order<'_>, error: &ErrorBody) -> io::Result<Draft> {
        let spec = self.spec_for(order);
        let drawer = Drawer { easel: self, order, spec, template: self.studio.template(spec)? };
        Ok(drawer.images_stream(Some(error.render(500))))
    }

    /// The file behind a link made earlier: its path tells everything about it.
    pub(crate) fn file(&self, path: &str, pictures: &Pictures) -> Option<io::Result<Draft>> {
        let name = path.strip_prefix("/pic/")?;
        let (stem, extension) = name.rsplit_once('.')?;
        let mut parts = stem.split('-');
        let number: u64 = parts.next()?.parse().ok()?;
        let (width, height) = size(parts.next()?)?;
        let bytes: u64 = parts.next()?.parse().ok()?;
        let format = PictureFormat::from_name(extension)?;
        let bytes = pictures.bytes.or((bytes > 0).then_some(bytes));
        let spec = PictureSpec { bytes, format, width, height, follow_size: false };
        Some(self.studio.template(spec).map(|template| {
            let mut pieces = vec![template.head(number).into(), template.tail.clone()];
            if let Some(flaw) = pictures.flaw {
                pieces = vec![flawed(flaw, &template, number)];
            }
            Draft::new(200, format.media_type(), pieces.into_iter().map(Piece::Bytes).collect())
        }))
    }

    fn spec_for(&self, order: &Order<'_>) -> PictureSpec {
        let asked = order.asked;
        let mut spec = PictureSpec { bytes: order.pictures.bytes.or(self.spec.bytes), ..self.spec };
        if let Some((width, height)) = asked.size.as_deref().and_then(size).filter(|_| spec.follow_size) {
            (spec.width, spec.height) = (width, height);
        }
        spec.format = asked.output_format.as_deref().and_then(PictureFormat::from_name).unwrap_or(spec.format);
        spec
    }
}

struct Drawer<'a> {
    easel: &'a Easel,
    order: &'a Order<'a>,
    spec: PictureSpec,
    template: Arc<Template>,
}

impl Drawer<'_> {
    fn count(&self) -> u32 {
        let asked = self.order.asked.n.and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
        self.order.pictures.count.unwrap_or(asked).min(MAX_PICTURES)
    }

    fn created(&self) -> u64 {
        EPOCH + self.order.age
    }

    fn number(&self) -> u64 {
        self.easel.next.fetch_add(1, Ordering::Relaxed)
    }

    fn form(&self) -> Form {
        self.order.pictures.form.or(self.order.asked.form).unwrap_or(Form::B64)
    }

    fn link(&self) -> String {
        let PictureSpec { bytes, format, width, height, .. } = self.spec;
        let download = self.order.pictures.download.as_ref().map_or_else(String::new, |line| format!("?sim={line}"));
        let (url, number, bytes, format) = (&self.easel.url, self.number(), bytes.unwrap_or(0), format.name());
        format!("{url}/pic/{number}-{width}x{height}-{bytes}.{format}{download}")
    }

    /// The base64 of a new picture, in pieces.
    fn base64(&self) -> Vec<Bytes> {
        let (number, pictures) = (self.number(), self.order.pictures);
        if let Some(flaw) = pictures.flaw {
            return coded(&flawed(flaw, &self.template, number), pictures.coding, self.spec.format);
        }
        match pictures.coding {
            Coding::Plain => self.shared(number),
            Coding::DataUri => [vec![data_uri(self.spec.format)], self.shared(number)].concat(),
            other => coded(&file(&self.template, number), other, self.spec.format),
        }
    }

    fn shared(&self, number: u64) -> Vec<Bytes> {
        vec![STANDARD.encode(self.template.head(number)).into(), self.template.tail_base64.clone()]
    }

    /// A `data:` URI or link, in pieces.
    fn address(&self) -> Vec<Bytes> {
        match self.form() {
            Form::Url => vec![self.link().into()],
            Form::B64 if self.order.pictures.coding == Coding::DataUri => self.base64(),
            Form::B64 => [vec![data_uri(self.spec.format)], self.base64()].concat(),
        }
    }

    fn images(&self) -> Draft {
        let size = format!("{}x{}", self.spec.width, self.spec.height);
        let (created, format) = (self.created(), self.spec.format.name());
        let mut pieces = vec![Bytes::from(format!(
            r#"{{"created":{created},"background":"opaque","output_format":"{format}","quality":"medium","size":"{size}","data":["#
        ))];
        for at in 0..self.count() {
            pieces.push(Bytes::from_static(if at == 0 { b"{" } else { b",{" }));
            if let Some(prompt) = &self.order.pictures.revised_prompt {
                pieces.push(format!("\"revised_prompt\":{},", text(prompt)).into());
            }
            match self.form() {
                Form::Url => pieces.push(format!("\"url\":{}", text(&self.link())).into()),
                Form::B64 => {
                    pieces.push(Bytes::from_static(b"\"b64_json\":\""));
                    pieces.extend(self.base64());
                    pieces.push(Bytes::from_static(b"\""));
                }
            }
            pieces.push(Bytes::from_static(b"}"));
        }
        pieces.push(format!("],\"usage\":{}}}", self.usage()).into());
        Draft::json(200, pieces)
    }

    /// One `completed` per picture, partial pictures before each (6.5).
    fn images_stream(&self, failure: Option<Value>) -> Draft {
        let kind = if self.order.route == Route::Edits { "image_edit" } else { "image_generation" };
        let mut pieces = Vec::new();
        for _ in 0..self.count() {
            for index in 0..self.order.asked.partials {
                self.image_event(&mut pieces, &format!("{kind}.partial_image"), &format!("\"partial_image_index\":{index},"));
            }
            if let Some(failure) = &failure {
                pieces.push(format!("event: error\ndata: {failure}\n\n").into());
                break;
            }
            self.image_event(&mut pieces, &format!("{kind}.completed"), &format!("\"usage\":{},", self.usage()));
        }
        Draft::new(200, "text/event-stream", pieces.into_iter().map(Piece::Bytes).collect())
    }

    fn image_event(&self, pieces: &mut Vec<Bytes>, kind: &str, more: &str) {
        let PictureSpec { format, width, height, .. } = self.spec;
        let (created, format) = (self.created(), format.name());
        pieces.push(
            format!("event: {kind}\ndata: {{\"type\":\"{kind}\",{more}\"created_at\":{created},\"size\":\"{width}x{height}\",").into(),
        );
        pieces.push(format!("\"quality\":\"medium\",\"background\":\"opaque\",\"output_format\":\"{format}\",\"b64_json\":\"").into());
        pieces.extend(self.base64());
        pieces.push(Bytes::from_static(b"\"}\n\n"));
    }

    /// `"content":…` of a message or of a stream's delta (6.9).
    fn chat_content(&self) -> Vec<Bytes> {
        let (mut pieces, count) = (Vec::new(), self.order.pictures.count.unwrap_or(1).min(MAX_PICTURES));
        let images = self.order.pictures.chat == ChatForm::Images;
        pieces.push(Bytes::from_static(if images { b"\"content\":\"\",\"images\":[" } else { b"\"content\":\"Here it is.\\n\\n" }));
        for index in 0..count {
            if images {
                let comma = if index == 0 { "" } else { "," };
                pieces.push(format!("{comma}{{\"type\":\"image_url\",\"index\":{index},\"image_url\":{{\"url\":\"").into());
                pieces.extend(self.address());
                pieces.push(Bytes::from_static(b"\"}}"));
            } else {
                pieces.push(Bytes::from_static(b"![picture]("));
                pieces.extend(self.address());
                pieces.push(Bytes::from_static(b")\\n"));
            }
        }
        pieces.push(Bytes::from_static(if images { b"]" } else { b"\"" }));
        pieces
    }

    fn chat(&self) -> Draft {
        let head = format!(
            "{{\"id\":\"chatcmpl-sim\",\"object\":\"chat.completion\",\"created\":{},\"model\":{},\"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",",
            self.created(),
            text(self.order.asked.model.as_deref().unwrap_or("sim")),
        );
        let mut pieces = vec![Bytes::from(head)];
        pieces.extend(self.chat_content());
        let usage = json!({"prompt_tokens": 9, "completion_tokens": 1300, "total_tokens": 1309});
        pieces.push(format!("}},\"finish_reason\":\"stop\"}}],\"usage\":{usage}}}").into());
        Draft::json(200, pieces)
    }

    fn chat_stream(&self) -> Draft {
        let model = text(self.order.asked.model.as_deref().unwrap_or("sim"));
        let head = format!(
            "data: {{\"id\":\"chatcmpl-sim\",\"object\":\"chat.completion.chunk\",\"created\":{},\"model\":{model},\"choices\":[{{\"index\":0,\"delta\":{{",
            self.created(),
        );
        let mut pieces = vec![Bytes::from(format!("{head}\"role\":\"assistant\","))];
        pieces.extend(self.chat_content());
        pieces.push(Bytes::from_static(b"},\"finish_reason\":null}]}\n\n"));
        pieces.push(format!("{head}}},\"finish_reason\":\"stop\"}}]}}\n\ndata: [DONE]\n\n").into());
        Draft::new(200, "text/event-stream", pieces.into_iter().map(Piece::Bytes).collect())
    }

    fn usage(&self) -> Value {
        let (drawn, words) = (1_056 * u64::from(self.count()), 14);
        json!({
            "input_tokens": words, "input_tokens_details": {"image_tokens": 0, "text_tokens": words},
            "output_tokens": drawn, "output_tokens_details": {"image_tokens": drawn, "text_tokens": 0}, "total_tokens": drawn + words,
        })
    }
}

fn data_uri(format: PictureFormat) -> Bytes {
    format!("data:{};base64,", format.media_type()).into()
}

fn file(template: &Template, number: u64) -> Vec<u8> {
    let mut file = template.head(number);
    file.extend_from_slice(&template.tail);
    file
}

fn flawed(flaw: Flaw, template: &Template, number: u64) -> Bytes {
    match flaw {
        Flaw::Html => Bytes::from_static(crate::answer::PAGE.as_bytes()),
        Flaw::Svg => Bytes::from_static(b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>"),
        Flaw::Json => Bytes::from_static(br#"{"error":{"message":"the picture has expired"}}"#),
        Flaw::Truncated => {
            let mut file = file(template, number);
            file.truncate(template.len() * 3 / 5);
            file.into()
        }
        Flaw::BadCrc => {
            let mut file = file(template, number);
            // The last byte of the head is the last of the stamp's CRC.
            let last = file.len() - template.tail.len() - 1;
            file[last] ^= 0xFF;
            file.into()
        }
    }
}

fn coded(file: &[u8], coding: Coding, format: PictureFormat) -> Vec<Bytes> {
    let plain = STANDARD.encode(file);
    vec![match coding {
        Coding::Plain => plain.into(),
        Coding::DataUri => return vec![data_uri(format), plain.into()],
        Coding::UrlSafe => URL_SAFE.encode(file).into(),
        Coding::Unpadded => plain.trim_end_matches('=').to_owned().into(),
        Coding::Wrapped => {
            // `\n` as JSON escapes it.
            let lines: Vec<&str> = plain.as_bytes().chunks(76).filter_map(|line| std::str::from_utf8(line).ok()).collect();
            lines.join("\\n").into()
        }
        Coding::BadAlphabet => {
            let middle = plain.len() / 2;
            format!("{}*!?{}", &plain[..middle], &plain[middle..]).into()
        }
    }]
}
