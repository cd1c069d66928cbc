//! What every request passes through, outermost first.

use crate::cors;
use crate::framing::Ambiguous;
use crate::gateway::Gateway;
use crate::{health, inputs, openapi, playground, proxies, storage};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::{Router, routing};
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use ir_admin::Admin;
use ir_model::Peer;
use ir_model::{Fault, Gate, RequestId};
use ir_openai::Api;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

/// Longest request target (`B-12`).
const MAX_URI: usize = 8 * 1024;

/// All routes behind all layers.
pub(crate) fn app(gateway: &Arc<Gateway>, admin: &Arc<Admin>) -> Router {
    let api = Arc::new(Api::new(Arc::clone(&gateway.engine)));
    let open = Router::new()
        .route("/health", routing::get(health::health))
        .route("/ready", routing::get(health::ready))
        .with_state(Arc::clone(gateway));
    let shared = ir_openai::router()
        .route("/storage/{name}", routing::get(storage::serve))
        .route("/inputs/{id}/{expiry}/{tail}", routing::get(inputs::serve))
        .fallback(page_or_nothing)
        .method_not_allowed_fallback(ir_openai::method_not_allowed)
        .with_state(Arc::clone(&api));
    let described = ir_admin::router(admin).route("/openapi.json", routing::get(openapi::document));
    let operators = described.layer(CompressionLayer::new().compress_when(WORDS)).nest("/api/playground", playground::router(&api));
    let routes = shared.merge(open).merge(operators);
    // 7. Whose `/api` and panel it is: everything there is refused unless it is known to be open.
    let routes = routes.layer(middleware::from_fn_with_state(Arc::clone(admin), ir_admin::guard));
    behind_layers(routes, gateway, &api)
}

/// Routes behind what holds for all of them.
fn behind_layers(routes: Router, gateway: &Arc<Gateway>, api: &Arc<Api>) -> Router {
    routes
        // --- read from below: the last layer is the outermost ---------------------------------
        // 6. A panic becomes a 500 in OpenAI's form instead of a cut connection.
        .layer(CatchPanicLayer::custom(PanicAnswer(Arc::clone(api))))
        // 5. CORS: preflights are answered here; every answer, errors too, gets its headers.
        .layer(middleware::from_fn_with_state(Arc::clone(gateway), cors::layer))
        // 4. Heads that no route should see: over-long targets, a missing or doubled Host.
        .layer(middleware::from_fn_with_state(Arc::clone(api), heads))
        // 3. One line per request, when `system.requestLogging` is on.
        .layer(middleware::from_fn_with_state(Arc::clone(gateway), access_log))
        // 2. Behind a trusted proxy: who asks it, and how many do at once.
        .layer(middleware::from_fn_with_state((Arc::clone(gateway), Arc::clone(api)), proxies::layer))
        // 1. The request id: in the extensions for everybody below, on the answer for the caller.
        .layer(middleware::from_fn_with_state(Arc::clone(gateway), request_id))
}

/// What of the admin API is worth compressing: its documents. Streams of events would be held up, and
/// archives and pictures do not get smaller.
const WORDS: fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool =
    |_, _, headers, _| headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));

/// The panel's pages and the admin API's refusal; for everything else the answer of the public dialect.
async fn page_or_nothing(State(api): State<Arc<Api>>, request: Request) -> Response {
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") {
        return ir_admin::nothing(request.headers());
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if reads && ir_admin::is_page(request.uri().path()) {
        return ir_admin::page(request.uri().path(), request.headers());
    }
    ir_openai::not_found(State(api), request).await
}

async fn request_id(State(gateway): State<Arc<Gateway>>, mut request: Request, next: Next) -> Response {
    let own = request.headers().get("x-request-id").and_then(|value| value.to_str().ok()).and_then(RequestId::parse);
    let id = own.unwrap_or_else(|| RequestId::random(&**gateway.engine.dice()));
    let value = HeaderValue::from_str(id.as_str()).expect("invariant: request ids are visible ASCII");
    request.extensions_mut().insert(id);
    let mut response = next.run(request).await;
    response.headers_mut().entry("x-request-id").or_insert(value);
    response
}

async fn access_log(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    if !gateway.engine.snapshot().settings.system.request_logging {
        return next.run(request).await;
    }
    let began = gateway.engine.clock().now();
    let method = request.method().clone();
    let path = inputs::loggable(request.uri().path()).into_owned();
    let id = request.extensions().get::<RequestId>().map(ToString::to_string);
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip().to_string());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let duration_ms = gateway.engine.clock().now().since(began);
    // A page with a hundred pictures would push everything else out of the live log, and so would the
    // panel that shows it.
    let quiet = ["/assets/", "/docs/assets/", "/storage/"].iter().any(|folder| path.starts_with(folder))
        || (method == Method::GET && path.starts_with("/api/"));
    if status < 400 && quiet {
        tracing::debug!(request_id = id, %method, path, status, duration_ms, peer, "answered");
    } else {
        tracing::info!(request_id = id, %method, path, status, duration_ms, peer, "answered");
    }
    response
}

