//! What made a picture, kept beside it as `<name>.json`, so that the index of the gallery can be
//! rebuilt from the pictures alone.

use ir_model::{Format, Picture, Size, Timestamp, hex};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// Most bytes of a sidecar that is read.
pub(crate) const SIDECAR_LIMIT: u64 = 2 * 1024 * 1024;

/// Most bytes of a prompt in a sidecar. Written as JSON it grows sixfold at worst, and two of them
/// stay below [`SIDECAR_LIMIT`].
const PROMPT_LIMIT: usize = 128 * 1024;

/// Most bytes of any other text in a sidecar.
const TEXT_LIMIT: usize = 4 * 1024;

/// What is known of a kept picture. The facts (`name` to `alpha`) are filled in when it is kept; the
/// story is its maker's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sidecar {
    /// [`Sidecar::VERSION`] when it was written. Unknown fields of later versions are passed over.
    pub version: u32,
    /// The picture's file name.
    pub name: String,
    /// SHA-256 of the picture, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Length of the picture.
    pub bytes: u64,
    /// The picture's format.
    #[serde(serialize_with = "format_out", deserialize_with = "format_in")]
    pub format: Format,
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// Whether it declares transparency.
    #[serde(default)]
    pub alpha: bool,
    /// What was asked to be drawn; at most 128 KiB are kept.
    pub prompt: String,
    /// The prompt that was used, when it is another.
    #[serde(default)]
    pub revised_prompt: Option<String>,
    /// The platform's model.
    pub model: String,
    /// The platform.
    pub provider: String,
    /// [`ir_model::Task::name`] of the way it was drawn.
    pub task: String,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// The request that it was made for.
    pub request_id: String,
    /// Who asked for it.
    pub client: String,
}

impl Sidecar {
    /// The version that is written.
    pub const VERSION: u32 = 1;

    /// The facts of `picture` under `name`, and no story: for `Sidecar { prompt, ..Sidecar::of(…) }`.
    pub fn of(picture: &Picture, name: &str) -> Self {
        Self {
            version: Self::VERSION,
            name: name.to_owned(),
            sha256: hex(&picture.blob.sha256()),
            bytes: picture.blob.size(),
            format: picture.probe.format,
            width: picture.probe.size.width,
            height: picture.probe.size.height,
            alpha: picture.probe.alpha,
            prompt: String::new(),
            revised_prompt: None,
            model: String::new(),
            provider: String::new(),
            task: String::new(),
            created_ms: 0,
            request_id: String::new(),
            client: String::new(),
        }
    }

    /// The picture's dimensions.
    pub fn size(&self) -> Size {
        Size::new(self.width, self.height)
    }

    /// This story with the facts of `picture`, within the limits: what is read back must be what was
    /// drawn, whatever the caller has filled in.
    pub(crate) fn about(&self, picture: &Picture, name: &str) -> Self {
        Self {
            prompt: cut(&self.prompt, PROMPT_LIMIT),
            revised_prompt: self.revised_prompt.as_deref().map(|text| cut(text, PROMPT_LIMIT)),
            model: cut(&self.model, TEXT_LIMIT),
            provider: cut(&self.provider, TEXT_LIMIT),
            task: cut(&self.task, TEXT_LIMIT),
            created_ms: self.created_ms,
            request_id: cut(&self.request_id, TEXT_LIMIT),
            client: cut(&self.client, TEXT_LIMIT),
            ..Self::of(picture, name)
        }
    }

    /// As it is written.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers are always JSON")
    }

    /// The SHA-256 as bytes, if the text is one.
    pub(crate) fn digest(&self) -> Option<[u8; 32]> {
        let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let text = self.sha256.as_bytes();
        let mut out = [0; 32];
        if text.len() != 64 {
            return None;
        }
        for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(out)
    }
}

/// The beginning of a text, at most `limit` bytes.
fn cut(text: &str, limit: usize) -> String {
    text[..text.floor_char_boundary(limit)].to_owned()
}

fn format_out<S: Serializer>(format: &Format, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(format.openai_name())
}

fn format_in<'de, D: Deserializer<'de>>(input: D) -> Result<Format, D::Error> {
    let name = String::deserialize(input)?;
    Format::from_name(&name).ok_or_else(|| serde::de::Error::custom("unknown picture format"))
}

/// What 1.x kept of a picture (`{prompt, model, params, timestamp}`, `03-admin-api.md`), as far as
/// it can be read; texts that are missing are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LegacyMetadata {
    /// What was asked to be drawn.
    pub prompt: String,
    /// The model.
    pub model: String,
    /// The platform, when it was noted.
    pub provider: String,
    /// The way it was drawn, when it was noted.
    pub task: String,
    /// When it was made, when that can be told.
    pub created: Option<Timestamp>,
}

/// A sidecar of either kind.
#[derive(Debug)]
pub(crate) enum AnySidecar {
    Ours(Box<Sidecar>),
    Legacy(LegacyMetadata),
}

/// Reads the text of a sidecar; `None` if it is neither kind.
pub(crate) fn parse(json: &[u8]) -> Option<AnySidecar> {
    if let Ok(ours) = serde_json::from_slice::<Sidecar>(json) {
        return Some(AnySidecar::Ours(Box::new(ours)));
    }
    let Ok(Value::Object(map)) = serde_json::from_slice(json) else { return None };
    // 1.x always wrote a prompt or a model; other JSON that lies about is none of ours.
    let known = ["prompt", "model", "timestamp"].iter().any(|name| map.contains_key(*name));
    let ours_damaged = map.contains_key("sha256");
    (known && !ours_damaged).then(|| AnySidecar::Legacy(legacy(&map)))
}

