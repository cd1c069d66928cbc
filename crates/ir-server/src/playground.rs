//! `/api/playground/v1/…`: the public dialect for a signed-in operator, who has no caller's key.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use ir_model::{Caller, Known};
use ir_openai::Api;
use std::sync::Arc;

/// What drawings of the panel are listed under.
const CLIENT: &str = "panel";

/// The routes below `/api/playground`. The admin's guard stands in front of them.
pub(crate) fn router(api: &Arc<Api>) -> Router {
    ir_openai::router().layer(middleware::from_fn(known)).with_state(Arc::clone(api))
}

async fn known(mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(Known(Caller::Client(CLIENT.to_owned())));
    next.run(request).await
}
