ALTER TABLE users DROP COLUMN legacy_logout_at;
DROP TABLE events;
DROP TABLE rotations;
DELETE FROM sessions WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_user_id ON sessions (user_id);
DROP INDEX sessions_live;
DROP INDEX sessions_user_id_expires_at;
DROP INDEX sessions_family;
ALTER TABLE sessions
    DROP COLUMN end_reason,
    DROP COLUMN ended_at,
    DROP COLUMN user_agent,
    DROP COLUMN ip,
    DROP COLUMN refresh_token,
    DROP COLUMN family,
    DROP COLUMN last_used_at;
