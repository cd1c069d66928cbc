//! Behaviours in words, for prompts, links and the command line.
//!
//! A line is a list of words divided by spaces or `;`. In a prompt it stands in brackets after `sim`: `a fox [sim status=429 retry-after=2]`.
//!
//! | word | meaning |
//! | --- | --- |
//! | `status=429` | status; 300 and above with an error document, unless a body is named |
//! | `retry-after=2` | header `Retry-After` |
//! | `header=name:value`, `location=url` | any header |
//! | `delay=5000`, `body-delay=5000` | silence in ms before the head, before the body |
//! | `drip=100/50` | 100 bytes every 50 ms |
//! | `cut=request`, `headers`, `mid`, `0.25`, `after`, `reset`, `reset-mid` | see [`Cut`] |
//! | `chunked` | no Content-Length |
//! | `length=longer`, `shorter`, `smuggled` | see [`Length`] |
//! | `n=2`, `b64`, `url`, `bytes=4MB` | number, form and size of the pictures |
//! | `coding=data-uri`, `url-safe`, `unpadded`, `wrapped`, `bad` | see [`Coding`] |
//! | `picture=html`, `svg`, `json`, `truncated`, `bad-crc` | see [`Flaw`] |
//! | `chat=images` | pictures of a chat answer in `message.images` |
//! | `pic:WORD` | WORD applies to the download of the link (implies `url`) |
//! | `html`, `empty`, `empty-data`, `endless=1GB`, `deep=10000`, `gzip-bomb=64MB` | another body |
//! | `moderation` | 400 `moderation_blocked` |
//! | `code=x`, `type=x`, `message=x`, `param=x` | the error document; `_` in a message stands for a space |
//! | `shape=new-api`, `open-router`, `text` | whose error document |
//! | `case=x` | what a certain platform does: see [`crate::Dialect`] |
//! | `stream-error` | the error comes after the first event of a stream |

use std::time::Duration;

use crate::behaviour::{Behaviour, Body, ChatForm, Coding, Cut, Drip, ErrorBody, ErrorShape, Flaw, Form, Length, Pictures};
use crate::config::bytes_from_text;

/// The directives of a prompt, if it has any.
pub(crate) fn in_prompt(prompt: &str) -> Option<&str> {
    let (_, rest) = prompt.split_once("[sim ")?;
    rest.split_once(']').map(|(inside, _)| inside)
}

/// Reads a line of directives.
///
/// # Errors
/// A sentence that names the word that is not understood.
pub fn parse(line: &str) -> Result<Behaviour, String> {
    let mut draft = Draft::default();
    for word in line.split(|c: char| c.is_whitespace() || c == ';').filter(|word| !word.is_empty()) {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let known = draft.of_answer(name, value)? || draft.of_pictures(word, name, value)? || draft.of_body(name, value)?;
        if !known {
            return Err(format!("unknown sim directive {word:?}"));
        }
    }
    Ok(draft.finish())
}

#[derive(Default)]
struct Draft {
    behaviour: Behaviour,
    pictures: Pictures,
    error: ErrorBody,
    body: Option<Body>,
    failing: bool,
    stream_error: bool,
}

