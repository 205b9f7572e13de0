-- When the account was closed. Its rows are deleted in batches, and its own row last.
ALTER TABLE users ADD COLUMN closed_at INTEGER;
-- Finds the closed accounts without a walk over all others.
CREATE INDEX users_closed ON users (closed_at) WHERE closed_at IS NOT NULL;
