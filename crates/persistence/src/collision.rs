//! The accounts whose names a migration found to be equal.

use std::fmt;

use daybook_domain::UserId;

use crate::field::Field;

/// The maximum number of collisions that an error lists.
const LISTED_MAX: usize = 20;

/// Two accounts with names that were different in the previous version and are equal in this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collision {
    /// The field whose values are equal.
    pub field: Field,
    /// An account with this value; the smaller id.
    pub one: UserId,
    /// The other account with this value.
    pub other: UserId,
}

/// All collisions that a migration found. It has at least one.
///
/// `Display` names the accounts by their ids, because an address or a username is personal data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collisions {
    listed: Vec<Collision>,
    count: usize,
}

impl Collisions {
    /// The first 20 collisions.
    #[must_use]
    pub fn listed(&self) -> &[Collision] {
        &self.listed
    }

    /// The number of all collisions.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn add(&mut self, collision: Collision) {
        self.count += 1;
        if self.listed.len() < LISTED_MAX {
            self.listed.push(collision);
        }
    }
}

impl fmt::Display for Collision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {} ({})", self.one, self.other, self.field)
    }
}

impl fmt::Display for Collisions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the names of these accounts are equal in this version, which compares them by Unicode case \
             folding: ",
        )?;
        for (index, collision) in self.listed.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{collision}")?;
        }
        let more = self.count.saturating_sub(self.listed.len());
        if more > 0 {
            write!(f, ", and {more} more")?;
        }
        f.write_str(
            ". Nothing was changed. Rename all but one of the accounts with an equal name, in the previous \
             version with PATCH /users/me or in the table users, then start this version again",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_at_most_20_pairs_by_their_ids() {
        let mut collisions = Collisions::default();
        for id in 1..=22 {
            let field = if id == 1 { Field::Email } else { Field::Username };
            collisions.add(Collision { field, one: UserId(id), other: UserId(100 + id) });
        }
        assert_eq!((collisions.listed().len(), collisions.count()), (20, 22));
        let text = collisions.to_string();
        assert!(text.contains(": 1 and 101 (e-mail), 2 and 102 (username), 3 and"), "{text}");
        assert!(text.contains("20 and 120 (username), and 2 more. Nothing was changed."), "{text}");
    }
}
