//! Who asks, where a proxy stands in front. What a proxy says of its callers counts only if the proxy is
//! listed (`security.trustedProxies`); from everybody else these headers are noise.

use crate::gateway::Gateway;
use crate::per_ip::Guest;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use ir_model::{Fault, Gate, OverTls, Peer};
use ir_openai::Api;
use ir_settings::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Proxies in a row that are followed back.
const MOST_HOPS: usize = 32;
/// When a caller with too many requests under way may come again.
const WAIT: Duration = Duration::from_secs(5);

/// Whether an address is that of a trusted proxy.
pub(crate) fn is_trusted(proxies: &[IpNet], address: IpAddr) -> bool {
    proxies.iter().any(|net| net.contains(address))
}

/// The layer: behind a trusted proxy, [`Peer`] is the caller's own address, and [`OverTls`] is set when the
/// caller came by https. Requests of one such address under way at once are bounded as connections are
/// for those who come by themselves (a connection serves one request at a time).
pub(crate) async fn layer(State((gateway, api)): State<(Arc<Gateway>, Arc<Api>)>, mut request: Request, next: Next) -> Response {
    let snapshot = gateway.engine.snapshot();
    let proxies = &snapshot.settings.security.trusted_proxies;
    let Some(&Peer(proxy)) = request.extensions().get::<Peer>() else { return next.run(request).await };
    if !is_trusted(proxies, proxy.ip()) {
        return next.run(request).await;
    }
    let caller = caller(proxies, proxy.ip(), request.headers());
    if last(request.headers(), "x-forwarded-proto").is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")) {
        request.extensions_mut().insert(OverTls);
    }
    request.extensions_mut().insert(Peer(SocketAddr::new(caller, if caller == proxy.ip() { proxy.port() } else { 0 })));
    drop(snapshot);
    // A proxy that asks for itself, as for its checks of health, is nobody's flood.
    if caller == proxy.ip() {
        return next.run(request).await;
    }
    let Some(guest) = gateway.per_ip.enter(caller) else {
        let fault = Fault::gate(Gate::RateLimited, "Too many requests of this address are under way.", "该地址同时进行的请求过多。")
            .retry_after(Some(WAIT));
        let (parts, _) = request.into_parts();
        return ir_openai::refuse_head(&api, &parts, &fault);
    };
    next.run(request).await.map(|body| Body::new(Visit { body, _guest: guest }))
}

/// The address of the one who asked the outermost trusted proxy: the last hop that is not one itself.
/// Whatever stands before it may be invented.
fn caller(proxies: &[IpNet], proxy: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut known = proxy;
    for hop in hops(headers, "x-forwarded-for").into_iter().rev().take(MOST_HOPS) {
        match address(hop) {
            Some(address) => known = address,
            None => return known,
        }
        if !is_trusted(proxies, known) {
            return known;
        }
    }
    known
}

fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    hops(headers, name).pop()
}

/// The entries of a list that may stand in several headers.
fn hops<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    // One that cannot be read must not let an earlier one pass for the last.
    headers.get_all(name).iter().flat_map(|value| value.to_str().unwrap_or("?").split(',')).map(str::trim).collect()
}

/// An address, as proxies write it: with a port too, and in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))?;
    Some(address.to_canonical())
}

/// An answer's body, with its place among those of its caller.
struct Visit {
    body: Body,
    _guest: Guest,
}

impl http_body::Body for Visit {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn found(given: &[&str]) -> String {
        let proxies: Vec<IpNet> = ["10.0.0.0/8", "::1", "2001:db8::/32"].iter().map(|text| IpNet::parse(text).unwrap()).collect();
        let mut headers = HeaderMap::new();
        for value in given {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        caller(&proxies, "10.0.0.1".parse().unwrap(), &headers).to_string()
    }

    /// Proves B-24.
    #[test]
    fn the_last_hop_that_is_no_proxy_is_the_caller() {
        let rows: &[(&[&str], &str)] = &[
            (&[], "10.0.0.1"),
            (&[""], "10.0.0.1"),
            (&["203.0.113.7"], "203.0.113.7"),
            (&["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
            (&["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
            (&["203.0.113.7, 10.9.9.9, ::1"], "203.0.113.7"),
            (&["203.0.113.7:4711"], "203.0.113.7"),
            (&["[2001:db9::7]:4711"], "2001:db9::7"),
            (&["[2001:db9::7]"], "2001:db9::7"),
            (&["::ffff:203.0.113.7"], "203.0.113.7"),
            // Nothing but proxies: the outermost.
            (&["10.2.2.2, 10.3.3.3"], "10.2.2.2"),
            // What cannot be read is the end of what can be believed.
            (&["203.0.113.7, unknown"], "10.0.0.1"),
            (&["203.0.113.7, unknown, 10.3.3.3"], "10.3.3.3"),
            (&["203.0.113.7", "é"], "10.0.0.1"),
            (&["203.0.113.7,"], "10.0.0.1"),
        ];
        for (given, caller) in rows {
            assert_eq!(found(given), *caller, "{given:?}");
        }
        let long = vec!["10.1.1.1"; 100].join(",");
        assert_eq!(found(&[&format!("203.0.113.7,{long}")]), "10.1.1.1");
    }
}
