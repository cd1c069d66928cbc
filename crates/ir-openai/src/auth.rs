//! The credential of a request, as the several clients send it.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use ir_model::{Class, Fault, Gate};

/// Longest credential that is looked at; platform keys and tokens are far shorter.
const LONGEST: usize = 4096;

/// The token of a request: `Authorization: Bearer` (any case, one space), `api-key` as Azure's
/// clients write it, or `x-api-key`. `None` when there is none at all.
///
/// # Errors
/// 400 for several that differ or a repeated header, 401 for one that cannot be a key.
pub(crate) fn token(headers: &HeaderMap) -> Result<Option<&str>, Fault> {
    let mut found: Option<&str> = None;
    for name in [AUTHORIZATION.as_str(), "api-key", "x-api-key"] {
        let mut values = headers.get_all(name).iter();
        let Some(value) = values.next() else { continue };
        if values.next().is_some() {
            return Err(ambiguous(name));
        }
        let text = value.to_str().map_err(|_| bad_key())?;
        let token = if name == AUTHORIZATION.as_str() { bearer(text)? } else { text };
        if token.is_empty() || token.len() > LONGEST || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(bad_key());
        }
        match found {
            Some(other) if other != token => return Err(ambiguous(name)),
            Some(_) | None => found = Some(token),
        }
    }
    Ok(found)
}

fn bearer(text: &str) -> Result<&str, Fault> {
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token),
        Some(_) | None => Err(bad_key()),
    }
}

fn bad_key() -> Fault {
    Fault::new(Class::Gate(Gate::BadKey))
}

fn ambiguous(name: &str) -> Fault {
    Fault::bad(
        name,
        "Several API keys were given. Send exactly one, as 'Authorization: Bearer <key>'.",
        "请求中带有多个 API 密钥，请只使用一个 Authorization: Bearer <密钥>。",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        let mut map = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            map.append(name, value);
        });
        map
    }

    /// Headers; the token, or the status of the refusal.
    type Row = (&'static [(&'static str, &'static str)], Result<Option<&'static str>, u16>);

    #[test]
    fn credentials_as_clients_send_them() {
        let rows: &[Row] = &[
            (&[], Ok(None)),
            (&[("authorization", "Bearer k1")], Ok(Some("k1"))),
            (&[("authorization", "bearer k1")], Ok(Some("k1"))),
            (&[("authorization", "BEARER k1")], Ok(Some("k1"))),
            (&[("api-key", "k1")], Ok(Some("k1"))),
            (&[("x-api-key", "k1")], Ok(Some("k1"))),
            (&[("authorization", "Bearer k1"), ("x-api-key", "k1")], Ok(Some("k1"))),
            (&[("authorization", "Bearer k1"), ("x-api-key", "k2")], Err(400)),
            (&[("authorization", "Bearer k1"), ("authorization", "Bearer k1")], Err(400)),
            (&[("authorization", "Bearer")], Err(401)),
            (&[("authorization", "Bearer ")], Err(401)),
            (&[("authorization", "Bearer  k1")], Err(401)),
            (&[("authorization", "Bearer k1 ")], Err(401)),
            (&[("authorization", "Basic k1")], Err(401)),
            (&[("authorization", "k1")], Err(401)),
            (&[("authorization", "Bearer k\t1")], Err(401)),
        ];
        for (given, wanted) in rows {
            let map = headers(given);
            let got = token(&map).map_err(|fault| match fault.class {
                Class::Gate(gate) => gate.status(),
                other => panic!("{other:?}"),
            });
            assert_eq!(&got, wanted, "{given:?}");
        }
    }

    #[test]
    fn keys_that_cannot_be_keys() {
        let mut map = HeaderMap::new();
        map.insert(AUTHORIZATION, HeaderValue::from_bytes("Bearer schlüssel".as_bytes()).unwrap());
        assert!(token(&map).is_err());
        map.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {}", "x".repeat(8192))).unwrap());
        assert!(token(&map).is_err());
    }
}
