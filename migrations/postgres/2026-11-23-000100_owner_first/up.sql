-- Every query has the owner, so one index is enough, and there is no other that a plan could take by mistake: where few owners have
-- many rows, PostgreSQL would walk the ids of everybody.
ALTER TABLE summaries ADD COLUMN user_id BIGINT, DROP CONSTRAINT summaries_note_id_fkey;
UPDATE summaries SET user_id = notes.user_id FROM notes WHERE notes.id = summaries.note_id;
ALTER TABLE summaries ALTER COLUMN user_id SET NOT NULL;

ALTER TABLE notes DROP CONSTRAINT notes_pkey, ADD PRIMARY KEY (user_id, id);
DROP INDEX notes_user_id_id;
ALTER TABLE tasks DROP CONSTRAINT tasks_pkey, ADD PRIMARY KEY (user_id, id);
DROP INDEX tasks_user_id_id;

ALTER TABLE summaries ADD FOREIGN KEY (user_id, note_id) REFERENCES notes (user_id, id) ON DELETE CASCADE;
DROP INDEX summaries_note_id;
CREATE INDEX summaries_note ON summaries (user_id, note_id, id);
