//! Messages that are only handed over: of the reply nothing but its status counts.

use crate::exchange::{AGENT, Door};
use crate::faults::from_wire;
use crate::rules::Purpose;
use crate::url_rules::parse_url;
use crate::wire::{Timing, WireRequest};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ir_model::{Charge, Class, Fault};
use ir_spool::{Piece, PieceBody};
use std::time::Duration;
use tokio::time::Instant;

/// Everything, from the call to the reply's head.
const PATIENCE: Duration = Duration::from_secs(20);

impl Door {
    /// Posts a JSON document and answers with the status of the reply, whose body is not read. A
    /// redirect is a status like others.
    ///
    /// # Errors
    /// `Timeout` or `UpstreamFault` when there was no reply, or the address must not be dialled.
    pub async fn post(&self, url: &str, purpose: Purpose, headers: Vec<(&'static str, String)>, json: String) -> Result<u16, Fault> {
        let unsendable = |what: String| Fault::new(Class::UpstreamFault).charged(Charge::No).detail(what);
        let url = parse_url(url).map_err(|refusal| {
            self.refusals.note_text(purpose, url, refusal);
            unsendable(format!("the address: {refusal}"))
        })?;
        let mut out = HeaderMap::new();
        out.insert(USER_AGENT, AGENT);
        out.insert(ACCEPT, HeaderValue::from_static("*/*"));
        out.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        out.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in headers {
            let value = HeaderValue::try_from(value).map_err(|_| unsendable(format!("the value of {name} cannot be sent")))?;
            out.insert(HeaderName::from_static(name), value);
        }
        let body = Some(PieceBody::new(vec![Piece::Bytes(json.into())]));
        let timing = Timing { total: PATIENCE, ..Timing::user_url() };
        let deadline = Instant::now() + PATIENCE;
        let request = WireRequest { method: Method::POST, url, headers: out, body, purpose, timing, deadline };
        Ok(self.wire.send(request).await.map_err(|fault| from_wire(&fault))?.status)
    }
}
