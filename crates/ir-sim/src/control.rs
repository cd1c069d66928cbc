//! `/_sim/…`: the script and the ledger for tests in other languages.
//!
//! | request | does |
//! | --- | --- |
//! | `GET /_sim/ledger` | the entries, `{"entries":[…]}` |
//! | `DELETE /_sim/ledger` | forgets them |
//! | `POST /_sim/script` | replaces the script: `{"rules":[{"when":{"key":"sk-1"},"times":2,"then":"status=429 retry-after=2"}]}` |

use http::Method;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::json;

use crate::answer::Draft;
use crate::behaviour::ErrorBody;
use crate::ledger::{Ledger, Recording};
use crate::script::{MAX_RULES, Script};
use crate::server::Stage;

/// Longest script in bytes.
const MAX_SCRIPT: usize = 4 << 20;

/// Answers a control request. Its recording goes to a ledger of its own: control leaves no trace.
pub(crate) async fn answer(stage: &Stage, method: &Method, path: &str, body: Incoming) -> (Draft, Recording) {
    let draft = match (method, path) {
        (&Method::GET, "/_sim/ledger") => Draft::document(200, &json!({"entries": stage.ledger.entries()})),
        (&Method::DELETE, "/_sim/ledger") => {
            stage.ledger.clear();
            Draft::document(200, &json!({"ok": true}))
        }
        (&Method::POST, "/_sim/script") => match script(body).await {
            Ok(script) => {
                let rules = script.rules.len();
                stage.script(script);
                Draft::document(200, &json!({"ok": true, "rules": rules}))
            }
            Err(message) => ErrorBody::saying(message).draft(400),
        },
        _ => ErrorBody::default().draft(404),
    };
    (draft, Ledger::new().open(method.to_string(), path.to_owned(), None, Vec::new()))
}

async fn script(mut body: Incoming) -> Result<Script, String> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| error.to_string())?.into_data() else { continue };
        if bytes.len() + data.len() > MAX_SCRIPT {
            return Err(format!("a script has at most {MAX_SCRIPT} bytes"));
        }
        bytes.extend_from_slice(&data);
    }
    let script: Script = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    if script.rules.len() > MAX_RULES {
        return Err(format!("a script has at most {MAX_RULES} rules"));
    }
    Ok(script)
}
