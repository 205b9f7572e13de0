//! The macro `insert_if!`: inserts a row if a condition is true.

/// Builds a statement that inserts one row if a condition is true, and otherwise none: `INSERT …
/// SELECT … WHERE …`.
///
/// ```rust,ignore
/// insert_if!(may(access), notes { user_id => access.user.0, title => title })
/// ```
///
/// Such a statement lists the columns and the values separately. The macro takes them in pairs, so
/// that no value ends up in the column of another.
macro_rules! insert_if {
    ($condition:expr, $table:ident { $($column:ident => $value:expr),+ $(,)? }) => {
        diesel::Insertable::insert_into(
            diesel::QueryDsl::filter(
                diesel::select(($(
                    diesel::IntoSql::into_sql::<diesel::dsl::SqlTypeOf<$table::$column>>($value),
                )+)),
                $condition,
            ),
            $table::table,
        )
        .into_columns(($($table::$column,)+))
    };
}

pub(crate) use insert_if;
