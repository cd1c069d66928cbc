//! The listener of `metrics.listen`: `/metrics` for all who reach it, and nothing else.

use crate::gateway::Gateway;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ir_admin::Admin;
use ir_engine::Engine;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::ServiceExt;

/// Connections at a time; others wait.
const PLACES: usize = 16;
/// Longest life of a connection.
const PATIENCE: Duration = Duration::from_secs(60);
/// Until when a request's head must be there.
const HEAD: Duration = Duration::from_secs(10);

/// A listener that ends when this is dropped.
pub(crate) struct Listening(tokio::task::JoinHandle<()>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Listens, where the settings name an address. A failure is told and stops nothing.
pub(crate) async fn spawn(gateway: &Gateway, admin: &Arc<Admin>) -> Option<Listening> {
    let metrics = gateway.engine.snapshot().settings.metrics.clone();
    let address = metrics.listen.filter(|_| metrics.enabled)?;
    match TcpListener::bind(address).await {
        Ok(listener) => {
            tracing::info!(%address, "metrics are served");
            Some(Listening(tokio::spawn(serve(listener, Arc::clone(admin), Arc::clone(&gateway.engine)))))
        }
        Err(error) => {
            tracing::error!(%address, %error, "metrics cannot be served there");
            None
        }
    }
}

async fn serve(listener: TcpListener, admin: Arc<Admin>, engine: Arc<Engine>) {
    let text = move |State(admin): State<Arc<Admin>>| {
        let enabled = engine.snapshot().settings.metrics.enabled;
        async move {
            if !enabled {
                return StatusCode::NOT_FOUND.into_response();
            }
            ([("content-type", "text/plain; version=0.0.4; charset=utf-8")], ir_admin::metrics(&admin).await).into_response()
        }
    };
    let router: Router = Router::new().route("/metrics", get(text)).with_state(admin);
    let places = Arc::new(Semaphore::new(PLACES));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((socket, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let router = router.clone();
        let service = service_fn(move |request: Request<Incoming>| router.clone().oneshot(request.map(Body::new)));
        tokio::spawn(async move {
            let _place = place;
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD);
            let _ = tokio::time::timeout(PATIENCE, http.serve_connection(TokioIo::new(socket), service)).await;
        });
    }
}
