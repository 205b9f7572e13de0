DROP INDEX summaries_note;
DROP INDEX summaries_note_id;
CREATE TABLE summaries_of_notes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    note_id INTEGER NOT NULL REFERENCES notes (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    model TEXT NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
INSERT INTO summaries_of_notes
    SELECT id, note_id, text, model, input_tokens, output_tokens, content_hash, created_at FROM summaries;
DROP TABLE summaries;
ALTER TABLE summaries_of_notes RENAME TO summaries;
CREATE INDEX summaries_note_id ON summaries (note_id, id);
