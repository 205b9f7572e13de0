//! What must not compile: handlers that do not state who may call them.

use actix_web::FromRequest;
use actix_web::web::Data;
use daybook_domain::Actor;
use daybook_persistence::Access;

use super::Caller;
use crate::extract::CurrentUser;
use crate::state::State;

/// Fails to compile if the type implements the trait: then there are two candidates for `A`.
macro_rules! assert_not_impl {
    ($type:ty: $trait:path) => {{
        trait Ambiguous<A> {
            fn check() {}
        }
        impl<T> Ambiguous<()> for T {}
        impl<T: $trait> Ambiguous<u8> for T {}
        <$type as Ambiguous<_>>::check();
    }};
}

#[test]
fn only_callers_can_be_the_first_argument() {
    assert_not_impl!(Data<State>: Caller);
    assert_not_impl!(String: Caller);
}

#[test]
fn only_serve_makes_a_caller_with_a_token() {
    assert_not_impl!(CurrentUser: FromRequest);
    assert_not_impl!(Access: FromRequest);
    assert_not_impl!(Actor: FromRequest);
}