impl Draft {
    fn of_answer(&mut self, name: &str, value: &str) -> Result<bool, String> {
        let answer = &mut self.behaviour;
        match name {
            "status" => {
                let status: u16 = number(name, value)?;
                if !(200..=999).contains(&status) {
                    return Err(format!("status={value}: 200 to 999 can be answered"));
                }
                answer.status = Some(status);
                self.failing |= status >= 300;
            }
            "retry-after" | "location" => answer.headers.push((name.into(), value.into())),
            "header" => {
                let (header, content) = value.split_once(':').ok_or_else(|| format!("header={value}: write header=name:value"))?;
                answer.headers.push((header.into(), content.into()));
            }
            "delay" => answer.delay_before_headers = Duration::from_millis(number(name, value)?),
            "body-delay" => answer.delay_before_body = Duration::from_millis(number(name, value)?),
            "drip" => {
                let (bytes, interval) = value.split_once('/').ok_or_else(|| format!("drip={value}: write drip=BYTES/MS"))?;
                let bytes = number::<usize>(name, bytes)?.max(1);
                answer.drip = Some(Drip { bytes, interval: Duration::from_millis(number(name, interval)?) });
            }
            "cut" => answer.cut = Some(cut(value)?),
            "chunked" => answer.chunked = true,
            "case" => answer.case = Some(value.into()),
            "length" => {
                answer.length = Some(match value {
                    "longer" => Length::Longer,
                    "shorter" => Length::Shorter,
                    "smuggled" => Length::Smuggled,
                    _ => return Err(unknown(name, value)),
                });
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn of_pictures(&mut self, word: &str, name: &str, value: &str) -> Result<bool, String> {
        let pictures = &mut self.pictures;
        if let Some(download) = word.strip_prefix("pic:") {
            parse(download)?;
            let safe = |c: char| c.is_ascii_alphanumeric() || "=-._~:/,".contains(c);
            if !download.chars().all(safe) {
                return Err(format!("{word}: only characters that may stand in a link"));
            }
            let line = pictures.download.get_or_insert_default();
            if !line.is_empty() {
                line.push(';');
            }
            line.push_str(download);
            pictures.form.get_or_insert(Form::Url);
            return Ok(true);
        }
        match name {
            "n" => pictures.count = Some(number(name, value)?),
            "b64" => pictures.form = Some(Form::B64),
            "url" => pictures.form = Some(Form::Url),
            "bytes" => pictures.bytes = Some(bytes_from_text(value)?),
            "coding" => {
                pictures.coding = match value {
                    "data-uri" => Coding::DataUri,
                    "url-safe" => Coding::UrlSafe,
                    "unpadded" => Coding::Unpadded,
                    "wrapped" => Coding::Wrapped,
                    "bad" => Coding::BadAlphabet,
                    _ => return Err(unknown(name, value)),
                };
            }
            "picture" => {
                pictures.flaw = Some(match value {
                    "html" => Flaw::Html,
                    "svg" => Flaw::Svg,
                    "json" => Flaw::Json,
                    "truncated" => Flaw::Truncated,
                    "bad-crc" => Flaw::BadCrc,
                    _ => return Err(unknown(name, value)),
                });
            }
            "chat" if value == "images" => pictures.chat = ChatForm::Images,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn of_body(&mut self, name: &str, value: &str) -> Result<bool, String> {
        match name {
            "html" => self.body = Some(Body::Html),
            "empty" => self.body = Some(Body::Empty),
            "empty-data" => self.body = Some(Body::EmptyData),
            "endless" => self.body = Some(Body::Endless(bytes_from_text(value)?)),
            "deep" => self.body = Some(Body::Deep(number(name, value)?)),
            "gzip-bomb" => self.body = Some(Body::GzipBomb(bytes_from_text(value)?)),
            "moderation" => {
                let Behaviour { status, body, .. } = Behaviour::moderation();
                self.behaviour.status = status;
                self.body = Some(body);
            }
            "stream-error" => self.stream_error = true,
            "code" | "type" | "message" | "param" => {
                let words = Some(if name == "message" { value.replace('_', " ") } else { value.to_owned() });
                match name {
                    "code" => self.error.code = words,
                    "type" => self.error.kind = words,
                    "message" => self.error.message = words,
                    _ => self.error.param = words,
                }
                self.failing = true;
            }
            "shape" => {
                self.error.shape = match value {
                    "new-api" => ErrorShape::NewApi,
                    "open-router" => ErrorShape::OpenRouter,
                    "text" => ErrorShape::Text,
                    _ => return Err(unknown(name, value)),
                };
                self.failing = true;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn finish(mut self) -> Behaviour {
        self.behaviour.body = match self.body {
            Some(body) => body,
            None if self.stream_error => Body::StreamError(self.error),
            None if self.failing => Body::Error(self.error),
            None => Body::Pictures(self.pictures),
        };
        self.behaviour
    }
}

fn cut(value: &str) -> Result<Cut, String> {
    Ok(match value {
        "request" => Cut::AfterRequest,
        "headers" => Cut::AfterHeaders,
        "mid" => Cut::MidBody(0.5),
        "after" => Cut::AfterAnswer,
        "reset" => Cut::Reset,
        "reset-mid" => Cut::ResetMidBody(0.5),
        share => match share.parse::<f64>() {
            Ok(share) if (0.0..=1.0).contains(&share) => Cut::MidBody(share),
            _ => return Err(unknown("cut", value)),
        },
    })
}

fn number<N: std::str::FromStr>(name: &str, value: &str) -> Result<N, String> {
    value.parse().map_err(|_| format!("{name}={value}: a whole number is expected"))
}

fn unknown(name: &str, value: &str) -> String {
    format!("unknown sim directive \"{name}={value}\"")
}
