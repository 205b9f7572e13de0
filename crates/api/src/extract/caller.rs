//! The callers of endpoints: `Anyone`, `Access`, `Actor` and `CurrentUser`, from the bearer token
//! (RFC 6750).

use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::Data;
use daybook_domain::{Actor, Proof, SessionId, Timestamp, UserId};
use daybook_persistence::Access;
use daybook_throttle::Permit;
use futures_util::FutureExt;

use super::origin::{client_of, origin_of};
use crate::endpoint::{Caller, Lasting, LastingPermit, SessionCheck, SessionLookup, Spec, TOO_MANY_REQUESTS};
use crate::error::{ApiError, INVALID_TOKEN, OrMissing};
use crate::state::State;

const REVOKED: ApiError = ApiError::BadToken("The access token was revoked");

/// Any client, with or without a token: the endpoint is open.
pub(crate) struct Anyone;

impl Caller for Anyone {
    const NAME: &'static str = "anyone";

    fn admit(_: &HttpRequest) -> Result<(Self, SessionCheck), ApiError> {
        Ok((Self, SessionCheck::Unneeded))
    }

    fn run_to_end(&self, request: &HttpRequest) -> Result<Option<Lasting>, ApiError> {
        let state = State::of(request)?;
        let permit = state.network_limits.permit_open_change(client_of(request, state))?;
        let permit = Some(LastingPermit::Network(permit));
        Ok(Some(Lasting { metrics: state.metrics.clone(), permit }))
    }

    fn describe(_: &mut Spec) {}
}

/// The account and the session that a request's token belongs to, for endpoints whose statements do
/// not include the session check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CurrentUser {
    pub(crate) id: UserId,
    /// `None` for a token of the service that daybook replaced.
    pub(crate) session: Option<SessionId>,
    /// When the token was issued.
    issued_at: Timestamp,
}

impl CurrentUser {
    /// Returns the access for statements that run at this time.
    pub(crate) fn access(self, now: Timestamp) -> Access {
        Access::new(self.id, self.proof(), now)
    }

    fn proof(self) -> Proof {
        self.session.map_or(Proof::LegacyToken(self.issued_at), Proof::Session)
    }

    /// Fails once the session has ended. A long answer asks this from time to time.
    ///
    /// # Errors
    ///
    /// [`ApiError::BadToken`]. A database that does not answer ends nothing.
    pub(crate) async fn require_live(self, state: &State) -> Result<(), ApiError> {
        match check_session(state, self).await {
            Err(error @ ApiError::BadToken(_)) => Err(error),
            _ => Ok(()),
        }
    }
}

impl Caller for CurrentUser {
    const NAME: &'static str = "user";

    fn admit(request: &HttpRequest) -> Result<(Self, SessionCheck), ApiError> {
        let state = State::of(request)?;
        let user = token_holder(request, state)?;
        Ok((user, SessionCheck::Pending(lookup(state, user))))
    }

    fn permit(&self, request: &HttpRequest) -> Result<Option<Permit<UserId>>, ApiError> {
        State::of(request)?.user_limits.permit(self.id)
    }

    fn describe(spec: &mut Spec) {
        spec.require_token();
        spec.error(&TOO_MANY_REQUESTS);
    }
}

/// The user whose rows a request reads or changes. Each statement includes the session check.
impl Caller for Access {
    const NAME: &'static str = "user";

    fn admit(request: &HttpRequest) -> Result<(Self, SessionCheck), ApiError> {
        let state = State::of(request)?;
        let user = token_holder(request, state)?;
        Ok((user.access(state.now()), in_statement(state, user)))
    }

    fn permit(&self, request: &HttpRequest) -> Result<Option<Permit<UserId>>, ApiError> {
        State::of(request)?.user_limits.permit(self.user())
    }

    async fn take_write(&self, request: &HttpRequest) -> Result<(), ApiError> {
        let state = State::of(request)?;
        let counted = state.user_limits.write(self.user(), state.now()).await;
        counted.map_err(ApiError::too_many_requests)
    }

    /// The session must not have expired when the handler starts: a slow body takes up to 10 s.
    fn start(self, request: &HttpRequest) -> Self {
        State::of(request).map_or(self, |state| self.at(state.now()))
    }

