//! Runs a request: verifies the token, checks the session, reads the arguments, calls the handler.

use std::cell::Cell;
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::web::{Data, Path};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse};
use daybook_domain::UserId;
use daybook_throttle::{NetworkPermit, Permit};
use futures_util::future::{LocalBoxFuture, join};
use serde::de::DeserializeOwned;
use tracing::Instrument;

use super::response::Respond;
use super::spec::Spec;
use crate::error::ApiError;
use crate::metrics::{CountedRequest, Metrics};
use crate::user_limits::SessionPermit;

/// Who may call an endpoint. The first argument of every handler is a caller, and no other argument
/// can be one.
#[diagnostic::on_unimplemented(
    message = "the first argument of a handler must state who may call it, and `{Self}` does not",
    label = "this endpoint does not state its authentication",
    note = "take `_: Anyone`, `Access`, `Actor` or `CurrentUser` as the first argument"
)]
pub(crate) trait Caller: Sized + 'static {
    /// How the printed URL table names it.
    const NAME: &'static str;

    /// Verifies the access token. The check of its session is left to [`serve`].
    ///
    /// # Errors
    ///
    /// 401 without a valid token.
    fn admit(request: &HttpRequest) -> Result<(Self, SessionCheck), ApiError>;

    /// Returns what a change by this caller holds until it ends, if it goes on when its client
    /// disconnects. With `None` the change is dropped, so a client can suppress its events, such as
    /// that of a failed login.
    ///
    /// # Errors
    ///
    /// 429 if the session has too many requests in flight, or 503 if the client's network has.
    fn run_to_end(&self, _: &HttpRequest) -> Result<Option<Lasting>, ApiError> {
        Ok(None)
    }

    /// Returns the permit of one request in flight of the user. `None` if the endpoint or the
    /// service has no such limit.
    ///
    /// # Errors
    ///
    /// 429 if the user has too many requests in flight.
    fn permit(&self, _: &HttpRequest) -> Result<Option<Permit<UserId>>, ApiError> {
        Ok(None)
    }

    /// Counts a change for the rate limit of its user.
    ///
    /// # Errors
    ///
    /// 429 if the rate limit is used up.
    async fn take_write(&self, _: &HttpRequest) -> Result<(), ApiError> {
        Ok(())
    }

    /// Called when the handler starts, after the session check of a write and after the body.
    fn start(self, _: &HttpRequest) -> Self {
        self
    }

    /// Adds the security scheme and the errors of the check to an operation.
    fn describe(spec: &mut Spec);
}

/// The check that the session of a valid token has neither ended nor expired.
pub(crate) enum SessionCheck {
    /// There is no session.
    Unneeded,
    /// The session is looked up before the handler, or beside it if the method is safe. On
    /// PostgreSQL, both then share one round trip.
    Pending(SessionLookup),
    /// The handler's own statements include the check. The lookup decides only if the handler does
    /// not succeed.
    InStatement(SessionLookup),
}

/// Looks the session up in the database. Fails if it has ended or expired.
pub(crate) type SessionLookup = Box<dyn Fn() -> LocalBoxFuture<'static, Result<(), ApiError>>>;

/// An argument of a handler behind the caller: it knows what it adds to the operation's
/// description.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a handler",
    note = "a caller can only be the first argument; other arguments implement `Argument`"
)]
pub(crate) trait Argument: FromRequest + 'static {
    /// Adds parameters, body and errors to an operation. Most arguments add nothing.
    fn describe(_: &mut Spec) {}
}

impl<T: 'static> Argument for Data<T> {}

/// Only for endpoints that are not part of the document.
impl Argument for HttpRequest {}

/// Only for endpoints that are not part of the document; all others take an `Id`.
impl<T: DeserializeOwned + 'static> Argument for Path<T> {}

/// All arguments of a handler: a caller, and up to five more.
pub(crate) trait Arguments: Sized + 'static {
    type Caller: Caller;
    type Rest: FromRequest + 'static;

    fn join(caller: Self::Caller, rest: Self::Rest) -> Self;
    fn describe(spec: &mut Spec);
}

macro_rules! arguments {
    ($($T:ident $t:ident),*) => {
        impl<C: Caller, $($T: Argument),*> Arguments for (C, $($T,)*) {
            type Caller = C;
            type Rest = ($($T,)*);

            fn join(caller: C, ($($t,)*): Self::Rest) -> Self {
                (caller, $($t,)*)
            }

            fn describe(spec: &mut Spec) {
                C::describe(spec);
                $($T::describe(spec);)*
            }
        }
    };
}

arguments!();
arguments!(A a);
arguments!(A a, B b);
arguments!(A a, B b, D d);
arguments!(A a, B b, D d, E e);
arguments!(A a, B b, D d, E e, F f);

/// A handler whose arguments and answer describe themselves. One bound, so that a compile error
/// points at the handler.
pub(crate) trait Described<Args>: Handler<Args, Output: Respond + 'static, Future: 'static> {
    const CALLER: &'static str;
    type Arguments: Arguments;

