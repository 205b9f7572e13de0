//! Open accounts. No request reaches a closed account, which waits for its deletion.

use daybook_domain::UserId;
use diesel::dsl::auto_type;
use diesel::prelude::*;

use crate::error::Error;
use crate::handle::WriteHandle;
use crate::row_lock::Locking;
use crate::schema::users;

/// The account, unless it is closed.
#[auto_type]
pub(crate) fn account_if_open(user: UserId) -> _ {
    let user_id: i64 = user.0;
    users::table.filter(users::id.eq(user_id)).filter(users::closed_at.is_null())
}

/// Locks the user's row. Returns false if the account is closed or does not exist.
///
/// Each transaction that changes sessions does so first, because its events lock the row by their
/// foreign key. Two such transactions could deadlock if they locked a session first, as soon as a
/// third one changes the user's name.
pub(crate) async fn lock_account_if_open(c: &mut impl WriteHandle, user: UserId) -> Result<bool, Error> {
    let account = account_if_open(user).select(users::id);
    let found: Option<i64> = c.optional(Locking::for_change(account)).await?;
    Ok(found.is_some())
}

/// Locks the user's row like [`lock_account_if_open`], for a transaction that closes the account or
/// deletes its row.
pub(crate) async fn lock_for_deletion(c: &mut impl WriteHandle, user: UserId) -> Result<bool, Error> {
    let account = account_if_open(user).select(users::id);
    let found: Option<i64> = c.optional(Locking::for_deletion(account)).await?;
    Ok(found.is_some())
}