fn legacy(map: &Map<String, Value>) -> LegacyMetadata {
    let params = map.get("params").and_then(Value::as_object);
    let text = |names: &[&str], limit: usize| {
        let find = |map: &Map<String, Value>| names.iter().find_map(|name| map.get(*name)?.as_str().map(|text| cut(text, limit)));
        find(map).or_else(|| params.and_then(find)).unwrap_or_default()
    };
    let created = ["timestamp", "created", "createdAt"].iter().find_map(|name| instant(map.get(*name)?));
    LegacyMetadata {
        prompt: text(&["prompt"], PROMPT_LIMIT),
        model: text(&["model"], TEXT_LIMIT),
        provider: text(&["provider", "platform"], TEXT_LIMIT),
        task: text(&["task", "type"], TEXT_LIMIT),
        created,
    }
}

/// Seconds or milliseconds since the epoch, or the ISO 8601 that JavaScript writes.
fn instant(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => {
            #[expect(clippy::cast_possible_truncation, reason = "a float beyond i64 saturates and is refused by the range")]
            let n = number.as_i64().or_else(|| number.as_f64().map(|n| n as i64))?;
            // 10¹¹ seconds are in the year 5138, 10¹¹ milliseconds in 1973: no program ran at either.
            match n {
                1..=99_999_999_999 => Some(Timestamp(n * 1000)),
                100_000_000_000..=99_999_999_999_999 => Some(Timestamp(n)),
                _ => None,
            }
        }
        Value::String(text) => match text.parse::<i64>() {
            Ok(n) => instant(&Value::from(n)),
            Err(_) => iso8601(text),
        },
        _ => None,
    }
}

/// `2025-01-31T12:34:56.789Z`; the fraction may be missing, an offset `±hh:mm` may stand for `Z`.
fn iso8601(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let marks = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    let shaped = text.is_ascii() && (19..=40).contains(&bytes.len()) && marks.iter().all(|(at, mark)| bytes[*at] == *mark);
    if !shaped || !matches!(bytes[10], b'T' | b' ') {
        return None;
    }
    let part = |from: usize, to: usize| text[from..to].parse::<u32>().ok().map(i64::from);
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let rest = &text[19..];
    let digits = rest.strip_prefix('.').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let fraction = if digits == 0 { 0 } else { rest[1..=digits.min(3)].parse::<i64>().ok()? * [0, 100, 10, 1][digits.min(3)] };
    let zone = if digits == 0 { rest } else { &rest[1 + digits..] };
    let offset = match zone {
        "" | "Z" | "z" => 0,
        _ => {
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let (hours, minutes) = zone.strip_prefix(['+', '-'])?.split_once(':')?;
            sign * (hours.parse::<u8>().ok().map(i64::from)? * 60 + minutes.parse::<u8>().ok().map(i64::from)?)
        }
    };
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset * 60;
    Some(Timestamp(seconds * 1000 + fraction))
}

/// Days since the epoch of a civil date (Howard Hinnant's `days_from_civil`), years from 1970.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn legacy_of(json: &str) -> LegacyMetadata {
        match parse(json.as_bytes()) {
            Some(AnySidecar::Legacy(legacy)) => legacy,
            other => panic!("{json}: {other:?}"),
        }
    }

    #[test]
    fn times_of_1x() {
        let cases = [
            ("1735689600000", 1_735_689_600_000),
            ("1735689600", 1_735_689_600_000),
            ("\"1735689600\"", 1_735_689_600_000),
            ("\"2025-01-01T00:00:00.000Z\"", 1_735_689_600_000),
            ("\"2025-01-01T00:00:00Z\"", 1_735_689_600_000),
            ("\"2025-01-01 00:00:00.5\"", 1_735_689_600_500),
            ("\"2025-01-01T08:00:00.123456+08:00\"", 1_735_689_600_123),
            ("\"2024-12-31T23:30:00-00:30\"", 1_735_689_600_000),
            ("\"2000-02-29T23:59:59Z\"", 951_868_799_000),
        ];
        for (text, expected) in cases {
            let created = legacy_of(&format!(r#"{{"prompt":"p","timestamp":{text}}}"#)).created;
            assert_eq!(created, Some(Timestamp(expected)), "{text}");
        }
        for text in ["null", "-5", "\"\"", "\"yesterday\"", "\"2025-13-01T00:00:00Z\"", "1e300", "\"2025-01-01T00:00:00+é:00\"", "{}"] {
            assert_eq!(legacy_of(&format!(r#"{{"prompt":"p","timestamp":{text}}}"#)).created, None, "{text}");
        }
    }

    #[test]
    fn metadata_of_1x_may_be_sparse_or_odd() {
        let full = legacy_of(
            r#"{"prompt":"a cat","model":"m1","params":{"provider":"Doubao","task":"text","size":"1x1"},"timestamp":1735689600000}"#,
        );
        assert_eq!(
            (full.prompt.as_str(), full.model.as_str(), full.provider.as_str(), full.task.as_str()),
            ("a cat", "m1", "Doubao", "text")
        );
        assert_eq!(legacy_of(r#"{"model":5}"#), LegacyMetadata::default());
        for other in ["", "[]", "{}", r#"{"name":"x"}"#, r#"{"prompt":"torn"#, r#"{"prompt":"p","sha256":"damaged"}"#] {
            assert!(parse(other.as_bytes()).is_none(), "{other}");
        }
    }
}
