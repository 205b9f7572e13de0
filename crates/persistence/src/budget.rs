//! The daily token budget, and the reasons why a request exceeds it.

/// The maximum numbers of tokens that summaries may use in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The maximum of one user.
    pub per_user: i64,
    /// The maximum of all users together.
    pub of_all: i64,
}

/// The reason why no tokens were reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverBudget {
    /// Other reservations take the rest of the budget. The request may fit when they are settled.
    ForNow,
    /// The used tokens leave too few tokens. The request may fit on the next day.
    Today,
}

/// The tokens that were used on one day. Reserved tokens are not included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    pub(crate) by_user: i64,
    pub(crate) by_all: i64,
}

impl Budget {
    /// Returns the reason why `tokens` could not be reserved: `ForNow` if they would fit without
    /// the other reservations, otherwise `Today`.
    pub(crate) fn explain(self, used: Used, tokens: i64) -> OverBudget {
        let fits = used.by_user.saturating_add(tokens) <= self.per_user
            && used.by_all.saturating_add(tokens) <= self.of_all;
        if fits { OverBudget::ForNow } else { OverBudget::Today }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explain_compares_the_tokens_with_the_used_ones() {
        let budget = Budget { per_user: 100, of_all: 1_000 };
        for (by_user, by_all, tokens, expected) in [
            (0, 0, 100, OverBudget::ForNow),
            (90, 90, 10, OverBudget::ForNow),
            (90, 90, 11, OverBudget::Today),
            (0, 990, 10, OverBudget::ForNow),
            (0, 990, 11, OverBudget::Today),
            (i64::MAX, i64::MAX, 1, OverBudget::Today),
            (0, 0, i64::MAX, OverBudget::Today),
        ] {
            let used = Used { by_user, by_all };
            assert_eq!(budget.explain(used, tokens), expected, "{used:?} {tokens}");
        }
    }
}
