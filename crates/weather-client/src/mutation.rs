//! Documents in which random values are replaced or removed, for property tests.

use proptest::prelude::{Just, Strategy, any};
use proptest::{collection, option, prop_oneof, sample};
use serde_json::{Value, json};

/// The maximum number of changes to one document.
const CHANGES_MAX: usize = 8;

/// Returns a strategy for copies of the document with at most eight changes.
///
/// A change replaces or removes one value, which may be an object or an array.
pub(crate) fn mutated(document: Value) -> impl Strategy<Value = Value> {
    let change = (sample::select(pointers(&document)), option::weighted(0.8, replacement()));
    collection::vec(change, 0..=CHANGES_MAX).prop_map(move |changes| {
        let mut changed = document.clone();
        for (pointer, replacement) in changes {
            apply(&mut changed, &pointer, replacement);
        }
        changed
    })
}

/// Returns a strategy for values that a provider should not send.
fn replacement() -> impl Strategy<Value = Value> {
    let fixed = vec![
        json!(null),
        json!([]),
        json!({}),
        json!([null, [1], { "a": "b" }]),
        json!(""),
        json!("21.4"),
        json!("NaN"),
        json!("\u{200e}"),
        json!("2026-02-30"),
        json!("x".repeat(1_000)),
        json!(-0.1),
        json!(f64::MAX),
    ];
    prop_oneof![
        3 => sample::select(fixed),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        2 => any::<f64>().prop_map(Value::from),
        1 => ".{0,8}".prop_map(Value::from),
        1 => Just(json!({ "value": 1 })),
    ]
}

/// Returns the JSON pointers of all values in the document, except the document itself.
fn pointers(document: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match document {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(elements) => {
            elements.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    let mut found = Vec::new();
    for (step, child) in children {
        found.extend(pointers(child).into_iter().map(|below| format!("/{step}{below}")));
        found.push(format!("/{step}"));
    }
    found
}

/// Replaces or removes the value at the pointer. Does nothing if an earlier change removed it.
fn apply(document: &mut Value, pointer: &str, replacement: Option<Value>) {
    if let Some(replacement) = replacement {
        if let Some(value) = document.pointer_mut(pointer) {
            *value = replacement;
        }
        return;
    }
    let Some((parent, step)) = pointer.rsplit_once('/') else { return };
    match document.pointer_mut(parent) {
        Some(Value::Object(fields)) => {
            fields.remove(step);
        }
        Some(Value::Array(elements)) => {
            if let Some(index) = step.parse::<usize>().ok().filter(|index| *index < elements.len()) {
                elements.remove(index);
            }
        }
        _ => {}
    }
}
