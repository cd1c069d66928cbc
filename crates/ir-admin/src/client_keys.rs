//! `/api/client-keys`: keys of callers. A key is shown once, by the answer that makes it.

mod add;
mod change;
mod delete;
mod list;
mod view;

pub(crate) use view::names;

use crate::admin::Admin;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn router() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new().routes(routes!(list::list, add::add)).routes(routes!(change::change, delete::delete))
}
