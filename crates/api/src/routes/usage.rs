//! `GET /users/me/usage`.

use actix_web::{HttpRequest, HttpResponse, web};
use daybook_domain::Usage;

use super::page;
use crate::error::ApiError;
use crate::extract::{CurrentUser, PageQuery, Paging};
use crate::state::State;

/// List what summaries used
///
/// The sums of each day on which there were any, the newest first. Days are those of UTC.
#[utoipa::path(
    get,
    path = "/users/me/usage",
    operation_id = "list_usage",
    tag = "accounts",
    params(PageQuery),
    security(("OAuth2PasswordBearer" = [])),
    responses((status = 200, description = "A page of days", body = Vec<Usage>, headers(("Link" = Option<String>))))
)]
pub(crate) async fn list(
    state: web::Data<State>,
    user: CurrentUser,
    request: HttpRequest,
    Paging(asked): Paging,
) -> Result<HttpResponse, ApiError> {
    page::answer(&request, asked, &state.database.usage(user.id, asked).await?)
}
