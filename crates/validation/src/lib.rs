//! Requests are checked whole, and what is wrong is told the way Pydantic tells it: every problem at once, each with its type,
//! its place and a sentence.

mod integer;
mod issue;
mod json;
mod reader;
mod rules;

use daybook_auth::PasswordPolicy;
use garde::Validate;
use garde::i18n::with_i18n;
use serde::de::DeserializeOwned;

pub(crate) use self::integer::parse_integer;
pub(crate) use self::issue::{Issue, Step};
pub(crate) use self::json::parse as parse_json;
pub(crate) use self::reader::Source;
pub(crate) use self::rules::{grant_type_rule, length_rule, password_rule, refresh_grant_type_rule};
use crate::state::State;

/// What the rules of a request may depend on.
pub(crate) trait Rules {
    fn of(state: &State) -> Self;
}

impl Rules for () {
    fn of(_: &State) -> Self {}
}

impl Rules for PasswordPolicy {
    fn of(state: &State) -> Self {
        state.password_policy
    }
}

/// Makes a `T` of the fields of a source, or tells everything that is wrong with them.
pub(crate) fn read<T>(source: &Source<'_>, context: &T::Context) -> Result<T, Vec<Issue>>
where
    T: DeserializeOwned + Validate,
{
    let (value, mut issues, fields) = reader::read::<T>(source);
    let Some(value) = value else { return Err(issues) };
    if let Err(report) = with_i18n(rules::Pydantic, || value.validate_with(context)) {
        for (path, error) in report.iter() {
            let field = path.to_string();
            // A field that could not even be read holds a placeholder, on which no rule says anything.
            if !issues.iter().any(|issue| issue.field() == Some(field.as_str())) {
                issues.push(rules::issue(source, &field, error.message()));
            }
        }
    }
    // As Pydantic: what concerns the whole is looked at only when every part is well.
    if issues.iter().any(|issue| issue.field().is_some()) {
        issues.retain(|issue| issue.field().is_some());
    }
    issues.sort_by_key(|issue| fields.iter().position(|name| Some(*name) == issue.field()));
    if issues.is_empty() { Ok(value) } else { Err(issues) }
}
