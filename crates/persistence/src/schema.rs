//! The tables of `migrations/postgres` and `migrations/sqlite`, with types that both databases
//! have.

diesel::table! {
    use diesel::sql_types::*;
    use crate::time::Utc;

    users (id) {
        id -> BigInt,
        email -> Text,
        email_key -> Text,
        username -> Text,
        username_key -> Text,
        password_hash -> Text,
        password_changed_at -> Utc,
        last_login_at -> Nullable<Utc>,
        legacy_logout_at -> Nullable<Utc>,
        created_at -> Utc,
        updated_at -> Utc,
        closed_at -> Nullable<Utc>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::time::Utc;

    sessions (id) {
        id -> BigInt,
        user_id -> BigInt,
        created_at -> Utc,
        last_used_at -> Utc,
        expires_at -> Utc,
        family -> Nullable<Binary>,
        refresh_token -> Nullable<Binary>,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        ended_at -> Nullable<Utc>,
        end_reason -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::time::Utc;

    rotations (refresh_token) {
        refresh_token -> Binary,
        session_id -> BigInt,
        salt -> Binary,
        rotated_at -> Utc,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::time::Utc;

    events (id) {
        id -> BigInt,
        user_id -> BigInt,
        kind -> Text,
        reason -> Nullable<Text>,
        session_id -> Nullable<BigInt>,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        created_at -> Utc,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::time::Utc;

    notes (id) {
        id -> BigInt,
        user_id -> BigInt,
        title -> Text,
        content -> Text,
        created_at -> Utc,
        updated_at -> Utc,
        summary_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::time::Utc;

    summaries (id) {
        id -> BigInt,
        user_id -> BigInt,
        note_id -> BigInt,
        text -> Text,
        model -> Text,
        input_tokens -> BigInt,
        output_tokens -> BigInt,
        content_hash -> Text,
        created_at -> Utc,
        status -> Text,
        asked_model -> Text,
        language -> Text,
        length -> Text,
        prompt_version -> Text,
        cost_micros -> Nullable<BigInt>,
        calls -> BigInt,
        latency_ms -> Nullable<BigInt>,
        response_id -> Nullable<Text>,
        note_updated_at -> Nullable<Utc>,
    }
}

diesel::table! {
    use diesel::sql_types::*;

    usage (user_id, day) {
        user_id -> BigInt,
        day -> BigInt,
        summaries -> BigInt,
        calls -> BigInt,
        input_tokens -> BigInt,
        output_tokens -> BigInt,
        cost_micros -> BigInt,
        reserved_tokens -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;

    usage_of_all (day) {
        day -> BigInt,
        tokens -> BigInt,
        reserved_tokens -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;

    reservations (id) {
        id -> BigInt,
        day -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::time::Utc;

    tasks (id) {
        id -> BigInt,
        user_id -> BigInt,
        title -> Text,
        content -> Text,
        city -> Text,
        created_at -> Utc,
        updated_at -> Utc,
        place_name -> Nullable<Text>,
        country -> Nullable<Text>,
        country_code -> Nullable<Text>,
        admin1 -> Nullable<Text>,
        latitude -> Nullable<Double>,
        longitude -> Nullable<Double>,
        timezone -> Nullable<Text>,
        due_date -> Nullable<Text>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(events, users);
diesel::allow_tables_to_appear_in_same_query!(notes, summaries);
diesel::allow_tables_to_appear_in_same_query!(sessions, users);
