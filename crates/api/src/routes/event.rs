//! `GET /auth/events`.

use actix_web::web::Data;
use daybook_api_macros::endpoint;
use daybook_domain::Event;

use crate::endpoint::Paged;
use crate::error::{ApiError, OrMissing};
use crate::extract::{CurrentUser, Paging};
use crate::state::State;

/// List the account's events
///
/// Logins, failed logins, refreshes, ended sessions and password changes of the last 90 days,
/// newest first. Of these events, at least the newest 10,000 are kept, and the newest 1,000 of each
/// kind before them.
#[endpoint(GET "/auth/events")]
pub(crate) async fn list_events(
    user: CurrentUser,
    state: Data<State>,
    Paging(asked): Paging,
) -> Result<Paged<Event>, ApiError> {
    let page = state.database.events(user.id, asked, state.now()).await.or_account_gone()?;
    Ok(Paged { asked, page })
}
