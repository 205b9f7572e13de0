//! Open accounts. No request reaches a closed account, which waits for its deletion.

use daybook_domain::UserId;
use diesel::dsl::auto_type;
use diesel::prelude::*;

use crate::error::Error;
use crate::handle::WriteHandle;
use crate::prepared::Prepared;
use crate::schema::users;

/// The account, unless it is closed.
#[auto_type]
pub(crate) fn open_account(user: UserId) -> _ {
    let user_id: i64 = user.0;
    users::table.filter(users::id.eq(user_id)).filter(users::closed_at.is_null())
}

/// Locks the user's row. Returns false if the account is closed or does not exist. SQLite has no
/// `SELECT FOR UPDATE`, so this is an update that changes nothing.
pub(crate) async fn lock_open_account(c: &mut impl WriteHandle, user: UserId) -> Result<bool, Error> {
    let lock = diesel::update(open_account(user)).set(users::updated_at.eq(users::updated_at));
    Ok(c.execute(Prepared(lock)).await? > 0)
}
