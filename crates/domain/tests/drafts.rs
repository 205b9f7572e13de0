//! The bodies that drafts and patches accept, and what their fields mean.

use std::fmt::Debug;

use daybook_domain::{DueDate, NoteDraft, NotePatch, TaskDraft, TaskPatch};
use garde::Validate;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn accepts<T: DeserializeOwned + Validate<Context = ()>>(body: Value) -> bool {
    serde_json::from_value::<T>(body).is_ok_and(|draft| draft.validate().is_ok())
}

/// A body that is accepted, with one field replaced.
fn with(mut body: Value, field: &str, value: &Value) -> Value {
    body[field] = value.clone();
    body
}

fn note() -> Value {
    json!({ "title": "t", "content": "c" })
}

fn task() -> Value {
    json!({ "title": "t", "content": "c", "city": "Lisbon" })
}

/// Checks that a draft and its patch accept the good values of a field and reject the bad ones.
fn check<Draft, Patch>(body: fn() -> Value, field: &str, good: &[Value], bad: &[Value])
where
    Draft: DeserializeOwned + Validate<Context = ()>,
    Patch: DeserializeOwned + Validate<Context = ()>,
{
    for (values, expected) in [(good, true), (bad, false)] {
        for value in values {
            assert_eq!(accepts::<Draft>(with(body(), field, value)), expected, "draft {field}: {value}");
            assert_eq!(accepts::<Patch>(json!({ field: value })), expected, "patch {field}: {value}");
        }
    }
}

#[test]
fn titles_have_1_to_200_characters() {
    let good = ["a".to_owned(), " ".to_owned(), "ä".repeat(200), "🎂".repeat(200)].map(Value::from);
    let bad = [json!(""), json!("ä".repeat(201)), json!("a\0"), json!("\0"), json!(1), json!(["a"])];
    check::<NoteDraft, NotePatch>(note, "title", &good, &bad);
    check::<TaskDraft, TaskPatch>(task, "title", &good, &bad);
}

#[test]
fn contents_have_at_most_100_000_characters() {
    let good = [json!(""), json!("🎂".repeat(100_000))];
    let bad = [json!("🎂".repeat(100_001)), json!("\0"), json!("a\0b"), json!(true), json!({})];
    check::<NoteDraft, NotePatch>(note, "content", &good, &bad);
    check::<TaskDraft, TaskPatch>(task, "content", &good, &bad);
}

#[test]
fn cities_have_at_most_100_characters() {
    let good = [json!(""), json!("é".repeat(100))];
    let bad = [json!("é".repeat(101)), json!("Lis\0bon"), json!(1)];
    check::<TaskDraft, TaskPatch>(task, "city", &good, &bad);
}

#[test]
fn due_dates_are_days_or_empty_or_null() {
    let good = [json!("2026-11-23"), json!("2024-02-29"), json!(""), json!(null)];
    let bad = ["2026-02-29", "2026-11-2", "20261123", "tomorrow", " 2026-11-23", "2026-11-23T00:00:00Z", " "];
    check::<TaskDraft, TaskPatch>(task, "due_date", &good, &bad.map(Value::from));
    check::<TaskDraft, TaskPatch>(task, "due_date", &[], &[json!(20_261_123), json!([])]);
}

#[test]
fn owner_ids_are_integers_or_null() {
    check::<TaskDraft, TaskPatch>(
        task,
        "user_id",
        &[json!(7), json!(-1), json!(null)],
        &[json!("7"), json!(1.5)],
    );
}

#[test]
fn drafts_require_their_texts_and_patches_require_nothing() {
    for field in ["title", "content"] {
        let mut body = note();
        body.as_object_mut().unwrap().remove(field);
        assert!(!accepts::<NoteDraft>(body), "{field}");
        assert!(!accepts::<NoteDraft>(with(note(), field, &json!(null))), "{field}");
        assert!(accepts::<NotePatch>(json!({ field: null })), "{field}");
    }
    for field in ["title", "content", "city"] {
        let mut body = task();
        body.as_object_mut().unwrap().remove(field);
        assert!(!accepts::<TaskDraft>(body), "{field}");
        assert!(!accepts::<TaskDraft>(with(task(), field, &json!(null))), "{field}");
        assert!(accepts::<TaskPatch>(json!({ field: null })), "{field}");
    }
    assert!(accepts::<NotePatch>(json!({})));
    assert!(accepts::<TaskPatch>(json!({})));
    assert!(accepts::<TaskPatch>(json!({ "unknown": 1 })));
}

fn read<T: DeserializeOwned + Debug>(body: Value) -> T {
    serde_json::from_value(body).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn absent_and_null_fields_of_a_patch_change_nothing() {
    let nulls = json!({ "title": null, "content": null, "city": null, "due_date": null, "user_id": null });
    assert_eq!(read::<NotePatch>(json!({})), NotePatch::default());
    assert_eq!(read::<NotePatch>(nulls.clone()), NotePatch::default());
    assert_eq!(read::<TaskPatch>(json!({})), TaskPatch::default());
    assert_eq!(read::<TaskPatch>(nulls), TaskPatch::default());
}

#[test]
fn an_empty_due_date_clears_it_in_a_patch_and_is_none_in_a_draft() {
    let day = DueDate::parse("2026-11-23").unwrap();
    let of_draft = |value| read::<TaskDraft>(with(task(), "due_date", &value)).due_date;
    assert_eq!(of_draft(json!("2026-11-23")), Some(day));
    assert_eq!(of_draft(json!("")), None);
    assert_eq!(of_draft(json!(null)), None);
    assert_eq!(read::<TaskDraft>(task()).due_date, None);
    let of_patch = |value: Value| read::<TaskPatch>(json!({ "due_date": value })).due_date;
    assert_eq!(of_patch(json!("2026-11-23")), Some(Some(day)));
    assert_eq!(of_patch(json!("")), Some(None));
    assert_eq!(of_patch(json!(null)), None);
}

#[test]
fn replacing_sets_every_field() {
    let fields = |task: TaskPatch| (task.title, task.content, task.city, task.due_date, task.user_id);
    let sent = read(json!({ "title": "t", "content": "c", "city": "Lisbon", "due_date": "" }));
    assert_eq!(fields(read::<TaskDraft>(task()).into()), fields(sent));
    let fields = |note: NotePatch| (note.title, note.content);
    assert_eq!(fields(read::<NoteDraft>(note()).into()), fields(read(note())));
}

#[test]
fn errors_are_the_sentences_sent_to_clients() {
    let sentence = |body: Value| serde_json::from_value::<TaskPatch>(body).unwrap_err().to_string();
    for (body, expected) in [
        (json!({ "title": "" }), "String should have at least 1 character"),
        (json!({ "title": "a".repeat(201) }), "String should have at most 200 characters"),
        (json!({ "content": "\0" }), "Text must not contain the NUL character"),
        (json!({ "city": "a".repeat(101) }), "String should have at most 100 characters"),
        (json!({ "due_date": "2026-02-30" }), "There is no such day"),
        (json!({ "due_date": "soon" }), "A due date is a day like 2026-11-23"),
    ] {
        assert_eq!(sentence(body), expected);
    }
}