async fn heads(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (host, further) = (hosts.next().and_then(|host| host.to_str().ok()), hosts.next());
    let good_host = |host: &str| !host.is_empty() && !host.contains(['@', ' ', '/', '\\']);
    let ambiguous = request.extensions().get::<Ambiguous>().copied();
    let fault = if target > MAX_URI {
        Fault::gate(Gate::UriTooLong, "The address is too long.", "请求地址过长。")
    } else if let Some(ambiguous) = ambiguous {
        contradictory(ambiguous)
    } else if !request.headers().get_all(header::TRANSFER_ENCODING).iter().all(is_chunked) {
        // hyper takes any codings before the last one and decodes none of them (RFC 9112, 6.1).
        Fault::bad("Transfer-Encoding", "The only transfer coding taken is chunked.", "传输编码只支持 chunked。")
    } else if further.is_some() || !host.is_some_and(good_host) {
        Fault::bad("Host", "The Host header is missing, doubled or malformed.", "Host 请求头缺失、重复或格式错误。")
    } else if wants_web_socket(request.headers()) {
        Fault::bad("Upgrade", "WebSockets are not served here.", "不支持 WebSocket。")
    } else if request.method() == Method::TRACE || request.method() == Method::CONNECT {
        Fault::gate(Gate::MethodNotAllowed, "This method is not served.", "不支持该方法。")
    } else {
        return next.run(request).await;
    };
    let (parts, _) = request.into_parts();
    let closes = ambiguous.is_some() || matches!(fault.param.as_deref(), Some("Transfer-Encoding" | "Upgrade"));
    let mut response = ir_openai::refuse_head(&api, &parts, &fault);
    if closes {
        // What follows on this connection may be meant as anything.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn is_chunked(codings: &HeaderValue) -> bool {
    codings.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked")
}

fn contradictory(ambiguous: Ambiguous) -> Fault {
    match ambiguous {
        Ambiguous::TwoLengths => Fault::bad(
            "Content-Length",
            "The length is told more than once (Content-Length, Transfer-Encoding).",
            "请求体长度被重复声明（Content-Length、Transfer-Encoding）。",
        ),
        Ambiguous::BareLineFeed => {
            Fault::bad("head", "A line of the request's head ends without a carriage return.", "请求头中有一行缺少回车符。")
        }
    }
}

/// Whoever waits for a WebSocket would read a plain answer as a broken one (B-25). Other upgrades, such as
/// curl's to HTTP/2, may be ignored.
fn wants_web_socket(headers: &HeaderMap) -> bool {
    let words = headers.get_all(header::UPGRADE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    words.map(str::trim).any(|word| word.split('/').next().is_some_and(|name| name.eq_ignore_ascii_case("websocket")))
}

#[derive(Clone)]
struct PanicAnswer(Arc<Api>);

impl tower_http::catch_panic::ResponseForPanic for PanicAnswer {
    type ResponseBody = Body;

    fn response_for_panic(&mut self, panic: Box<dyn std::any::Any + Send + 'static>) -> http::Response<Body> {
        let what = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        tracing::error!(panic = what, "a request handler panicked");
        let (parts, ()) = http::Request::new(()).into_parts();
        let fault =
            Fault::gate(Gate::Internal, "The gateway failed. The operator finds the reason in its log.", "网关内部错误，原因见日志。");
        let mut answer = ir_openai::refuse_head(&self.0, &parts, &fault);
        // Nothing is known of the request here; the layer that knows its id sets it.
        answer.headers_mut().remove("x-request-id");
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use ir_settings::Env;
    use tower::ServiceExt;

    async fn boom() -> &'static str {
        panic!("what only the log may know")
    }

    #[tokio::test]
    async fn a_panic_is_answered_like_every_other_failure() {
        let folder = tempfile::tempdir().expect("folder");
        let env = Env::from_pairs([("IMG_ROUTER_DATA_DIR", folder.path().to_str().expect("UTF-8"))]);
        let gateway = Arc::new(Gateway::open(env).await.expect("gateway"));
        let api = Arc::new(Api::new(Arc::clone(&gateway.engine)));
        let app = behind_layers(Router::new().route("/v1/boom", routing::get(boom)), &gateway, &api);
        let request =
            Request::get("/v1/boom").header("host", "localhost").header("origin", "https://app.example").header("x-request-id", "mine");
        let answer = app.oneshot(request.body(Body::empty()).expect("request")).await.expect("answer");
        assert_eq!(answer.status(), 500);
        for (name, value) in [("x-request-id", "mine"), ("access-control-allow-origin", "*"), ("content-type", "application/json")] {
            assert_eq!(answer.headers().get(name).map(HeaderValue::as_bytes), Some(value.as_bytes()), "{name}");
        }
        #[expect(clippy::disallowed_methods, reason = "a test reads a small answer whole")]
        let bytes = answer.into_body().collect().await.expect("body").to_bytes();
        let document: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        let mut keys: Vec<&str> = document["error"].as_object().expect("an object").keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["code", "message", "param", "type"]);
        assert_eq!(document["error"]["code"], "internal_error");
        assert!(!document.to_string().contains("only the log"));
    }
}
