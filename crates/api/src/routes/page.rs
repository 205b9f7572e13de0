//! Answering a page of a list.

use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse};
use daybook_domain::{Page, PageRequest};
use serde::Serialize;

use crate::error::ApiError;

/// Most items are no larger in JSON.
const ITEM_BYTES: usize = 512;

/// The items as a plain array, and a `Link` to the next page if there is one (RFC 8288, section 3).
pub(super) fn answer<T: Serialize>(
    request: &HttpRequest,
    asked: PageRequest,
    page: &Page<T>,
) -> Result<HttpResponse, ApiError> {
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = page.next {
        let (path, limit) = (request.path(), asked.limit.items());
        let link = format!(r#"<{path}?limit={limit}&cursor={cursor}>; rel="next""#);
        response.insert_header(("Link", link));
    }
    // Grown from nothing, the body would be copied again and again.
    let mut body = Vec::with_capacity(page.items.len() * ITEM_BYTES);
    serde_json::to_writer(&mut body, &page.items).map_err(ApiError::internal)?;
    Ok(response.content_type(ContentType::json()).body(body))
}
