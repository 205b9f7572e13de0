//! The return type of lists: one page as a JSON array of limited size.

use actix_web::http::header::{self, ContentType};
use actix_web::{HttpRequest, HttpResponse};
use daybook_domain::{Listed, PAGE_BYTES, Page, PageRequest};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};

use super::errors;
use super::response::{JSON, Respond, array_of};
use super::spec::Spec;
use crate::error::ApiError;
use crate::root_path::RootPath;

/// 200 with one page of a list as a JSON array, and a `Link` to the next page if there is one (RFC
/// 8288, section 3). The body has at most [`PAGE_BYTES`], or the page has only one item.
pub(crate) struct Paged<T> {
    pub(crate) asked: PageRequest,
    pub(crate) page: Page<T>,
}

impl<T: Listed + Serialize + ToSchema> Respond for Paged<T> {
    fn respond(self, request: &HttpRequest) -> Result<HttpResponse, ApiError> {
        let Self { asked, mut page } = self;
        let body = fitting_json(&mut page)?;
        let mut response = HttpResponse::Ok();
        if let Some(cursor) = page.next {
            let (root, path, limit) = (RootPath::of(request), request.path(), asked.limit.items());
            let link = format!(r#"<{root}{path}?limit={limit}&cursor={cursor}>; rel="next""#);
            response.insert_header((header::LINK, link));
        }
        Ok(response.content_type(ContentType::json()).body(body))
    }

    fn describe(spec: &mut Spec) {
        let content = array_of::<T>(spec);
        let optional = SchemaType::from_iter([Type::String, Type::Null]);
        let link = errors::header(ObjectBuilder::new().schema_type(optional));
        let response = ResponseBuilder::new().description(DESCRIPTION);
        spec.success(200, response.content(JSON, content).header("Link", link).build());
    }
}

/// The limit is that of [`PAGE_BYTES`].
const DESCRIPTION: &str = "One page; `Link` leads to the next one, if there is one. A page of long items \
                           ends before 4 MiB and then has fewer than `limit` items, but at least one.";

/// Most items are no larger in JSON.
const ITEM_BYTES: usize = 512;

/// Serializes the page as an array. Ends the page before the item with which the array would have
/// more than [`PAGE_BYTES`].
fn fitting_json<T: Listed + Serialize>(page: &mut Page<T>) -> Result<Vec<u8>, ApiError> {
    // A body that grows from nothing would be copied several times.
    let mut body = Vec::with_capacity(page.items.len() * ITEM_BYTES);
    body.push(b'[');
    for (index, item) in page.items.iter().enumerate() {
        let end = body.len();
        if index > 0 {
            body.push(b',');
        }
        serde_json::to_writer(&mut body, item).map_err(ApiError::internal)?;
        // The array ends with one more byte.
        if index > 0 && body.len() >= PAGE_BYTES {
            body.truncate(end);
            page.truncate(index);
            break;
        }
    }
    body.push(b']');
    Ok(body)
}

#[cfg(test)]
mod tests {
    use daybook_domain::Cursor;

    use super::*;

    /// An item whose JSON has `bytes` bytes.
    struct Item {
        id: i64,
        bytes: usize,
    }

    impl Listed for Item {
        fn cursor(&self) -> Cursor {
            Cursor::after(self.id)
        }
    }

    impl Serialize for Item {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_str(&"a".repeat(self.bytes - 2))
        }
    }

    /// Returns the number of items of a page of such items with the ids 99, 98, …, the id of its
    /// cursor, and its body.
    fn page(bytes: &[usize], next: Option<i64>) -> (usize, Option<i64>, Vec<u8>) {
        let items = bytes.iter().zip((0..100).rev()).map(|(&bytes, id)| Item { id, bytes }).collect();
        let mut page = Page { items, next: next.map(Cursor::after) };
        let body = fitting_json(&mut page).unwrap();
        let parsed: Vec<String> = serde_json::from_slice(&body).unwrap();
        assert_eq!(parsed.len(), page.items.len());
        (parsed.len(), page.next.map(Cursor::id), body)
    }

    #[test]
    fn fitting_json_keeps_a_small_page() {
        assert_eq!(page(&[], None), (0, None, b"[]".to_vec()));
        assert_eq!(page(&[3, 4], None), (2, None, br#"["a","aa"]"#.to_vec()));
        assert_eq!(page(&[3, 4], Some(98)), (2, Some(98), br#"["a","aa"]"#.to_vec()));
    }

    #[test]
    fn fitting_json_ends_before_the_item_beyond_the_limit() {
        // An array of two items has two brackets and a comma.
        let two = PAGE_BYTES - 3;
        for (bytes, expected) in [
            (vec![two - 10, 10], (2, None)),
            (vec![two - 10, 11], (1, Some(99))),
            (vec![10, two - 10, 3], (2, Some(98))),
            (vec![10, two - 9, 3], (1, Some(99))),
            (vec![41_000; 100], (100, None)),
            (vec![60_000; 100], (69, Some(31))),
        ] {
            let (items, next, body) = page(&bytes, None);
            assert_eq!((items, next), expected, "{:?} …", &bytes[..2]);
            assert!(body.len() <= PAGE_BYTES, "{}", body.len());
        }
    }

    #[test]
    fn fitting_json_returns_a_larger_item_alone() {
        for (bytes, expected) in [
            (vec![PAGE_BYTES], (1, None)),
            (vec![PAGE_BYTES, 3], (1, Some(99))),
            (vec![3, PAGE_BYTES, 3], (1, Some(99))),
        ] {
            let (items, next, _) = page(&bytes, None);
            assert_eq!((items, next), expected);
        }
    }
}
