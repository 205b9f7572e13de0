-- What a summary was made of, by whom and for how much. Of those from before, less is known.
ALTER TABLE summaries ADD COLUMN status TEXT NOT NULL DEFAULT 'completed';
ALTER TABLE summaries ADD COLUMN asked_model TEXT NOT NULL DEFAULT '';
ALTER TABLE summaries ADD COLUMN language TEXT NOT NULL DEFAULT '';
ALTER TABLE summaries ADD COLUMN length TEXT NOT NULL DEFAULT 'medium';
ALTER TABLE summaries ADD COLUMN prompt_version TEXT NOT NULL DEFAULT '1';
ALTER TABLE summaries ADD COLUMN cost_micros INTEGER;
ALTER TABLE summaries ADD COLUMN calls INTEGER NOT NULL DEFAULT 1;
ALTER TABLE summaries ADD COLUMN latency_ms INTEGER;
ALTER TABLE summaries ADD COLUMN response_id TEXT;
ALTER TABLE summaries ADD COLUMN note_updated_at INTEGER;

-- What a user's summaries have used on a day, and what is set aside for those that are being made. Days are counted from 1970-01-01.
CREATE TABLE usage (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    day INTEGER NOT NULL,
    summaries INTEGER NOT NULL DEFAULT 0,
    calls INTEGER NOT NULL DEFAULT 0,
    input_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    cost_micros INTEGER NOT NULL DEFAULT 0,
    reserved_tokens INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, day)
) STRICT, WITHOUT ROWID;
-- The same of all users together, those included that are gone.
CREATE TABLE usage_of_all (
    day INTEGER PRIMARY KEY,
    tokens INTEGER NOT NULL DEFAULT 0,
    reserved_tokens INTEGER NOT NULL DEFAULT 0
) STRICT;
