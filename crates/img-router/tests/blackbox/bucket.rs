//! A bucket in memory: takes whatever is put, whoever signs it.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

type Objects = Arc<Mutex<BTreeMap<String, Bytes>>>;

/// See the module's text. Gone when dropped.
pub(crate) struct FakeBucket {
    pub(crate) url: String,
    objects: Objects,
    server: tokio::task::JoinHandle<()>,
}

impl FakeBucket {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let objects = Objects::default();
        let shelf = Arc::clone(&objects);
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let shelf = Arc::clone(&shelf);
                let service = service_fn(move |request| answer(Arc::clone(&shelf), request));
                // A caller that dies in the midst is what the tests are about.
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { url, objects, server }
    }

    /// What is in it, by key without the bucket's name; no probes.
    pub(crate) fn objects(&self) -> BTreeMap<String, Bytes> {
        self.objects.lock().unwrap().clone()
    }
}

impl Drop for FakeBucket {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(shelf: Objects, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let key = request.uri().path().trim_start_matches("/pictures/").to_owned();
    let method = request.method().clone();
    let length: usize = request.headers().get("content-length").map_or(0, |value| value.to_str().unwrap().parse().unwrap());
    let mut body = request.into_body();
    let mut bytes = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
    }
    let mut objects = shelf.lock().unwrap();
    let status = match method {
        // What came in part is not there, as with every such service.
        Method::PUT if bytes.len() != length => StatusCode::BAD_REQUEST,
        Method::PUT => {
            if key != ".img-router-probe" {
                objects.insert(key, bytes.into());
            }
            StatusCode::OK
        }
        Method::DELETE => {
            objects.remove(&key);
            StatusCode::NO_CONTENT
        }
        _ => StatusCode::METHOD_NOT_ALLOWED,
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    Ok(response)
}
