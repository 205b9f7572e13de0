ALTER TABLE sessions ADD COLUMN last_used_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN family BLOB;
ALTER TABLE sessions ADD COLUMN refresh_token BLOB;
ALTER TABLE sessions ADD COLUMN ip TEXT;
ALTER TABLE sessions ADD COLUMN user_agent TEXT;
ALTER TABLE sessions ADD COLUMN ended_at INTEGER;
ALTER TABLE sessions ADD COLUMN end_reason TEXT;
UPDATE sessions SET last_used_at = created_at;
CREATE UNIQUE INDEX sessions_family ON sessions (family);
-- A user's expired sessions, and those that live, are found without looking at the others.
CREATE INDEX sessions_user_id_expires_at ON sessions (user_id, expires_at);
CREATE INDEX sessions_live ON sessions (user_id) WHERE ended_at IS NULL;
DROP INDEX sessions_user_id;

-- Tokens that were replaced a moment ago, and what makes their successors of them.
CREATE TABLE rotations (
    refresh_token BLOB PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    salt BLOB NOT NULL,
    rotated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX rotations_session_id ON rotations (session_id);

-- Sessions go before the events that speak of them, so session_id refers to nothing.
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    reason TEXT,
    session_id INTEGER,
    ip TEXT,
    user_agent TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX events_user_id_id ON events (user_id, id);
-- From where a user is known.
CREATE INDEX events_logins ON events (user_id, id) WHERE kind IN ('login', 'register');

-- Tokens without a session that were issued before this are no good.
ALTER TABLE users ADD COLUMN legacy_logout_at INTEGER;
