DROP INDEX users_closed;
ALTER TABLE users DROP COLUMN closed_at;
