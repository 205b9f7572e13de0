//! Answering a page of a list.

use actix_web::{HttpRequest, HttpResponse};
use daybook_domain::{Page, PageRequest};
use serde::Serialize;

/// The items as a plain array, and a `Link` to the next page if there is one (RFC 8288, section 3).
pub(super) fn answer<T: Serialize>(
    request: &HttpRequest,
    asked: PageRequest,
    page: &Page<T>,
) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = page.next {
        let (path, limit) = (request.path(), asked.limit.items());
        let link = format!(r#"<{path}?limit={limit}&cursor={cursor}>; rel="next""#);
        response.insert_header(("Link", link));
    }
    response.json(&page.items)
}
