//! What operations read: JSON bodies, bounded in size and time and refused with the path of what does not
//! fit; queries; parts of paths. And what they answer.

use crate::refusal::Refusal;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::BytesMut;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Largest body: some ten thousand keys.
const LARGEST: usize = 4 * 1024 * 1024;
/// Largest body with a password in it.
const LARGEST_LOGIN: usize = 4 * 1024;
/// The code of a refusal of larger ones.
const TOO_LARGE: &str = "request_too_large";
/// Until when a body must be there.
const PATIENCE: Duration = Duration::from_secs(30);

/// A JSON body of this type. Unknown fields are refused where the type says so.
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        json(request, LARGEST).await.map(Self)
    }
}

/// A JSON body that holds a password: whoever guesses sends no more than a few KiB.
///
/// # Errors
/// As for [`Json`]; a larger body is 400, as what is in it cannot be a password.
pub(crate) async fn password<T: DeserializeOwned>(request: Request) -> Result<T, Refusal> {
    json(request, LARGEST_LOGIN).await.map_err(|refusal| {
        let (en, zh) = ("This is too long for a password.", "密码过长。");
        if refusal.code() == TOO_LARGE { Refusal::bad("password", en, zh) } else { refusal }
    })
}

async fn json<T: DeserializeOwned>(request: Request, largest: usize) -> Result<T, Refusal> {
    let media = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !media.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        let (en, zh) = ("Send JSON, with the header Content-Type: application/json.", "请以 Content-Type: application/json 发送 JSON。");
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", en, zh));
    }
    let bytes = tokio::time::timeout(PATIENCE, read(request.into_body(), largest))
        .await
        .map_err(|_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "slow_body", "The body came too slowly.", "请求体发送过慢。"))??;
    let mut json = serde_json::Deserializer::from_slice(&bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let (field, why) = concerned(&path, said(&error.into_inner().to_string()));
        Refusal::bad(&field, format!("The body cannot be read: {why}."), format!("请求体无法读取：{why}"))
    })?;
    json.end().map_err(|why| Refusal::bad("body", format!("The body cannot be read: {why}."), format!("请求体无法读取：{why}")))?;
    Ok(value)
}

/// What the parser says, without the text that it was given: that may be a secret in the wrong place.
fn said(why: &str) -> String {
    const STRING: &str = "string \"";
    if let Some(begin) = why.find(STRING)
        && let Some(end) = why.rfind("\", expected")
    {
        let begin = begin + STRING.len() - 2;
        return format!("{}{}", &why[..begin], why.get(end + 1..).unwrap_or_default());
    }
    let Some(rest) = why.strip_prefix("unknown variant `") else { return why.to_owned() };
    match rest.rsplit_once("`, ") {
        Some((name, choices)) => format!("unknown variant `{}`, {choices}", ir_model::echo(name)),
        None => "unknown variant".to_owned(),
    }
}

/// The field that a reader stumbled over, and its sentence with no more of the name than may be echoed. A
/// name that is not known stands in the sentence only.
fn concerned(path: &str, why: String) -> (String, String) {
    let path = if path == "." { "" } else { path };
    let unknown = why.strip_prefix("unknown field `").and_then(|rest| rest.rsplit_once("`, expected").or(rest.rsplit_once("`, there")));
    let Some((name, _)) = unknown else {
        return (if path.is_empty() { "body".to_owned() } else { path.to_owned() }, why);
    };
    let field = match path {
        "" => name.to_owned(),
        path if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
        path => format!("{path}.{name}"),
    };
    let why = why.replacen(name, &ir_model::echo(name), 1);
    (field, why)
}

async fn read(mut body: Body, largest: usize) -> Result<BytesMut, Refusal> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|why| Refusal::bad("body", format!("The body broke off: {why}."), "请求体中断。"))?;
        if let Ok(data) = frame.into_data() {
            if bytes.len() + data.len() > largest {
                let (en, zh) = (format!("The body is larger than {largest} bytes."), format!("请求体超过 {largest} 字节。"));
                return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE, en, zh));
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}

