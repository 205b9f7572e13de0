//! `GET /auth/events`.

use actix_web::{HttpRequest, HttpResponse, web};
use daybook_domain::Event;

use super::page;
use crate::error::ApiError;
use crate::extract::{CurrentUser, PageQuery, Paging};
use crate::state::State;

/// List what happened to the account
///
/// Logins, failed ones too, refreshes, ends of sessions and changes of the password in the last 90 days, newest first.
#[utoipa::path(
    get,
    path = "/auth/events",
    operation_id = "list_events",
    tag = "sessions",
    params(PageQuery),
    security(("OAuth2PasswordBearer" = [])),
    responses((
        status = 200,
        description = "A page of events",
        body = [Event],
        headers(("Link" = String, description = "The next page, if there is one"))
    ))
)]
pub(crate) async fn list(
    state: web::Data<State>,
    user: CurrentUser,
    request: HttpRequest,
    Paging(asked): Paging,
) -> Result<HttpResponse, ApiError> {
    let events = state.database.events(user.id, asked, state.now()).await?;
    page::answer(&request, asked, &events)
}
