//! A row of table `summaries`, and its conversion to a `Summary`.

use daybook_domain::{
    ContentHash, LanguageTag, Summary, SummaryId, SummaryLength, SummaryOptions, SummaryStatus,
};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::schema::summaries;
use crate::time::At;

#[derive(Queryable, Selectable)]
#[diesel(table_name = summaries, check_for_backend(Pg, Sqlite))]
pub(crate) struct Row {
    pub(super) id: i64,
    text: String,
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

impl Row {
    /// Returns the summary of a note with this content. It is stale if it summarizes another
    /// content.
    pub(crate) fn against(self, current: &ContentHash) -> Summary {
        let content_hash = ContentHash::from_stored(self.content_hash);
        Summary {
            id: SummaryId(self.id),
            // A newer version of the service may run at the same time and write names that this
            // version does not know.
            status: SummaryStatus::from_name(&self.status).unwrap_or(SummaryStatus::Failed),
            text: self.text,
            model: self.model,
            options: SummaryOptions {
                language: Some(self.language).filter(|tag| !tag.is_empty()).map(LanguageTag::from_stored),
                length: SummaryLength::from_name(&self.length).unwrap_or_default(),
            },
            prompt_version: self.prompt_version,
            input_tokens: self.input_tokens,
            output_tokens: self.output_tokens,
            cost_micros: self.cost_micros,
            calls: self.calls,
            latency_ms: self.latency_ms,
            response_id: self.response_id,
            note_updated_at: self.note_updated_at.map(|at| at.0),
            stale: content_hash != *current,
            content_hash,
            created_at: self.created_at.0,
        }
    }
}
