//! The OpenAPI document and the two pages that show it. Everything comes from the binary; nothing is asked of another server.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpResponse, web};

use crate::error::ApiError;
use crate::state::State;

/// Scripts from here alone. Both pages write styles into the document, and show images that they carry as data.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The assets change with the binary alone; a day is short enough that an update is seen soon.
const ASSET_CACHE: &str = "public, max-age=86400";

pub(crate) async fn document(state: web::Data<State>) -> HttpResponse {
    let cache = (header::CACHE_CONTROL, "no-cache");
    HttpResponse::Ok().content_type("application/json").insert_header(cache).body(state.openapi.to_string())
}

pub(crate) async fn swagger() -> HttpResponse {
    page(include_str!("../assets/swagger/index.html"))
}

pub(crate) async fn swagger_asset(name: web::Path<String>) -> Result<HttpResponse, ApiError> {
    if *name == "initializer.js" {
        return Ok(asset(
            "text/javascript; charset=utf-8",
            include_bytes!("../assets/swagger/initializer.js").as_slice(),
        ));
    }
    let wanted = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-16x16.png", "favicon-32x32.png"];
    let name = wanted.into_iter().find(|wanted| **name == **wanted).ok_or(ApiError::NotFound("Not Found"))?;
    let file = utoipa_swagger_ui::serve(name, Arc::new(utoipa_swagger_ui::Config::from("openapi.json")))
        .map_err(|error| ApiError::internal(error.to_string()))?
        .ok_or(ApiError::NotFound("Not Found"))?;
    Ok(asset(&file.content_type, file.bytes.into_owned()))
}

pub(crate) async fn redoc() -> HttpResponse {
    page(include_str!("../assets/redoc/index.html"))
}

pub(crate) async fn redoc_asset(name: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let script = match name.as_str() {
        "initializer.js" => include_bytes!("../assets/redoc/initializer.js").as_slice(),
        "redoc.standalone.js" => include_bytes!("../assets/redoc/redoc.standalone.js").as_slice(),
        _ => return Err(ApiError::NotFound("Not Found")),
    };
    Ok(asset("text/javascript; charset=utf-8", script))
}

fn page(html: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, PAGE_POLICY))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(html)
}

fn asset(content_type: &str, bytes: impl Into<bytes::Bytes>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((header::CACHE_CONTROL, ASSET_CACHE))
        .body(bytes.into())
}
