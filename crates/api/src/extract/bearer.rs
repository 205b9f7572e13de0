//! Who is asking: the bearer token of a request (RFC 6750).

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, web};
use daybook_domain::{SessionId, UserId};
use std::future::{Ready, ready};

use crate::error::ApiError;
use crate::state::State;

/// The account and the session that a request's token belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CurrentUser {
    pub(crate) id: UserId,
    /// None for a token of the service that daybook replaced.
    pub(crate) session: Option<SessionId>,
}

/// Lets a request through that has a good token, before anything else of it is looked at.
pub(crate) async fn authenticate<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    match current_user(request.request()).await {
        Ok(user) => {
            request.extensions_mut().insert(user);
            Ok(next.call(request).await?.map_into_left_body())
        }
        Err(error) => {
            let response = HttpResponse::from_error(error);
            Ok(request.into_response(response).map_into_right_body())
        }
    }
}

async fn current_user(request: &HttpRequest) -> Result<CurrentUser, ApiError> {
    let state = State::of(request)?;
    let now = state.now();
    let claims = state.tokens.verify(bearer_token(request)?, now.as_seconds())?;
    let user = CurrentUser { id: UserId(claims.user_id), session: claims.session_id.map(SessionId) };
    let live = match user.session {
        Some(session) => state.database.is_live(user.id, session, now).await?,
        None => {
            let issued_at =
                daybook_domain::Timestamp::from_micros(claims.issued_at.saturating_mul(1_000_000))
                    .ok_or(ApiError::BadToken("The access token is invalid"))?;
            state.database.is_unchanged_since(user.id, issued_at).await?
        }
    };
    if live { Ok(user) } else { Err(ApiError::BadToken("The access token was revoked")) }
}

/// The token behind `Authorization: Bearer`, in any case; FastAPI takes a missing token for a bad one.
fn bearer_token(request: &HttpRequest) -> Result<&str, ApiError> {
    let value = request.headers().get(header::AUTHORIZATION).ok_or(ApiError::NotAuthenticated)?;
    let value = value.to_str().map_err(|_| ApiError::BadToken("The access token is invalid"))?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(ApiError::NotAuthenticated) }
}

impl FromRequest for CurrentUser {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<Self>().copied().ok_or(ApiError::NotAuthenticated))
    }
}

impl State {
    /// The state that the server put beside its routes.
    pub(crate) fn of(request: &HttpRequest) -> Result<&web::Data<State>, ApiError> {
        request.app_data::<web::Data<State>>().ok_or_else(|| ApiError::internal("the routes have no state"))
    }
}
