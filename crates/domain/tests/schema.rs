//! The schemas of drafts and patches state the limits that their types check.
#![cfg(feature = "utoipa")]

use daybook_domain::{City, Content, NoteDraft, NotePatch, TaskDraft, TaskPatch, Title};
use serde_json::{Value, json};
use utoipa::PartialSchema;

/// The schema's own attributes cannot refer to constants, so the numbers stand there twice.
#[test]
fn schemas_state_the_limits_of_the_types() {
    let schemas = [NoteDraft::schema(), NotePatch::schema(), TaskDraft::schema(), TaskPatch::schema()];
    let limits = [
        ("title", Title::MIN, Title::MAX),
        ("content", Content::MIN, Content::MAX),
        ("city", City::MIN, City::MAX),
    ];
    let mut compared = 0;
    for schema in schemas {
        let schema = serde_json::to_value(schema).unwrap();
        for (field, min, max) in limits {
            let Some(property) = schema["properties"].get(field) else { continue };
            assert_eq!(property["maxLength"], max, "{field}");
            let stated = property.get("minLength").and_then(Value::as_u64).unwrap_or(0);
            assert_eq!(stated, min as u64, "{field}");
            assert_eq!(property["pattern"], json!("^[^\\u0000]*$"), "{field}");
            compared += 1;
        }
    }
    assert_eq!(compared, 10, "two fields of notes and three of tasks, in a draft and a patch");
}
