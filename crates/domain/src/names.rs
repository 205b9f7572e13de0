//! Adds `name` and `from_name` to enums: the same name in the database, in JSON and in the log.

use crate::{EndReason, EventKind, SummaryLength, SummaryStatus};

/// Gives each enum inherent methods over the traits that strum derives.
macro_rules! names {
    ($($enum:ident),+) => {
        $(impl $enum {
            /// The name of this variant in snake case, as it is stored, shown and logged.
            #[must_use]
            pub fn name(self) -> &'static str {
                self.into()
            }

            /// The variant with this name, if there is one.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                name.parse().ok()
            }
        })+
    };
}

names!(EndReason, EventKind, SummaryLength, SummaryStatus);

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::Serialize;
    use strum::VariantArray;

    use super::*;

    fn check<T>(name: fn(T) -> &'static str, from_name: fn(&str) -> Option<T>)
    where
        T: Copy + Debug + PartialEq + Serialize + VariantArray,
    {
        for variant in T::VARIANTS {
            assert_eq!(serde_json::to_value(variant).unwrap(), name(*variant));
            assert_eq!(from_name(name(*variant)), Some(*variant));
        }
        assert_eq!(from_name("none of them"), None);
    }

    #[test]
    fn names_are_those_of_serde() {
        check(EndReason::name, EndReason::from_name);
        check(EventKind::name, EventKind::from_name);
        check(SummaryLength::name, SummaryLength::from_name);
        check(SummaryStatus::name, SummaryStatus::from_name);
    }
}
