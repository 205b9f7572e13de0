-- As on PostgreSQL, where the owner comes first in the keys. Here the id is the row's place in the file and stays the key.
CREATE TABLE summaries_of_owners (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    note_id INTEGER NOT NULL REFERENCES notes (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    model TEXT NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
INSERT INTO summaries_of_owners
    SELECT s.id, n.user_id, s.note_id, s.text, s.model, s.input_tokens, s.output_tokens, s.content_hash, s.created_at
    FROM summaries s JOIN notes n ON n.id = s.note_id;
DROP TABLE summaries;
ALTER TABLE summaries_of_owners RENAME TO summaries;
CREATE INDEX summaries_note ON summaries (user_id, note_id, id);
CREATE INDEX summaries_note_id ON summaries (note_id);
