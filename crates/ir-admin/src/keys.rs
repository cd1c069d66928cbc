//! Key pools, under 1.x's path: `GET /api/key-pool` and `POST /api/key-pool` with an action.

mod action;
mod pasted;
mod pool;
mod test;
mod view;

pub(crate) use view::all;

use crate::admin::Admin;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn router() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new().routes(routes!(pool::read, action::act))
}
