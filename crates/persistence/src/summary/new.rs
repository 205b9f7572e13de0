//! A summary to be stored, and the decision whether its note shows it.

use daybook_domain::{ContentHash, NoteId, Spent, SummaryKey, SummaryStatus, Timestamp, UserId};
use diesel::prelude::*;

use crate::schema::summaries;
use crate::time::At;

/// A summary to be stored, completed or not.
#[derive(Debug, Clone)]
pub struct NewSummary {
    /// The content, options, model and prompt of the summary.
    pub key: SummaryKey,
    /// The `updated_at` of the note when the note was summarized.
    pub note_updated_at: Timestamp,
    /// The status in which the summary ended.
    pub status: SummaryStatus,
    /// Plain text. Empty if the summary was not completed.
    pub text: String,
    /// The model that wrote the summary.
    pub model: String,
    /// The tokens and the cost of the summary.
    pub spent: Spent,
    /// Milliseconds from the first call to the end of the last response.
    pub latency_ms: i64,
    /// The provider's id of its last response.
    pub response_id: Option<String>,
}

impl NewSummary {
    /// Returns a completed summary with an empty text and no model, which has used nothing.
    #[must_use]
    pub fn new(key: SummaryKey, note_updated_at: Timestamp) -> Self {
        Self {
            key,
            note_updated_at,
            status: SummaryStatus::Completed,
            text: String::new(),
            model: String::new(),
            spent: Spent::default(),
            latency_ms: 0,
            response_id: None,
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.status == SummaryStatus::Completed
    }

    /// Returns true if the note must show this summary. `current` is the hash of the note's current
    /// content. `shown` is the content hash of the summary that the note shows now.
    ///
    /// A summary of an older content does not replace one of the current content.
    pub(super) fn replaces(&self, current: &ContentHash, shown: Option<&ContentHash>) -> bool {
        let is_late = self.key.content_hash != *current && shown == Some(current);
        self.is_complete() && !is_late
    }

    pub(super) fn into_row(self, owner: UserId, note: NoteId, now: Timestamp) -> NewRow {
        NewRow {
            user_id: owner.0,
            note_id: note.0,
            text: self.text,
            model: self.model,
            input_tokens: self.spent.input_tokens,
            output_tokens: self.spent.output_tokens,
            content_hash: self.key.content_hash.as_str().to_owned(),
            created_at: At(now),
            status: self.status.name(),
            asked_model: self.key.asked_model,
            language: self.key.options.language.map_or_else(String::new, String::from),
            length: self.key.options.length.name(),
            prompt_version: self.key.prompt_version,
            cost_micros: self.spent.cost_micros,
            calls: self.spent.calls,
            latency_ms: self.latency_ms,
            response_id: self.response_id,
            note_updated_at: At(self.note_updated_at),
        }
    }
}

/// Absent values are written as null and not as `DEFAULT`, because a statement with `DEFAULT` would
/// be prepared again each time.
#[derive(Insertable)]
#[diesel(table_name = summaries, treat_none_as_default_value = false)]
pub(super) struct NewRow {
    user_id: i64,
    note_id: i64,
    text: String,
    model: String,
    input_tokens: i64,
    output_tokens: i64,
    content_hash: String,
    created_at: At,
    status: &'static str,
    asked_model: String,
    language: String,
    length: &'static str,
    prompt_version: String,
    cost_micros: Option<i64>,
    calls: i64,
    latency_ms: i64,
    response_id: Option<String>,
    note_updated_at: At,
}

#[cfg(test)]
mod tests {
    use daybook_domain::SummaryOptions;

    use super::*;

    #[test]
    fn replaces_never_hides_a_summary_of_the_current_content() {
        let (old, current) = (ContentHash::of("t", "old"), ContentHash::of("t", "current"));
        let new = |content_hash: &ContentHash, status| {
            let key = SummaryKey {
                content_hash: content_hash.clone(),
                options: SummaryOptions::default(),
                prompt_version: String::new(),
                asked_model: String::new(),
            };
            NewSummary { status, ..NewSummary::new(key, Timestamp::EPOCH) }
        };
        let (complete, failed) = (SummaryStatus::Completed, SummaryStatus::Failed);
        for (case, summary, shown, expected) in [
            ("current, none shown", new(&current, complete), None, true),
            ("current, older shown", new(&current, complete), Some(&old), true),
            ("current, current shown", new(&current, complete), Some(&current), true),
            ("older, none shown", new(&old, complete), None, true),
            ("older, older shown", new(&old, complete), Some(&old), true),
            ("older, current shown", new(&old, complete), Some(&current), false),
            ("failed, none shown", new(&current, failed), None, false),
            ("failed, older shown", new(&current, failed), Some(&old), false),
        ] {
            assert_eq!(summary.replaces(&current, shown), expected, "{case}");
        }
    }
}
