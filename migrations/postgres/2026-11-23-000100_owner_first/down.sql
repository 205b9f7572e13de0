ALTER TABLE summaries DROP CONSTRAINT summaries_user_id_note_id_fkey;
DROP INDEX summaries_note;

CREATE INDEX notes_user_id_id ON notes (user_id, id);
ALTER TABLE notes DROP CONSTRAINT notes_pkey, ADD PRIMARY KEY (id);
CREATE INDEX tasks_user_id_id ON tasks (user_id, id);
ALTER TABLE tasks DROP CONSTRAINT tasks_pkey, ADD PRIMARY KEY (id);

ALTER TABLE summaries DROP COLUMN user_id, ADD FOREIGN KEY (note_id) REFERENCES notes (id) ON DELETE CASCADE;
CREATE INDEX summaries_note_id ON summaries (note_id, id);