    fn describe(spec: &mut Spec) {
        spec.require_token();
        spec.error(&TOO_MANY_REQUESTS);
    }
}

/// The user with the origin and the time of the request, for endpoints that record who did what.
/// Each statement includes the session check. These endpoints protect the account, so the thief of
/// an access token must not keep the owner from them. They need no permit of the user, and each
/// session has some of its own.
impl Caller for Actor {
    const NAME: &'static str = "user";

    fn admit(request: &HttpRequest) -> Result<(Self, SessionCheck), ApiError> {
        let state = State::of(request)?;
        let user = token_holder(request, state)?;
        let (origin, now) = (origin_of(request, state), state.now());
        let actor = Self { user: user.id, proof: user.proof(), origin, now };
        Ok((actor, in_statement(state, user)))
    }

    fn run_to_end(&self, request: &HttpRequest) -> Result<Option<Lasting>, ApiError> {
        let state = State::of(request)?;
        let permit = state.user_limits.permit_of_session(self)?.map(LastingPermit::Session);
        Ok(Some(Lasting { metrics: state.metrics.clone(), permit }))
    }

    /// The time of a change is when its handler starts: a slow body does not date it back.
    fn start(self, request: &HttpRequest) -> Self {
        let now = State::of(request).map_or(self.now, |state| state.now());
        Self { now, ..self }
    }

    fn describe(spec: &mut Spec) {
        spec.require_token();
        spec.error(&TOO_MANY_REQUESTS);
    }
}

/// The check of a caller whose statements include it. A session without recent activity is looked
/// up as well, because only the lookup records activity. So is each token without a session.
fn in_statement(state: &Data<State>, user: CurrentUser) -> SessionCheck {
    let is_recorded = |session| state.activity.is_recorded(session, state.now());
    match user.session.is_some_and(is_recorded) {
        true => SessionCheck::InStatement(lookup(state, user)),
        false => SessionCheck::Pending(lookup(state, user)),
    }
}

/// Looks the session up, each time that it is called.
fn lookup(state: &Data<State>, user: CurrentUser) -> SessionLookup {
    let state = state.clone();
    Box::new(move || {
        let state = state.clone();
        async move { check_session(&state, user).await }.boxed_local()
    })
}

/// The user that the token names. The token is one of ours, has not expired, and is not known to be
/// revoked.
fn token_holder(request: &HttpRequest, state: &State) -> Result<CurrentUser, ApiError> {
    let claims = state.tokens.verify(bearer_token(request)?, state.now().as_seconds())?;
    let issued_at =
        Timestamp::from_micros(claims.issued_at.saturating_mul(1_000_000)).ok_or(INVALID_TOKEN)?;
    let user =
        CurrentUser { id: UserId(claims.user_id), session: claims.session_id.map(SessionId), issued_at };
    if user.session.is_some_and(|session| state.revocations.is_revoked(session.0, claims.issued_at)) {
        return Err(REVOKED);
    }
    Ok(user)
}

/// Checks in the database that the token's session is live. A token without a session must not be
/// older than the password or the last logout with such a token.
async fn check_session(state: &State, user: CurrentUser) -> Result<(), ApiError> {
    let now = state.now();
    let live = match user.session {
        Some(session) => {
            let activity = state.database.live_session(user.id, session, now).await.or_account_gone()?;
            if let Some(activity) = activity {
                state.activity.record(
                    &state.database,
                    state.session_policy,
                    (user.id, session),
                    activity,
                    now,
                );
            }
            activity.is_some()
        }
        None => state.database.is_unchanged_since(user.id, user.issued_at).await.or_account_gone()?,
    };
    if live { Ok(()) } else { Err(REVOKED) }
}

/// The token behind `Authorization: Bearer`, in any case. Like FastAPI, an absent token counts as
/// no authentication.
fn bearer_token(request: &HttpRequest) -> Result<&str, ApiError> {
    let value = request.headers().get(header::AUTHORIZATION).ok_or(ApiError::NotAuthenticated)?;
    let value = value.to_str().map_err(|_| INVALID_TOKEN)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(ApiError::NotAuthenticated) }
}
