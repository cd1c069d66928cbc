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
