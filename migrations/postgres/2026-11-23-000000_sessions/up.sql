-- The default is for instances of the version before, while they are still there.
ALTER TABLE sessions
    ADD COLUMN last_used_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    ADD COLUMN family BYTEA,
    ADD COLUMN refresh_token BYTEA,
    ADD COLUMN ip TEXT,
    ADD COLUMN user_agent TEXT,
    ADD COLUMN ended_at TIMESTAMPTZ,
    ADD COLUMN end_reason TEXT;
UPDATE sessions SET last_used_at = created_at;
CREATE UNIQUE INDEX sessions_family ON sessions (family);
-- A user's expired sessions, and those that live, are found without looking at the others.
CREATE INDEX sessions_user_id_expires_at ON sessions (user_id, expires_at);
CREATE INDEX sessions_live ON sessions (user_id) WHERE ended_at IS NULL;
DROP INDEX sessions_user_id;

-- Tokens that were replaced a moment ago, and what makes their successors of them.
CREATE TABLE rotations (
    refresh_token BYTEA PRIMARY KEY,
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    salt BYTEA NOT NULL,
    rotated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX rotations_session_id ON rotations (session_id);

-- Sessions go before the events that speak of them, so session_id refers to nothing.
CREATE TABLE events (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    reason TEXT,
    session_id BIGINT,
    ip TEXT,
    user_agent TEXT,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX events_user_id_id ON events (user_id, id);
-- From where a user is known.
CREATE INDEX events_logins ON events (user_id, id) WHERE kind IN ('login', 'register');

-- Tokens without a session that were issued before this are no good.
ALTER TABLE users ADD COLUMN legacy_logout_at TIMESTAMPTZ;
