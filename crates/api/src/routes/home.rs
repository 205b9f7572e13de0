//! `GET /`.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

/// A greeting.
#[derive(Serialize, ToSchema)]
pub(crate) struct Hello {
    #[schema(example = "hello world")]
    message: &'static str,
}

/// Say hello
#[utoipa::path(get, path = "/", tag = "service", responses((status = 200, description = "Hello", body = Hello)))]
pub(crate) async fn hello() -> HttpResponse {
    HttpResponse::Ok().json(Hello { message: "hello world" })
}
