//! Answers with pictures, in the shape of each route.

use std::io;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::{Draft, text};
use crate::behaviour::{ChatForm, Coding, ErrorBody, Form, Pictures};
use crate::body::Piece;
use crate::canvas::{Canvas, data_uri, flawed};
use crate::config::{PictureFormat, PictureSpec};
use crate::intake::{Asked, Route};
use crate::picture::{MAX_SIDE, Studio};

/// Most pictures of one answer, whatever a behaviour says.
pub(crate) const MAX_PICTURES: u32 = 64;
/// `created` of a simulator's first second: 22 Nov 2026. The simulator reads no clock, so that its answers can be compared.
pub(crate) const EPOCH: u64 = 1_795_305_600;

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
        let drawer = self.drawer(order)?;
        Ok(match (order.route, order.asked.stream) {
            (Route::Chat, false) => drawer.chat().billed(drawer.chat_count()),
            (Route::Chat, true) => drawer.chat_stream().billed(drawer.chat_count()),
            (_, false) => drawer.images().billed(drawer.count()),
            (_, true) => drawer.images_stream(None).billed(drawer.count()),
        })
    }

    /// A stream that ends in an error after its first event.
    pub(crate) fn fail(&self, order: &Order<'_>, error: &ErrorBody) -> io::Result<Draft> {
        Ok(self.drawer(order)?.images_stream(Some(error.render(500))))
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

    fn drawer<'a>(&'a self, order: &'a Order<'a>) -> io::Result<Drawer<'a>> {
        let size = order.asked.size.as_deref().and_then(size);
        let format = order.asked.output_format.as_deref().and_then(PictureFormat::from_name);
        Ok(Drawer { order, canvas: self.canvas(order.pictures, size, format)? })
    }
}

struct Drawer<'a> {
    order: &'a Order<'a>,
    canvas: Canvas<'a>,
}

impl Drawer<'_> {
    fn count(&self) -> u32 {
        let asked = self.order.asked.n.and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
        self.order.pictures.count.unwrap_or(asked).min(MAX_PICTURES)
    }

    fn chat_count(&self) -> u32 {
        self.order.pictures.count.unwrap_or(1).min(MAX_PICTURES)
    }

    fn created(&self) -> u64 {
        EPOCH + self.order.age
    }

    fn form(&self) -> Form {
        self.order.pictures.form.or(self.order.asked.form).unwrap_or(Form::B64)
    }

    /// A `data:` URI or link, in pieces.
    fn address(&self) -> Vec<Bytes> {
        match self.form() {
            Form::Url => vec![self.canvas.link().into()],
            Form::B64 if self.order.pictures.coding == Coding::DataUri => self.canvas.base64(),
            Form::B64 => [vec![data_uri(self.canvas.spec.format)], self.canvas.base64()].concat(),
        }
    }

    fn images(&self) -> Draft {
        let size = format!("{}x{}", self.canvas.spec.width, self.canvas.spec.height);
        let (created, format) = (self.created(), self.canvas.spec.format.name());
        let mut pieces = vec![Bytes::from(format!(
            r#"{{"created":{created},"background":"opaque","output_format":"{format}","quality":"medium","size":"{size}","data":["#
        ))];
        for at in 0..self.count() {
            pieces.push(Bytes::from_static(if at == 0 { b"{" } else { b",{" }));
            if let Some(prompt) = &self.order.pictures.revised_prompt {
                pieces.push(format!("\"revised_prompt\":{},", text(prompt)).into());
            }
            match self.form() {
                Form::Url => pieces.push(format!("\"url\":{}", text(&self.canvas.link())).into()),
                Form::B64 => {
                    pieces.push(Bytes::from_static(b"\"b64_json\":\""));
                    pieces.extend(self.canvas.base64());
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
        let PictureSpec { format, width, height, .. } = self.canvas.spec;
        let (created, format) = (self.created(), format.name());
        pieces.push(
            format!("event: {kind}\ndata: {{\"type\":\"{kind}\",{more}\"created_at\":{created},\"size\":\"{width}x{height}\",").into(),
        );
        pieces.push(format!("\"quality\":\"medium\",\"background\":\"opaque\",\"output_format\":\"{format}\",\"b64_json\":\"").into());
        pieces.extend(self.canvas.base64());
        pieces.push(Bytes::from_static(b"\"}\n\n"));
    }

    /// `"content":…` of a message or of a stream's delta (6.9).
    fn chat_content(&self) -> Vec<Bytes> {
        let (mut pieces, count) = (Vec::new(), self.chat_count());
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
