//! A page of 20 notes to JSON, and a draft from JSON: `cargo bench -p daybook-bench --bench page`.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run should stop")]

use daybook_domain::{Content, Note, NoteDraft, NoteId, Timestamp, Title};
use divan::Bencher;

fn main() {
    divan::main();
}

/// The lengths of the content in characters: 0.3 kB and 100 kB.
const CHARACTERS: [usize; 2] = [315, 100_000];

fn text(characters: usize) -> String {
    "The quick brown fox jumps over the lazy dog. ".chars().cycle().take(characters).collect()
}

fn note(characters: usize) -> Note {
    let (title, content) = (Title::parse("a note").unwrap(), Content::parse(&text(characters)).unwrap());
    Note::new(NoteId(1), title, content, Timestamp::now())
}

#[divan::bench(args = CHARACTERS)]
fn twenty_notes(bencher: Bencher<'_, '_>, characters: usize) {
    let page = vec![note(characters); 20];
    bencher.bench(|| serde_json::to_vec(&page).unwrap());
}

#[divan::bench(args = CHARACTERS)]
fn one_draft(bencher: Bencher<'_, '_>, characters: usize) {
    let body = serde_json::json!({ "title": "a note", "content": text(characters) }).to_string();
    bencher.bench(|| serde_json::from_str::<NoteDraft>(&body).unwrap());
}
