//! The bad inputs that the gateway must survive, as data: `tests/bad-inputs/*.json` at the root of the repository, written with the recipes of
//! [`samples`](crate::samples). Tests send them, fuzzers begin with them, documentation lists them.

use crate::samples::expand;
use serde::Deserialize;
use serde_json::Value;

/// The files, by what they are about.
const FILES: [(&str, &str); 7] = [
    ("http", include_str!("../../../tests/bad-inputs/http.json")),
    ("json", include_str!("../../../tests/bad-inputs/json.json")),
    ("parameters", include_str!("../../../tests/bad-inputs/parameters.json")),
    ("chat", include_str!("../../../tests/bad-inputs/chat.json")),
    ("images", include_str!("../../../tests/bad-inputs/images.json")),
    ("forms", include_str!("../../../tests/bad-inputs/forms.json")),
    ("admin", include_str!("../../../tests/bad-inputs/admin.json")),
];
/// Between the parts of a form.
const BOUNDARY: &str = "the-boundary-of-this-form";
/// In `each`: one string stands for all of a range.
const EACH: &str = "{{each}}";

/// One input and what it gets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BadInput {
    /// The row of the requirements, `B-1` to `B-104`.
    pub row: String,
    /// What is bad.
    pub name: String,
    /// The method of the request.
    #[serde(default = "post")]
    pub method: String,
    /// Its target.
    #[serde(default = "generations")]
    pub path: String,
    /// Headers besides those that a good request has (`host`, `authorization`, `connection`, and `content-type` where there is a body); one of
    /// these names replaces it, `null` leaves it out.
    #[serde(default)]
    pub headers: Vec<(String, Option<String>)>,
    /// The whole request instead of all that, as it stands on the wire.
    #[serde(default)]
    pub raw: Option<String>,
    /// The body.
    #[serde(default)]
    pub body: Option<BadBody>,
    /// Values for `{{each}}`: each is an input of its own. `{"numbers": [from, to]}` stands for a range.
    #[serde(default)]
    pub each: Option<Value>,
    /// The statuses that are right; 0: closed without an answer.
    pub status: OneOf<u16>,
    /// The codes that are right; none: not looked at.
    #[serde(default)]
    pub code: Option<OneOf<String>>,
    /// The parameter that is named; an empty one: none.
    #[serde(default)]
    pub param: Option<String>,
    /// Headers of the answer, and what they contain.
    #[serde(default)]
    pub answer: Vec<(String, String)>,
    /// It is no bad input after all: a platform draws.
    #[serde(default)]
    pub draws: bool,
    /// Refused by the HTTP reader, before anything of the gateway saw it: without a body.
    #[serde(default)]
    pub bare: bool,
    /// The connection must be closed afterwards, whatever the request says.
    #[serde(default)]
    pub closes: bool,
    /// The caller ends its side of the connection behind what it sent.
    #[serde(default)]
    pub hangs_up: bool,
    /// The memory that it may cost, in MiB.
    #[serde(default)]
    pub mib: Option<u64>,
    /// Where that differs from what would be expected.
    #[serde(default)]
    pub why: Option<String>,
}

/// A body.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BadBody {
    /// JSON; recipes stand in its strings.
    Json(Value),
    /// A text with recipes.
    Text(String),
    /// A form.
    Form(Vec<BadPart>),
}

/// A part of a form.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BadPart {
    /// The parameters of `Content-Disposition: form-data` behind it, as they stand there.
    pub disposition: String,
    /// Further header lines.
    pub headers: Vec<String>,
    /// What it holds, with recipes.
    pub content: String,
}

/// One value or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOf<T> {
    /// Exactly this.
    One(T),
    /// Any of these.
    Any(Vec<T>),
}

impl<T: PartialEq> OneOf<T> {
    /// Whether this is among them.
    pub fn has<U: ?Sized>(&self, value: &U) -> bool
    where
        T: PartialEq<U>,
    {
        match self {
            Self::One(one) => one == value,
            Self::Any(all) => all.iter().any(|one| one == value),
        }
    }
}

fn post() -> String {
    "POST".to_owned()
}

fn generations() -> String {
    "/v1/images/generations".to_owned()
}

impl BadInput {
    /// The single inputs of a file.
    ///
    /// # Panics
    /// When there is no such file or it cannot be read: both are mistakes of the repository.
    #[must_use]
    pub fn of(about: &str) -> Vec<Self> {
        let (_, text) = FILES.iter().find(|(name, _)| *name == about).expect("a file of bad inputs");
        let cases: Vec<Value> = serde_json::from_str(text).unwrap_or_else(|error| panic!("{about}.json: {error}"));
        cases.into_iter().flat_map(|case| singles(about, case)).collect()
    }

    /// All single inputs of all files.
    #[must_use]
    pub fn all() -> Vec<Self> {
        FILES.iter().flat_map(|(about, _)| Self::of(about)).collect()
    }