/// What the query says.
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let read = axum::extract::Query::from_request_parts(parts, state).await;
        read.map(|axum::extract::Query(query)| Self(query)).map_err(|why| unreadable(&why.body_text()))
    }
}

/// What the path names.
pub(crate) struct Path(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Path {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let read = axum::extract::Path::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(name)| Self(name)).map_err(|why| unreadable(&why.body_text()))
    }
}

fn unreadable(why: &str) -> Refusal {
    // axum's sentence: what failed, the field, why.
    let field = why.split(": ").nth(1).filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
    Refusal::bad(field.unwrap_or("path"), format!("The address cannot be read: {why}."), format!("请求地址无法读取：{why}"))
}

/// How many entries a page has: what was asked for, else `usual`.
///
/// # Errors
/// 400 for none, and for more than `most`.
pub(crate) fn page_size(asked: Option<u32>, usual: u32, most: u32) -> Result<u32, Refusal> {
    match asked.unwrap_or(usual) {
        size if (1..=most).contains(&size) => Ok(size),
        _ => Err(Refusal::bad("limit", format!("'limit' is a whole number from 1 to {most}."), format!("limit 须为 1 至 {most} 的整数。"))),
    }
}

/// Where a page begins: the place that an earlier one ended at.
///
/// # Errors
/// 400 for what no page ends at.
pub(crate) fn page_start(cursor: Option<i64>, name: &str) -> Result<Option<i64>, Refusal> {
    match cursor {
        Some(place) if place < 0 => Err(Refusal::bad(name, format!("'{name}' is none that a page ended with."), format!("{name} 无效。"))),
        place => Ok(place),
    }
}

/// The answer to a change that has nothing to tell.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Done {
    /// Always true.
    pub(crate) ok: bool,
}

impl Done {
    pub(crate) const YES: Self = Self { ok: true };
}

/// A JSON answer that no cache keeps.
pub(crate) struct Answer<T>(pub(crate) T);

impl<T: serde::Serialize> axum::response::IntoResponse for Answer<T> {
    fn into_response(self) -> axum::response::Response {
        match serde_json::to_vec(&self.0) {
            Ok(text) => {
                let headers = [(CONTENT_TYPE, "application/json"), (http::header::CACHE_CONTROL, "no-store")];
                (headers, text).into_response()
            }
            Err(error) => Refusal::internal(&error).into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read into")]
    struct Sample {
        number: Option<u32>,
        choice: Option<Choice>,
    }

    #[derive(Debug, Deserialize)]
    enum Choice {
        One,
    }

    /// Proves R-SEC-1.
    #[test]
    fn what_cannot_be_read_is_not_said_again() {
        let long = "x".repeat(200);
        let rows = [
            (r#"{"number": "a \"canary\", expected"}"#.to_owned(), "invalid type: string, expected u32 at line 1 column 35"),
            (r#""canary""#.to_owned(), "invalid type: string, expected struct Sample at line 1 column 8"),
            (r#"{"number": -1}"#.to_owned(), "invalid value: integer `-1`, expected u32 at line 1 column 13"),
            (r#"{"choice": "Two"}"#.to_owned(), "unknown variant `Two`, expected `One` at line 1 column 16"),
        ];
        for (text, told) in rows {
            let why = serde_json::from_str::<Sample>(&text).unwrap_err().to_string();
            assert_eq!(said(&why), told, "{why}");
        }
        let why = serde_json::from_str::<Sample>(&format!("{{\"{long}\": 1}}")).unwrap_err().to_string();
        let (field, why) = concerned(".", said(&why));
        assert_eq!(field, long);
        assert!(why.starts_with("unknown field `xxx") && why.len() < 150, "{why}");
    }
}
