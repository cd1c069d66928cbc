//! Words of which there are only a few, as types made from the OpenAPI document know them. The fields
//! themselves are texts: what stands in the database is passed on.
#![expect(dead_code, reason = "only their names are used, by the schemas")]

use utoipa::ToSchema;

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum TaskName {
    Text,
    Edit,
    Blend,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum OutcomeName {
    Ok,
    Failed,
}

#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
pub(crate) enum LevelName {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// An event of a stream (`text/event-stream`).
#[derive(ToSchema)]
pub(crate) struct Event {
    /// What it tells of, where there are several kinds.
    event: Option<String>,
    /// JSON.
    data: String,
    /// For `Last-Event-ID`.
    id: Option<String>,
}

#[derive(ToSchema)]
pub(crate) enum WindowName {
    #[schema(rename = "1h")]
    Hour,
    #[schema(rename = "6h")]
    SixHours,
    #[schema(rename = "24h")]
    Day,
    #[schema(rename = "7d")]
    Week,
    #[schema(rename = "30d")]
    Month,
    #[schema(rename = "90d")]
    Quarter,
}
