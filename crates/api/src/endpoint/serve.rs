//! Runs a request: verifies the token, checks the session, reads the arguments, calls the handler.

use actix_web::dev::Payload;
use actix_web::web::{Data, Path};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse};
use futures_util::future::{LocalBoxFuture, join};
use serde::de::DeserializeOwned;

use super::response::Respond;
use super::spec::Spec;
use crate::error::ApiError;

/// Who may call an endpoint. The first argument of every handler is a caller, and no other argument
/// can be one.
#[diagnostic::on_unimplemented(
    message = "the first argument of a handler must state who may call it, and `{Self}` does not",
    label = "this endpoint does not state its authentication",
    note = "take `_: Anyone`, `CurrentUser`, `CurrentReader` or `Actor` as the first argument"
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
    /// Runs before the handler, or beside it if the method is safe: on PostgreSQL both then share
    /// one round trip.
    Pending(LocalBoxFuture<'static, Result<(), ApiError>>),
    /// The handler's own query includes the check. This one decides only if the handler does not
    /// succeed.
    InStatement(LocalBoxFuture<'static, Result<(), ApiError>>),
}

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
pub(crate) trait Described<Args>: Handler<Args, Output: Respond> {
    const CALLER: &'static str;
    type Arguments: Arguments;

    fn describe(spec: &mut Spec);
    fn run(&self, caller: CallerOf<Self, Args>, rest: RestOf<Self, Args>) -> Self::Future;
}

type CallerOf<H, Args> = <<H as Described<Args>>::Arguments as Arguments>::Caller;
type RestOf<H, Args> = <<H as Described<Args>>::Arguments as Arguments>::Rest;

impl<Args: Arguments, H: Handler<Args, Output: Respond>> Described<Args> for H {
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

/// Answers one request: the only place where sessions are checked.
///
/// The token is verified before anything else of the request is read. A write waits for the session
/// check. A read runs beside it, and its answer is dropped if the session has ended.
pub(super) async fn serve<Args, H: Described<Args>>(
    handler: H,
    request: HttpRequest,
    mut payload: Payload,
) -> Result<HttpResponse, actix_web::Error> {
    let (caller, check) = CallerOf::<H, Args>::admit(&request)?;
    let answer = async {
        let rest = RestOf::<H, Args>::from_request(&request, &mut payload).await.map_err(Into::into)?;
        let caller = caller.start(&request);
        Ok::<_, actix_web::Error>(handler.run(caller, rest).await.respond(&request)?)
    };
    match check {
        SessionCheck::Unneeded => answer.await,
        SessionCheck::Pending(check) if request.method().is_safe() => {
            let (session, answer) = join(check, answer).await;
            session?;
            answer
        }
        SessionCheck::InStatement(check) if request.method().is_safe() => {
            let answer = answer.await;
            // The end of the session may have hidden the row, and a bad request was rejected before
            // any statement ran.
            if !answer.as_ref().is_ok_and(|response| response.status().is_success()) {
                check.await?;
            }
            answer
        }
        SessionCheck::Pending(check) | SessionCheck::InStatement(check) => {
            check.await?;
            answer.await
        }
    }
}
