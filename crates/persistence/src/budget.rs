//! The daily token budget, and the reasons why a request exceeds it.

/// The maximum numbers of tokens that summaries may use in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The maximum of one user.
    pub per_user: i64,
    /// The maximum of all users together.
    pub of_all: i64,
}

/// The reason why no tokens were reserved, with the budget that they do not fit into: that of the
/// user, or that of all users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverBudget {
    /// Other reservations take the rest of the budget. The request may fit when they are settled.
    ForNow(i64),
    /// The used tokens leave too few tokens. The request may fit on the next day.
    Today(i64),
}

/// The tokens that were used on one day. Reserved tokens are not included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    pub(crate) by_user: i64,
    pub(crate) by_all: i64,
}

impl Budget {
    /// Returns the reason why `tokens` could not be reserved: `ForNow` if they would fit without
    /// the other reservations, otherwise `Today`. `fits_user` is true if they fit into the budget
    /// of the user even with the other reservations.
    pub(crate) fn explain(self, used: Used, tokens: i64, fits_user: bool) -> OverBudget {
        if used.by_user.saturating_add(tokens) > self.per_user {
            OverBudget::Today(self.per_user)
        } else if used.by_all.saturating_add(tokens) > self.of_all {
            OverBudget::Today(self.of_all)
        } else {
            OverBudget::ForNow(if fits_user { self.of_all } else { self.per_user })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explain_compares_the_tokens_with_the_used_ones() {
        let budget = Budget { per_user: 100, of_all: 1_000 };
        for (by_user, by_all, tokens, fits_user, expected) in [
            (0, 0, 100, false, OverBudget::ForNow(100)),
            (90, 90, 10, false, OverBudget::ForNow(100)),
            (90, 90, 10, true, OverBudget::ForNow(1_000)),
            (90, 90, 11, false, OverBudget::Today(100)),
            (0, 990, 10, true, OverBudget::ForNow(1_000)),
            (0, 990, 11, true, OverBudget::Today(1_000)),
            (0, 990, 11, false, OverBudget::Today(1_000)),
            (i64::MAX, i64::MAX, 1, false, OverBudget::Today(100)),
            (0, 0, i64::MAX, false, OverBudget::Today(100)),
        ] {
            let used = Used { by_user, by_all };
            assert_eq!(budget.explain(used, tokens, fits_user), expected, "{used:?} {tokens}");
        }
    }
}
