//! Reads `limit` and `cursor` from the query of a list.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use daybook_domain::{Cursor, Limit, PageRequest};
use garde::Validate;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa::openapi::path::ParameterIn;

use super::rules::PARSER;
use crate::endpoint::{Argument, Spec};
use crate::error::ApiError;

/// The query of a list.
#[derive(Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
struct PageQuery {
    /// The largest number of items on the page. The default is 20. A page of long items has fewer.
    #[garde(range(min = Limit::MIN, max = Limit::MAX))]
    #[param(value_type = i64, required = false, minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// Where the page begins. Take it from the `Link` header of the previous page.
    #[garde(custom(cursor_rule))]
    #[param(value_type = String, required = false, pattern = "^[0-7][0-9a-f]{15}$")]
    cursor: Option<String>,
}

fn cursor_rule(cursor: &Option<String>, _: &()) -> garde::Result {
    let parsed = cursor.as_deref().map(str::parse::<Cursor>).transpose();
    parsed.map(drop).map_err(|_| garde::Error::new("The cursor is not one of this list's"))
}

/// The page that is asked for.
pub(crate) struct Paging(pub(crate) PageRequest);

impl FromRequest for Paging {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(paging(request.query_string()))
    }
}

impl Argument for Paging {
    fn describe(spec: &mut Spec) {
        let parameters = PageQuery::into_params(|| Some(ParameterIn::Query));
        parameters.into_iter().for_each(|parameter| spec.parameter(parameter));
    }
}

fn paging(query: &str) -> Result<Paging, ApiError> {
    if query.is_empty() {
        return Ok(Paging(PageRequest::default()));
    }
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let query: PageQuery = PARSER.query(pairs, &()).map_err(ApiError::Invalid)?;
    Ok(Paging(PageRequest {
        limit: query.limit.and_then(|items| Limit::new(items).ok()).unwrap_or_default(),
        cursor: query.cursor.and_then(|text| text.parse().ok()),
    }))
}