    /// The bytes of its body.
    ///
    /// # Errors
    /// A recipe that is not known.
    pub fn body(&self, variables: &[(&str, &str)]) -> Result<Vec<u8>, String> {
        match &self.body {
            None => Ok(Vec::new()),
            Some(BadBody::Json(value)) => expand(&value.to_string(), variables),
            Some(BadBody::Text(text)) => expand(text, variables),
            Some(BadBody::Form(parts)) => {
                let mut out = Vec::new();
                for part in parts {
                    let headers: String = part.headers.iter().map(|line| format!("{line}\r\n")).collect();
                    let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data{}\r\n{headers}\r\n", part.disposition);
                    out.extend(expand(&head, variables)?);
                    out.extend(expand(&part.content, variables)?);
                    out.extend_from_slice(b"\r\n");
                }
                out.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
                Ok(out)
            }
        }
    }

    /// The request as it stands on the wire. Variables: `key`, the gateway's, and what the recipes name.
    ///
    /// # Errors
    /// A recipe or variable that is not known.
    pub fn request(&self, variables: &[(&str, &str)]) -> Result<Vec<u8>, String> {
        if let Some(raw) = &self.raw {
            return expand(raw, variables);
        }
        let body = self.body(variables)?;
        let mut usual =
            vec![("host", "localhost".to_owned()), ("authorization", "Bearer {{key}}".to_owned()), ("connection", "close".to_owned())];
        match &self.body {
            None => {}
            Some(BadBody::Json(_) | BadBody::Text(_)) => usual.push(("content-type", "application/json".to_owned())),
            Some(BadBody::Form(_)) => usual.push(("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))),
        }
        if self.body.is_some() {
            usual.push(("content-length", body.len().to_string()));
        }
        let given = |name: &str| self.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        let usual = usual.into_iter().filter(|(name, _)| !given(name)).map(|(name, value)| (name.to_owned(), value));
        let own = self.headers.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
        let lines: String = usual.chain(own).map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let mut request = expand(&format!("{} {} HTTP/1.1\r\n{lines}\r\n", self.method, self.path), variables)?;
        request.extend(body);
        Ok(request)
    }
}

/// A case with each of its values.
fn singles(about: &str, case: Value) -> Vec<BadInput> {
    let read = |value: Value| -> BadInput {
        let name = value["name"].to_string();
        serde_json::from_value(value).unwrap_or_else(|error| panic!("{about}.json, {name}: {error}"))
    };
    let values = match case.get("each") {
        None => return vec![read(case)],
        Some(Value::Array(values)) => values.clone(),
        Some(range) => {
            let end = |at: usize| range["numbers"][at].as_u64().unwrap_or_else(|| panic!("{about}.json: {range} is no range"));
            (end(0)..=end(1)).map(Value::from).collect()
        }
    };
    values
        .into_iter()
        .map(|value| {
            let mut single = case.clone();
            put(&mut single, &value);
            single["each"] = Value::Null;
            let shown: String = value.to_string().chars().take(80).collect();
            single["name"] = format!("{}: {shown}", case["name"].as_str().unwrap_or_default()).into();
            read(single)
        })
        .collect()
}

/// A string that is nothing but `{{each}}` becomes the value, in others its text is put in.
fn put(place: &mut Value, value: &Value) {
    match place {
        Value::String(text) if text == EACH => *place = value.clone(),
        Value::String(text) => *text = text.replace(EACH, value.as_str().unwrap_or(&value.to_string())),
        Value::Array(items) => items.iter_mut().for_each(|item| put(item, value)),
        Value::Object(members) => {
            for (name, mut member) in std::mem::take(members) {
                put(&mut member, value);
                let name = if name.contains(EACH) { name.replace(EACH, value.as_str().unwrap_or_default()) } else { name };
                members.insert(name, member);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VARIABLES: [(&str, &str); 3] = [("key", "a-key"), ("admin", "an-admin-key"), ("port", "10001")];

    #[test]
    fn every_input_can_be_made() {
        let all = BadInput::all();
        for input in &all {
            input.request(&VARIABLES).unwrap_or_else(|why| panic!("{} {}: {why}", input.row, input.name));
        }
        assert!(all.len() > 400, "{}", all.len());
    }

    #[test]
    fn a_request_on_the_wire() {
        let input: BadInput = serde_json::from_value(serde_json::json!({
            "row": "B-0", "name": "n", "headers": [["host", null], ["x", "{{repeat 2 y}}"]], "body": {"json": {"prompt": "{{each}}"}}, "status": 400
        }))
        .unwrap();
        let text = String::from_utf8(input.request(&[("key", "k"), ("each", "e")]).unwrap()).unwrap();
        let wanted = "POST /v1/images/generations HTTP/1.1\r\nauthorization: Bearer k\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 14\r\nx: yy\r\n\r\n{\"prompt\":\"e\"}";
        assert_eq!(text, wanted);
    }
}
