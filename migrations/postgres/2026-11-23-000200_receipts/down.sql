DROP TABLE usage_of_all;
DROP TABLE usage;
DELETE FROM summaries WHERE status <> 'completed';
ALTER TABLE summaries
    DROP COLUMN status,
    DROP COLUMN asked_model,
    DROP COLUMN language,
    DROP COLUMN length,
    DROP COLUMN prompt_version,
    DROP COLUMN cost_micros,
    DROP COLUMN calls,
    DROP COLUMN latency_ms,
    DROP COLUMN response_id,
    DROP COLUMN note_updated_at;
