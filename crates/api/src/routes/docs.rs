//! The OpenAPI document and the two pages that show it. The binary carries all of their parts.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::http::header;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use daybook_api_macros::endpoint;
use utoipa::openapi::{OpenApi, Server};

use crate::endpoint::Undescribed;
use crate::error::ApiError;
use crate::extract::Anyone;
use crate::root_path::RootPath;
use crate::shared_body::shared;

/// The document, also as JSON below the configured root path. The server puts it beside the routes.
pub(crate) struct Document {
    openapi: OpenApi,
    root: String,
    json: Bytes,
}

impl Document {
    /// Writes the document as JSON.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) fn new(openapi: OpenApi, root: &str) -> Result<Self, serde_json::Error> {
        Ok(Self { json: below(&openapi, root)?, root: root.to_owned(), openapi })
    }
}

/// Returns the document as JSON, with the root path as its server.
fn below(openapi: &OpenApi, root: &str) -> Result<Bytes, serde_json::Error> {
    let mut openapi = openapi.clone();
    openapi.servers = (!root.is_empty()).then(|| vec![Server::new(root)]);
    Ok(openapi.to_pretty_json()?.into())
}

/// Both pages run scripts of this server only. They write styles into the document and show images
/// as data URLs.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                           img-src 'self' data:; font-src 'self'; connect-src 'self'; \
                           base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The assets change with the binary only. A day is short enough for an update to be seen soon.
const ASSET_CACHE: &str = "public, max-age=86400";

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const NOT_FOUND: ApiError = ApiError::NotFound("Not Found");

/// Get the OpenAPI document
#[endpoint(GET "/openapi.json")]
pub(crate) async fn document(
    _: Anyone,
    request: HttpRequest,
    document: Data<Document>,
) -> Result<Undescribed, ApiError> {
    let root = RootPath::of(&request);
    let mut response = HttpResponse::Ok();
    response.content_type("application/json").insert_header((header::CACHE_CONTROL, "no-cache"));
    Ok(Undescribed(match root == document.root {
        true => shared(&mut response, document.json.clone()),
        false => response.body(below(&document.openapi, root).map_err(ApiError::internal)?),
    }))
}

/// Show Swagger UI
#[endpoint(GET "/docs")]
pub(crate) async fn swagger(_: Anyone) -> Undescribed {
    page(include_str!("../../assets/swagger/index.html"))
}

/// Get an asset of Swagger UI
#[endpoint(GET "/docs/{asset}")]
pub(crate) async fn swagger_asset(_: Anyone, name: Path<String>) -> Result<Undescribed, ApiError> {
    if *name == "initializer.js" {
        return Ok(asset(JAVASCRIPT, include_bytes!("../../assets/swagger/initializer.js").as_slice()));
    }
    let wanted = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-16x16.png", "favicon-32x32.png"];
    let name = wanted.into_iter().find(|wanted| **name == **wanted).ok_or(NOT_FOUND)?;
    let file = utoipa_swagger_ui::serve(name, Arc::new(utoipa_swagger_ui::Config::from("openapi.json")))
        .map_err(|error| ApiError::internal(error.to_string()))?
        .ok_or(NOT_FOUND)?;
    let bytes = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    Ok(asset(&file.content_type, bytes))
}

/// Show ReDoc
#[endpoint(GET "/redoc")]
pub(crate) async fn redoc(_: Anyone) -> Undescribed {
    page(include_str!("../../assets/redoc/index.html"))
}

/// Get an asset of ReDoc
#[endpoint(GET "/redoc/{asset}")]
pub(crate) async fn redoc_asset(_: Anyone, name: Path<String>) -> Result<Undescribed, ApiError> {
    let script = match name.as_str() {
        "initializer.js" => include_bytes!("../../assets/redoc/initializer.js").as_slice(),
        "redoc.standalone.js" => include_bytes!("../../assets/redoc/redoc.standalone.js").as_slice(),
        _ => return Err(NOT_FOUND),
    };
    Ok(asset(JAVASCRIPT, script))
}

fn page(html: &'static str) -> Undescribed {
    let mut response = HttpResponse::Ok();
    response
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, PAGE_POLICY))
        .insert_header((header::CACHE_CONTROL, "no-cache"));
    Undescribed(shared(&mut response, html))
}

fn asset(content_type: &str, bytes: impl Into<Bytes>) -> Undescribed {
    let cache = (header::CACHE_CONTROL, ASSET_CACHE);
    Undescribed(shared(HttpResponse::Ok().content_type(content_type).insert_header(cache), bytes))
}
