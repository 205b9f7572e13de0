//! `GET /`.

use daybook_api_macros::endpoint;
use serde::Serialize;
use utoipa::ToSchema;

use crate::endpoint::Json;
use crate::extract::Anyone;

/// A greeting.
#[derive(Serialize, ToSchema)]
pub(crate) struct Hello {
    #[schema(example = "hello world")]
    message: &'static str,
}

/// Say hello
#[endpoint(GET "/")]
pub(crate) async fn hello(_: Anyone) -> Json<Hello> {
    Json(Hello { message: "hello world" })
}
