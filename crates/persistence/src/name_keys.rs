//! Computes the keys of all names again: the forms in which addresses and usernames are compared.

use daybook_domain::{Email, UserId, Username};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::collision::{Collision, Collisions};
use crate::error::Error;
use crate::field::Field;
use crate::handle::{WriteHandle, columns};
use crate::prepared::Prepared;
use crate::schema::users;

/// The number of accounts that are read at once, so that the memory does not grow with their total.
const BATCH: i64 = 1_000;

#[derive(Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(Pg, Sqlite))]
struct Row {
    id: i64,
    email: String,
    email_key: String,
    username: String,
    username_key: String,
}

/// A key that differs from the stored one.
struct Change {
    user: i64,
    field: Field,
    key: String,
}

impl Row {
    fn changes(self) -> impl Iterator<Item = Change> {
        let user = self.id;
        let fields = [
            (Field::Email, self.email_key, Email::from_stored(self.email).key()),
            (Field::Username, self.username_key, Username::from_stored(self.username).key()),
        ];
        let changed = fields.into_iter().filter(|(_, stored, key)| stored != key);
        changed.map(move |(field, _, key)| Change { user, field, key })
    }
}

/// Computes the keys of all open accounts, and stores those that changed.
///
/// The caller runs this in a transaction in which no other connection changes an account, and rolls
/// it back after an error.
///
/// # Errors
///
/// [`Error::Collisions`] if two accounts have the same key.
pub(crate) async fn recompute(c: &mut impl WriteHandle) -> Result<(), Error> {
    park(c).await?;
    let mut collisions = Collisions::default();
    let mut last = i64::MIN;
    while let Some(changes) = next_batch(c, &mut last).await? {
        for Change { user, field, key } in changes {
            match holder(c, field, key.clone()).await? {
                Some(one) => {
                    let (one, other) = (UserId(one.min(user)), UserId(one.max(user)));
                    collisions.add(Collision { field, one, other });
                }
                None => store(c, user, field, key).await?,
            }
        }
    }
    if collisions.count() > 0 { Err(Error::Collisions(collisions)) } else { Ok(()) }
}

/// Replaces each key that changes by a text that is unique and no key. Otherwise a new key could
/// equal the old key of an account that is changed later, and violate the unique index.
async fn park(c: &mut impl WriteHandle) -> Result<(), Error> {
    let mut last = i64::MIN;
    while let Some(changes) = next_batch(c, &mut last).await? {
        for Change { user, field, .. } in changes {
            // A key has no capital letter of ASCII.
            store(c, user, field, format!("PARKED {user}")).await?;
        }
    }
    Ok(())
}

/// Returns the changes of the accounts after the id `last`, and moves `last` to the last of them.
/// Returns `None` after the last account.
async fn next_batch(c: &mut impl WriteHandle, last: &mut i64) -> Result<Option<Vec<Change>>, Error> {
    // The keys of a closed account are no names (see `delete_user`).
    let open = users::table.filter(users::closed_at.is_null());
    let after = open.filter(users::id.gt(*last)).order(users::id.asc()).limit(BATCH);
    let rows: Vec<Row> = c.all(after.select(columns::<Row>())).await?;
    let Some(end) = rows.last() else { return Ok(None) };
    *last = end.id;
    Ok(Some(rows.into_iter().flat_map(Row::changes).collect()))
}

/// Returns the account with this key, if there is one.
async fn holder(c: &mut impl WriteHandle, field: Field, key: String) -> Result<Option<i64>, Error> {
    let holder: Option<i64> = match field {
        Field::Email => c.optional(users::table.filter(users::email_key.eq(key)).select(users::id)).await?,
        Field::Username => {
            c.optional(users::table.filter(users::username_key.eq(key)).select(users::id)).await?
        }
    };
    Ok(holder)
}

async fn store(c: &mut impl WriteHandle, user: i64, field: Field, key: String) -> Result<(), Error> {
    let account = users::table.find(user);
    match field {
        Field::Email => c.execute(Prepared(diesel::update(account).set(users::email_key.eq(key)))).await?,
        Field::Username => {
            c.execute(Prepared(diesel::update(account).set(users::username_key.eq(key)))).await?
        }
    };
    Ok(())
}