    fn describe(spec: &mut Spec);
    fn run(&self, caller: CallerOf<Self, Args>, rest: RestOf<Self, Args>) -> Self::Future;
}

type CallerOf<H, Args> = <<H as Described<Args>>::Arguments as Arguments>::Caller;
type RestOf<H, Args> = <<H as Described<Args>>::Arguments as Arguments>::Rest;

impl<Args: Arguments, H: Handler<Args, Output: Respond + 'static, Future: 'static>> Described<Args> for H {
    const CALLER: &'static str = Args::Caller::NAME;
    type Arguments = Args;

    fn describe(spec: &mut Spec) {
        Args::describe(spec);
        H::Output::describe(spec);
    }

    fn run(&self, caller: Args::Caller, rest: Args::Rest) -> Self::Future {
        self.call(Args::join(caller, rest))
    }
}

/// Answers one request. Looks the session up around the handler, except within a minute of the last
/// lookup.
///
/// The token is verified before anything else of the request is read. A pending lookup of the
/// session runs before the body of a write is read, or beside a read.
///
/// After each answer that is no success, except a 503, the session is looked up again. Its end may
/// have hidden a row, and a bad request was rejected before any statement ran. The answer is
/// replaced if the session has ended. A request beyond the permits of its user is not looked up,
/// because it must cost next to nothing.
pub(super) async fn serve<Args, H: Described<Args>>(
    handler: H,
    request: HttpRequest,
    mut payload: Payload,
) -> Result<HttpResponse, actix_web::Error> {
    let is_change = !request.method().is_safe();
    let (caller, check) = CallerOf::<H, Args>::admit(&request)?;
    let _permit = caller.permit(&request)?;
    let answer = async {
        if is_change {
            caller.take_write(&request).await?;
        }
        let rest = RestOf::<H, Args>::from_request(&request, &mut payload).await.map_err(Into::into)?;
        let lasting = if is_change { caller.run_to_end(&request)? } else { None };
        let handled = handler.run(caller.start(&request), rest);
        let handled = match lasting {
            Some(lasting) => run_to_end(handled, lasting).await,
            None => handled.await,
        };
        Ok::<_, actix_web::Error>(handled.respond(&request)?)
    };
    let (answer, look_up) = match check {
        SessionCheck::Unneeded => return answer.await,
        SessionCheck::Pending(look_up) if request.method().is_safe() => {
            let (session, answer) = join(look_up(), answer).await;
            session?;
            (answer, look_up)
        }
        SessionCheck::Pending(look_up) => {
            look_up().await?;
            (answer.await, look_up)
        }
        SessionCheck::InStatement(look_up) => (answer.await, look_up),
    };
    let answer = answer.unwrap_or_else(HttpResponse::from_error);
    // After a 503 the lookup would wait for the same database, or add load to a busy service.
    if answer.status().is_success() || answer.status() == StatusCode::SERVICE_UNAVAILABLE {
        return Ok(answer);
    }
    Ok(match look_up().await {
        Ok(()) => answer,
        Err(error) => replace(&answer, error),
    })
}

/// What a change holds that goes on when its client disconnects.
pub(crate) struct Lasting {
    /// Count it as a request.
    pub(crate) metrics: Metrics,
    /// `None` if the service has no limits.
    pub(crate) permit: Option<LastingPermit>,
}

/// The permit of a change that goes on when its client disconnects.
pub(crate) enum LastingPermit {
    Network(#[expect(dead_code, reason = "dropping it gives it back")] NetworkPermit),
    Session(#[expect(dead_code, reason = "dropping it gives it back")] SessionPermit),
}

/// Waits for a handler. If the caller is dropped, the handler goes on, and still counts as a
/// request.
async fn run_to_end<T: 'static>(handler: impl Future<Output = T> + 'static, lasting: Lasting) -> T {
    let Lasting { metrics, permit } = lasting;
    let counted = Rc::default();
    let held = Rc::clone(&counted);
    let _caller = CountOnDrop { metrics, counted };
    let handler = async move {
        let output = handler.await;
        drop((held, permit));
        output
    };
    match actix_web::rt::spawn(handler.in_current_span()).await {
        Ok(output) => output,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The thread ends, and this future with it.
            Err(_) => std::future::pending().await,
        },
    }
}

/// If it is dropped before the handler ends, counts the request until then. Otherwise clients that
/// disconnect would evade the limit of concurrent requests.
struct CountOnDrop {
    metrics: Metrics,
    counted: Rc<Cell<Option<CountedRequest>>>,
}

impl Drop for CountOnDrop {
    fn drop(&mut self) {
        // The handler holds the other reference.
        if Rc::strong_count(&self.counted) > 1 {
            let (counted, _) = self.metrics.count_served();
            self.counted.set(Some(counted));
        }
    }
}

/// Makes the answer that replaces another one.
fn replace(answer: &HttpResponse, error: ApiError) -> HttpResponse {
    let mut response = HttpResponse::from_error(error);
    // The rest of the body may be unread, and the connection cannot be used again.
    if answer.head().connection_type() == ConnectionType::Close {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    response
}
