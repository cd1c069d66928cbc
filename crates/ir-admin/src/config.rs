//! The configuration: as a whole for the panel, as the file, and its parts under the paths of 1.x.

mod access_key;
mod optimizer;
mod provider;
mod runtime;
mod setting;
mod snapshot;
mod spaces;

use crate::admin::Admin;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn router() -> OpenApiRouter<Arc<Admin>> {
    OpenApiRouter::new()
        .routes(routes!(snapshot::read))
        .routes(routes!(runtime::read, runtime::change))
        .routes(routes!(optimizer::read, optimizer::change))
        .routes(routes!(spaces::read, spaces::change))
        .routes(routes!(access_key::rotate))
}
