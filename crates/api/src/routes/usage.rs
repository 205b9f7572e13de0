//! `GET /users/me/usage`.

use actix_web::web::Data;
use daybook_api_macros::endpoint;
use daybook_domain::Usage;

use crate::endpoint::Paged;
use crate::error::{ApiError, OrMissing};
use crate::extract::{CurrentUser, Paging};
use crate::state::State;

/// List the usage of summaries
///
/// One entry for each day (UTC) with summaries or calls to the provider, newest first. Days are
/// kept for 13 months.
#[endpoint(GET "/users/me/usage")]
pub(crate) async fn list_usage(
    user: CurrentUser,
    state: Data<State>,
    Paging(asked): Paging,
) -> Result<Paged<Usage>, ApiError> {
    let page = state.database.usage(user.id, asked).await.or_account_gone()?;
    Ok(Paged { asked, page })
}
