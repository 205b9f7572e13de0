-- What a summary was made of, by whom and for how much. Of those from before, less is known.
ALTER TABLE summaries
    ADD COLUMN status TEXT NOT NULL DEFAULT 'completed',
    ADD COLUMN asked_model TEXT NOT NULL DEFAULT '',
    ADD COLUMN language TEXT NOT NULL DEFAULT '',
    ADD COLUMN length TEXT NOT NULL DEFAULT 'medium',
    ADD COLUMN prompt_version TEXT NOT NULL DEFAULT '1',
    ADD COLUMN cost_micros BIGINT,
    ADD COLUMN calls BIGINT NOT NULL DEFAULT 1,
    ADD COLUMN latency_ms BIGINT,
    ADD COLUMN response_id TEXT,
    ADD COLUMN note_updated_at TIMESTAMPTZ;

-- What a user's summaries have used on a day, and what is set aside for those that are being made. Days are counted from 1970-01-01.
CREATE TABLE usage (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    day BIGINT NOT NULL,
    summaries BIGINT NOT NULL DEFAULT 0,
    calls BIGINT NOT NULL DEFAULT 0,
    input_tokens BIGINT NOT NULL DEFAULT 0,
    output_tokens BIGINT NOT NULL DEFAULT 0,
    cost_micros BIGINT NOT NULL DEFAULT 0,
    reserved_tokens BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, day)
);
-- The same of all users together, those included that are gone.
CREATE TABLE usage_of_all (
    day BIGINT PRIMARY KEY,
    tokens BIGINT NOT NULL DEFAULT 0,
    reserved_tokens BIGINT NOT NULL DEFAULT 0
);
