//! The token budget of a day, and which part of it a request exceeds.

/// The most tokens that summaries may use in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// By one user.
    pub per_user: i64,
    /// By all users together.
    pub of_all: i64,
}

/// Why no tokens were reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverBudget {
    /// Reservations take up the rest of the budget. The request may fit when they are settled.
    ForNow,
    /// The used tokens leave too little. The request may fit on the next day.
    Today,
}

/// Tokens that were used on one day, without those that are reserved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    pub(crate) by_user: i64,
    pub(crate) by_all: i64,
}

impl Budget {
    /// Explains why `tokens` could not be reserved: they would fit beside the used tokens, so
    /// reservations are in the way, or they would not.
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
    fn explain_looks_at_used_tokens_alone() {
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
