//! A row of table `summaries`, with or without its text, and its conversion to a `Summary`.

use daybook_domain::{
    ContentHash, LanguageTag, Note, Summary, SummaryId, SummaryLength, SummaryOptions, SummaryStatus,
};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::schema::summaries;
use crate::time::At;

#[derive(Queryable, Selectable)]
#[diesel(table_name = summaries, check_for_backend(Pg, Sqlite))]
pub(crate) struct Head {
    pub(super) id: i64,
    model: String,
    input_tokens: i64,
    output_tokens: i64,
    content_hash: String,
    created_at: At,
    status: String,
    /// Empty if the summary is in the language of the note.
    language: String,
    length: String,
    prompt_version: String,
    cost_micros: Option<i64>,
    calls: i64,
    latency_ms: Option<i64>,
    response_id: Option<String>,
    note_updated_at: Option<At>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = summaries, check_for_backend(Pg, Sqlite))]
pub(crate) struct Row {
    #[diesel(embed)]
    pub(crate) head: Head,
    pub(crate) text: String,
}

impl Row {
    /// Returns the summary of this note. It is stale if the note has changed since.
    pub(crate) fn of(self, note: &Note) -> Summary {
        self.against(&note.content_hash())
    }

    /// Returns the summary of a note with this content. It is stale if it summarizes another
    /// content.
    pub(super) fn against(self, current: &ContentHash) -> Summary {
        let Self { head, text } = self;
        let content_hash = ContentHash::from_stored(head.content_hash);
        Summary {
            id: SummaryId(head.id),
            // A newer version of the service may run at the same time and write names that this
            // version does not know.
            status: SummaryStatus::from_name(&head.status).unwrap_or(SummaryStatus::Failed),
            text,
            model: head.model,
            options: SummaryOptions {
                language: Some(head.language).filter(|tag| !tag.is_empty()).map(LanguageTag::from_stored),
                length: SummaryLength::from_name(&head.length).unwrap_or_default(),
            },
            prompt_version: head.prompt_version,
            input_tokens: head.input_tokens,
            output_tokens: head.output_tokens,
            cost_micros: head.cost_micros,
            calls: head.calls,
            latency_ms: head.latency_ms,
            response_id: head.response_id,
            note_updated_at: head.note_updated_at.map(|at| at.0),
            stale: content_hash != *current,
            content_hash,
            created_at: head.created_at.0,
        }
    }
}
