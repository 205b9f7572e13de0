//! Who is asking: the bearer token of a request (RFC 6750).

use std::future::{Ready, ready};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse};
use daybook_domain::{SessionId, Timestamp, UserId};
use daybook_persistence::Reader;

use crate::error::ApiError;
use crate::state::State;

const INVALID: &str = "The access token is invalid";
const REVOKED: ApiError = ApiError::BadToken("The access token was revoked");

/// The account and the session that a request's token belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CurrentUser {
    pub(crate) id: UserId,
    /// None for a token of the service that daybook replaced.
    pub(crate) session: Option<SessionId>,
    /// When the token was issued.
    issued_at: Timestamp,
}

impl CurrentUser {
    /// Fails once the session has ended, for an answer that takes its time.
    ///
    /// # Errors
    ///
    /// [`ApiError::BadToken`]. When the database cannot be asked, nothing has ended.
    pub(crate) async fn still_lives(self, state: &State) -> Result<(), ApiError> {
        match check_session(state, self).await {
            Err(error @ ApiError::BadToken(_)) => Err(error),
            _ => Ok(()),
        }
    }
}

/// Whose data a request reads, and the session that must live for it: all that a handler gets to know that leaves the look at the session
/// to its query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CurrentReader(pub(crate) Reader);

/// What an authenticated request is answered with: by its handler, or by what stands before it.
type Answer<B> = Result<ServiceResponse<EitherBody<B>>, actix_web::Error>;

/// Lets a request through that has a good token, before anything else of it is looked at.
///
/// A request that only reads is served while its session is looked up, so that on PostgreSQL both share one round trip; the answer
/// is thrown away if the session has ended. Any other request waits.
pub(crate) async fn authenticate<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Answer<B> {
    let state = State::of(request.request())?.clone();
    let user = match token_holder(request.request(), &state) {
        Ok(user) => user,
        Err(error) => return refuse(request.into_parts().0, error),
    };
    request.extensions_mut().insert(user);
    answer_live(request, next, check_session(&state, user)).await
}

/// Answers a request whose session lives, as this check finds out.
async fn answer_live<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
    session: impl Future<Output = Result<(), ApiError>>,
) -> Answer<B> {
    if request.method().is_safe() {
        let (session, response) = futures_util::join!(session, next.call(request));
        let response = response?;
        match session {
            Ok(()) => Ok(response.map_into_left_body()),
            Err(error) => refuse(response.into_parts().0, error),
        }
    } else {
        match session.await {
            Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
            Err(error) => refuse(request.into_parts().0, error),
        }
    }
}

/// The same for handlers that take a [`CurrentReader`]: if the session was looked up within the last minute, its use is known, and whether it
/// lives is asked in the statement that reads.
pub(crate) async fn authenticate_reader<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Answer<B> {
    let state = State::of(request.request())?.clone();
    let user = match token_holder(request.request(), &state) {
        Ok(user) => user,
        Err(error) => return refuse(request.into_parts().0, error),
    };
    let now = state.now();
    let Some(session) = user.session.filter(|session| state.uses.is_known(*session, now)) else {
        request.extensions_mut().insert(CurrentReader(user.id.into()));
        return answer_live(request, next, check_session(&state, user)).await;
    };
    request.extensions_mut().insert(CurrentReader(Reader::in_session(user.id, session, now)));
    let response = next.call(request).await?;
    if response.status().is_success() {
        return Ok(response.map_into_left_body());
    }
    // Whatever was not found may have been hidden by the end of the session, and a bad request is refused before anything is read.
    match check_session(&state, user).await {
        Ok(()) => Ok(response.map_into_left_body()),
        Err(error) => refuse(response.into_parts().0, error),
    }
}

fn refuse<B>(request: HttpRequest, error: ApiError) -> Answer<B> {
    Ok(ServiceResponse::new(request, HttpResponse::from_error(error)).map_into_right_body())
}

/// Whom the token names; it is ours, has not expired, and is not known to be revoked.
fn token_holder(request: &HttpRequest, state: &State) -> Result<CurrentUser, ApiError> {
    let claims = state.tokens.verify(bearer_token(request)?, state.now().as_seconds())?;
    let issued_at = Timestamp::from_micros(claims.issued_at.saturating_mul(1_000_000))
        .ok_or(ApiError::BadToken(INVALID))?;
    let user =
        CurrentUser { id: UserId(claims.user_id), session: claims.session_id.map(SessionId), issued_at };
    if user.session.is_some_and(|session| state.revocations.contains(session, issued_at)) {
        return Err(REVOKED);
    }
    Ok(user)
}

/// Whether the token's session lives; a token without one must not be older than the password or the last logout with such a token.
async fn check_session(state: &State, user: CurrentUser) -> Result<(), ApiError> {
    let now = state.now();
    let live = match user.session {
        Some(session) => {
            let activity = state.database.live_session(user.id, session, now).await?;
            if let Some(activity) = activity {
                state.uses.note(&state.database, state.sessions, (user.id, session), activity, now);
            }
            activity.is_some()
        }
        None => state.database.is_unchanged_since(user.id, user.issued_at).await?,
    };
    if live { Ok(()) } else { Err(REVOKED) }
}

/// The token behind `Authorization: Bearer`, in any case; FastAPI takes a missing token for a bad one.
fn bearer_token(request: &HttpRequest) -> Result<&str, ApiError> {
    let value = request.headers().get(header::AUTHORIZATION).ok_or(ApiError::NotAuthenticated)?;
    let value = value.to_str().map_err(|_| ApiError::BadToken(INVALID))?;
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

impl FromRequest for CurrentReader {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<Self>().copied().ok_or(ApiError::NotAuthenticated))
    }
}
